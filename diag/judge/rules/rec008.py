"""REC008."""

from __future__ import annotations

from diag.core.results import Measurements, Severity, Status, Verdict, raised
from diag.judge.blind import beyond
from diag.judge.evidence import misread_bytes, misread_evidence
from diag.judge.limits import NOISE_ERROR, NOISE_WARNING, PAIRED_SAMPLES_ERROR, PAIRED_SAMPLES_WARNING
from diag.judge.recording import Recording
from diag.judge.registry import rule


@rule(
    "REC008",
    name="recording-bytes-misread",
    severity="error",
    or_severity="warning",
    scope="recording",
    hides=True,
    explained_by=("MIC009", "SND003", "PLY009", "SPK008"),
)
def recording_bytes_misread(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording is made of bytes that were read wrongly.

    What it shows
        Another reading of the bytes gives speech; or it is noise where speech should be, or its samples come in equal
        pairs. Where it is found, nothing else is concluded from the recording.

    Why it matters
        Nothing is understood.

    Evidence
        `misread_s` with the right reading, where one was found; `flatness` and `equal_pairs`.

    Likely causes
        - Wrong byte order, an odd byte, or another sample format than was declared.
        - Stereo read as mono.

    Fix
        Check byte order, byte offset, sample format (s16le) and the number of channels.

    Does not prove
        Which wrong reading it is where the sound was resampled or scaled afterwards: the bytes are gone then.
    """
    own = misread_bytes(measurements, recording.tap)
    if own is not None:
        same = recording.segment is not None and misread_bytes(measurements, recording.segment.first) is not None
        also = f"; {recording.reference} has it too" if same else ""
        return raised(
            f"The bytes of the recording were read wrongly: {own.events[0].kind}{also}",
            evidence=[misread_evidence(own, recording.name)],
            likely_cause="wrong byte order, offset or sample format, or something else than samples among them",
            fix="read the bytes as this says, and look where they are written or cut into chunks",
            severity=Severity.INFO if same else None,
        )
    noise = beyond(
        measurements,
        recording,
        "flatness",
        warning=NOISE_WARNING,
        error=NOISE_ERROR,
        words=lambda value: f"is noise (spectral flatness {value:.2f}), as bytes read wrongly give",
        cause="wrong byte order, an odd byte, or another sample format",
        fix="check byte order, byte offset and sample format (s16le, mono)",
    )
    if noise.status is Status.RAISED:
        return noise
    pairs = beyond(
        measurements,
        recording,
        "equal_pairs",
        warning=PAIRED_SAMPLES_WARNING,
        error=PAIRED_SAMPLES_ERROR,
        words=lambda _: "looks like two channels read as one (samples come in pairs)",
        cause="stereo read as mono",
        fix="read it as stereo, or mix it down to mono",
    )
    return noise if pairs.status is Status.NOT_CHECKED else pairs
