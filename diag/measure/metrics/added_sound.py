"""What a segment adds to its input or does to its level, beyond a linear filter."""

from __future__ import annotations

from collections.abc import Callable

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, SoundEvent, Spot, not_measured
from diag.dsp.added_sound import NOISE_WARN_SNR_DB
from diag.dsp.additions import NOTHING_DB, Additions, faults
from diag.dsp.copies import COPY_WARN_DB
from diag.dsp.distortion import Distortion, Kind, few_bits_alone, wrapped_alone
from diag.dsp.level_change import PUMPING_DB
from diag.dsp.tone_colour import TONE_WARN_DB
from diag.measure.metrics.sounds import additions, input_time_s, sound
from diag.measure.reasons import TOO_LITTLE
from diag.measure.registry import Group, metric

EXPLAINED = Missing(MissingCode.UNFIT, msg("the sound is distorted or reverberates, which looks the same"))
DISTORTION_HIDDEN = Missing(MissingCode.UNFIT, msg("what a codec, noise or a room changed could hide distortion"))

_ROUNDING_DB = -35.0
"""Least level of what differs, relative to the voice, that rounding to 7 bits can have."""


COMB = "comb"
"""Kind of the event of a comb filter; its duration is the delay at which the sound is mixed with itself."""


def _read(reference: Clip, estimated: Clip, read: Callable[[Additions], Reading]) -> Reading:
    """Return what `read` makes of everything that a segment adds, or why it was not measured."""
    found = additions(reference, estimated)
    return not_measured(found) if isinstance(found, Missing) else read(found)


def _or_nothing(level_db: float | None) -> Reading:
    return Reading(value=NOTHING_DB if level_db is None else level_db)


def _listen(start_s: float, end_s: float) -> Spot:
    """Return where to listen; the engine replaces `heard` with the output tap of the segment."""
    return Spot(Tap.HEARD, max(0.0, start_s), end_s)


@metric(
    "level_change_db", unit="dB", better="zero", tolerance=1.0, pool="mean",
    label="Level change", group=Group.LEVEL, order=5,
)  # fmt: skip
def level_change(reference: Clip, estimated: Clip) -> Reading:
    """Change of level from the input to the output of a segment.

    What
        RMS level of the output relative to the input, over the matched active parts. If the level steps or fades within
        the sound, events give each place and size, and the value is the largest change.
    From – to
        Input tap – output tap.
    Better is
        Nearer to 0.
    Not measured when
        The output is not a copy of the input, its speed is wrong, or there is too little sound.
    Reference
        Piecewise constant gain of 40 ms windows, with steps of 3 dB or more.
    """
    found = additions(reference, estimated)
    if isinstance(found, Missing):
        return not_measured(found)
    level = found.level
    if level is None:
        return not_measured(TOO_LITTLE)
    steps = level.steps
    # Of a passing change, whose two steps are equal, the first counts.
    value = max([level.change_db, *(step.change_db for step in steps)], key=lambda change_db: round(abs(change_db)))
    events = tuple(
        SoundEvent(
            kind="level step" if step.sudden else "level fade",
            reference_s=input_time_s(reference, estimated, step.start_s),
            estimated_s=step.start_s,
            duration_s=step.end_s - step.start_s,
            level_db=step.change_db,
        )
        for step in steps
    )
    return Reading(
        value=value, spots=tuple(_listen(step.start_s - 0.5, step.end_s + 0.5) for step in steps), events=events
    )


