"""What a segment adds: level, noise, hum, tones, direct current, distortion, aliases, images, copies, rooms.

Each fault is made in strengths from barely audible to gross, on one recording a speaker. Two rows sum up each: the
strength from which on half and 95 % are found. Healthy pairs went through what ordinary software does to sound.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from diag.dsp.additions import Additions, faults, measure_additions
from diag.dsp.aligned import AlignedPair, Piece, align_pair

from .board import Board
from .voices import HALVES, Voice

Samples = NDArray[np.float64]
Random = np.random.Generator
SHORTEST_S = 2.5
A_SPEAKER = 1
HEALTHY_A_SPEAKER = 2


class Made(NamedTuple):
    """A pair with a known fault: the reference, what came out, its rate, and how the fault should read (or None)."""

    reference: Samples
    estimated: Samples
    rate_hz: float
    size: float | None


Maker = Callable[[Voice, float, Random], Made]


def rms(samples: Samples) -> float:
    """Root mean square of the active half of 20 ms frames and above, as the measures take the level of speech."""
    return float(np.sqrt(np.mean(np.square(samples))))


def clean(voice: Voice) -> Samples:
    """The recording at a peak of 0.5."""
    samples = voice.samples.astype(np.float64)
    return np.asarray(samples * (0.5 / np.abs(samples).max()))


def level_step(voice: Voice, change_db: float, random: Random) -> Made:
    """A change of level from a moment in the middle on."""
    own = clean(voice)
    at = round(random.uniform(0.35, 0.65) * own.size)
    out = own.copy()
    out[at:] *= 10 ** (change_db / 20)
    return Made(own, out, voice.rate_hz, change_db)


def level_fade(voice: Voice, change_db: float, random: Random) -> Made:
    """A change of level that takes 0.8 s."""
    own = clean(voice)
    at = round(random.uniform(0.25, 0.4) * own.size)
    ramp = np.clip((np.arange(own.size) - at) / (0.8 * voice.rate_hz), 0, 1)
    return Made(own, own * 10 ** (change_db * ramp / 20), voice.rate_hz, change_db)


def pumping(voice: Voice, range_db: float, random: Random) -> Made:
    """A gain that goes up and down at 0.8 to 1.5 Hz."""
    own = clean(voice)
    time = np.arange(own.size) / voice.rate_hz
    wave = np.sin(2 * np.pi * (random.uniform(0.8, 1.5) * time + random.uniform()))
    return Made(own, own * 10 ** (0.5 * range_db * wave / 20), voice.rate_hz, range_db)


def white_noise(voice: Voice, snr_db: float, random: Random) -> Made:
    """White noise."""
    own = clean(voice)
    return Made(own, own + random.standard_normal(own.size) * active_rms(own, voice.rate_hz) * 10 ** (-snr_db / 20),
                voice.rate_hz, snr_db)  # fmt: skip


def pink_noise(voice: Voice, snr_db: float, random: Random) -> Made:
    """Noise that falls by 3 dB an octave from 50 Hz on."""
    own = clean(voice)
    spectrum = np.fft.rfft(random.standard_normal(own.size))
    hz = np.fft.rfftfreq(own.size, 1 / voice.rate_hz)
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(hz, 50.0)), own.size)
    return Made(own, own + noise / rms(noise) * active_rms(own, voice.rate_hz) * 10 ** (-snr_db / 20),
                voice.rate_hz, snr_db)  # fmt: skip


def hum(voice: Voice, level_db: float, random: Random) -> Made:
    """Mains hum of 50 or 60 Hz with some harmonics."""
    own = clean(voice)
    time = np.arange(own.size) / voice.rate_hz
    mains = float(random.choice((50.0, 60.0))) * (1 + random.uniform(-0.0005, 0.0005))
    parts = [random.uniform(0.1, 1.0) / k**1.5 * np.sin(2 * np.pi * (k * mains * time + random.uniform()))
             for k in range(1, 6)]  # fmt: skip
    wave = np.sum(parts, axis=0)
    return Made(own, own + wave / rms(wave) * active_rms(own, voice.rate_hz) * 10 ** (level_db / 20),
                voice.rate_hz, level_db)  # fmt: skip


def steady_tone(voice: Voice, level_db: float, random: Random) -> Made:
    """A tone of 450 to 3500 Hz throughout."""
    own = clean(voice)
    time = np.arange(own.size) / voice.rate_hz
    wave = np.sqrt(2) * np.sin(2 * np.pi * random.uniform(450, 3500) * time)
    return Made(own, own + wave * active_rms(own, voice.rate_hz) * 10 ** (level_db / 20), voice.rate_hz, level_db)


def direct_current(voice: Voice, level_dbfs: float, random: Random) -> Made:
    """A constant added."""
    own = clean(voice)
    return Made(own, own + random.choice((-1, 1)) * 10 ** (level_dbfs / 20), voice.rate_hz, level_dbfs)


def hard_clip(voice: Voice, limit_db: float, random: Random) -> Made:
    """Cut at a level against the peak, at a random gain afterwards."""
    own = clean(voice)
    limit = 0.5 * 10 ** (limit_db / 20)
    return Made(own, np.clip(own, -limit, limit) * random.uniform(0.7, 1.4), voice.rate_hz, None)


def soft_overdrive(voice: Voice, drive_db: float, random: Random) -> Made:
    """The hyperbolic tangent, driven by the peak over its knee."""
    own = clean(voice)
    drive = 2 * 10 ** (drive_db / 20)
    return Made(own, np.tanh(own * drive) / np.tanh(0.5 * drive) * 0.5 * random.uniform(0.7, 1.4), voice.rate_hz, None)


def wrapped(voice: Voice, over_db: float, random: Random) -> Made:
    """Amplified without a limit, so that the integer wraps; the peak exceeds full scale by so much."""
    own = clean(voice)
    loud = own * 2 * 10 ** (over_db / 20)
    return Made(own, (loud + 1) % 2 - 1, voice.rate_hz, None)


def few_bits(voice: Voice, bits: float, random: Random) -> Made:
    """Rounded to so many bits."""
    own = clean(voice)
    step = 2.0 / 2**bits
    return Made(own, np.round(own / step) * step, voice.rate_hz, bits)


def wrong_table(voice: Voice, times_db: float, random: Random) -> Made:
    """A-law at 8 kHz whose upper segments are decoded by so much too loud."""
    own = soxr.resample(clean(voice), voice.rate_hz, 8000, quality="VHQ")
    size = np.abs(own)
    exponent = np.maximum(np.floor(np.log2(np.maximum(size * 128, 1e-9))), 0)
    step = np.where(size * 128 < 1, 1 / 2048, 2**exponent / 2048)
    coded = (np.floor(size / step) + 0.5) * step
    coded = np.where(size * 128 < 1, coded, coded * 10 ** (times_db / 20))
    return Made(own, np.sign(own) * np.minimum(coded, 1.0), 8000, None)


def aliases(voice: Voice, gain_db: float, random: Random) -> Made:
    """Down to 16 (or 8) kHz with a filter that lets this much of the treble through."""
    to_hz = 16000 if voice.rate_hz >= 22050 else 8000
    high_hz = 2 * to_hz
    own = soxr.resample(clean(voice), voice.rate_hz, high_hz, quality="VHQ")
    good = soxr.resample(soxr.resample(own, high_hz, to_hz, quality="VHQ"), to_hz, high_hz, quality="VHQ")
    good = np.pad(good, (0, 8))[: own.size]
    share = 10 ** (gain_db / 20)
    taken = ((1 - share) * good + share * own)[::2]
    back = np.pad(soxr.resample(taken, to_hz, high_hz, quality="VHQ"), (0, 8))[: own.size]
    return Made(own, back, high_hz, None)


def mirror_images(voice: Voice, gain_db: float, random: Random) -> Made:
    """Up to twice the rate by repeating samples (gain 0) or with so much of its images left."""
    low_hz = next(hz for hz in (24000, 16000, 8000) if hz <= max(voice.rate_hz, 8000))
    own = soxr.resample(clean(voice), voice.rate_hz, low_hz, quality="VHQ")
    high = soxr.resample(own, low_hz, 2 * low_hz, quality="VHQ")
    repeated = np.repeat(own, 2)
    size = min(high.size, repeated.size)
    # Repeating is late by half a sample of the higher rate, which the filter between both takes up.
    share = 10 ** (gain_db / 20)
    return Made(high[:size], (1 - share) * high[:size] + share * repeated[:size], 2 * low_hz, None)


def echo(voice: Voice, level_db: float, random: Random) -> Made:
    """One copy of this level, 30 to 500 ms later."""
    own = clean(voice)
    late = round(random.uniform(0.03, 0.5) * voice.rate_hz)
    out = own.copy()
    out[late:] += own[:-late] * 10 ** (level_db / 20)
    return Made(own, 0.6 * out, voice.rate_hz, level_db)


def room(voice: Voice, level_db: float, random: Random) -> Made:
    """Noise that dies away in 0.25 to 0.8 s for a response, its energy against the direct sound."""
    own = clean(voice)
    time = np.arange(round(0.9 * voice.rate_hz)) / voice.rate_hz
    tail = random.standard_normal(time.size) * 10 ** (-3 * time / random.uniform(0.25, 0.8))
    tail[: round(0.005 * voice.rate_hz)] = 0
    tail *= np.sqrt(10 ** (level_db / 10) / np.sum(tail**2))
    size = own.size + tail.size
    wet = np.fft.irfft(np.fft.rfft(own, size) * np.fft.rfft(tail, size), size)[: own.size]
    return Made(own, 0.6 * (own + wet), voice.rate_hz, level_db)


FAULTS: dict[str, tuple[Maker, tuple[float, ...], tuple[str, ...], Callable[[Additions], float | None], float]] = {}
"""Name: maker, strengths from weak to strong, the right kinds, the size as measured, and how exact it must be."""


def _define() -> None:
    def level_size(m: Additions) -> float | None:
        return m.level.steps[0].change_db if m.level is not None and m.level.steps else None

    none: Callable[[Additions], float | None] = lambda m: None  # noqa: E731
    FAULTS.update(
        {
            "level step": (level_step, (-2, -3, -4, -6, -12, -20, -40), ("level step",), level_size, 1.0),
            "level fade": (level_fade, (-3, -5, -8, -12, -20), ("level fade", "level step"), none, 1.0),
            "pumping": (pumping, (3, 5, 8, 12, 18), ("pumping", "level fade", "level step"), none, 1.0),
            "white noise": (white_noise, (45, 40, 35, 30, 25, 20, 15, 10, 5), ("noise",),
                            lambda m: m.noise.snr_db if m.noise else None, 1.0),
            "pink noise": (pink_noise, (45, 40, 35, 30, 25, 20, 15, 10, 5), ("noise",),
                           lambda m: m.noise.snr_db if m.noise else None, 1.0),
            "hum": (hum, (-50, -45, -40, -35, -30, -20, -12, -6), ("hum",),
                    lambda m: m.hum.relative_db if m.hum else None, 1.0),
            "tone": (steady_tone, (-55, -50, -45, -40, -35, -30, -20, -10), ("tone",),
                     lambda m: m.tones[0].relative_db if m.tones else None, 1.0),
            "direct current": (direct_current, (-50, -45, -42, -40, -35, -30, -20), ("dc",), lambda m: m.dc_dbfs, 1.0),
            "clipped": (hard_clip, (-1, -2, -4, -6, -9, -12, -18, -24), ("clipped",), none, 1.0),
            "overdrive": (soft_overdrive, (-12, -6, -3, 0, 3, 6, 12, 18), ("overdrive",), none, 1.0),
            "wrapped": (wrapped, (0.1, 0.5, 1, 2, 4, 6, 9.5), ("wrapped",), none, 1.0),
            "few bits": (few_bits, (7, 6, 5, 4, 3), ("few bits",),
                         lambda m: m.distortion.detail if m.distortion else None, 0.1),
            "wrong table": (wrong_table, (3, 6, 9, 12), ("companding",), none, 1.0),
            "aliasing": (aliases, (-30, -24, -18, -12, -6, 0), ("aliasing",), none, 1.0),
            "images": (mirror_images, (-30, -24, -18, -12, -6, 0), ("images",), none, 1.0),
            "echo": (echo, (-36, -30, -26, -22, -18, -14, -10, -6), ("echo",),
                     lambda m: m.copy.level_db if m.copy else None, 1.0),
            "played twice": (echo, (-3, 0), ("played twice",), lambda m: m.copy.level_db if m.copy else None, 1.0),
            "room": (room, (-20, -15, -12, -10, -6, -3, 0), ("room",),
                     lambda m: m.room.level_db if m.room else None, 1.5),
        }
    )  # fmt: skip


def active_rms(samples: Samples, rate_hz: float) -> float:
    """Root mean square over 20 ms frames within 35 dB of the loud ones."""
    width = round(0.02 * rate_hz)
    count = samples.size // width
    power = np.square(samples[: count * width]).reshape(count, width).mean(axis=1)
    loud = np.percentile(power[power > power.max() * 1e-5], 95)
    return float(np.sqrt(power[power > loud * 10**-3.5].mean()))


_define()


def paired(made: Made) -> AlignedPair:
    """The pair at 16 bits; both signals start together."""
    size = min(made.reference.size, made.estimated.size)
    return align_pair(made.reference, sixteen_bit(made.estimated), [Piece(0, 0, size)], made.rate_hz)


def sixteen_bit(samples: Samples) -> NDArray[np.float32]:
    """Rounded to 16 bits."""
    return (np.clip(np.round(samples * 32768), -32768, 32767) / 32768).astype(np.float32)


def ordinary(voice: Voice, random: Random) -> dict[str, Callable[[], tuple[Samples, float]]]:
    """What ordinary software does to sound: name, and a function that gives samples and rate."""
    own, rate = clean(voice), voice.rate_hz

    def ffmpeg(*options: str, suffix: str = ".wav", then_hz: int | None = None) -> Callable[[], tuple[Samples, float]]:
        return lambda: _ffmpeg(own, rate, options, suffix, then_hz)

    def sox(*effect: str, to_hz: int) -> Callable[[], tuple[Samples, float]]:
        return lambda: _sox(own, rate, effect, to_hz)

    def filtered(gain_of: Callable[[Samples], NDArray[Any]]) -> Callable[[], tuple[Samples, float]]:
        return lambda: (_filtered(own, rate, gain_of), rate)

    def pole(hz: Samples, corner_hz: float) -> NDArray[np.complexfloating]:
        return 1 / (1 + 1j * hz / corner_hz)

    fade = np.minimum(
        1, np.minimum(np.arange(own.size), np.arange(own.size)[::-1]) / (random.uniform(0.03, 0.5) * rate)
    )
    ppm = random.uniform(-60, 60)
    places = np.arange(own.size) * (1 + ppm * 1e-6)
    return {
        "ffmpeg -ar 48000": ffmpeg("-ar", "48000"),
        "ffmpeg -ar 16000": ffmpeg("-ar", "16000"),
        "ffmpeg -ar 24000": ffmpeg("-ar", "24000"),
        "ffmpeg -ar 8000": ffmpeg("-ar", "8000"),
        "ffmpeg soxr 44100": ffmpeg("-af", "aresample=44100:resampler=soxr"),
        "resample_poly": lambda: (_poly(own, rate), 16000.0),
        "resample_poly up": lambda: (_poly(own, rate, 48000), 48000.0),
        "sox rate -l": sox("rate", "-l", to_hz=16000),
        "sox rate -h": sox("rate", "-h", to_hz=48000),
        "sox rate -m minimum phase": sox("rate", "-m", "-M", to_hz=24000),
        "short sinc, 16 taps": lambda: (_short_sinc(own, rate, 48000, 8), 48000.0),
        "short sinc, 32 taps, to 16 kHz": lambda: (_short_sinc(own, rate, 16000, 16), 16000.0),
        "Opus 24 kbit/s": ffmpeg("-c:a", "libopus", "-b:a", "24k", suffix=".ogg"),
        "Opus 32 kbit/s voip": ffmpeg("-c:a", "libopus", "-b:a", "32k", "-application", "voip", suffix=".ogg"),
        "Opus 48 kbit/s": ffmpeg("-c:a", "libopus", "-b:a", "48k", suffix=".ogg"),
        "Opus 64 kbit/s": ffmpeg("-c:a", "libopus", "-b:a", "64k", suffix=".ogg"),
        "MP3 64 kbit/s": ffmpeg("-c:a", "libmp3lame", "-b:a", "64k", suffix=".mp3"),
        "MP3 128 kbit/s": ffmpeg("-c:a", "libmp3lame", "-b:a", "128k", suffix=".mp3"),
        "mu-law": ffmpeg("-ar", "8000", "-c:a", "pcm_mulaw"),
        "A-law": ffmpeg("-ar", "8000", "-c:a", "pcm_alaw"),
        "8 bits": ffmpeg("-c:a", "pcm_u8"),
        "gain -20 dB": lambda: (own * 0.1, rate),
        "gain +5 dB": lambda: (own * 1.75, rate),
        "gain -12 dB": lambda: (own * 0.25, rate),
        "polarity": lambda: (-own, rate),
        "padding": lambda: (np.pad(own, (round(0.2 * rate), round(0.4 * rate))), rate),
        "dither": lambda: (own + (random.uniform(-1, 1, own.size) + random.uniform(-1, 1, own.size)) / 32768, rate),
        "fades": lambda: (own * fade, rate),
        "comfort noise": lambda: (
            own + random.standard_normal(own.size) * active_rms(own, rate) * 10 ** (-40 / 20),
            rate,
        ),
        "drift": lambda: (np.interp(places * 4, np.arange(4 * own.size), _up(own)), rate),
        "high-pass 120 Hz": filtered(lambda hz: (1j * hz / 120) ** 2 * pole(hz, 120) ** 2),
        "low-pass 4 kHz": filtered(lambda hz: pole(hz, 4000) ** 2),
        "shelf": filtered(lambda hz: (1 + 0.4j * hz / 3000) * pole(hz, 3000)),
        "linear phase": filtered(lambda hz: (hz < 0.35 * rate) + 0j),
    }


def _up(own: Samples) -> Samples:
    return np.pad(soxr.resample(own, 1.0, 4.0, quality="VHQ"), (0, 8))[: 4 * own.size]


def _poly(own: Samples, rate: float, to_hz: int = 16000) -> Samples:
    from scipy.signal import resample_poly

    common = int(np.gcd(int(rate), to_hz))
    return np.asarray(resample_poly(own, to_hz // common, int(rate) // common), dtype=np.float64)


def _short_sinc(own: Samples, rate: float, to_hz: int, half: int) -> Samples:
    """A windowed sinc of few taps, as small resamplers of telephone software use it."""
    narrow = min(1.0, to_hz / rate)
    places = np.arange(int(own.size * to_hz / rate)) * (rate / to_hz)
    first = np.floor(places).astype(int) - int(half / narrow) + 1
    wide = np.pad(own, (64, 64))
    out = np.zeros(places.size)
    for tap in range(int(2 * half / narrow)):
        away = (first + tap - places) * narrow
        window = np.where(np.abs(away) < half, np.cos(0.5 * np.pi * away / half) ** 2, 0.0)
        out += wide[np.clip(first + tap + 64, 0, wide.size - 1)] * np.sinc(0.92 * away) * 0.92 * narrow * window
    return out


def _filtered(own: Samples, rate: float, gain_of: Callable[[Samples], NDArray[Any]]) -> Samples:
    size = 1 << (own.size * 2 - 1).bit_length()
    hz = np.asarray(np.fft.rfftfreq(size, 1 / rate), dtype=np.float64)
    return np.asarray(np.fft.irfft(np.fft.rfft(own, size) * np.asarray(gain_of(hz)), size)[: own.size])


def _ffmpeg(
    own: Samples, rate: float, options: Sequence[str], suffix: str, then_hz: int | None
) -> tuple[Samples, float]:
    import soundfile

    quiet = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    with tempfile.TemporaryDirectory() as folder:
        first, middle, last = Path(folder, "in.wav"), Path(folder, f"mid{suffix}"), Path(folder, "out.wav")
        soundfile.write(first, sixteen_bit(own), int(rate), subtype="PCM_16")
        subprocess.run([*quiet, "-i", first, *options, middle], check=True, timeout=60)
        subprocess.run([*quiet, "-i", middle, "-c:a", "pcm_s16le", last], check=True, timeout=60)
        samples, got_hz = soundfile.read(last)
        return np.asarray(samples, dtype=np.float64), float(got_hz)


def _sox(own: Samples, rate: float, effect: Sequence[str], to_hz: int) -> tuple[Samples, float]:
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        first, last = Path(folder, "in.wav"), Path(folder, "out.wav")
        soundfile.write(first, sixteen_bit(own), int(rate), subtype="PCM_16")
        subprocess.run(["sox", "-V1", "-R", first, last, *effect, str(to_hz)], check=True, timeout=60)
        samples, got_hz = soundfile.read(last)
        return np.asarray(samples, dtype=np.float64), float(got_hz)


def healthy_pair(voice: Voice, out: Samples, out_hz: float) -> tuple[AlignedPair, NDArray[np.float32]]:
    """The pair at the higher of both rates, the delay of the whole taken from the cross-correlation."""
    own = clean(voice)
    rate = float(max(voice.rate_hz, out_hz))
    reference = own if voice.rate_hz == rate else soxr.resample(own, voice.rate_hz, rate, quality="VHQ")
    recorded = sixteen_bit(out)
    other = recorded.astype(np.float64)
    other = other if out_hz == rate else soxr.resample(other, out_hz, rate, quality="VHQ")
    size = 1 << (reference.size + other.size).bit_length()
    cross = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(reference, size)), size)
    late = int(np.argmax(np.abs(cross)))
    late = late - size if late > size // 2 else late
    return align_pair(reference, other, [Piece(0, late, reference.size)], rate), recorded


def some(voices: Sequence[Voice], a_speaker: int) -> list[Voice]:
    """The first recordings of each real speaker that are long enough."""
    kept: list[Voice] = []
    for voice in voices:
        mine = sum(other.speaker == voice.speaker for other in kept)
        if voice.real and voice.duration_s >= SHORTEST_S and mine < a_speaker:
            kept.append(voice)
    return kept


def run(board: Board, voices: Sequence[Voice], random: Random) -> None:
    """Add the rows."""
    chosen = some(voices, A_SPEAKER)
    for name, (maker, strengths, right, size_of, exact) in FAULTS.items():
        shares: dict[str, list[tuple[float, float]]] = {half: [] for half in HALVES}
        for strength in strengths:
            trials, errors, wrong = [], [], []
            for voice in chosen:
                made = maker(voice, strength, random)
                measured = measure_additions(paired(made))
                found = faults(measured)
                hit = any(kind in found for kind in right)
                trials.append((voice, hit))
                wrong.append((voice, any(kind not in (*right, "level") for kind in found)))
                if hit and made.size is not None and (size := size_of(measured)) is not None:
                    errors.append((voice, size - made.size))
            board.found(name, "waveform", f"{strength:g}", trials)
            board.found(name, "waveform", f"{strength:g}: another kind", wrong, at_most=0.02)
            if errors:
                board.errors(name, "waveform", f"{strength:g}: size", errors, unit="", limit=exact, share=0.95)
            for half in HALVES:
                mine = [hit for voice, hit in trials if voice.half == half]
                if mine:
                    shares[half].append((strength, float(np.mean(mine))))
        for half in HALVES:
            words = ", ".join(f"{100 * goal:g} % from {_from(shares[half], goal)}" for goal in (0.5, 0.95))
            board.figure(name, "waveform", "strength", half=half, trials=len(chosen), found=words)
    alarms: dict[str, list[tuple[Voice, bool]]] = {}
    for voice in some(voices, HEALTHY_A_SPEAKER):
        for process, make in ordinary(voice, random).items():
            pair, recorded = healthy_pair(voice, *make())
            found = faults(measure_additions(pair, recorded))
            gain = process.startswith("gain")
            alarms.setdefault(process, []).append((voice, bool(set(found) - ({"level"} if gain else set()))))
    for process, trials in alarms.items():
        board.found("additions", "waveform", process, trials, at_most=0.0)


def _from(shares: Sequence[tuple[float, float]], goal: float) -> str:
    """The weakest strength from which on every stronger one reaches the goal."""
    reached = "none"
    for strength, share in reversed(shares):
        if share < goal:
            break
        reached = f"{strength:g}"
    return reached
