"""Misread bytes: a segment that turns speech into noise, or reads two channels as one."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.missing import MissingCode
from diag.core.results import Evidence, Measurements, Verdict, raised
from diag.dsp.band import IMAGING_LIMIT
from diag.dsp.segment_events import EventKind
from diag.judge.evidence import (
    WrongRate,
    added,
    all_clear,
    clear_if_added_measured,
    clear_if_measured,
    evidence_of,
    has_the_voice,
    in_mid_sentence,
    misread_bytes,
    misread_evidence,
    raised_at,
    worst_fault,
    wrong_rate,
    wrongly_decoded,
)
from diag.judge.limits import NOISE_WARNING, PAIRED_SAMPLES_WARNING, UNLIKE_NOISE
from diag.judge.registry import OnHop, Place, segment_rule

_MIX = msg("mix the two channels down to one, or take one of them")
_HALF, _HALF_WITHIN = 0.5, 0.005
_CAUSES = ("samples are read in the wrong byte order or format, or a byte was lost on the way",
           "stereo is read as mono")  # fmt: skip


@segment_rule(
    OnHop(
        "MIC009",
        "microphone-bytes-misread",
        Hop.MICROPHONE,
        causes=_CAUSES,
        fix="read the microphone in the sample format that the device delivers",
    ),
    OnHop(
        "SND003",
        "send-format",
        Hop.SENDER,
        causes=_CAUSES,
        fix="send little-endian signed 16-bit mono",
        why="The service hears noise, or speech at half the speed, and reports no error.",
    ),
    OnHop(
        "PLY009",
        "byte-misaligned",
        Hop.PLAYER,
        causes=_CAUSES,
        fix="read the reply as little-endian 16-bit samples without headers or text between them, and keep an odd last "
        "byte for the next chunk",
    ),
    OnHop(
        "SPK008",
        "speaker-bytes-misread",
        Hop.SPEAKER,
        causes=_CAUSES,
        fix="open the output stream in the sample format of the audio that is written to it",
    ),
    severity="error",
    hides=True,
)
def bytes_misread(place: Place, measurements: Measurements) -> Verdict:
    """The {who} reads the bytes of the sound wrongly.

    What it shows
        {input} is speech, and {output} is not. Either the bytes of {output} become speech when they are read in
        another format, or {output} has the flat spectrum of noise, or its samples come in equal pairs. Less noise is
        enough where no speed makes {output} a copy of {input}: 16-bit samples that are read as 32-bit floats leave
        short, loud pieces and silence. When this is found, no other finding is reported for this segment.

    Why it matters
        Nobody can understand it, and it may be loud.

    Evidence
        `misread_s` of {output}, with the right format if one was found; `flatness` and `equal_pairs` of both
        recordings; half the speed, with the mirror images of repeated samples, where two channels are read as one.

    Does not prove
        Which format was read wrongly, if the sound was resampled or scaled afterwards: the original bytes are then
        lost.
    """
    noise, pairs = (added(measurements, place, metric) for metric in ("flatness", "equal_pairs"))
    in_pairs = not isinstance(pairs, str) and pairs[0] > PAIRED_SAMPLES_WARNING
    repeated = in_pairs and wrong_rate(measurements, place.hop) is None and has_the_voice(measurements, place.hop)
    if repeated or wrongly_decoded(measurements, place) is not None:
        # Two channels read as one last twice as long; samples repeated at the right speed are a poor resampler's.
        # A wrong companding table keeps the waveform and distorts it.
        return _clear_if_measured(place, measurements)
    own = misread_bytes(measurements, place.segment.last)
    if own is not None and misread_bytes(measurements, place.segment.first) is None:
        return raised_at(
            place,
            msg(
                "The {who} reads the bytes of the sound wrongly: {kind}",
                who=place.who,
                kind=in_mid_sentence(own.events[0].kind),
            ),
            evidence=[misread_evidence(own, place.output)],
        )
    limit = UNLIKE_NOISE if _is_no_copy(measurements, place.hop) else NOISE_WARNING
    if not isinstance(noise, str) and noise[0] > limit and not has_the_voice(measurements, place.hop):
        more, before, item = noise
        text = msg("spectral flatness is {before:.3f} in {input} and {after:.3f} in {output}", before=before,
                   input=place.input, after=before + more, output=place.output)  # fmt: skip
        return raised_at(
            place,
            msg("The {who} turns the sound into noise, as misread bytes do", who=place.who),
            evidence=[evidence_of(item, text)],
        )
    halved = _at_half_speed(place, measurements)
    if halved:
        return raised(
            msg("The {who} reads two channels as one: {how}", who=place.who, how=halved[0].text),
            evidence=halved,
            likely_cause=place.on.causes[1],
            fix=_MIX,
        )
    if not isinstance(pairs, str) and in_pairs:
        more, before, item = pairs
        text = msg("{before:.0f} % of the samples come in equal pairs in {input}, {after:.0f} % in {output}",
                   before=100 * before, input=place.input, after=100 * (before + more),
                   output=place.output)  # fmt: skip
        return raised(
            msg("The {who} reads two channels as one: the samples come in pairs", who=place.who),
            evidence=[evidence_of(item, text)],
            likely_cause=place.on.causes[1],
            fix=_MIX,
        )
    return _clear_if_measured(place, measurements)


def _is_no_copy(measurements: Measurements, hop: Hop) -> bool:
    """Return whether the sound of a hop's output is in no turn a copy of its input."""
    items = measurements.find("rate_ratio", hop=hop)
    return bool(items) and all(item.missing is not None and item.missing.code == MissingCode.NO_MATCH for item in items)


def _at_half_speed(place: Place, measurements: Measurements) -> list[Evidence]:
    """Return why the sound, or a part of it, is two channels that were read as one; nothing where it is not.

    Each sample comes twice then: the sound has half its speed, with the mirror images of repeated samples above half
    of the rate that is left. Noise and codecs leave both.
    """
    speed = wrong_rate(measurements, place.hop)
    images = worst_fault(measurements, "imaging", lambda value: value > IMAGING_LIMIT, hop=place.hop)
    if isinstance(speed, WrongRate) and abs(speed.ratio - _HALF) < _HALF_WITHIN and not isinstance(images, Verdict):
        mirrored = msg("mirror images (correlation {value:.2f}) above what {input} reaches at this speed",
                       value=images[0], input=place.input)  # fmt: skip
        return [evidence_of(speed.item, msg("half the speed")), evidence_of(images[1], mirrored)]
    return [
        evidence_of(item, msg("from {at_s:.2f} s on, half the speed", at_s=event.estimated_s))
        for item in measurements.find("other_sound_s", hop=place.hop)
        for event in item.events
        if event.kind == EventKind.HALF_SPEED
    ]


def _clear_if_measured(place: Place, measurements: Measurements) -> Verdict:
    """Return "clear" if the segment and both of its ends were searched for every sign of misread bytes."""
    ends = ("misread_s", "flatness", "equal_pairs")
    between = ("rate_ratio", "imaging", "other_sound_s")
    return all_clear((
        *(clear_if_added_measured(measurements, place, sign) for sign in ends),
        *(clear_if_measured(measurements.find(sign, hop=place.hop), sign) for sign in between),
    ))  # fmt: skip
