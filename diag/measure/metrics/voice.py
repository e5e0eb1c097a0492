"""Speed and lost treble of a reply, compared with a profile made from other recordings of its voice."""

from __future__ import annotations

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, Tier, not_measured
from diag.dsp.dullness import TrebleLoss
from diag.dsp.profile import (
    GROSS_SPEED,
    LEAST_IDENTITY_S,
    LEAST_SPEED_S,
    LEAST_TREBLE_S,
    MOST_APART_DB,
    OTHER_VOICE_DB,
    WELL_WITHIN,
    ProfileSpeed,
    VoiceProfile,
    speech_s,
    speed_against_profile,
    treble_against_profile,
    voice_distance_db,
)
from diag.measure.metrics.blind_speed import suspected_speed
from diag.measure.metrics.sounds import not_speech, remembered, sound
from diag.measure.reasons import too_short
from diag.measure.registry import Group, metric

TAPS = (Tap.RECEIVED, Tap.PLAYED, Tap.HEARD)
"""Taps that carry the service's voice. The others carry the user's."""
NO_PROFILE = Missing(MissingCode.NO_PROFILE, msg("no profile of the voice was given"))
OTHER_VOICE = Missing(MissingCode.OTHER_VOICE, msg("it does not sound like the voice of the profile at any speed"))
OTHER_VOICE_OR_SPEED = Missing(
    MissingCode.OTHER_VOICE,
    msg("it does not sound like the voice of the profile, and is too short to tell whether its speed is wrong"),
)
NO_BAND = Missing(MissingCode.LOW_RATE, msg("no band above 3.5 kHz exists in both the recording and the profile"))


def voice_speed(clip: Clip, voice: VoiceProfile | None) -> ProfileSpeed | Missing:
    """Return the speed of a clip relative to the profile of its voice, or why it was not measured."""
    if voice is None:
        return NO_PROFILE
    found = remembered(clip, ("voice speed", voice), lambda: speed_against_profile(voice, sound(clip)))
    if found is None:
        return too_short(msg("less than {least_speed_s:g} s of speech", least_speed_s=LEAST_SPEED_S))
    if found.apart_db > MOST_APART_DB:
        return OTHER_VOICE
    if speech_s(sound(clip).spectrum) < LEAST_SPEED_S and 1 / GROSS_SPEED < found.ratio < GROSS_SPEED:
        least = 100 * (GROSS_SPEED - 1)
        return too_short(
            msg(
                "less than {least_speed_s:g} s of speech, which show only speeds that are {least:.0f} % off",
                least_speed_s=LEAST_SPEED_S,
                least=least,
            )
        )
    return not_speech(clip) or found


def distance_from_voice(clip: Clip, voice: VoiceProfile) -> float | None:
    """Return how far a clip is from the voice of a profile, in dB; None for less than 2 s of speech."""
    return remembered(clip, ("voice distance", voice), lambda: voice_distance_db(voice, sound(clip)))


def voice_treble(clip: Clip, voice: VoiceProfile | None) -> tuple[float, TrebleLoss] | Missing:
    """Return mean loss and loss per band of a clip relative to the profile of its voice, or why it was not measured."""
    if voice is None:
        return NO_PROFILE
    speed = voice_speed(clip, voice)
    if isinstance(speed, Missing):
        if speed.code is MissingCode.NO_VOICE:
            return speed
        # A voice with much less treble is like the profile at no speed, until the loss is undone.
        apart_db = distance_from_voice(clip, voice)
        if apart_db is not None and apart_db > OTHER_VOICE_DB:
            return speed if speed.code is MissingCode.OTHER_VOICE else OTHER_VOICE_OR_SPEED
    elif abs(speed.ratio - 1.0) > WELL_WITHIN:
        text = msg(
            "the speed differs by {number:+.0f} % from the voice's, which has to be repaired first",
            number=100 * (speed.ratio - 1),
        )
        return Missing(MissingCode.WRONG_SPEED, text)
    found = remembered(clip, ("voice treble", voice), lambda: treble_against_profile(voice, sound(clip)))
    if found is None:
        return too_short(msg("less than {least_treble_s:.0f} s of speech", least_treble_s=LEAST_TREBLE_S))
    return NO_BAND if found.mean_db is None else (found.mean_db, found)


