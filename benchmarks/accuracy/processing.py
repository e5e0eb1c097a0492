"""Ordinary processing that leaves a recording healthy: resamplers, codecs, gain, noise, tempo, telephony, rooms.

Each is a function of mono samples in full scale 1.0, their rate and a random generator, and returns samples and a rate.
Those that need a program or a library which is not installed are left out.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import signal

from .faults import Random, sixteen_bit

Samples = NDArray[np.float32]
Resampler = Callable[[Samples, int, int], Samples]
Process = Callable[[Samples, int, Random], tuple[Samples, int]]

SPEEX_QUALITIES = (1, 3, 5, 10)
"""PulseAudio and PipeWire offer 1 to 10; 1 is the default of PulseAudio."""
OPUS_KBITS, MP3_KBITS = (24, 32, 64), (64, 128)
TEMPOS = (0.85, 0.92, 1.1, 1.2)


def through(command: Sequence[str], samples: Samples) -> Samples:
    """Return what a program makes of float samples on its standard input."""
    data = samples.astype("<f4").tobytes()
    done = subprocess.run(command, input=data, capture_output=True, check=True, timeout=120)
    return np.frombuffer(done.stdout, "<f4").astype(np.float32)


def ffmpeg(samples: Samples, rate_hz: int, to_hz: int, *options: str) -> Samples:
    """Return the samples through ffmpeg, at another rate and with further options."""
    begin = ("ffmpeg", "-v", "error", "-f", "f32le", "-ar", str(rate_hz), "-ac", "1", "-i", "-")
    return through((*begin, *options, "-f", "f32le", "-ar", str(to_hz), "-ac", "1", "-"), samples)


def coded(samples: Samples, rate_hz: int, suffix: str, *options: str) -> tuple[Samples, int]:
    """Return the samples through an encoder of ffmpeg and back, at the rate of the decoder."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / f"coded.{suffix}")
        begin = ("ffmpeg", "-v", "error", "-f", "f32le", "-ar", str(rate_hz), "-ac", "1", "-i", "-")
        data = samples.astype("<f4").tobytes()
        subprocess.run((*begin, *options, path), input=data, check=True, capture_output=True, timeout=120)
        to_hz = 48000 if suffix == "opus" else rate_hz
        back = ("ffmpeg", "-v", "error", "-i", path, "-f", "f32le", "-ar", str(to_hz), "-ac", "1", "-")
        done = subprocess.run(back, check=True, capture_output=True, timeout=120)
    return np.frombuffer(done.stdout, "<f4").astype(np.float32), to_hz


def sox(samples: Samples, rate_hz: int, to_hz: int) -> Samples:
    """Return the samples through `sox … rate`."""
    ends = ("-t", "f32", "-r", str(rate_hz), "-c", "1", "-", "-t", "f32", "-", "rate", str(to_hz))
    return through(("sox", "-V0", *ends), samples)


def polyphase(samples: Samples, rate_hz: int, to_hz: int) -> Samples:
    """Return the samples through `scipy.signal.resample_poly` with its default filter."""
    ratio = Fraction(to_hz, rate_hz)
    return np.asarray(signal.resample_poly(samples, ratio.numerator, ratio.denominator), dtype=np.float32)


