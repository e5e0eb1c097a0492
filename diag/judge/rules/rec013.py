"""REC013: the recording is slower or faster than the profile of its voice."""

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
from diag.judge.evidence import number
from diag.judge.limits import DULL_VOICE_RATE_WARNING, VERY_DULL_DB, VOICE_RATE_ERROR, VOICE_RATE_WARNING
from diag.judge.recording import Recording
from diag.judge.registry import rule


@rule(
    "REC013",
    name="recording-speed-for-voice",
    severity="error",
    or_severity="warning",
    scope="recording",
    explained_by=("MIC005", "SND001", "PLY001", "SPK003"),
)
def recording_speed_for_voice(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording is slower or faster than the profile of its voice.

    What it shows
        Pitch and formants differ from the profile of the voice by more than 4 %.

    Why it matters
        A wrong sample rate makes the voice slow and deep, or fast and high.

    Evidence
        `rate_ratio`, compared with the voice profile.

    Likely causes
        - The audio is played at the wrong sample rate.

    Fix
        Compare the declared sample rate with the rate at which the audio is played. `--reference` gives the exact
        ratio.

    Does not prove
        The exact ratio: other words spoken by the same voice differ by a few percent. If the recordings of the profile
        differ among themselves, a deviation of up to twice as much is not checked.
    """
    if recording.voice is None:
        return does_not_apply(msg("no profile of the voice was given"))
    found = own_value(measurements, recording, "rate_ratio", Tier.PROFILE)
    if isinstance(found, Verdict):
        return found
    ratio, _ = found
    treble = own_measure(measurements, recording, "dullness_db", Tier.PROFILE)
    loss_db = None if treble is None else number(treble)
    least = DULL_VOICE_RATE_WARNING if loss_db is not None and loss_db > VERY_DULL_DB else VOICE_RATE_WARNING
    spread = recording.voice.speed_spread or 0.0
    if abs(ratio - 1) <= least:
        return clear()
    if abs(ratio - 1) <= 2 * spread:
        return not_checked(
            msg(
                "its speed ({percent:.0f} % off that of the voice, whose own recordings differ as much)",
                percent=100 * abs(ratio - 1),
            )
        )
    way = msg("slower and deeper") if ratio < 1 else msg("faster and higher")
    error = abs(ratio - 1) > max(VOICE_RATE_ERROR, 3 * spread)
    return raised(
        msg(
            "The recording is about {percent:.0f} % {way} than the profile of the voice {name}",
            percent=100 * abs(ratio - 1),
            way=way,
            name=recording.voice.name,
        ),
        evidence=[Evidence(text=msg("speed against the voice is {ratio:.3f}", ratio=ratio), metric="rate_ratio")],
        likely_cause=msg("the audio is played at the wrong sample rate"),
        fix=msg(
            "compare the declared sample rate with the rate at which the audio is played; `--reference` "
            "with what was received gives the exact ratio"
        ),
        severity=Severity.ERROR if error else Severity.WARNING,
    )
