"""Where the least confidence of a calibration comes from: bursts in noise, in a room, and where there is none.

python benchmarks/calibration_confidence.py
"""

from __future__ import annotations

import numpy as np

from diag.core.clip import Samples
from diag.record.audio.calibration import LEAST_CONFIDENCE, burst, find_burst

RATE_HZ = 48000
LENGTH_S = 1.3
TRIALS = 200


def recording(
    rng: np.random.Generator, snr_db: float | None, *, port: str = "mouth", room: bool = False
) -> tuple[Samples, int]:
    """A recording with the burst at a random place (None: noise alone); gives it and the place."""
    code = burst(port, RATE_HZ)
    noise = rng.standard_normal(round(LENGTH_S * RATE_HZ))
    at = int(rng.integers(0, len(noise) - 3 * len(code)))
    if snr_db is None:
        return noise.astype(np.float32), at
    sound = np.zeros_like(noise)
    sound[at : at + len(code)] += code
    if room:
        tail = rng.standard_normal(RATE_HZ // 4) * np.exp(-np.arange(RATE_HZ // 4) / (0.05 * RATE_HZ)) * 0.03
        tail[:240] = 0
        sound = sound + np.convolve(sound, tail)[: len(sound)]
    gain = 10 ** (-snr_db / 20) * np.sqrt(np.mean(np.square(code)))
    return (sound + gain * noise).astype(np.float32), at


def main() -> None:
    """Print one line a case."""
    rng = np.random.default_rng(1)
    print(f"threshold {LEAST_CONFIDENCE}")
    cases = [("noise alone", None, "mouth", False), ("the other port's code, 40 dB", 40.0, "speaker", False)]
    cases += [
        (f"burst, {snr} dB over white noise", snr, "mouth", False) for snr in (40.0, 10.0, 0.0, -6.0, -10.0, -15.0)
    ]
    cases += [(f"burst in a room, {snr} dB", snr, "mouth", True) for snr in (30.0, 10.0, 0.0)]
    for title, snr_db, port, room in cases:
        found, errors = [], []
        for _ in range(TRIALS):
            heard, at = recording(rng, snr_db, port=port, room=room)
            place = find_burst(burst("mouth", RATE_HZ), heard)
            found.append(place.confidence)
            errors.append(abs(place.frame - at) / RATE_HZ * 1e3)
        low, middle, high = np.percentile(found, [0, 50, 100])
        right = np.mean(np.array(errors) < 0.1)
        print(f"{title:36s} confidence {low:.3f} {middle:.3f} {high:.3f}, right within 0.1 ms in {right:.0%}")


if __name__ == "__main__":
    main()
