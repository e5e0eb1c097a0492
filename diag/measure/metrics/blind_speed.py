"""Speed of a recording without a reference: at most a suspicion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, Tier, not_measured
from diag.dsp.profile import speech_s
from diag.dsp.speech import active_and_noise_dbfs
from diag.measure.metrics.sounds import not_speech, remembered, sound
from diag.measure.reasons import too_short

if TYPE_CHECKING:
    from diag.dsp.blind_rate import BlindSpeed

ENOUGH_SPEECH_S, SURE = 4.0, 0.95
"""With less speech than the first, a speed is suspected only from this confidence on. It corresponds to 0.15 octaves
beyond the limits. None of 52 healthy development recordings with 2 to 4 s of speech is so far off, by models that had
not heard their speakers, and a third of those that play 1.5 times too fast."""

LEAST_SYLLABLES = 8
"""Syllables that speech must have for its speed to be suspected. 4 s of connected speech have 8 of them even at half
speed: on the development voices 264 of 269 hits have as many, and 14 of 20 hits on single letters have fewer."""

HIGHEST_PITCH_HZ = 300.0
"""Highest median pitch of a voice at the right speed. That of the development voices is 297 Hz. Of some 900 pieces of
their speech that were played too slowly and suspected by models that did not know the speaker, none was beyond it."""

LEAST_ABOVE_NOISE_DB = 28.0
"""How far speech must be above its noise. Noise fills the dips between syllables, so that speech sounds slow: of five
development recordings that were suspected in 8 bits, four were 20 to 28 dB above their noise and one 28.6 dB.
Of 86 development recordings that were played too slowly and suspected, 80 were 28 dB above it or more."""


def suspected_speed(clip: Clip) -> Reading:
    """Return the speed if the recording alone suggests a wrong one, else the reason why there is no value.

    Only speeds outside 0.75 to 1.33 are reported, with an error of about 10 %, so 44.1 and 48 kHz can never be told
    apart. A recording that seems healthy gets no value either, because one voice is not enough evidence for "1.00".
    Recordings that are not speech are not judged. Neither are those with few syllables: single words and spelled
    letters have no tempo, and a deep or dull voice that says them sounds slow. A voice that would be higher than any
    voice at the right speed is not slow either: pitch and tempo do not agree. Noise makes speech sound slow.
    """
    # Imported here so that the model is only loaded when a recording is measured without a profile.
    from diag.dsp.blind_rate import HEALTHY_RATIOS, speed_alone
    from diag.dsp.voice_features import LEAST_SPEECH_S

    found = remembered(clip, "speed alone", lambda: speed_alone(sound(clip)))
    if found is None:
        return not_measured(
            too_short(
                msg("less than {least_speech_s:.0f} s of speech, or no voice in it", least_speech_s=LEAST_SPEECH_S)
            ),
            Tier.BLIND,
        )
    missing = _too_little_evidence(clip, found)
    enough = found.confidence >= SURE or speech_s(sound(clip).spectrum) >= ENOUGH_SPEECH_S
    if missing is None and found.suspected and enough:
        return Reading(value=found.ratio, tier=Tier.BLIND, confidence=found.confidence)
    if missing is None and found.plausible:
        low, high = HEALTHY_RATIOS
        text = msg(
            "nothing suspicious; without a reference only speeds outside {low:g} to {high:g} can be detected",
            low=low,
            high=high,
        )
        missing = Missing(MissingCode.NOTHING_SUSPICIOUS, text)
    elif missing is None:
        text = (
            msg("it sounds like a voice at the right speed, but also like one that plays 1.5 times too slow")
            if found.ratio < 1.0
            else msg("it sounds like a voice at the right speed, but also like one that plays 1.5 times too fast")
        )
        missing = Missing(MissingCode.UNDECIDED, text)
    return not_measured(missing, Tier.BLIND, found.confidence)


def _too_little_evidence(clip: Clip, found: BlindSpeed) -> Missing | None:
    """Return why a recording tells too little of its speed; None if it tells enough."""
    from diag.dsp.syllables import syllable_count

    missing = not_speech(clip)
    if missing is not None:
        return missing
    count = syllable_count(sound(clip).spectrum)
    if count < LEAST_SYLLABLES:
        return too_short(
            msg(
                "only {count} syllables, too few to judge the speed alone ({least_syllables} are needed)",
                count=count,
                least_syllables=LEAST_SYLLABLES,
            )
        )
    above_db = _above_noise_db(clip)
    if above_db < LEAST_ABOVE_NOISE_DB:
        text = msg(
            "the noise is only {above_db:.0f} dB below the speech ({least_above_noise_db:.0f} dB are needed)",
            above_db=above_db,
            least_above_noise_db=LEAST_ABOVE_NOISE_DB,
        )
        return Missing(MissingCode.UNFIT, text)
    if found.suspected and found.ratio < 1.0 and found.pitch_at_right_speed_hz > HIGHEST_PITCH_HZ:
        text = msg(
            "it sounds slow, but its pitch of {pitch_hz:.0f} Hz does not agree with that", pitch_hz=found.pitch_hz
        )
        return Missing(MissingCode.DISAGREE, text)
    return None


def _above_noise_db(clip: Clip) -> float:
    """Return the level of the speech above that of the quietest moments, without direct current."""
    samples, rate_hz = sound(clip).samples, clip.sample_rate_hz
    samples = samples - samples.mean()
    levels = active_and_noise_dbfs(samples, rate_hz)
    return 0.0 if levels is None else levels[0] - levels[1]
