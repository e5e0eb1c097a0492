"""REC012: the recording has less treble than the profile of its voice."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import (
    Evidence,
    Measurements,
    Severity,
    Tier,
    Verdict,
    clear,
    does_not_apply,
    not_checked,
    raised,
)
from diag.judge.blind import own_measure, own_value
from diag.judge.evidence import bands_in_words, why_not
from diag.judge.limits import VOICE_TREBLE_ERROR_DB, VOICE_TREBLE_WARNING_DB
from diag.judge.recording import Recording
from diag.judge.registry import rule


@rule(
    "REC012",
    name="recording-dull-for-voice",
    severity="warning",
    or_severity="error",
    scope="recording",
    explained_by=("MIC003", "SND007", "PLY002", "SPK002"),
)
def recording_dull_for_voice(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording has less treble than the profile of its voice.

    What it shows
        Sounds of the same kind have at least 4 dB less treble than in the profile of the voice.

    Why it matters
        The voice sounds muffled. The profile shows this even though the words are different.

    Evidence
        `dullness_db` and its bands, compared with the voice profile.

    Likely causes
        - A filter, a codec or a stage at a lower sample rate between the voice and this recording.
        - The profile was made with other equipment.

    Fix
        Look for a filter, a codec or a stage at a lower sample rate; make a new profile if the
        equipment has changed.

    Does not prove
        Where the treble was lost. If the recordings of the profile differ a lot among themselves, only larger
        differences are reported.
    """
    if recording.voice is None:
        return does_not_apply(msg("no profile of the voice was given"))
    found = own_value(measurements, recording, "dullness_db", Tier.PROFILE)
    if isinstance(found, Verdict):
        return found
    loss_db, _ = found
    bands = own_measure(measurements, recording, "dullness_bands_db", Tier.PROFILE)
    values = bands.value if bands is not None and isinstance(bands.value, tuple) else ()
    most_db = max((value for value in values if value is not None), default=None)
    spread_db = recording.voice.treble_spread_db or 0.0
    warning_db, error_db = max(VOICE_TREBLE_WARNING_DB, 2 * spread_db), max(VOICE_TREBLE_ERROR_DB, 3 * spread_db)
    if loss_db <= warning_db and (most_db is None or most_db <= 2 * warning_db):
        return clear() if most_db is not None else not_checked(why_not([bands] if bands else [], "dullness_bands_db"))
    lost = bands_in_words(values, min(warning_db, loss_db))
    return raised(
        msg(
            "The recording has less treble than the profile of the voice {name}: {lost}",
            name=recording.voice.name,
            lost=lost,
        ),
        evidence=[
            Evidence(text=msg("dullness_db is {loss_db:.1f} against the voice", loss_db=loss_db), metric="dullness_db")
        ],
        likely_cause=msg("a filter, a codec or a stage at a lower sample rate between the voice and this recording"),
        fix=msg("look for a filter, a codec or a stage at a lower sample rate between the voice and this recording"),
        severity=Severity.ERROR if loss_db > error_db or (most_db or 0.0) > 2 * error_db else Severity.WARNING,
    )
