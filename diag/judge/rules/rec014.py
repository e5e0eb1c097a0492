"""REC014: the recording does not match the voice profile at any speed."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.missing import MissingCode
from diag.core.results import Evidence, Measurements, Tier, Verdict, clear, does_not_apply, not_checked, raised
from diag.dsp.profile import OTHER_VOICE_DB
from diag.judge.blind import own_measure
from diag.judge.evidence import number, why_not
from diag.judge.recording import Recording
from diag.judge.registry import rule


@rule("REC014", name="recording-other-voice", severity="warning", scope="recording")
def recording_other_voice(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording does not match the voice profile at any speed.

    What it shows
        Its band levels and pitch are further from the profile than those of other recordings of the voice, also after
        lost treble is undone.

    Why it matters
        The wrong voice speaks, or the recording contains other sounds.

    Evidence
        `rate_ratio` against the voice profile. It has no value for this reason.

    Likely causes
        - The voice setting was lost on the way to the service, for example in a gateway.
        - The recording contains music or another speaker.

    Fix
        Check that the right voice speaks and that the recording contains no other sounds. Make a new profile if the
        voice has changed.

    Does not prove
        Who speaks.
    """
    item = own_measure(measurements, recording, "rate_ratio", Tier.PROFILE)
    if recording.voice is None:
        return does_not_apply(msg("no profile of the voice was given"))
    if item is None:
        return not_checked(why_not([], "rate_ratio"))
    if item.missing is None:
        return clear()
    if item.missing.code is not MissingCode.OTHER_VOICE:
        return not_checked(item.missing.text)
    distance = own_measure(measurements, recording, "voice_distance_db", Tier.PROFILE)
    distance_db = None if distance is None else number(distance)
    if distance_db is not None and distance_db <= OTHER_VOICE_DB:
        # It is the voice, so dull that its speed cannot be measured; see REC012.
        return clear()
    return raised(
        msg("The recording does not sound like the voice {name} at any speed", name=recording.voice.name),
        evidence=[Evidence(text=item.missing.text, metric="rate_ratio")],
        likely_cause=msg("another voice speaks, or the recording contains other sounds"),
        fix=msg(
            "check that the right voice speaks, alone in the recording; make a new profile if the voice has changed"
        ),
    )