@metric(
    "level_pumping_db", unit="dB", better="lower", tolerance=1.0, pool="level",
    label="Level pumping", group=Group.LEVEL, order=11,
)  # fmt: skip
def level_pumping(reference: Clip, estimated: Clip) -> Reading:
    """Range in which the gain from the input to the output of a segment goes up and down.

    What
        5th to 95th percentile of the gain over the active parts, smoothed over 0.2 s; lasting steps and fades are left
        out.
    From – to
        Input tap – output tap.
    Better is
        Lower; more than 4 dB is a warning.
    Not measured when
        The output is not a copy of the input, its speed is wrong, or there is too little sound. An echo, distortion,
        reverberation or noise within 20 dB of the voice changes the gain too; then only values up to 4 dB count as
        measured.
    Reference
        Gain of the part of each 40 ms window that is coherent with the filtered input.
    """
    return _read(reference, estimated, _pumping)


def _pumping(found: Additions) -> Reading:
    if found.level is None:
        return not_measured(TOO_LITTLE)
    if found.level.pumping_db > PUMPING_DB and "pumping" not in faults(found):
        return not_measured(EXPLAINED)
    return Reading(value=found.level.pumping_db)


@metric(
    "tone_change_db", unit="dB", better="zero", tolerance=1.0, pool="mean",
    label="Tone colour", group=Group.LEVEL, order=12,
)  # fmt: skip
def tone_change(reference: Clip, estimated: Clip) -> Reading:
    """Change of the balance between the bands of a voice below its treble.

    What
        Gain of the third-octave band from 0.4 to 2.5 kHz that changes most, relative to the median of these bands. The
        event gives the band. Where the sound is mixed with itself 1.5 to 18 ms later (a comb filter), it is the gain at
        the dips relative to the mean, if that changes more, and the event gives the delay.
    From – to
        Input tap – output tap.
    Better is
        Nearer to 0; 7 dB is a warning.
    Not measured when
        The output is not a copy of the input, its speed is wrong, or there is too little sound.
    Reference
        Linear filter of 5 ms to both sides, fitted from input to output; for a comb filter, the impulse response.
    """
    return _read(reference, estimated, _tone)


def _tone(found: Additions) -> Reading:
    tone, comb = found.tone, found.comb
    if comb is not None and (tone is None or abs(comb.depth_db) > abs(tone.change_db)):
        event = SoundEvent(kind=COMB, reference_s=0.0, estimated_s=0.0, duration_s=comb.delay_s, level_db=comb.depth_db)
        return Reading(value=comb.depth_db, events=(event,))
    if tone is None:
        return not_measured(TOO_LITTLE)
    if abs(tone.change_db) < TONE_WARN_DB:
        return Reading(value=tone.change_db)
    band = f"from {tone.low_hz / 1000:.1f} to {tone.high_hz / 1000:.1f} kHz"
    event = SoundEvent(kind=band, reference_s=0.0, estimated_s=0.0, duration_s=0.0, level_db=tone.change_db)
    return Reading(value=tone.change_db, events=(event,))


@metric(
    "added_noise_db", unit="dB", better="lower", tolerance=1.0, pool="level",
    label="Noise added", group=Group.LEVEL, order=6,
)  # fmt: skip
def added_noise(reference: Clip, estimated: Clip) -> Reading:
    """Level of the noise that a segment adds.

    What
        Level of the noise relative to the speech: -40 dB is a signal-to-noise ratio of 40 dB. If the segment adds no
        noise, the noise of the method remains, which is below -45 dB.
    From – to
        Input tap – output tap.
    Better is
        Lower.
    Not measured when
        The output is not a copy of the input, its speed is wrong, or there is too little sound.
    Reference
        The aligned input, passed through a fitted 5 ms linear filter and gain, is subtracted first; see the accuracy
        table.
    """
    return _read(reference, estimated, _noise)


def _noise(found: Additions) -> Reading:
    if found.noise is None:
        return not_measured(TOO_LITTLE)
    if found.noise.snr_db < NOISE_WARN_SNR_DB and "noise" not in faults(found):
        return not_measured(EXPLAINED)
    return Reading(value=-found.noise.snr_db)


