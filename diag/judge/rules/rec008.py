"""REC008: the bytes of the recording were read in the wrong format."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Measurements, Severity, Status, Verdict, clear, not_checked, raised
from diag.dsp.band import IMAGING_LIMIT
from diag.dsp.byte_readings import EQUAL_CHANNELS
from diag.judge.blind import beyond, own_measure
from diag.judge.evidence import (
    all_clear,
    clear_if_measured,
    has_the_voice,
    in_mid_sentence,
    misread_bytes,
    misread_evidence,
    number,
)
from diag.judge.limits import NOISE_ERROR, NOISE_WARNING, PAIRED_SAMPLES_ERROR, PAIRED_SAMPLES_WARNING
from diag.judge.recording import Recording
from diag.judge.registry import rule

_BETWEEN_HALF_AND_ONE = 0.7
_EVEN_ODDS = 0.5
"""Probability of a wrong speed up to which a recording without a reference plays rather at the right one."""


@rule(
    "REC008",
    name="recording-bytes-misread",
    severity="error",
    or_severity="warning",
    scope="recording",
    hides=True,
    # Repeated samples, as of a naive resampler, come in equal pairs too, and a wrong companding table distorts.
    explained_by=(
        *("MIC009", "SND003", "PLY009", "SPK008"),
        *("MIC008", "SND013", "PLY005", "SPK007"),
        *("MIC014", "SND017", "PLY015", "SPK013"),
    ),
)
def recording_bytes_misread(measurements: Measurements, recording: Recording) -> Verdict:
    """The bytes of the recording were read in the wrong format.

    What it shows
        One of three: the bytes become speech when they are read in another format; the recording is noise where speech
        is expected; or its samples come in equal pairs. When this is found, no other finding is reported for the
        recording.

    Why it matters
        Nobody can understand it.

    Evidence
        `misread_s`, with the right format if one was found; `flatness` and `equal_pairs`.

    Likely causes
        - The byte order is wrong, a byte is lost, or the sample format is not the declared one.
        - Stereo is read as mono.

    Fix
        Check byte order, byte offset, sample format (s16le) and the number of channels.

    Does not prove
        Which format was read wrongly, if the sound was resampled or scaled afterwards: the original bytes are then
        lost. Samples that a resampler repeats come in equal pairs too; they are told from two channels read as one only
        by the speed, which must sound right.
    """
    own = misread_bytes(measurements, recording.tap)
    if own is not None and not (own.events[0].kind == EQUAL_CHANNELS and _repeated(measurements, recording)):
        same = recording.segment is not None and misread_bytes(measurements, recording.segment.first) is not None
        also = msg("; {reference} has it too", reference=recording.reference) if same else ""
        return raised(
            msg(
                "The bytes of the recording were read wrongly: {kind}{also}",
                kind=in_mid_sentence(own.events[0].kind),
                also=also,
            ),
            evidence=[misread_evidence(own, recording.name)],
            likely_cause=msg("wrong byte order, offset or sample format, or there is other data among the samples"),
            fix=msg(
                "read the bytes in the format named here, and check the code that writes them or cuts them into chunks"
            ),
            severity=Severity.INFO if same else None,
        )
    noise = beyond(
        measurements,
        recording,
        "flatness",
        warning=NOISE_WARNING,
        error=NOISE_ERROR,
        words=lambda value: msg(
            "The recording is noise (spectral flatness {value:.2f}), as misread bytes sound", value=value
        ),
        cause=msg("the byte order is wrong, a byte is lost, or the sample format is not the declared one"),
        fix=msg("check byte order, byte offset and sample format (s16le, mono)"),
    )
    if noise.status is Status.RAISED:
        if recording.segment is not None and has_the_voice(measurements, recording.segment.hop):
            return not_checked(msg("the voice of {reference} was found below the noise", reference=recording.reference))
        return noise
    pairs = beyond(
        measurements,
        recording,
        "equal_pairs",
        warning=PAIRED_SAMPLES_WARNING,
        error=PAIRED_SAMPLES_ERROR,
        words=lambda _: msg("The recording looks like two channels read as one (samples come in pairs)"),
        cause=msg("stereo is read as mono"),
        fix=msg("read it as stereo, or mix it down to mono"),
    )
    if pairs.status is Status.RAISED:
        if not _repeated(measurements, recording):
            return pairs
        pairs = clear()
    searched = own_measure(measurements, recording, "misread_s")
    return all_clear((clear_if_measured([searched] if searched else [], "misread_s"), noise, pairs))


def _repeated(measurements: Measurements, recording: Recording) -> bool:
    """Return whether equal pairs are samples that a resampler repeated, and not two channels read as one.

    Both have the same samples. Two channels that are read as one play at half the speed; repeated samples play at the
    right speed, and have images (REC007).
    """
    images = own_measure(measurements, recording, "imaging")
    imaging = None if images is None else number(images)
    speed = own_measure(measurements, recording, "rate_ratio")
    if imaging is None or imaging <= IMAGING_LIMIT or speed is None:
        return False
    ratio = number(speed)
    if ratio is not None:
        return ratio > _BETWEEN_HALF_AND_ONE
    return speed.confidence is not None and speed.confidence < _EVEN_ODDS
