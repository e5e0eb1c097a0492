"""REC014."""

from __future__ import annotations

from diag.core.missing import MissingCode
from diag.core.results import Evidence, Measurements, Tier, Verdict, clear, not_checked, raised
from diag.judge.blind import own_measure
from diag.judge.recording import Recording
from diag.judge.registry import rule


@rule("REC014", name="recording-other-voice", severity="warning", scope="recording")
def recording_other_voice(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording does not sound like its voice at any speed.

    What it shows
        Level by band and pitch are further from the profile than other recordings of the voice are.

    Why it matters
        Another voice speaks than was asked for, or something else sounds in it.

    Evidence
        `rate_ratio` against the voice profile, which cannot be measured for this reason.

    Likely causes
        - The voice setting was lost on the way, as in a gateway.
        - Music or another speaker in the recording.

    Fix
        Check that it is that voice and that nothing else sounds in it; make the profile anew if the voice has changed.

    Does not prove
        Who speaks.
    """
    item = own_measure(measurements, recording, "rate_ratio", Tier.PROFILE)
    if recording.voice is None or item is None:
        return not_checked("no profile of the voice was given")
    if item.missing is None:
        return clear()
    if item.missing.code is not MissingCode.OTHER_VOICE:
        return not_checked(item.missing.text)
    return raised(
        f"The recording does not sound like the voice {recording.voice.name} at any speed",
        evidence=[Evidence(text=item.missing.text, metric="rate_ratio")],
        likely_cause="another voice speaks, or something else sounds in it",
        fix="check that it is that voice and that nothing else sounds in it; make the profile anew otherwise",
    )
