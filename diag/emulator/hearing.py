"""Listening: audio at its declared rate, a voice-activity detector, and the end of the turn.

A state machine: audio goes in, what was heard comes out. Times are audio time, counted in samples received: a
client that sends faster or slower than the clock is heard as its samples say.
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

EAR_RATE_HZ = LIVE_INPUT_RATE_HZ
FRAME_MS = 20
FRAME = EAR_RATE_HZ * FRAME_MS // 1000
KEPT_BEFORE_S = 0.4
"""Audio kept from before the detected start, so that the first sound of a word is not lost to recognition."""
MAX_UTTERANCE_S = 60.0

VAD_MODE = {"HIGH": 2, "LOW": 3}
"""Of WebRTC's detector, 0 to 3: the higher, the surer it must be that a frame is speech."""
START_FLOOR_DBFS = {"HIGH": -55.0, "LOW": -45.0}
"""RMS below which nothing counts as speech, by start sensitivity."""
END_BELOW_PEAK_DB = {"HIGH": 35.0, "LOW": 45.0}
"""Frames this far below the loudest of the utterance are silence: WebRTC's detector alone hangs on for 100 ms."""


@dataclass(frozen=True, eq=False)
class Heard:
    """Speech began or ended.

    Parameters
    ----------
    audio_s : float
        Audio time of the first or after the last frame of speech.
    utterance : ndarray of int16 or None
        At 16 kHz, for an end: the speech with a little before and what came after.
    """

    kind: Literal["speech_start", "speech_end"]
    audio_s: float
    utterance: Pcm | None = None


class Resampled:
    """A stream of blobs at declared rates, brought to 16 kHz."""

    def __init__(self) -> None:
        self._rate_hz = EAR_RATE_HZ
        self._stream: soxr.ResampleStream | None = None

    def feed(self, data: bytes, rate_hz: int) -> Pcm:
        """Samples at 16 kHz; an odd last byte of a blob is no sample and is left out."""
        samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")
        if rate_hz != self._rate_hz:
            self._rate_hz = rate_hz
            self._stream = (
                None
                if rate_hz == EAR_RATE_HZ
                else soxr.ResampleStream(rate_hz, EAR_RATE_HZ, 1, dtype="int16", quality="HQ")
            )
        if self._stream is None:
            return samples
        resampled: Pcm = self._stream.resample_chunk(samples)
        return resampled


class Endpointer:
    """Finds where speech begins and ends.

    Parameters
    ----------
    silence_ms : int
        Silence that ends a turn.
    prefix_padding_ms : int
        Speech that must be heard before a start counts.
    start_sensitivity, end_sensitivity : str
        "HIGH" or "LOW".
    manual : bool
        The client marks activity itself; the detector is off.
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
        # One frame in four may be unvoiced within the stretch that commits a start.
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
        """Whether speech has begun and not ended."""
        return self._speaking

    @property
    def so_far(self) -> Pcm:
        """The utterance that has begun, at 16 kHz; empty before and after."""
        return np.concatenate(self._kept) if self._speaking and self._kept else np.zeros(0, dtype=np.int16)

    @property
    def audio_s(self) -> float:
        """Audio time so far."""
        return (self._frames * FRAME + len(self._rest)) / EAR_RATE_HZ

    def feed(self, pcm: Pcm) -> list[Heard]:
        """Take audio at 16 kHz; give what was heard in it."""
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
        """The client says that speech begins (activityStart)."""
        if self._speaking:
            return []
        self._speaking = True
        self._clear()
        return [Heard("speech_start", self.audio_s)]

    def end(self) -> list[Heard]:
        """The client says that speech or the stream ends (activityEnd, audioStreamEnd)."""
        self._recent.clear()
        if not self._speaking:
            return []
        end_s = self.audio_s if self._manual else self._last_voiced * FRAME / EAR_RATE_HZ
        return [self._ended(end_s)]

    def _detect(self, frame: Pcm, level: float) -> list[Heard]:
        voiced = level > self._floor_power and self._vad.is_speech(frame.tobytes(), EAR_RATE_HZ)
        if not self._speaking:
            self._recent.append(voiced)
            if sum(self._recent) < self._needed:
                return []
            first = self._frames - len(self._recent) + self._recent.index(True)
            self._recent.clear()
            self._speaking, self._last_voiced, self._peak_power = True, self._frames, level
            return [Heard("speech_start", first * FRAME / EAR_RATE_HZ)]
        self._peak_power = max(self._peak_power, level)
        if voiced and level > self._peak_power * self._below_peak:
            self._last_voiced = self._frames
        if self._frames - self._last_voiced >= self._silence_frames:
            return [self._ended(self._last_voiced * FRAME / EAR_RATE_HZ)]
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
        while self._kept_frames > limit_s * EAR_RATE_HZ:
            self._kept_frames -= len(self._kept.popleft())
