"""SVC016: the reply is not spoken by the voice of the profile."""

from __future__ import annotations

from diag.core.chain import Hop, Tap
from diag.core.messages import msg
from diag.core.results import Evidence, Measurement, Measurements, Verdict, does_not_apply, raised
from diag.dsp.profile import OTHER_VOICE_DB, WELL_WITHIN, VoiceProfile
from diag.judge.evidence import evidence_of, number, worst_fault
from diag.judge.registry import rule


@rule("SVC016", name="other-voice", severity="warning", hop=Hop.SERVICE, explained_by=("SVC007", "SVC010"))
def other_voice(measurements: Measurements, voice: VoiceProfile | None) -> Verdict:
    """The reply is not spoken by the voice of the profile.

    What it shows
        The sounds and the pitch of `received` are further from the profile of the voice than other words of the same
        voice are.

    Why it matters
        The user hears another voice than the one that was chosen, or the voice changes from turn to turn.

    Evidence
        `voice_distance_db` of each reply against the profile (`--voice`).

    Likely causes
        - `speech_config` was lost on the way to the service, for example in a gateway or an ephemeral token.
        - The session asks for no voice, or for another one than that of the profile.
        - The sample rate of the reply is not the one that it declares, so that the voice is deeper or higher.

    Fix
        Compare `speech_config` in the setup message with the voice of the profile. Listen to both in the report.

    Does not prove
        Who speaks. A very similar voice is not distinguished from that of the profile, and two voices in one reply are
        not found. If the recordings of the profile differ a lot among themselves, only larger differences are reported.
    """
    if voice is None:
        return does_not_apply(msg("no profile of the voice was given"))
    limit_db = max(OTHER_VOICE_DB, 2 * (voice.distance_spread_db or 0.0))
    found = worst_fault(measurements, "voice_distance_db", lambda distance_db: distance_db > limit_db, tap=Tap.RECEIVED)
    if isinstance(found, Verdict):
        return found
    distance_db, item = found
    limit = msg("other words of the same voice stay below {limit_db:.1f} dB", limit_db=limit_db)
    text = msg(
        "the reply is {distance_db:.1f} dB away from the voice {name}; {limit}",
        distance_db=distance_db,
        name=voice.name,
        limit=limit,
    )
    speed = _speed(measurements, item)
    evidence = [evidence_of(item, text)]
    cause = msg("the voice setting was lost on the way to the service, or the session asks for another voice")
    if speed is not None:
        like = msg("it resembles that voice at {speed:.2f} times its speed", speed=speed)
        evidence.append(Evidence(text=like, metric="rate_ratio", turn=item.turn))
        cause = msg("{cause}; or the sample rate of the reply is not the declared one", cause=cause)
    return raised(
        msg("The reply does not sound like the voice {name}", name=voice.name),
        evidence=evidence,
        likely_cause=cause,
        fix=msg("compare speech_config in the setup message with the voice of the profile, and listen to both"),
        confidence=0.8,
    )


def _speed(measurements: Measurements, item: Measurement) -> float | None:
    """Return the speed at which the reply is like the voice; None if it is its own, or there is none."""
    for other in measurements.find("rate_ratio", tap=Tap.RECEIVED, turn=item.turn):
        ratio = number(other)
        if ratio is not None and abs(ratio - 1) > WELL_WITHIN:
            return ratio
    return None
