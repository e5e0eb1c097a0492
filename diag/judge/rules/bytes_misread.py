"""Misread bytes: a segment that turns speech into noise, or reads two channels as one."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.judge.evidence import added, has_the_voice, in_mid_sentence, misread_bytes, misread_evidence, wrong_rate
from diag.judge.limits import NOISE_WARNING, PAIRED_SAMPLES_WARNING
from diag.judge.registry import OnHop, Place, segment_rule

_CAUSES = ("samples are read in the wrong byte order or format, or a byte was lost on the way",
           "stereo is read as mono")  # fmt: skip


@segment_rule(
    OnHop(code="MIC009", name="microphone-bytes-misread", severity="error", hop=Hop.MICROPHONE, who="microphone",
          causes=_CAUSES, fix="read the microphone in the sample format that the device delivers"),
    OnHop(code="SND003", name="send-format", severity="error", hop=Hop.SENDER, who="sender", causes=_CAUSES,
          fix="send little-endian signed 16-bit mono",
          why="The service hears noise, or speech at half the speed, and reports no error."),
    OnHop(code="PLY009", name="byte-misaligned", severity="error", hop=Hop.PLAYER, who="player", causes=_CAUSES,
          fix="read the reply as little-endian 16-bit samples, and keep an odd last byte for the next chunk"),
    OnHop(code="SPK008", name="speaker-bytes-misread", severity="error", hop=Hop.SPEAKER, who="loudspeaker",
          causes=_CAUSES, fix="open the output stream in the sample format of the audio that is written to it"),
    hides=True,
)  # fmt: skip
def bytes_misread(place: Place, measurements: Measurements) -> Verdict:
    """The {who} reads the bytes of the sound wrongly.

    What it shows
        {input} is speech, and {output} is not. Either the bytes of {output} become speech when they are read in another
        format, or {output} has the flat spectrum of noise, or its samples come in equal pairs. When this is found, no
        other finding is reported for this segment.

    Why it matters
        Nobody can understand it, and it may be loud.

    Evidence
        `misread_s` of {output}, with the right format if one was found; `flatness` and `equal_pairs` of both
        recordings.

    Does not prove
        Which format was read wrongly, if the sound was resampled or scaled afterwards: the original bytes are then
        lost.
    """
    noise, pairs = (added(measurements, place, metric) for metric in ("flatness", "equal_pairs"))
    in_pairs = not isinstance(pairs, str) and pairs[0] > PAIRED_SAMPLES_WARNING
    if in_pairs and wrong_rate(measurements, place.hop) is None and has_the_voice(measurements, place.hop):
        # Two channels read as one last twice as long; samples repeated at the right speed are a naive resampler's.
        return clear()
    own = misread_bytes(measurements, place.segment.last)
    if own is not None and misread_bytes(measurements, place.segment.first) is None:
        return raised(
            f"The {place.who} reads the bytes of the sound wrongly: {in_mid_sentence(own.events[0].kind)}",
            evidence=[misread_evidence(own, place.output)],
            likely_cause=place.on.causes[0],
            fix=place.on.fix,
        )
    if isinstance(noise, str) and isinstance(pairs, str):
        return not_checked(noise)
    if not isinstance(noise, str) and noise[0] > NOISE_WARNING and not has_the_voice(measurements, place.hop):
        more, before, item = noise
        text = f"spectral flatness is {before:.3f} in {place.input} and {before + more:.3f} in {place.output}"
        return raised(
            f"The {place.who} turns the sound into noise, as misread bytes do",
            evidence=[Evidence(text=text, metric="flatness", turn=item.turn, spots=item.spots)],
            likely_cause=place.on.causes[0],
            fix=place.on.fix,
        )
    if not isinstance(pairs, str) and in_pairs:
        more, before, item = pairs
        text = (
            f"{before:.0%} of the samples come in equal pairs in {place.input}, {before + more:.0%} in {place.output}"
        )
        return raised(
            f"The {place.who} reads two channels as one: the samples come in pairs",
            evidence=[Evidence(text=text, metric="equal_pairs", turn=item.turn, spots=item.spots)],
            likely_cause=place.on.causes[1],
            fix="mix the two channels down to one, or take one of them",
        )
    return clear()
