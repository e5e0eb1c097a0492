"""Planted faults of byte formats: a stream of 16-bit samples that is decoded in another format than it has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diag.core.clip import Samples, clip_from_pcm16, pcm16_from_samples
from diag.files.planted import Planted

HEADER_EVERY_S = 0.2
"""Interval of `wav-header` if the fault gives none: a WAV header before each piece of this length."""


class Misread:
    """Change the bytes of a stream from `at_s` on, and decode them as 16-bit little-endian PCM.

    If the bytes of a block are not a whole number of samples, the last one is kept for the next block, as in a client
    that does not know of the fault.
    """

    def __init__(self, fault: Planted, sample_rate_hz: int) -> None:
        self._before = round((fault.at_s or 0.0) * sample_rate_hz)
        self._every = round((fault.every_s or HEADER_EVERY_S) * sample_rate_hz)
        self._sample_rate_hz = sample_rate_hz
        self._reading = fault.reading or "odd-byte"
        self._position = 0
        self._rest = b""

    def push(self, samples: Samples) -> Samples:
        """Take samples; return the samples that are decoded in their place."""
        untouched, rest = samples[: self._before], samples[self._before :]
        self._before -= len(untouched)
        if not len(rest):
            return untouched
        data = self._rest + _READINGS[self._reading](self, rest)
        whole = len(data) // 2 * 2
        self._rest = data[whole:]
        self._position += len(rest)
        read = clip_from_pcm16(data[:whole], self._sample_rate_hz).samples
        return np.concatenate((untouched, read))

    def finish(self) -> Samples:
        """Return no samples: at most one byte is held."""
        return np.zeros(0, dtype=np.float32)

    def _odd_byte(self, samples: Samples) -> bytes:
        extra = b"\0" if self._position == 0 else b""
        return extra + pcm16_from_samples(samples)

    def _big_endian(self, samples: Samples) -> bytes:
        return np.frombuffer(pcm16_from_samples(samples), dtype="<i2").astype(">i2").tobytes()

    def _int16_as_float(self, samples: Samples) -> bytes:
        return pcm16_from_samples(samples * np.float32(32768))

    def _float32_as_int16(self, samples: Samples) -> bytes:
        return samples.astype("<f4").tobytes()

    def _mulaw(self, samples: Samples) -> bytes:
        """Return PCM in which each byte was decoded as a mu-law sample (ITU-T G.711)."""
        code = ~np.frombuffer(pcm16_from_samples(samples), dtype=np.uint8)
        size = (((code & 0x0F).astype(np.int32) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
        return np.where(code & 0x80, -size, size).astype("<i2").tobytes()

    def _stereo_as_mono(self, samples: Samples) -> bytes:
        return pcm16_from_samples(np.repeat(samples, 2))

    def _wav_header(self, samples: Samples) -> bytes:
        parts, done = [], 0
        while done < len(samples):
            into = (self._position + done) % self._every
            if into == 0:
                parts.append(_header(self._every, self._sample_rate_hz))
            take = min(self._every - into, len(samples) - done)
            parts.append(pcm16_from_samples(samples[done : done + take]))
            done += take
        return b"".join(parts)


_READINGS: dict[str, Callable[[Misread, Samples], bytes]] = {
    "odd-byte": Misread._odd_byte,
    "big-endian": Misread._big_endian,
    "int16-as-float": Misread._int16_as_float,
    "float32-as-int16": Misread._float32_as_int16,
    "mulaw": Misread._mulaw,
    "stereo-as-mono": Misread._stereo_as_mono,
    "wav-header": Misread._wav_header,
}


def _header(frames: int, sample_rate_hz: int) -> bytes:
    """Return the 44-byte header of a 16-bit mono WAV file with this number of frames."""
    size = 2 * frames
    fields = (
        (b"RIFF", 0), (36 + size, 4), (b"WAVEfmt ", 0), (16, 4), (1, 2), (1, 2), (sample_rate_hz, 4),
        (2 * sample_rate_hz, 4), (2, 2), (16, 2), (b"data", 0), (size, 4),
    )  # fmt: skip
    return b"".join(value if isinstance(value, bytes) else value.to_bytes(width, "little") for value, width in fields)
