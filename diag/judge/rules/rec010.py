"""REC010: the recording seems to play at the wrong speed."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.missing import MissingCode
from diag.core.results import Evidence, Measurements, Tier, Verdict, clear, not_checked, raised
from diag.judge.blind import own_measure
from diag.judge.evidence import number, why_not
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
        48 kHz are never detected. Single words and spelled letters have no tempo: what is suspicious is not checked if
        it has less than 8 syllables, if there is noise, or if the pitch does not agree.
    """
    if recording.segment is not None and measurements.value("rate_ratio", hop=recording.segment.hop) is not None:
        return not_checked(msg("the speed was measured against the reference"))
    item = own_measure(measurements, recording, "rate_ratio", Tier.BLIND)
    ratio = None if item is None else number(item)
    if item is not None and item.missing is not None and item.missing.code is MissingCode.NOTHING_SUSPICIOUS:
        return clear()
    if item is None or ratio is None:
        return not_checked(why_not([item] if item else [], "rate_ratio"))
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
