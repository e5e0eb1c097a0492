"""REC010: the recording seems to play at the wrong speed."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.missing import MissingCode
from diag.core.results import Evidence, Measurements, Tier, Verdict, clear, does_not_apply, not_checked, raised
from diag.judge.blind import own_measure
from diag.judge.evidence import number
from diag.judge.recording import Recording
from diag.judge.registry import rule


@rule("REC010", name="recording-speed-suspected", severity="warning", scope="recording", explained_by=("REC013",))
def recording_speed_suspected(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording seems to play at the wrong speed.

    What it shows
        The voice is deeper, duller and slower than human voices usually are, or higher, brighter and faster.

    Why it matters
        The usual cause is a wrong sample rate: 24 kHz audio played as 16 kHz is 1.5 times as long and 7 semitones
        deeper.

    Evidence
        `rate_ratio` of the recording by itself, without a reference (tier blind).

    Likely causes
        - The audio is played at the wrong sample rate.

    Fix
        Compare it with what was received (`--reference`) or with a profile of the voice (`--voice`) to be sure.

    Does not prove
        A fault: some speakers are slow and deep. It is only a suspicion, and small differences such as 44.1 kHz for
        48 kHz are never detected. It is not checked if the recording has less than 2 s of speech or 8 syllables
        (single words and spelled letters have no tempo), if there is noise, if the pitch does not agree, or if both a
        voice at the right speed and one that plays 1.5 times too fast or too slow can sound so.
    """
    if recording.segment is not None and measurements.value("rate_ratio", hop=recording.segment.hop) is not None:
        return not_checked(msg("the speed was measured against the reference"))
    if recording.voice is not None:
        return does_not_apply(msg("the speed is compared with the profile of the voice"))
    item = own_measure(measurements, recording, "rate_ratio", Tier.BLIND)
    ratio = None if item is None else number(item)
    if item is not None and item.missing is not None and item.missing.code is MissingCode.NOTHING_SUSPICIOUS:
        return clear()
    if item is None or ratio is None:
        return not_checked(
            msg("its speed ({reason})", reason=item.reason if item and item.reason else msg("it was not measured"))
        )
    how = (
        msg("{times:.1f} times too slow", times=1 / ratio)
        if ratio < 1
        else msg("{times:.1f} times too fast", times=ratio)
    )
    return raised(
        msg("The recording seems to play about {how}, judged by its sound alone", how=how),
        evidence=[Evidence(text=msg("speed by the sound alone: {ratio:.2f}", ratio=ratio), metric="rate_ratio")],
        likely_cause=msg("the audio is played at the wrong sample rate"),
        fix=msg(
            "compare it with what was received (`--reference`) or with a profile of the voice (`--voice`) to be sure"
        ),
        confidence=0.6,
    )
