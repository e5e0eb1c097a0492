"""SVC005: the reply is already dull when it arrives."""

from __future__ import annotations

from operator import neg

from diag.core.chain import Hop, Tap
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Measurements, Status, Verdict, not_checked, raised
from diag.core.units import LIVE_OUTPUT_RATE_HZ
from diag.dsp.profile import VoiceProfile
from diag.judge.evidence import bands_in_words, clear_if_measured, evidence_of, numbers, received_rate_hz, worst_fault
from diag.judge.limits import EDGE_ERROR_HZ, REPLY_TREBLE_WARNING_DB
from diag.judge.registry import rule


@rule("SVC005", name="reply-dull", severity="warning", hop=Hop.SERVICE, explained_by=("SVC016",))
def reply_dull(measurements: Measurements, observed: ObservedClient, voice: VoiceProfile | None) -> Verdict:
    """The reply is already dull when it arrives.

    What it shows
        With the profile of the voice: sounds of the same kind have at least 5 dB less treble in `received` than in the
        profile. Without one: `received` has nothing above 8.2 kHz although its sample rate allows 12 kHz.

    Why it matters
        The voice sounds muffled, and no player can restore the treble.

    Evidence
        `dullness_db` and its bands against the profile of the voice (`--voice`), or else `bandwidth_hz` of the reply
        by itself.

    Likely causes
        - The model renders the voice with less treble than the speech service that the profile came from.
        - A gateway or proxy resamples to a lower rate.
        - Without a profile: the voice may have little treble.

    Fix
        Connect without gateways, and try another model. Without a profile, make one with `diag voice make --tts VOICE`
        and judge again with `--voice`: it shows whether the voice itself is like this.

    Does not prove
        Without a profile, that there is a fault: some voices are like this. With one, which stage before the client
        lost the treble. If the recordings of the profile differ a lot among themselves, only larger differences are
        reported.
    """
    by_itself = _by_itself(measurements, observed)
    if voice is None:
        return by_itself
    against_voice = _against_voice(measurements, voice)
    # A reply that could not be compared with the voice may show by itself that it is dull, but not that it is good.
    return (
        by_itself if against_voice.status is Status.NOT_CHECKED and by_itself.status is Status.RAISED else against_voice
    )


def _against_voice(measurements: Measurements, voice: VoiceProfile) -> Verdict:
    items = measurements.find("dullness_db", tap=Tap.RECEIVED)
    warning_db = max(REPLY_TREBLE_WARNING_DB, 2 * (voice.treble_spread_db or 0.0))
    replies = [(loss_db, _bands_db(measurements, item.turn), item) for loss_db, item in numbers(items)]
    dull = [
        (loss_db, bands, item)
        for loss_db, bands, item in replies
        if loss_db > warning_db or any(band is not None and band > 2 * warning_db for band in bands)
    ]
    if not dull:
        return clear_if_measured(items, "dullness_db")
    loss_db, bands, item = max(dull, key=lambda reply: reply[0])
    lost = bands_in_words(bands, min(warning_db, loss_db))
    text = msg(
        "`received` has {loss_db:.1f} dB less treble than the profile of the voice {name}",
        loss_db=loss_db,
        name=voice.name,
    )
    return raised(
        msg(
            "The reply is already dull when it arrives, compared with the voice {name}: {lost}",
            name=voice.name,
            lost=lost,
        ),
        evidence=[evidence_of(item, text)],
        likely_cause=msg("the model renders the voice with less treble, or a stage before the client takes it away"),
        fix=msg("connect without gateways, and try another model"),
        confidence=0.8,
    )


def _bands_db(measurements: Measurements, turn: int | None) -> tuple[float | None, ...]:
    found = measurements.find("dullness_bands_db", tap=Tap.RECEIVED, turn=turn)
    return next((item.value for item in found if isinstance(item.value, tuple)), ())


def _by_itself(measurements: Measurements, observed: ObservedClient) -> Verdict:
    rate_hz = received_rate_hz(observed)
    if rate_hz < LIVE_OUTPUT_RATE_HZ:
        return not_checked(msg("a reply of {rate_hz} Hz has no more treble than that; see SVC010", rate_hz=rate_hz))
    found = worst_fault(
        measurements, "bandwidth_hz", lambda edge_hz: edge_hz < EDGE_ERROR_HZ, badness=neg, tap=Tap.RECEIVED
    )
    if isinstance(found, Verdict):
        return found
    edge_hz, item = found
    text = msg("nothing above {edge_hz:.1f} kHz in audio of {rate_hz} Hz", edge_hz=edge_hz / 1000, rate_hz=rate_hz)
    return raised(
        msg("The reply is already dull when it arrives: {text}", text=text),
        evidence=[evidence_of(item, text)],
        likely_cause=msg("the voice has little treble, or a stage before the client runs at 16 kHz"),
        fix=msg("try another voice or model, and connect without gateways"),
        confidence=0.6,
    )
