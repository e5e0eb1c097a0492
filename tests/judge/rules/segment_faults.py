"""Faults that can occur on several hops: one table, from which a take is built for every hop and seed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from builders import Story, resampled

from benchmarks.time_stretch import stretched
from diag.core.chain import Hop

HOPS = (Hop.MICROPHONE, Hop.SENDER, Hop.PLAYER, Hop.SPEAKER)
_PLACES = {
    Hop.MICROPHONE: ("capture", 16000), Hop.SENDER: ("send", 16000),
    Hop.PLAYER: ("play", 24000), Hop.SPEAKER: ("speak", 48000),
}  # fmt: skip
Apply = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class SegmentFault:
    """A fault, the code that it has on each hop, and the codes that may stand beside it as its consequences.

    Parameters
    ----------
    codes, beside : tuple of str
        In the order of `HOPS`; each entry of `beside` is a tuple of codes, one for each hop.
    words : str
        Part of the title.
    also : tuple of str
        Codes that may stand in its place, in the order of `HOPS`: a waveform cut off a little softly is overdriven.
    """

    name: str
    codes: tuple[str, ...]
    apply: Apply
    words: str
    beside: tuple[tuple[str, ...], ...] = ()
    also: tuple[str, ...] = ()

    def code(self, hop: Hop) -> str:
        """Return its code on a hop."""
        return self.codes[HOPS.index(hop)]

    def roots(self, hop: Hop) -> set[str]:
        """Return the codes of which one must be the root."""
        return {self.code(hop), *(self.also[HOPS.index(hop)] for _ in self.also[:1])}

    def consequences(self, hop: Hop) -> set[str]:
        """Return the codes that may stand beside it on a hop."""
        return {codes[HOPS.index(hop)] for codes in self.beside}

    def story(self, hop: Hop, seed: int) -> Story:
        """Return a take with the fault on one hop, recorded with devices that are not diag's own."""
        place, rate_hz = _PLACES[hop]
        change = {place: lambda samples: self.apply(samples, rate_hz)}
        return Story(seed=seed, prompt_s=2.4, audio="system", **change)


def loud_place(samples: np.ndarray, rate_hz: int, length_s: float) -> int:
    """Return where the loudest piece of a length begins, in the middle half of the sound."""
    width = round(length_s * rate_hz)
    sounding = np.flatnonzero(np.abs(samples) > 0.05)
    first, last = sounding[0], sounding[-1]
    low, high = first + (last - first) // 4, last - (last - first) // 4 - width
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples.astype(np.float64)))])
    places = np.arange(low, max(high, low + 1))
    return int(places[np.argmax(energy[places + width] - energy[places])])


def at_speed(ratio: float) -> Apply:
    """Play at another speed, as by a wrong clock; the length of the recording stays."""

    def apply(samples, rate_hz):
        changed = resampled(samples, round(48000 * ratio), 48000)
        return np.pad(changed, (0, max(0, len(samples) - len(changed))))[: len(samples)]

    return apply


def longer(samples, rate_hz):
    """Stretch by 8 % at the same pitch."""
    return stretched(samples, rate_hz, 1.08).astype(np.float32)[: len(samples)]


def through_8k(samples, rate_hz):
    """Squeeze through a sample rate of 8 kHz."""
    return resampled(resampled(samples, rate_hz, 8000), 8000, rate_hz)[: len(samples)]


def put_in(length_s: float) -> Apply:
    """Put silence in; the rest comes later."""

    def apply(samples, rate_hz):
        at = loud_place(samples, rate_hz, length_s)
        return np.concatenate([samples[:at], np.zeros(round(length_s * rate_hz), np.float32), samples[at:]])

    return apply


def left_out(length_s: float) -> Apply:
    """Leave sound out."""

    def apply(samples, rate_hz):
        at = loud_place(samples, rate_hz, length_s)
        return np.concatenate([samples[:at], samples[at + round(length_s * rate_hz) :]])

    return apply


