"""Fixtures for all tests."""

from pathlib import Path

import pytest
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
