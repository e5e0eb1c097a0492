"""Output delay of mouth and speaker, measured with a coded burst played by each and found in the ear's recording.

The ear's recording shows when a burst arrived. The output's device stamps show when it should have arrived. The
difference is the delay of the port. The error of the ear's own stamps is the same in both delays, so it cancels when
one is subtracted from the other.
"""

from __future__ import annotations

import asyncio
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
"""The ear records this much longer than the burst; it limits the delay that can be measured."""
TIMEOUT_S = 3.0
"""Longest duration of the whole calibration."""
_POLL_S = 0.01
_PEAK_WIDTH_S = 0.005


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Measured delay of one port.

    Parameters
    ----------
    port : str
        "mouth" or "speaker".
    delay_s : float or None
        Time from the burst's device stamp to its arrival in the ear's recording; None if the confidence is below
        `LEAST_CONFIDENCE`.
    confidence : float
        0 to 1.
    signal_dbfs : float
        RMS level of the ear's recording where the correlation is highest (of all of it if there is no correlation).
    """

    port: str
    delay_s: float | None
    confidence: float
    signal_dbfs: float


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


async def calibrate(mouth: Mouth, speaker: Mouth, ear: Tape, session: AudioSession) -> tuple[Calibration, ...]:
    """Play silence until the streams have settled, then play both bursts and find them; takes about 1 s.

    Parameters
    ----------
    mouth, speaker : Mouth
        What the two output ports pull from during calibration.
    ear : Tape
        What the ear writes to during calibration; with two channels, prompt on channel 0 and reply on channel 1.
    session : AudioSession
        The open streams.

    Returns
    -------
    tuple of Calibration
        One for the mouth and one for the speaker; without a delay if that port or the ear is not open.
    """
    sources = {port: source for port, source in (("mouth", mouth), ("speaker", speaker)) if port in session.devices}
    begin_s = time.perf_counter()
    starts: dict[str, int] = {}

    def running() -> bool:
        return session.failed is None and time.perf_counter() - begin_s < TIMEOUT_S

    if "ear" in session.devices:
        warming = [source.tape for source in sources.values()]
        while running() and any(tape.frames < WARM_UP_S * tape.sample_rate_hz for tape in warming):
            await asyncio.sleep(_POLL_S)
        for port, source in sources.items():
            starts[port] = source.say(burst(port, source.tape.sample_rate_hz))
            await asyncio.sleep(BURST_S + GAP_S)
        while running() and not all(_heard(sources[port], starts[port], ear) for port in starts):
            await asyncio.sleep(_POLL_S)
    return tuple(
        _measured(port, sources[port], starts[port], ear)
        if port in starts
        else Calibration(port=port, delay_s=None, confidence=0.0, signal_dbfs=SILENCE_DBFS)
        for port in CODES
    )


def _heard(source: Mouth, start: int, ear: Tape) -> bool:
    """Return whether the ear has recorded long enough after the burst to contain it."""
    if source.busy:
        return False
    return bool(ear.stamps().t_s[-1] > _time_of(source.tape, start) + BURST_S + MARGIN_S)


def _measured(port: str, source: Mouth, start: int, ear: Tape) -> Calibration:
    heard = ear.samples()
    if heard.ndim == 2:
        heard = heard[:, list(CODES).index(port)]
    found = find_burst(burst(port, ear.sample_rate_hz), heard)
    delay_s = None
    if found.confidence >= LEAST_CONFIDENCE:
        delay_s = _time_of(ear, found.frame) - _time_of(source.tape, start)
    return Calibration(port=port, delay_s=delay_s, confidence=found.confidence, signal_dbfs=found.signal_dbfs)


def _time_of(tape: Tape, frame: float) -> float:
    """Return when a frame passed its device, from the stamps near it; earlier stamps are from before settling."""
    reach = STAMPS_AROUND_S * tape.sample_rate_hz
    around = stamp_fit(tape.stamps(), tape.sample_rate_hz, start_frame=round(frame - reach))
    return around.time_at(frame)