def windowed_sinc(samples: Samples, rate_hz: int, to_hz: int) -> Samples:
    """Return the samples through a Blackman-windowed sinc of 32 taps with its limit at 0.9 of Nyquist.

    The design of the resampler that Chromium uses for WebRTC and Web Audio streams.
    """
    taps, step = 32, rate_hz / to_hz
    limit = 0.9 * min(1.0, 1.0 / step)
    places = np.arange(int(samples.size / step)) * step
    first = np.floor(places).astype(int)
    padded = np.concatenate((np.zeros(taps), samples, np.zeros(taps)))
    result = np.zeros(places.size)
    for tap in range(1 - taps // 2, taps // 2 + 1):
        away = first + tap - places
        phase = 2.0 * np.pi * (away / taps + 0.5)
        window = 0.42 - 0.5 * np.cos(phase) + 0.08 * np.cos(2.0 * phase)
        result += padded[first + tap + taps] * window * limit * np.sinc(limit * away)
    return result.astype(np.float32)


def speex(library: ctypes.CDLL, quality: int) -> Resampler:
    """Return the speex resampler at a quality of 0 to 10."""
    library.speex_resampler_init.restype = ctypes.c_void_p

    def resampled(samples: Samples, rate_hz: int, to_hz: int) -> Samples:
        error = ctypes.c_int()
        made = library.speex_resampler_init(1, rate_hz, to_hz, quality, ctypes.byref(error))
        state = ctypes.c_void_p(made)
        data = np.ascontiguousarray(samples, dtype=np.float32)
        out = np.zeros(data.size * to_hz // rate_hz + 64, dtype=np.float32)
        read, written = ctypes.c_uint32(data.size), ctypes.c_uint32(out.size)
        library.speex_resampler_process_float(
            state, 0, data.ctypes.data_as(ctypes.c_void_p), ctypes.byref(read),
            out.ctypes.data_as(ctypes.c_void_p), ctypes.byref(written),
        )  # fmt: skip
        library.speex_resampler_destroy(state)
        return out[: written.value]

    return resampled


class _Conversion(ctypes.Structure):
    """SRC_DATA of libsamplerate."""

    _fields_ = (
        ("data_in", ctypes.c_void_p),
        ("data_out", ctypes.c_void_p),
        ("input_frames", ctypes.c_long),
        ("output_frames", ctypes.c_long),
        ("input_frames_used", ctypes.c_long),
        ("output_frames_gen", ctypes.c_long),
        ("end_of_input", ctypes.c_int),
        ("src_ratio", ctypes.c_double),
    )


def libsamplerate(library: ctypes.CDLL, converter: int) -> Resampler:
    """Return a sinc converter of libsamplerate: 0 best, 1 medium, 2 fastest."""

    def resampled(samples: Samples, rate_hz: int, to_hz: int) -> Samples:
        data = np.ascontiguousarray(samples, dtype=np.float32)
        out = np.zeros(data.size * to_hz // rate_hz + 64, dtype=np.float32)
        work = _Conversion(data.ctypes.data, out.ctypes.data, data.size, out.size, 0, 0, 1, to_hz / rate_hz)
        if library.src_simple(ctypes.byref(work), converter, 1) != 0:
            raise RuntimeError(f"libsamplerate refused {rate_hz} to {to_hz} Hz")
        return out[: work.output_frames_gen]

    return resampled


def resamplers() -> dict[str, Resampler]:
    """Return the resamplers that can be used here, by name."""
    found: dict[str, Resampler] = {
        "scipy resample_poly": polyphase,
        "windowed sinc of 32 taps": windowed_sinc,
        "soxr quick": lambda x, a, b: soxr.resample(x, a, b, quality="LQ").astype(np.float32),
        "soxr very high": lambda x, a, b: soxr.resample(x, a, b, quality="VHQ").astype(np.float32),
    }
    if shutil.which("ffmpeg"):
        found["ffmpeg -ar"] = ffmpeg
    if shutil.which("sox"):
        found["sox rate"] = sox
    named = ctypes.util.find_library("speexdsp")
    if named:
        found |= {f"speex {quality}": speex(ctypes.CDLL(named), quality) for quality in SPEEX_QUALITIES}
    named = ctypes.util.find_library("samplerate")
    if named:
        found |= {f"libsamplerate {kind}": libsamplerate(ctypes.CDLL(named), kind) for kind in (0, 2)}
    return found


def to_rate(resampler: Resampler, to_hz: int) -> Process:
    """Return a process that resamples to 44.1 or 48 kHz; what has the rate already goes to the other one."""

    def process(x: Samples, hz: int, _: Random) -> tuple[Samples, int]:
        rate_hz = to_hz if hz != to_hz else 92100 - to_hz
        return resampler(x, hz, rate_hz), rate_hz

    return process


def at_gain(gain_db: float) -> Process:
    """Return a process that changes the level, but never beyond full scale."""

    def process(x: Samples, hz: int, _: Random) -> tuple[Samples, int]:
        gain = min(10.0 ** (gain_db / 20.0), 0.98 / float(np.abs(x).max()))
        return x * np.float32(gain), hz

    return process


def padded(x: Samples, hz: int, random: Random) -> tuple[Samples, int]:
    """Return the samples with digital silence before and behind."""
    before, behind = (np.zeros(round(random.uniform(0.2, 2.0) * hz), dtype=np.float32) for _ in range(2))
    return np.concatenate((before, x, behind)), hz


def dithered(x: Samples, hz: int, random: Random) -> tuple[Samples, int]:
    """Return the samples with triangular dither of one step of 16 bits."""
    return x + ((random.random(x.size) - random.random(x.size)) / 32768.0).astype(np.float32), hz


def faded(x: Samples, hz: int, _: Random) -> tuple[Samples, int]:
    """Return the samples faded in and out over 50 ms."""
    size = min(round(0.05 * hz), x.size // 3)
    ramp = np.ones(x.size, dtype=np.float32)
    ramp[:size] = np.linspace(0, 1, size)
    ramp[-size:] = np.linspace(1, 0, size)
    return x * ramp, hz


def with_comfort_noise(x: Samples, hz: int, random: Random) -> tuple[Samples, int]:
    """Return the samples with soft noise at -66 dBFS where they are silent or not, as a telephone line adds."""
    noise = signal.lfilter([1.0], [1.0, -0.7], random.standard_normal(x.size))
    return x + (10 ** (-66 / 20) * noise / np.std(noise)).astype(np.float32), hz


def inverted(x: Samples, hz: int, _: Random) -> tuple[Samples, int]:
    """Return the samples with the other polarity."""
    return -x, hz


def at_tempo(tempo: float) -> Process:
    """Return a process that changes the tempo and keeps the pitch: a slow or a fast speaker."""
    return lambda x, hz, _: (ffmpeg(x, hz, hz, "-af", f"atempo={tempo}"), hz)


def eight_bit(x: Samples, hz: int, _: Random) -> tuple[Samples, int]:
    """Return the samples in eight bits, unsigned, rounded down as simple converters do."""
    return (np.floor(np.clip(x, -1, 0.999) * 128) / 128).astype(np.float32), hz


def telephone(x: Samples, hz: int, _: Random) -> tuple[Samples, int]:
    """Return the samples as a telephone line carries them: 300 Hz to 3.4 kHz, 8 kHz, mu-law."""
    narrow = soxr.resample(x, hz, 8000, quality="HQ") if hz != 8000 else x
    narrow = signal.sosfilt(signal.butter(2, 300, "highpass", fs=8000, output="sos"), narrow)
    size = np.abs(np.clip(narrow, -1, 1))
    code = np.round(127 * np.log1p(255 * size) / np.log(256))
    return (np.sign(narrow) * (np.power(256.0, code / 127) - 1) / 255).astype(np.float32), 8000


def eight_bit_telephone(x: Samples, hz: int, random: Random) -> tuple[Samples, int]:
    """Return the samples at 8 kHz in eight linear bits."""
    narrow = soxr.resample(x, hz, 8000, quality="HQ").astype(np.float32) if hz != 8000 else x
    return eight_bit(narrow, 8000, random)


def far_field(x: Samples, hz: int, random: Random) -> tuple[Samples, int]:
    """Return the samples as a microphone 3 m away hears them: 0.4 s of reverberation, noise 30 dB below."""
    time = np.arange(round(0.5 * hz)) / hz
    tail = random.standard_normal(time.size) * 10 ** (-3 * time / 0.4)
    low = signal.sosfilt(signal.butter(1, min(6000, 0.45 * hz), fs=hz, output="sos"), tail)
    room = low / np.sqrt(np.sum(low**2))
    room[0] += 1.0
    out = signal.fftconvolve(x, room)[: x.size + round(0.3 * hz)]
    out *= 0.5 / np.abs(out).max()
    return (out + np.std(out) * 10 ** (-30 / 20) * random.standard_normal(out.size)).astype(np.float32), hz


def with_plosives(x: Samples, hz: int, random: Random) -> tuple[Samples, int]:
    """Return the samples with releases of plosives: noise that sets in at once and dies away in milliseconds."""
    out = x.copy()
    peak = float(np.abs(x).max())
    for _ in range(max(1, round(x.size / hz))):
        size = round(0.05 * hz)
        time = np.arange(size) / hz
        burst = random.standard_normal(size) * np.exp(-time / random.uniform(0.002, 0.008))
        burst = signal.lfilter([1.0], [1.0, -random.uniform(0.2, 0.8)], burst)
        at = int(random.integers(0, max(1, out.size - size)))
        room = out[at : at + size]
        room += (random.uniform(0.1, 0.5) * peak / np.abs(burst).max() * burst[: room.size]).astype(np.float32)
    return out * np.float32(min(1.0, 0.98 / float(np.abs(out).max()))), hz


def whispered(x: Samples, hz: int, random: Random) -> tuple[Samples, int]:
    """Return the samples with noise in place of the voice: the spectral envelope stays."""
    width = round(0.032 * hz)
    _, _, spectra = signal.stft(x, hz, nperseg=width)
    level = np.log(np.abs(spectra) + 1e-5)
    cepstrum = np.fft.irfft(level, axis=0)
    kept = round(0.0015 * hz)
    cepstrum[kept : cepstrum.shape[0] - kept + 1] = 0
    envelope = np.exp(np.fft.rfft(cepstrum, axis=0).real)
    turned = np.exp(2j * np.pi * random.random(envelope.shape))
    _, out = signal.istft(envelope[: spectra.shape[0]] * turned, hz, nperseg=width)
    out = np.asarray(out[: x.size], dtype=np.float32)
    return out * np.float32(0.5 * np.abs(x).max() / max(1e-6, float(np.abs(out).max()))), hz


def through_coder(suffix: str, *options: str) -> Process:
    """Return the process of encoding with ffmpeg and decoding again."""
    return lambda samples, rate_hz, _: coded(samples, rate_hz, suffix, *options)


def keeping() -> dict[str, Process]:
    """Return the processes after which a recording is still a copy of what it was."""
    found: dict[str, Process] = {"as it is": lambda x, hz, _: (x, hz)}
    for name, resampler in resamplers().items():
        found |= {f"{name} to {to_hz} Hz": to_rate(resampler, to_hz) for to_hz in (48000, 44100)}
    found |= {"gain -20 dB": at_gain(-20), "gain up to +20 dB": at_gain(20), "padding": padded, "dither": dithered}
    found |= {"fades": faded, "comfort noise": with_comfort_noise, "polarity": inverted}
    if shutil.which("ffmpeg"):
        for kbits in OPUS_KBITS:
            options = ("-c:a", "libopus", "-b:a", f"{kbits}k", "-application", "voip")
            found[f"Opus {kbits} kbit/s"] = through_coder("opus", *options)
        for kbits in MP3_KBITS:
            found[f"MP3 {kbits} kbit/s"] = through_coder("mp3", "-b:a", f"{kbits}k")
    return found


def changing() -> dict[str, Process]:
    """Return the processes that change a recording on purpose and leave it healthy by itself."""
    found: dict[str, Process] = {"eight bits": eight_bit, "telephone, mu-law": telephone}
    found |= {"telephone, eight bits": eight_bit_telephone, "far field": far_field, "plosives": with_plosives}
    found |= {"whispered": whispered, "soxr to 16000 Hz": to_rate_down}
    if shutil.which("ffmpeg"):
        found["ffmpeg -ar 16000"] = lambda x, hz, _: (ffmpeg(x, hz, 16000), 16000)
        found |= {f"tempo {tempo:g}": at_tempo(tempo) for tempo in TEMPOS}
    return found


def to_rate_down(x: Samples, hz: int, _: Random) -> tuple[Samples, int]:
    """Return the samples at 16 kHz."""
    return (soxr.resample(x, hz, 16000, quality="HQ").astype(np.float32) if hz != 16000 else x), 16000


def processed(process: Process, samples: Samples, rate_hz: int, random: Random) -> tuple[Samples, int]:
    """Return what a process makes of samples, in 16 bits; quiet enough that a resampler's overshoot is not clipped."""
    out, out_hz = process(np.asarray(samples, dtype=np.float32), rate_hz, random)
    peak = float(np.abs(out).max(initial=0.0))
    return sixteen_bit(out if peak <= 0.99 else out * (0.99 / peak)), out_hz
