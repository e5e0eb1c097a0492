"""PLY002."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.client_config import ClientConfig
from diag.core.results import Evidence, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.registry import rule
from diag.judge.rules.figures import (
    DULL_ERROR_DB,
    EDGE_ERROR_HZ,
    EDGE_WARNING_HZ,
    LIMIT_SHARE,
    WrongRate,
    lost_treble,
    received_rate_hz,
    sampling_that_would_do_it,
    wrong_rate,
)


@rule("PLY002", name="player-band-limited", severity="error", or_severity="warning", hop=Hop.PLAYER,
      explained_by=("PLY005",))  # fmt: skip
def player_band_limited(measurements: Measurements, timeline: Timeline, config: ClientConfig) -> Verdict:
    """The player loses treble that was received.

    What it shows
        At the right speed, `played` lacks high frequencies that `received` has.

    Why it matters
        The voice sounds muffled, as through a telephone, and the service is blamed for it.

    Evidence
        `dullness_db` and its bands on the player hop, each against the same sound in `received`; the rate of the
        output stream.

    Likely causes
        - The audio goes through a lower sample rate on its way (8 or 16 kHz), or the output stream runs at one.
        - A low-pass, an equaliser, noise suppression or a codec in the player.

    Remedy
        Keep the received rate up to the device; take filters out of the way of the reply.

    Does not prove
        That it is a resampler and not a filter: only a sharp edge speaks for one. Not checked where the speed is wrong,
        since every frequency is then somewhere else.
    """
    speed = wrong_rate(measurements, Hop.PLAYER)
    if isinstance(speed, WrongRate):
        return not_checked("the speed is wrong; see PLY001")
    if isinstance(speed, str):
        return not_checked(speed)
    received_hz, playback = received_rate_hz(timeline), config.playback
    edge_hz = LIMIT_SHARE * playback.sample_rate_hz / 2
    found = lost_treble(measurements, Hop.PLAYER)
    if playback.sample_rate_hz < received_hz and edge_hz < EDGE_WARNING_HZ:
        return raised(
            f"The player's stream of {playback.sample_rate_hz} Hz cuts the {received_hz} Hz reply off above "
            f"{edge_hz / 1000:.1f} kHz",
            evidence=[
                Evidence(text=f"received as {received_hz} Hz, played by a stream of {playback.sample_rate_hz} Hz"),
                *([found[1]] if isinstance(found, tuple) else []),
            ],
            likely_cause="the output stream runs at a lower rate than the reply has",
            remedy=f"open the output stream at {received_hz} Hz or more (`sample_rate_hz` in [playback])",
            severity=Severity.ERROR if edge_hz < EDGE_ERROR_HZ else Severity.WARNING,
        )
    if not isinstance(found, tuple):
        return clear() if found is None else not_checked(found)
    loss_db, evidence, words = found
    through_hz = sampling_that_would_do_it(measurements, Hop.PLAYER)
    as_sampling = f", as going through {through_hz} Hz sampling would" if through_hz else ""
    return raised(
        f"The player loses {loss_db:.0f} dB of the reply's treble{as_sampling or f' ({words})'}",
        evidence=[evidence],
        likely_cause=f"the reply goes through {through_hz} Hz sampling on its way to the device"
        if through_hz
        else "a filter, equaliser or codec in the player",
        remedy=f"keep the reply at {received_hz} Hz up to the device"
        + ("" if through_hz else ", and take filters out of its way"),
        severity=Severity.ERROR if loss_db >= DULL_ERROR_DB else Severity.WARNING,
    )
