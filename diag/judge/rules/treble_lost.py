"""Lost treble: a segment whose output has less treble than its input."""

from __future__ import annotations

from diag.core.chain import Hop, Tap
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Severity, Verdict, not_checked, raised
from diag.core.timeline import Timeline
from diag.core.units import LIVE_OUTPUT_RATE_HZ
from diag.judge.evidence import (
    DEVICE_HOPS,
    LostTreble,
    WrongRate,
    all_clear,
    clear_if_measured,
    lost_treble,
    raised_at,
    received_rate_hz,
    sampling_that_would_do_it,
    through_the_air,
    wrong_rate,
)
from diag.judge.limits import (
    EDGE_ACCURACY,
    EDGE_ERROR_HZ,
    EDGE_WARNING_HZ,
    PASSBAND_SHARE,
    TREBLE_ERROR_DB,
)
from diag.judge.registry import OnHop, Place, segment_rule


@segment_rule(
    OnHop(
        "MIC003",
        "microphone-band-limited",
        Hop.MICROPHONE,
        severity="warning",
        or_severity="info",
        causes=(
            "noise suppression or echo cancellation of the system, or a microphone with little treble",
            "a Bluetooth headset in its hands-free profile (8 or 16 kHz)",
        ),
        fix="use a wired microphone (no Bluetooth hands-free profile), and switch noise suppression off",
        why="Consonants are in the treble, so the service recognises less, most of all names and numbers.",
    ),
    OnHop(
        "SND007",
        "send-resampler-poor",
        Hop.SENDER,
        explained_by=("WEB007",),
        severity="warning",
        causes=(
            "a poor resampler (linear, or restarted with every block), or a filter in the client",
            "the audio goes through 8 kHz on its way, as in telephony",
        ),
        fix="use a band-limited resampler that keeps its state from block to block",
        why="The service recognises less, and the client gets no error.",
    ),
    OnHop(
        "PLY002",
        "player-band-limited",
        Hop.PLAYER,
        explained_by=("WEB001", "WEB003"),
        severity="error",
        or_severity="warning",
        causes=(
            "the audio goes through a lower sample rate on its way (8 or 16 kHz), or the output stream runs at one",
            "a low-pass filter, an equaliser, noise suppression or a codec in the player",
        ),
        fix="keep the received rate up to the device, and remove filters from the path of the reply",
        why="The voice sounds muffled, as over a telephone, and the service is blamed.",
    ),
    OnHop(
        "SPK002",
        "speaker-band-limited",
        Hop.SPEAKER,
        severity="warning",
        or_severity="info",
        causes=(
            "a loudspeaker with little treble, a codec, or the room",
            "a Bluetooth headset in its hands-free profile, or a sound server that resamples to a lower rate",
        ),
        fix="choose another output device, or switch the headset from its hands-free to its music profile",
        why="The voice sounds muffled although the client plays it with full treble.",
    ),
    explained_by=("images_added", "level_changed", "aliasing_added"),
)
def treble_lost(place: Place, measurements: Measurements, observed: ObservedClient, timeline: Timeline) -> Verdict:
    """The {who} loses treble.

    What it shows
        {output} runs at the right speed but lacks high frequencies that {input} has.

    Why it matters
        The voice sounds muffled.

    Evidence
        `dullness_db` of the segment, in total and by band, and the sample rates.

    Does not prove
        That a resampler caused it and not a filter: only a sharp edge points to a resampler. It is not checked if the
        speed is wrong, because all frequencies are then shifted. Sound through the air always loses some treble in
        loudspeaker, room and microphone; it is then reported as information only.
    """
    speed = wrong_rate(measurements, place.hop)
    if isinstance(speed, WrongRate):
        return not_checked(msg("the speed is wrong"))
    if isinstance(speed, str):
        return not_checked(speed)
    found = lost_treble(measurements, place.hop)
    if place.hop in (Hop.PLAYER, Hop.SPEAKER):
        cut = _cut_off_by_rate(place, measurements, observed, found)
        if cut is not None:
            return cut
    if not isinstance(found, LostTreble):
        needed = ("rate_ratio", "dullness_db")
        return all_clear(clear_if_measured(measurements.find(name, hop=place.hop), name) for name in needed)
    through_hz = sampling_that_would_do_it(measurements, place.hop)
    as_sampling = (
        msg(", as if it went through a sample rate of {through_hz} Hz", through_hz=through_hz)
        if through_hz
        else msg(" ({bands})", bands=found.words)
    )
    return raised_at(
        place,
        msg(
            "The {who} loses {loss_db:.0f} dB of treble{as_sampling}",
            who=place.who,
            loss_db=found.loss_db,
            as_sampling=as_sampling,
        ),
        evidence=[found.evidence(place)],
        cause=msg("the sound goes through a sample rate of {through_hz} Hz on its way", through_hz=through_hz)
        if through_hz
        else "",
        severity=_severity(place, found, through_hz, timeline),
    )


def _severity(place: Place, found: LostTreble, through_hz: int | None, timeline: Timeline) -> Severity | None:
    if place.hop is Hop.PLAYER:
        return Severity.ERROR if found.loss_db >= TREBLE_ERROR_DB else Severity.WARNING
    if place.hop in DEVICE_HOPS and not through_hz and through_the_air(timeline):
        return Severity.INFO
    return None


def _cut_off_by_rate(
    place: Place, measurements: Measurements, observed: ObservedClient, found: LostTreble | str | None
) -> Verdict | None:
    """Report an output whose sample rate is too low for the reply. `dullness_db` cannot measure the loss above it."""
    input_hz = received_rate_hz(observed, place)
    output_hz = observed.playback_rate_hz if place.hop is Hop.PLAYER else None
    output_hz = output_hz or place.output_rate_hz
    reaches_hz = measurements.value("bandwidth_hz", tap=place.segment.first)
    if output_hz is None or output_hz >= min(input_hz, LIVE_OUTPUT_RATE_HZ) or place.segment.first is Tap.PLAYED:
        return None
    edge_hz = PASSBAND_SHARE * output_hz / 2
    if edge_hz >= EDGE_WARNING_HZ or (reaches_hz is not None and reaches_hz <= EDGE_ACCURACY * output_hz / 2):
        return None
    seen = [
        Evidence(
            text=msg(
                "{input} has {input_hz} Hz, {output} comes from a stream of {output_hz} Hz",
                input=place.input,
                input_hz=input_hz,
                output=place.output,
                output_hz=output_hz,
            )
        )
    ]
    return raised(
        msg(
            "A sample rate of {output_hz} Hz cuts off the {input_hz} Hz reply above {edge_hz:.1f} kHz",
            output_hz=output_hz,
            input_hz=input_hz,
            edge_hz=edge_hz / 1000,
        ),
        evidence=[*seen, *([found.evidence(place)] if isinstance(found, LostTreble) else [])],
        likely_cause=msg("the output stream runs at a lower rate than the reply has"),
        fix=msg("open the output stream at {input_hz} Hz or more (`sample_rate_hz` in [playback])", input_hz=input_hz),
        severity=Severity.ERROR if edge_hz < EDGE_ERROR_HZ else Severity.WARNING,
    )
