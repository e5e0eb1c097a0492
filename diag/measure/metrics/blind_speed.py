"""Speed of a recording without a reference: at most a suspicion."""

from __future__ import annotations

from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, Tier, not_measured
from diag.measure.metrics.sounds import not_speech, remembered, sound
from diag.measure.reasons import too_short

LEAST_SYLLABLES = 8
"""Syllables that speech must have for its speed to be suspected. 4 s of connected speech have 8 of them even at half
speed: on the development voices 264 of 269 hits have as many, and 14 of 20 hits on single letters have fewer."""

HIGHEST_PITCH_HZ = 300.0
"""Highest median pitch of a voice at the right speed. That of the development voices is 297 Hz. Of some 900 pieces of
their speech that were played too slowly and suspected by models that did not know the speaker, none was beyond it."""


def suspected_speed(clip: Clip) -> Reading:
    """Return the speed if the recording alone suggests a wrong one, else the reason why there is no value.

    Only speeds outside 0.75 to 1.33 are reported, with an error of about 10 %, so 44.1 and 48 kHz can never be told
    apart. A recording that seems healthy gets no value either, because one voice is not enough evidence for "1.00".
    Recordings that are not speech are not judged. Neither are those with few syllables: single words and spelled
    letters have no tempo, and a deep or dull voice that says them sounds slow. A voice that would be higher than any
    voice at the right speed is not slow either: pitch and tempo do not agree.
    """
    # Imported here so that the model is only loaded when a recording is measured without a profile.
    from diag.dsp.blind_rate import HEALTHY_RATIOS, speed_alone
    from diag.dsp.syllables import syllable_count
    from diag.dsp.voice_features import LEAST_SPEECH_S

    found = remembered(clip, "speed alone", lambda: speed_alone(sound(clip)))
    if found is None:
        return not_measured(too_short(f"less than {LEAST_SPEECH_S:.0f} s of speech, or no voice in it"), Tier.BLIND)
    if found.suspected and (missing := not_speech(clip)) is not None:
        return not_measured(missing, Tier.BLIND)
    if found.suspected and (count := syllable_count(sound(clip).spectrum)) < LEAST_SYLLABLES:
        text = f"only {count} syllables, too few to judge its speed without a reference ({LEAST_SYLLABLES} are needed)"
        return not_measured(too_short(text), Tier.BLIND, found.confidence)
    if found.suspected and found.ratio < 1.0 and found.pitch_at_right_speed_hz > HIGHEST_PITCH_HZ:
        text = f"it sounds slow, but its pitch of {found.pitch_hz:.0f} Hz does not agree with that"
        return not_measured(Missing(MissingCode.DISAGREE, text), Tier.BLIND, found.confidence)
    if not found.suspected:
        low, high = HEALTHY_RATIOS
        text = f"nothing suspicious; without a reference only speeds outside {low:g} to {high:g} can be detected"
        return not_measured(Missing(MissingCode.NOTHING_SUSPICIOUS, text), Tier.BLIND, found.confidence)
    return Reading(value=found.ratio, tier=Tier.BLIND, confidence=found.confidence)
