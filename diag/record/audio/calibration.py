"""Calibration of each path between the devices: a coded burst from mouth and speaker, found by ear and microphone.

A recording shows when a burst arrived. The output's device stamps show when it should have arrived. The difference is
the delay of the path. The error of an input's own stamps is the same in both delays to it, so it cancels when one is
subtracted from the other.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass

import numpy as np

from diag.core.clip import Samples
from diag.core.units import SILENCE_DBFS
from diag.dsp.level import rms_dbfs
from diag.record.audio.ports import AudioSession
from diag.record.audio.tape import Mouth, Tape, stamp_fit
from diag.record.client.resampler import resample

BURST_S = 0.1
BURST_PEAK = 0.3
BAND_HZ = (400.0, 7000.0)
CODES = {"mouth": 11, "speaker": 23}
"""Seed of each port's burst."""
LEAST_CONFIDENCE = 0.25
"""Below this confidence no delay is reported. Over 200 recordings each, noise alone and the other port's burst stayed
below 0.03. Every burst was found in the right place, down to 15 dB below white noise, where the confidence was 0.15
(`benchmarks/calibration_confidence.py`)."""
WARM_UP_S = 0.65
"""Silence played on each output first: delays and stamps of a new stream settle only after about 0.5 s of audio,
the buffer included."""
STAMPS_AROUND_S = 0.1
"""Device stamps from this long before a burst on are used for its time."""
GAP_S = 0.05
"""Silence between the two bursts."""
MARGIN_S = 0.15
"""The inputs record this much longer than the burst; it limits the delay that can be measured."""
TIMEOUT_S = 3.0
"""Longest duration of the whole calibration."""
_POLL_S = 0.01
_PEAK_WIDTH_S = 0.005


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Measured delay and level of one path.

    Parameters
    ----------
    port : str
        Where it begins: "mouth" or "speaker".
    at : str
        Where it ends: "ear" or "microphone".
    delay_s : float or None
        Time from the burst's device stamp to its arrival in the recording; None if the confidence is below
        `LEAST_CONFIDENCE`.
    confidence : float
        0 to 1.
    signal_dbfs : float
        RMS level of the recording where the correlation is highest (of all of it if there is no correlation).
    level_db : float or None
        That level relative to the burst as it was played; None without a delay.
    """

    port: str
    at: str = "ear"
    delay_s: float | None
    confidence: float
    signal_dbfs: float
    level_db: float | None = None


@dataclass(frozen=True)
class Found:
    """Place of a burst in a recording: first frame, confidence (0 to 1), RMS level."""

    frame: float
    confidence: float
    signal_dbfs: float


def burst(port: str, sample_rate_hz: int) -> Samples:
    """Return the port's burst: faded noise in `BAND_HZ` with a fixed seed.

    It is the same waveform at every rate from 16 kHz up; float32 of shape (n,), `BURST_S` long, peak `BURST_PEAK`.
    """
    wide_hz = 48000
    frames = round(BURST_S * wide_hz)
    frequencies = np.fft.rfftfreq(frames, 1 / wide_hz)
    phases = np.random.default_rng(CODES[port]).uniform(0, 2 * np.pi, len(frequencies))
    in_band = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    noise = np.fft.irfft(np.where(in_band, np.exp(1j * phases), 0), frames) * np.hanning(frames)
    samples = (BURST_PEAK * noise / np.abs(noise).max()).astype(np.float32)
    return resample(samples, wide_hz, sample_rate_hz)


def find_burst(code: Samples, heard: Samples) -> Found:
    """Find a burst in a mono recording of the same rate.

    The confidence is the peak of the normalised correlation, reduced if a second place fits nearly as well:
    `peak * (1 - (second / peak) ** 2)`.
    """
    from diag.dsp.align import normalised_cross_correlation, parabola_peak

    correlation = np.abs(normalised_cross_correlation(code, heard))
    if not correlation.any():
        return Found(0.0, 0.0, rms_dbfs(heard))
    peak = int(np.argmax(correlation))
    width = max(1, round(_PEAK_WIDTH_S / BURST_S * len(code)))
    elsewhere = np.concatenate((correlation[: max(0, peak - width)], correlation[peak + width + 1 :]))
    best, second = float(correlation[peak]), float(elsewhere.max(initial=0.0))
    confidence = best * (1 - (second / best) ** 2)
    return Found(parabola_peak(correlation, peak), confidence, rms_dbfs(heard[peak : peak + len(code)]))


async def calibrate(
    mouth: Mouth, speaker: Mouth, ear: Tape, session: AudioSession, microphone: Tape | None = None
) -> tuple[Calibration, ...]:
    """Play silence until the streams have settled, then play both bursts and find them; takes about 1 s.

    Parameters
    ----------
    mouth, speaker : Mouth
        What the two output ports pull from during calibration.
    ear : Tape
        What the ear writes to during calibration; with two channels, prompt on channel 0 and reply on channel 1.
    session : AudioSession
        The open streams.
    microphone : Tape, optional
        What the microphone writes to during calibration.

    Returns
    -------
    tuple of Calibration
        The paths of mouth and speaker to the ear, without a delay if one of the ports is not open. Then those to the
        microphone if it is open.
    """
    sources = {port: source for port, source in (("mouth", mouth), ("speaker", speaker)) if port in session.devices}
    tapes = {"ear": ear} if "ear" in session.devices else {}
    if microphone is not None and "microphone" in session.devices:
        tapes["microphone"] = microphone
    begin_s = time.perf_counter()
    starts: dict[str, int] = {}

    def running() -> bool:
        return session.failed is None and time.perf_counter() - begin_s < TIMEOUT_S

    if tapes:
        warming = [source.tape for source in sources.values()]
        while running() and any(tape.frames < WARM_UP_S * tape.sample_rate_hz for tape in warming):
            await asyncio.sleep(_POLL_S)
        for port, source in sources.items():
            starts[port] = source.say(burst(port, source.tape.sample_rate_hz))
            await asyncio.sleep(BURST_S + GAP_S)
        while running() and not all(
            _heard(sources[port], starts[port], tape) for port in starts for tape in tapes.values()
        ):
            await asyncio.sleep(_POLL_S)
    return tuple(
        _measured(port, at, sources[port], starts[port], tapes[at])
        if port in starts and at in tapes
        else Calibration(port=port, at=at, delay_s=None, confidence=0.0, signal_dbfs=SILENCE_DBFS)
        for at in ("ear", "microphone")
        for port in CODES
        if at == "ear" or (at in tapes and port in starts)
    )


def _heard(source: Mouth, start: int, tape: Tape) -> bool:
    """Return whether a tape is long enough to contain the burst."""
    if source.busy:
        return False
    return bool(_newest_s(tape) > _time_of(source.tape, start) + BURST_S + MARGIN_S)


def _newest_s(tape: Tape) -> float:
    stamps = tape.stamps()
    return float(stamps.t_s[-1]) if len(stamps.t_s) else -math.inf


def _measured(port: str, at: str, source: Mouth, start: int, tape: Tape) -> Calibration:
    heard = tape.samples()
    if heard.ndim == 2:
        heard = heard[:, list(CODES).index(port)]
    code = burst(port, tape.sample_rate_hz)
    found = find_burst(code, heard)
    delay_s = level_db = None
    if found.confidence >= LEAST_CONFIDENCE:
        delay_s = _time_of(tape, found.frame) - _time_of(source.tape, start)
        level_db = found.signal_dbfs - rms_dbfs(code)
    return Calibration(
        port=port, at=at, delay_s=delay_s, confidence=found.confidence, signal_dbfs=found.signal_dbfs,
        level_db=level_db,
    )  # fmt: skip


def _time_of(tape: Tape, frame: float) -> float:
    """Return when a frame passed its device, from the stamps near it; earlier stamps are from before settling.

    For an input without stamps it is when the frame was delivered.
    """
    reach = STAMPS_AROUND_S * tape.sample_rate_hz
    stamps = tape.stamps()
    around = stamp_fit(stamps, tape.sample_rate_hz, start_frame=round(frame - reach))
    if math.isfinite(around.t0_s):
        return around.time_at(frame)
    ends = np.append(stamps.frame[1:], tape.frames)
    return float(np.median(stamps.t_s - ends / tape.sample_rate_hz)) + frame / tape.sample_rate_hz