@metric(
    "added_hum_db", unit="dB", better="lower", tolerance=1.0, pool="level",
    label="Hum added", group=Group.LEVEL, order=7,
)  # fmt: skip
def added_hum(reference: Clip, estimated: Clip) -> Reading:
    """Level of the mains hum that a segment adds.

    What
        Level of 50 or 60 Hz and their multiples relative to the speech.
    From – to
        Input tap – output tap.
    Better is
        Lower.
    Not measured when
        The output is not a copy of the input, its speed is wrong, or there is too little sound.
    Reference
        Spectral lines at multiples of 50 or 60 Hz that are at least 8 dB louder than their neighbours.
    """
    return _read(reference, estimated, lambda found: _or_nothing(found.hum.relative_db if found.hum else None))


@metric(
    "added_tone_db", unit="dB", better="lower", tolerance=1.0, pool="level",
    label="Tone added", group=Group.LEVEL, order=8,
)  # fmt: skip
def added_tone(reference: Clip, estimated: Clip) -> Reading:
    """Level of the loudest steady tone that a segment adds.

    What
        Level relative to the speech; events give frequency, place and length.
    From – to
        Input tap – output tap.
    Better is
        Lower.
    Not measured when
        The output is not a copy of the input, its speed is wrong, or there is too little sound.
    Reference
        Spectral lines that stay at one frequency for at least 0.1 s and that the input does not have.
    """
    found = additions(reference, estimated)
    if isinstance(found, Missing):
        return not_measured(found)
    if not found.tones:
        return Reading(value=NOTHING_DB)
    events = tuple(
        SoundEvent(
            kind=f"tone of {tone.frequency_hz:.0f} Hz",
            reference_s=input_time_s(reference, estimated, tone.start_s),
            estimated_s=tone.start_s,
            duration_s=tone.end_s - tone.start_s,
            level_db=tone.level_dbfs,
            count=tone.count,
        )
        for tone in found.tones
    )
    spots = tuple(_listen(tone.start_s, tone.end_s) for tone in found.tones)
    return Reading(value=found.tones[0].relative_db, spots=spots, events=events)


@metric(
    "added_dc_dbfs", unit="dBFS", better="lower", tolerance=3.0, pool="level",
    label="DC offset added", group=Group.LEVEL, order=9,
)  # fmt: skip
def added_dc(reference: Clip, estimated: Clip) -> Reading:
    """DC offset that a segment adds.

    What
        Mean of the output minus the mean of the filtered input.
    From – to
        Input tap – output tap.
    Better is
        Lower.
    Not measured when
        The output is not a copy of the input, its speed is wrong, or there is too little sound.
    Reference
        Definition.
    """
    return _read(reference, estimated, lambda found: Reading(value=found.dc_dbfs))


@metric(
    "distortion_db", unit="dB", better="lower", version=2, tolerance=1.0, pool="level",
    label="Distortion", group=Group.GLITCHES, order=7,
)  # fmt: skip
def distortion(reference: Clip, estimated: Clip) -> Reading:
    """Level of the distortion that a segment adds.

    What
        A curve is fitted from input samples to output samples. The value is the part that differs from a straight line,
        relative to the speech. The event names the kind if it can be recognised: clipped, overdriven, wrapped, few
        bits, wrong companding table.
    From – to
        Input tap – output tap.
    Better is
        Lower.
    Not measured when
        The output is not a copy of the input, its speed is wrong, or there is too little sound. Few bits and integers
        that wrap are measured there too, because they show in the samples and in their rounding errors. It is not
        measured either if none was found and what a codec, noise or a room changed has more than a tenth of the power
        of the speech.
    Reference
        Curve with ten knots, fitted to loud 30 ms frames; jumps of full scale; number of distinct sample values; what
        differs from the input, correlated with the rounding errors of 3 to 7 bits.
    """
    found = additions(reference, estimated)
    own, other = sound(reference), sound(estimated)
    if isinstance(found, Missing) or found.distortion is None:
        alone = few_bits_alone(own, other) or wrapped_alone(own.samples, other.samples, other.rate_hz)
        return not_measured(found) if alone is None and isinstance(found, Missing) else _distortion(alone)
    bent = found.distortion
    unexplained = found.noise is not None and found.noise.residual_db > _ROUNDING_DB
    if bent.kind is Kind.NONE and unexplained and own.rate_hz != other.rate_hz:
        # Rounding errors are those of the samples of the input, at its own rate.
        bent = few_bits_alone(own, other) or bent
    return _distortion(bent)


