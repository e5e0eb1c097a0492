"""Fixtures for all tests."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import settings

# The same examples every time, and no deadline: a busy machine must not turn a good test into a failure.
settings.register_profile("diag", deadline=None, derandomize=True)
settings.load_profile("diag")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def scenarios() -> Path:
    """The folder of scenarios, prompts and replies."""
    return ROOT / "scenarios"


@pytest.fixture(scope="session")
def real_speech() -> Path:
    """A folder of real recordings beside the repository; tests that need it are skipped where there is none."""
    folder = ROOT.parent / "shared" / "speech"
    if not folder.is_dir():
        pytest.skip("no real recordings beside the repository")
    return folder


@pytest.fixture(scope="session")
def long_speech(scenarios: Path) -> np.ndarray:
    """130 s of recorded replies in ever new order, with pauses: a little longer than what is measured whole. 24 kHz."""
    replies = [soundfile.read(path, dtype="float32")[0] for path in sorted((scenarios / "replies").glob("*.wav"))]
    rng = np.random.default_rng(2)
    parts, size = [], 0
    while size < 130 * 24000:
        parts += [replies[rng.integers(len(replies))] * rng.uniform(0.5, 1.0), np.zeros(round(0.6 * 24000))]
        size += parts[-1].size + parts[-2].size
    sound = np.concatenate(parts)[: 130 * 24000].astype(np.float32)
    sound += (1e-4 * rng.standard_normal(sound.size)).astype(np.float32)
    sound.flags.writeable = False
    return sound