@metric("rate_ratio", unit="1", better="one", taps=TAPS, tolerance=0.02)
def voice_rate_ratio(clip: Clip, voice: VoiceProfile | None = None) -> Reading:
    """Speed of a reply relative to the profile of its voice, or a suspicion from the reply alone.

    What
        1 is healthy; 0.667 is 24 kHz audio played as 16 kHz. With a profile (tier *profile*) the words may
        differ from those of the profile. Without one (tier *blind*) there is a value only if a wrong speed is
        suspected: the voice is deeper, duller and slower, or higher and faster, than almost any healthy voice.
    From – to
        The profile of the voice (`diag voice make`), if one was given – the clip.
    Better is
        Nearer to 1. With a profile, the value of one reply is off by up to 6 %, the median of several by less. A
        suspected speed is off by 10 % or more, so 44.1 and 48 kHz can never be told apart.
    Not measured when
        With a profile: the clip has less than 2.5 s of speech (1.5 s if the speed is 20 % or more off), or it does not
        sound like that voice at any speed within ±1.25 octaves. Without one: nothing is suspicious; or it sounds like a
        voice at the right speed, but also like one 1.5 times too fast or too slow; or it has less than 2 s of speech or
        8 syllables, noise less than 28 dB below it, or a pitch that does not agree.
    Reference
        With a profile: the speed at which windows are most similar to those of the profile in 26 bands from 0.13 to 5
        kHz; 4 % is a warning, 6 % an error. Without one: small neural networks over pitch, bands and tempo, trained on
        the development voices of the accuracy table (`tools/train_blind_rate.py`). Speeds between 0.75 and 1.33 are not
        reported.
    """
    if voice is None:
        return suspected_speed(clip)
    found = voice_speed(clip, voice)
    if isinstance(found, Missing):
        return not_measured(found, Tier.PROFILE)
    return Reading(value=found.ratio, tier=Tier.PROFILE)


@metric("dullness_db", unit="dB", better="zero", taps=TAPS, tolerance=2.0)
def voice_dullness(clip: Clip, voice: VoiceProfile | None = None) -> Reading:
    """Treble that a reply lacks compared with the profile of its voice: the mean of the bands of `dullness_bands_db`.

    What
        A positive value is duller than the recordings of the profile, a negative one brighter.
    From – to
        The profile of the voice (`diag voice make`) – the clip.
    Better is
        Nearer to 0.
    Not measured when
        No profile was given, the clip has less than 2 s of speech, it is another voice, its speed is wrong, or no band
        is below 0.95 of both Nyquist frequencies and above the noise.
    Reference
        Each window is compared with the windows of the profile that are most similar below 3 kHz. 4 dB is a warning, 6
        dB an error.
    """
    found = voice_treble(clip, voice)
    if isinstance(found, Missing):
        return not_measured(found, Tier.PROFILE)
    return Reading(value=found[0], tier=Tier.PROFILE)


@metric("dullness_bands_db", unit="dB", better="zero", taps=TAPS, tolerance=2.0)
def voice_dullness_bands(clip: Clip, voice: VoiceProfile | None = None) -> Reading:
    """Treble that a reply lacks compared with the profile of its voice, by band.

    What
        Loss at 3.5–5, 5–7, 7–9 and 9–10.8 kHz. A low-pass filter shows only in the upper bands; a shelving filter
        shows equally in all. None for a band that could not be compared.
    From – to
        The profile of the voice (`diag voice make`) – the clip.
    Better is
        Nearer to 0.
    Not measured when
        As `dullness_db`.
    Reference
        Each window is compared with the windows of the profile that are most similar below 3 kHz.
    """
    found = voice_treble(clip, voice)
    if isinstance(found, Missing):
        return not_measured(found, Tier.PROFILE)
    return Reading(value=found[1].bands_db, tier=Tier.PROFILE)


@metric(
    "voice_distance_db", unit="dB", better="lower", taps=(Tap.RECEIVED,), tolerance=0.5, pool="mean",
    label="Distance from the voice", group=Group.TREBLE, order=11,
)  # fmt: skip
def distance_of_voice(clip: Clip, voice: VoiceProfile | None = None) -> Reading:
    """Distance of the voice in a reply from the voice of the profile, at the right speed.

    What
        How much further the sounds of the reply are from those of the profile than the profile's own recordings are
        from each other, plus 2 dB for each octave between the pitches. About 0 for the same voice with other words.
    From – to
        The profile of the voice (`diag voice make`) – the clip.
    Better is
        Lower; negative values mean nothing.
    Not measured when
        No profile was given, the profile has less than 15 s of speech, the clip has less than 2 s or none at all, or
        less than 12 bands lie below the edge of its content.
    Reference
        26 bands from 0.13 to 5 kHz and the median pitch. Bands above the edge of the content are left out, and up to 4
        dB per octave of lost treble are undone, so that a dull reply is not taken for another voice. Above 1.1 dB the
        voice is another one (SVC016).
    """
    if voice is None:
        return not_measured(NO_PROFILE, Tier.PROFILE)
    if voice.duration_s < LEAST_IDENTITY_S:
        text = msg(
            "the profile has {duration_s:.0f} s of speech; {least_identity_s:.0f} s tell voices apart",
            duration_s=voice.duration_s,
            least_identity_s=LEAST_IDENTITY_S,
        )
        return not_measured(too_short(text), Tier.PROFILE)
    found = distance_from_voice(clip, voice)
    if found is None:
        return not_measured(
            too_short(msg("less than {least_treble_s:.0f} s of speech", least_treble_s=LEAST_TREBLE_S)), Tier.PROFILE
        )
    missing = not_speech(clip)
    return not_measured(missing, Tier.PROFILE) if missing else Reading(value=found, tier=Tier.PROFILE)
