"""Resampling of received audio, voice-activity detection, and detection of the end of the turn.

Times are audio time, counted in received samples. So a client that sends faster or slower than real time does not
change them.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soxr
import webrtcvad
from numpy.typing import NDArray

from diag.core.units import LIVE_INPUT_RATE_HZ

Pcm = NDArray[np.int16]

FRAME_MS = 20
FRAME = LIVE_INPUT_RATE_HZ * FRAME_MS // 1000
KEPT_BEFORE_S = 0.4
"""Audio kept from before the detected start, so that recognition gets the beginning of the first word."""
MAX_UTTERANCE_S = 60.0

VAD_MODE = {"HIGH": 2, "LOW": 3}
"""Mode of WebRTC's detector, 0 to 3, by start sensitivity; in higher modes fewer frames count as speech."""
START_FLOOR_DBFS = {"HIGH": -55.0, "LOW": -45.0}
"""RMS below which nothing counts as speech, by start sensitivity."""
END_BELOW_PEAK_DB = {"HIGH": 35.0, "LOW": 45.0}
"""Frames this far below the loudest one of the utterance are silence, by end sensitivity. WebRTC's detector alone
reports speech for 100 ms after its end."""


@dataclass(frozen=True, eq=False)
class Heard:
    """Start or end of speech.

    Parameters
    ----------
    kind : str
        "speech_start" or "speech_end".
    audio_s : float
        Audio time at which speech starts or ends.
    utterance : ndarray of int16 or None
        For an end: the utterance at 16 kHz, shape (n,), with `KEPT_BEFORE_S` before it and the silence after it.
    """

    kind: Literal["speech_start", "speech_end"]
    audio_s: float
    utterance: Pcm | None = None


class Resampled:
    """Resampler of a stream of blobs from their declared rates to 16 kHz."""

    def __init__(self) -> None:
        self._rate_hz = LIVE_INPUT_RATE_HZ
        self._stream: soxr.ResampleStream | None = None

    def feed(self, data: bytes, rate_hz: int) -> Pcm:
        """Return the samples of a blob at 16 kHz, shape (n,); an odd last byte is ignored."""
        samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")
        if rate_hz != self._rate_hz:
            self._rate_hz = rate_hz
            self._stream = (
                None
                if rate_hz == LIVE_INPUT_RATE_HZ
                else soxr.ResampleStream(rate_hz, LIVE_INPUT_RATE_HZ, 1, dtype="int16", quality="HQ")
            )
        if self._stream is None:
            return samples
        resampled: Pcm = self._stream.resample_chunk(samples)
        return resampled


class Endpointer:
    """Detect where speech starts and ends.

    Parameters
    ----------
    silence_ms : int
        Length of silence that ends a turn.
    prefix_padding_ms : int
        Length of speech after which a start is detected.
    start_sensitivity, end_sensitivity : str
        "HIGH" or "LOW".
    manual : bool
        The client marks activity itself, and the detector is off.
    """

    def __init__(
        self,
        *,
        silence_ms: int = 500,
        prefix_padding_ms: int = 60,
        start_sensitivity: str = "HIGH",
        end_sensitivity: str = "HIGH",
        manual: bool = False,
    ) -> None:
        self._silence_frames = max(1, math.ceil(silence_ms / FRAME_MS))
        self._needed = max(1, math.ceil(prefix_padding_ms / FRAME_MS))
        # For a start, about one unvoiced frame is allowed for every four voiced ones.
        self._recent: deque[bool] = deque(maxlen=self._needed + (self._needed + 2) // 4)
        self._floor_power = 10 ** (START_FLOOR_DBFS[start_sensitivity] / 10)
        self._below_peak = 10 ** (-END_BELOW_PEAK_DB[end_sensitivity] / 10)
        self._vad = webrtcvad.Vad(VAD_MODE[start_sensitivity])
        self._manual = manual
        self._rest: Pcm = np.zeros(0, dtype=np.int16)
        self._kept: deque[Pcm] = deque()
        self._kept_frames = 0
        self._frames = 0
        self._speaking = False
        self._last_voiced = 0
        self._peak_power = 0.0

    @property
    def speaking(self) -> bool:
        """Return whether speech has started and not ended."""
        return self._speaking

    @property
    def so_far(self) -> Pcm:
        """Return the current utterance so far, at 16 kHz, shape (n,); empty if there is none."""
        return np.concatenate(self._kept) if self._speaking and self._kept else np.zeros(0, dtype=np.int16)

    @property
    def audio_s(self) -> float:
        """Return the audio time so far, in seconds."""
        return (self._frames * FRAME + len(self._rest)) / LIVE_INPUT_RATE_HZ

    def feed(self, pcm: Pcm) -> list[Heard]:
        """Take audio at 16 kHz, shape (n,); return the starts and ends of speech in it."""
        joined = np.concatenate((self._rest, pcm)) if len(self._rest) else pcm
        count = len(joined) // FRAME
        self._rest = joined[count * FRAME :].copy()
        if count == 0:
            return []
        frames = joined[: count * FRAME].reshape(count, FRAME)
        power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / (FRAME * 32768.0**2)
        heard: list[Heard] = []
        for frame, level in zip(frames, power.tolist(), strict=True):
            self._keep(frame)
            self._frames += 1
            if not self._manual:
                heard += self._detect(frame, level)
        return heard

    def start(self) -> list[Heard]:
        """Start speech because the client marks it (activityStart)."""
        if self._speaking:
            return []
        self._speaking = True
        self._clear()
        return [Heard("speech_start", self.audio_s)]

    def end(self) -> list[Heard]:
        """End speech because the client marks its end or that of the stream (activityEnd, audioStreamEnd)."""
        self._recent.clear()
        if not self._speaking:
            return []
        end_s = self.audio_s if self._manual else self._last_voiced * FRAME / LIVE_INPUT_RATE_HZ
        return [self._ended(end_s)]

    def _detect(self, frame: Pcm, level: float) -> list[Heard]:
        voiced = level > self._floor_power and self._vad.is_speech(frame.tobytes(), LIVE_INPUT_RATE_HZ)
        if not self._speaking:
            self._recent.append(voiced)
            if sum(self._recent) < self._needed:
                return []
            first = self._frames - len(self._recent) + self._recent.index(True)
            self._recent.clear()
            self._speaking, self._last_voiced, self._peak_power = True, self._frames, level
            return [Heard("speech_start", first * FRAME / LIVE_INPUT_RATE_HZ)]
        self._peak_power = max(self._peak_power, level)
        if voiced and level > self._peak_power * self._below_peak:
            self._last_voiced = self._frames
        if self._frames - self._last_voiced >= self._silence_frames:
            return [self._ended(self._last_voiced * FRAME / LIVE_INPUT_RATE_HZ)]
        return []

    def _ended(self, end_s: float) -> Heard:
        utterance = np.concatenate((*self._kept, self._rest)) if self._kept else self._rest
        self._speaking = False
        self._peak_power = 0.0
        self._clear()
        return Heard("speech_end", end_s, utterance)

    def _clear(self) -> None:
        self._kept.clear()
        self._kept_frames = 0

    def _keep(self, frame: Pcm) -> None:
        self._kept.append(frame)
        self._kept_frames += FRAME
        limit_s = MAX_UTTERANCE_S if self._speaking else KEPT_BEFORE_S
        while self._kept_frames > limit_s * LIVE_INPUT_RATE_HZ:
            self._kept_frames -= len(self._kept.popleft())