def repeated(length_s: float) -> Apply:
    """Play a piece twice."""

    def apply(samples, rate_hz):
        at, size = loud_place(samples, rate_hz, length_s), round(length_s * rate_hz)
        return np.concatenate([samples[: at + size], samples[at:]])

    return apply


def concealed(samples, rate_hz):
    """Play the packet before in place of every tenth packet of 20 ms."""
    out, size = samples.copy(), round(0.02 * rate_hz)
    for first in range(5 * size, len(samples) - size, 10 * size):
        out[first : first + size] = samples[first - size : first]
    return out


def swapped(samples, rate_hz):
    """Exchange two neighbouring pieces of 200 ms."""
    at, size = loud_place(samples, rate_hz, 0.4), round(0.2 * rate_hz)
    first, second = samples[at : at + size], samples[at + size : at + 2 * size]
    return np.concatenate([samples[:at], second, first, samples[at + 2 * size :]])


def clicking(samples, rate_hz):
    """Add a leap every 200 ms."""
    out = samples.copy()
    out[rate_hz // 5 :: rate_hz // 5] += np.float32(0.6)
    return np.clip(out, -1, 1)


def cut_tops(samples, rate_hz):
    """Cut the waveform off at an eighth of its largest sample."""
    top = np.float32(np.abs(samples).max() / 8)
    return np.clip(samples, -top, top) * np.float32(4)


def straight_lines(samples, rate_hz):
    """Go down to 8 kHz, and up again by straight lines between samples."""
    step = rate_hz // 8000
    kept = resampled(samples, rate_hz, 8000)
    return np.interp(np.arange(len(samples)) / step, np.arange(len(kept)), kept).astype(np.float32)


def pcm(samples):
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def swapped_bytes(samples, rate_hz):
    """Read 16-bit samples in the wrong byte order."""
    return np.frombuffer(pcm(samples), ">i2").astype(np.float32) / 32768


def odd_byte(samples, rate_hz):
    """Lose one byte."""
    return np.frombuffer(pcm(samples)[1:] + b"\0", "<i2").astype(np.float32) / 32768


def silent(samples, rate_hz):
    return samples * np.float32(1e-4)


def quieter(samples, rate_hz):
    return samples * np.float32(0.1)


def noisy(samples, rate_hz):
    """Add white noise 10 dB below the voice."""
    size = np.sqrt(np.mean(np.square(samples[np.abs(samples) > 0.01])))
    noise = np.random.default_rng(5).standard_normal(len(samples)) * size * 10 ** (-10 / 20)
    return (samples + noise).astype(np.float32)


def overdriven(samples, rate_hz):
    """Saturate softly."""
    top = np.abs(samples).max()
    return (top * np.tanh(5 * samples / top)).astype(np.float32)


def unfiltered(samples, rate_hz):
    """Go down to 8 kHz without a filter, and up again with one."""
    step = rate_hz // 8000
    return resampled(samples[::step].copy(), 8000, rate_hz)[: len(samples)]


def twice(samples, rate_hz):
    """Add the sound once more 120 ms later, as a second player does."""
    late = np.pad(samples, (round(0.12 * rate_hz), 0))[: len(samples)]
    return (0.5 * samples + 0.5 * late).astype(np.float32)


def mixed_with_itself(samples, rate_hz):
    """Add the sound once more 1 ms later, as two paths to the same output do."""
    late = np.pad(samples, (round(0.001 * rate_hz), 0))[: len(samples)]
    return (0.5 * samples + 0.45 * late).astype(np.float32)


def pumping(samples, rate_hz):
    """Let the gain go up and down by 8 dB twice a second, as a bad automatic gain control does."""
    t_s = np.arange(len(samples)) / rate_hz
    return (0.65 * samples * (1 + 0.45 * np.sin(2 * np.pi * 2.0 * t_s))).astype(np.float32)


SEGMENT_FAULTS = (
    SegmentFault("a wrong rate", ("MIC005", "SND001", "PLY001", "SPK003"), at_speed(44100 / 48000), "deeper"),
    SegmentFault("a time stretch", ("MIC016", "SND020", "PLY018", "SPK015"), longer, "by duration"),
    SegmentFault("lost treble", ("MIC003", "SND007", "PLY002", "SPK002"), through_8k, "treble"),
    SegmentFault("silence put in", ("MIC004", "SND011", "PLY003", "SPK004"), put_in(0.12), "of silence"),
    SegmentFault("sound left out", ("MIC010", "SND008", "PLY011", "SPK009"), left_out(0.15), "loses"),
    SegmentFault("sound repeated", ("MIC011", "SND014", "PLY017", "SPK010"), repeated(0.15), "repeats"),
    SegmentFault("packets concealed", ("MIC011", "SND014", "PLY017", "SPK010"), concealed, "with a repeat",
                 beside=(("MIC007", "SND012", "PLY004", "SPK006"),)),
    SegmentFault("sound in another order", ("MIC018", "SND019", "PLY019", "SPK017"), swapped, "wrong order"),
    SegmentFault("clicks", ("MIC007", "SND012", "PLY004", "SPK006"), clicking, "clicks per second"),
    SegmentFault("clipping", ("MIC002", "SND010", "PLY008", "SPK005"), cut_tops, "",
                 also=("MIC014", "SND017", "PLY015", "SPK013"),
                 beside=(("MIC007", "SND012", "PLY004", "SPK006"), ("MIC012", "SND015", "PLY013", "SPK011"),
                         ("MIC008", "SND013", "PLY005", "SPK007"))),
    SegmentFault("images", ("MIC008", "SND013", "PLY005", "SPK007"), straight_lines, "mirror images",
                 beside=(("MIC003", "SND007", "PLY002", "SPK002"), ("MIC013", "SND016", "PLY014", "SPK012"))),
    SegmentFault("bytes in the wrong order", ("MIC009", "SND003", "PLY009", "SPK008"), swapped_bytes, "byte"),
    SegmentFault("an odd byte", ("MIC009", "SND003", "PLY009", "SPK008"), odd_byte, "byte"),
    SegmentFault("silence", ("MIC001", "SND009", "PLY006", "SPK001"), silent, ""),
    SegmentFault("another level", ("MIC012", "SND015", "PLY013", "SPK011"), quieter, "20 dB quieter"),
    SegmentFault("noise", ("MIC013", "SND016", "PLY014", "SPK012"), noisy, "noise"),
    SegmentFault("overdrive", ("MIC014", "SND017", "PLY015", "SPK013"), overdriven, "overdrives",
                 beside=(("MIC007", "SND012", "PLY004", "SPK006"), ("MIC012", "SND015", "PLY013", "SPK011"),
                         ("MIC002", "SND010", "PLY008", "SPK005"))),
    SegmentFault("aliases", ("MIC015", "SND018", "PLY016", "SPK014"), unfiltered, "aliasing",
                 beside=(("MIC003", "SND007", "PLY002", "SPK002"), ("MIC013", "SND016", "PLY014", "SPK012"),
                         ("MIC010", "SND008", "PLY011", "SPK009"), ("MIC004", "SND011", "PLY003", "SPK004"),
                         ("MIC007", "SND012", "PLY004", "SPK006"))),
    SegmentFault("a comb filter", ("MIC019", "SND023", "PLY020", "SPK018"), mixed_with_itself, "tone colour"),
    SegmentFault("pumping", ("MIC012", "SND015", "PLY013", "SPK011"), pumping, "up and down",
                 beside=(("MIC007", "SND012", "PLY004", "SPK006"),)),
    SegmentFault("two players", ("MIC017", "SND021", "PLY012", "SPK016"), twice, "twice",
                 beside=(("MIC007", "SND012", "PLY004", "SPK006"),)),
)  # fmt: skip