def _distortion(bent: Distortion | None) -> Reading:
    if bent is None:
        return not_measured(TOO_LITTLE)
    if bent.hidden:
        return not_measured(DISTORTION_HIDDEN)
    if bent.kind is Kind.NONE:
        return Reading(value=NOTHING_DB)
    return Reading(
        value=bent.level_db,
        events=(
            SoundEvent(kind=str(bent.kind), reference_s=0.0, estimated_s=0.0, duration_s=0.0, level_db=bent.level_db),
        ),
    )


@metric(
    "aliasing_db", unit="dB", better="lower", tolerance=1.0, pool="level",
    label="Aliasing", group=Group.TREBLE, order=8,
)  # fmt: skip
def aliasing(reference: Clip, estimated: Clip) -> Reading:
    """Level of the aliasing that a segment adds.

    What
        Level of the treble that is folded back below half of a lower sample rate, relative to the speech.
    From – to
        Input tap – output tap.
    Better is
        Lower.
    Not measured when
        The output is not a copy of the input, its speed is wrong, or there is too little sound.
    Reference
        Coherence of the output with the input mirrored about each common Nyquist frequency.
    """
    return _read(reference, estimated, _aliasing)


def _aliasing(found: Additions) -> Reading:
    return _or_nothing(found.aliasing.level_db if found.aliasing and "aliasing" in faults(found) else None)


@metric(
    "second_copy_db", unit="dB", better="lower", tolerance=1.0, pool="level",
    label="Second copy", group=Group.CONTINUITY, order=10,
)  # fmt: skip
def second_copy(reference: Clip, estimated: Clip) -> Reading:
    """Level of a second copy of the sound that a segment adds.

    What
        Level relative to the first copy. Near 0 dB the sound is played twice; a lower level is an echo. The event gives
        the delay.
    From – to
        Input tap – output tap.
    Better is
        Lower.
    Not measured when
        The output is not a copy of the input, its speed is wrong, or there is too little sound.
    Reference
        Peaks of the impulse response from input to output, from 18 ms after the first on.
    """
    return _read(reference, estimated, _second_copy)


def _second_copy(found: Additions) -> Reading:
    copy = found.copy
    if copy is None:
        return Reading(value=NOTHING_DB)
    if copy.level_db > COPY_WARN_DB and not {"echo", "played twice"} & set(faults(found)):
        return not_measured(EXPLAINED)
    event = SoundEvent(
        kind="echo" if copy.echo else "second copy",
        reference_s=0.0,
        estimated_s=0.0,
        duration_s=copy.delay_s,
        level_db=copy.level_db,
    )
    return Reading(value=copy.level_db, events=(event,))


@metric(
    "reverberation_db", unit="dB", better="lower", tolerance=1.0, pool="level",
    label="Reverberation", group=Group.LEVEL, order=10,
)  # fmt: skip
def reverberation(reference: Clip, estimated: Clip) -> Reading:
    """Level of the reverberation that a segment adds.

    What
        Energy of the diffuse decay relative to the direct sound.
    From – to
        Input tap – output tap.
    Better is
        Lower.
    Not measured when
        The output is not a copy of the input, its speed is wrong, or there is too little sound.
    Reference
        Energy of the impulse response from 5 ms to 0.5 s after the direct sound, where it falls off evenly.
    """
    return _read(reference, estimated, lambda found: _or_nothing(found.room.level_db if found.room else None))
