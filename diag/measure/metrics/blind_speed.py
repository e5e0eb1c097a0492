"""Speed of a recording without anything to hold it against: a suspicion at most."""

from __future__ import annotations

from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, Tier, not_measured
from diag.measure.metrics.sounds import not_speech, remembered, sound
from diag.measure.reasons import too_short


def suspected_speed(clip: Clip) -> Reading:
    """Speed where a recording alone makes a wrong one likely; else the reason why there is no figure.

    Told only outside of 0.75 to 1.33, and off by some 10 % itself: it can never tell 44.1 from 48 kHz. A recording that
    shows nothing gets no value either, since one voice says too little for "1.00". What is no speech is not judged.
    """
    # Imported here: the model behind it is read when a recording is first looked at without a profile.
    from diag.dsp.blind_rate import HEALTHY_RATIOS, speed_alone
    from diag.dsp.voice_features import LEAST_SPEECH_S

    found = remembered(clip, "speed alone", lambda: speed_alone(sound(clip)))
    if found is None:
        return not_measured(too_short(f"less than {LEAST_SPEECH_S:.0f} s of speech, or no voice in it"), Tier.BLIND)
    if found.suspected and (missing := not_speech(clip)) is not None:
        return not_measured(missing, Tier.BLIND)
    if not found.suspected:
        low, high = HEALTHY_RATIOS
        text = f"nothing suspicious; a recording alone shows only speeds outside of {low:g} to {high:g}"
        return not_measured(Missing(MissingCode.NOTHING_SUSPICIOUS, text), Tier.BLIND, found.confidence)
    return Reading(value=found.ratio, tier=Tier.BLIND, confidence=found.confidence)
