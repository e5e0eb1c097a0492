"""Speed and lost treble of a reply against the profile of the voice that speaks it: other recordings, other words."""

from __future__ import annotations

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, Tier, not_measured
from diag.dsp.dullness import TrebleLoss
from diag.dsp.profile import (
    LEAST_SPEED_S,
    LEAST_TREBLE_S,
    MOST_APART_DB,
    WELL_WITHIN,
    ProfileSpeed,
    VoiceProfile,
    distance_from_profile_db,
    speed_against_profile,
    treble_against_profile,
)
from diag.measure.metrics.blind_speed import suspected_speed
from diag.measure.metrics.sounds import not_speech, remembered, sound
from diag.measure.reasons import too_short
from diag.measure.registry import metric

TAPS = (Tap.RECEIVED, Tap.PLAYED, Tap.HEARD)
"""Taps on which the service's voice speaks; the others carry the user's."""
NO_PROFILE = Missing(MissingCode.NO_PROFILE, "no profile of the voice was given")
OTHER_VOICE = Missing(MissingCode.OTHER_VOICE, "it does not sound like the voice of the profile at any speed")
OTHER_VOICE_OR_SPEED = Missing(
    MissingCode.OTHER_VOICE,
    "it does not sound like the voice of the profile, and is too short to tell whether its speed is wrong",
)
NO_BAND = Missing(MissingCode.LOW_RATE, "no band above 3.5 kHz lies in both the recording and the profile")


def voice_speed(clip: Clip, voice: VoiceProfile | None) -> ProfileSpeed | Missing:
    """Return the speed of a clip against its voice, or why it was not measured."""
    if voice is None:
        return NO_PROFILE
    found = remembered(clip, ("voice speed", voice), lambda: speed_against_profile(voice, sound(clip)))
    if found is None:
        return too_short(f"less than {LEAST_SPEED_S:.0f} s of speech")
    if found.apart_db > MOST_APART_DB:
        return OTHER_VOICE
    return not_speech(clip) or found


def voice_treble(clip: Clip, voice: VoiceProfile | None) -> tuple[float, TrebleLoss] | Missing:
    """Return mean loss and loss per band of a clip against its voice, or why it was not measured."""
    if voice is None:
        return NO_PROFILE
    speed = voice_speed(clip, voice)
    if isinstance(speed, Missing):
        if speed.code in (MissingCode.OTHER_VOICE, MissingCode.NO_VOICE):
            return speed
        if distance_from_profile_db(voice, sound(clip)) > MOST_APART_DB:
            return OTHER_VOICE_OR_SPEED
    elif abs(speed.ratio - 1.0) > WELL_WITHIN:
        text = f"the speed differs by {100 * (speed.ratio - 1):+.0f} % from the voice's; see rate_ratio"
        return Missing(MissingCode.WRONG_SPEED, text)
    found = remembered(clip, ("voice treble", voice), lambda: treble_against_profile(voice, sound(clip)))
    if found is None:
        return too_short(f"less than {LEAST_TREBLE_S:.0f} s of speech")
    return NO_BAND if found.mean_db is None else (found.mean_db, found)


@metric("rate_ratio", unit="1", better="one", taps=TAPS, tolerance=0.02)
def voice_rate_ratio(clip: Clip, voice: VoiceProfile | None = None) -> Reading:
    """Speed of a reply: against the profile of its voice by pitch, or a suspicion from the reply alone.

    What
        1 is healthy; 0.667 is 24 kHz audio played as 16 kHz. With a profile (tier *profile*) the words need not be
        those of the profile. Without one (tier *blind*) there is a value only where a wrong speed is suspected: the
        voice is deeper, duller and slower, or higher and faster, than hardly any healthy voice is.
    From – to
        The profile of the voice (`diag voice make`), where one was given – the clip.
    Better is
        Nearer to 1. With a profile, one reply of 4 s is off by up to 5 %, the median of several by less; a suspected
        speed is off by 10 % and more, and never tells 44.1 from 48 kHz.
    Not measured when
        The clip has less than 4 s of speech; with a profile, when it does not sound like that voice at any speed
        within ±1.25 octaves; without one, when nothing is suspicious.
    Reference
        With a profile, the speed at which windows are most like those of the profile in 26 bands from 0.13 to 5 kHz;
        limits 4 % and 6 %. Without one, small nets over pitch, bands and tempo, learnt from the development voices of
        the accuracy table (`tools/train_blind_rate.py`); nothing is told between 0.75 and 1.33.
    """
    if voice is None:
        return suspected_speed(clip)
    found = voice_speed(clip, voice)
    if isinstance(found, Missing):
        return not_measured(found, Tier.PROFILE)
    return Reading(value=found.ratio, tier=Tier.PROFILE)


@metric("dullness_db", unit="dB", better="zero", taps=TAPS, tolerance=2.0)
def voice_dullness(clip: Clip, voice: VoiceProfile | None = None) -> Reading:
    """Treble that a reply lacks for its voice: the mean of the bands of `dullness_bands_db`.

    What
        Positive is duller than the recordings that the profile was made from, negative brighter.
    From – to
        The profile of the voice (`diag voice make`) – the clip.
    Better is
        Nearer to 0.
    Not measured when
        No profile was given, the clip has less than 2 s of speech, it is another voice, its speed is wrong for the
        voice, or no band lies below 0.95 of the Nyquist frequencies of both and stands out of their noise.
    Reference
        Each window against the windows of the profile that sound most alike below 3 kHz. Limits 4 dB and 6 dB.
    """
    found = voice_treble(clip, voice)
    if isinstance(found, Missing):
        return not_measured(found, Tier.PROFILE)
    return Reading(value=found[0], tier=Tier.PROFILE)


@metric("dullness_bands_db", unit="dB", better="zero", taps=TAPS, tolerance=2.0)
def voice_dullness_bands(clip: Clip, voice: VoiceProfile | None = None) -> Reading:
    """Treble that a reply lacks for its voice, by band.

    What
        Loss at 3.5–5, 5–7, 7–9 and 9–10.8 kHz. A low-pass shows in the upper bands only, a shelf in all alike. None
        for a band that could not be compared.
    From – to
        The profile of the voice (`diag voice make`) – the clip.
    Better is
        Nearer to 0.
    Not measured when
        As `dullness_db`.
    Reference
        Each window against the windows of the profile that sound most alike below 3 kHz.
    """
    found = voice_treble(clip, voice)
    if isinstance(found, Missing):
        return not_measured(found, Tier.PROFILE)
    return Reading(value=found[1].bands_db, tier=Tier.PROFILE)
