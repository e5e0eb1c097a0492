"""Sounds that a voice-activity detector takes for speech, made from arithmetic; and the tables that go with them."""

from __future__ import annotations

import numpy as np

REPLY_TABLE = """
[[reply]]
name = "first"
text = "This is the first of the replies."
language = "en-US"
answers = ["hello"]

[[reply]]
name = "second"
text = "And this is another."
language = "en-US"
answers = ["weather"]

[[reply]]
name = "again"
text = "Say that again, please."
language = "en-US"
kind = "ask_back"
"""


def prompt_table() -> str:
    return """
[[prompt]]
name = "hello"
text = "Hello there!"
language = "en-US"

[[prompt]]
name = "weather"
text = "How is the weather?"
language = "en-US"
"""


def babble(seed: int, seconds: float, rate_hz: int, *, lead_s: float = 0.05) -> np.ndarray:
    """Vowels: a buzz with moving formants, in syllables of 160 to 240 ms; int16.

    The same seed says the same thing at any rate.
    """
    rng = np.random.default_rng(seed)
    count = round(seconds * rate_hz)
    t_s = np.arange(count) / rate_hz
    wave = np.zeros(count)
    start_s = 0.0
    while start_s < seconds:
        length_s = float(rng.uniform(0.16, 0.24))
        pitch_hz = float(rng.uniform(95, 190))
        formants_hz = (rng.uniform(250, 850), rng.uniform(900, 2300), rng.uniform(2400, 3400))
        inside = (t_s >= start_s) & (t_s < start_s + length_s)
        place = (t_s[inside] - start_s) / length_s
        envelope = np.sin(np.pi * place) ** 0.5
        tone = np.zeros(int(inside.sum()))
        for harmonic in range(1, int(3800 / pitch_hz)):
            frequency_hz = harmonic * pitch_hz
            gain = sum(1 / (1 + ((frequency_hz - formant) / 120) ** 2) for formant in formants_hz)
            tone += gain * np.sin(2 * np.pi * frequency_hz * t_s[inside])
        wave[inside] += envelope * tone
        start_s += length_s + float(rng.uniform(0.0, 0.05))
    wave *= 0.2 / max(np.sqrt(np.mean(wave**2)), 1e-9)
    lead = np.zeros(round(lead_s * rate_hz))
    return np.clip(np.rint(np.concatenate((lead, wave, lead)) * 32767 * 0.8), -32768, 32767).astype(np.int16)
