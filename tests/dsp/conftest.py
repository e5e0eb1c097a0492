"""Recorded voices: the project's own, and ../shared/speech where it is."""

from pathlib import Path

import pytest
from dsp_voices import read

ROOT = Path(__file__).resolve().parents[2]
SPEECH = ROOT.parent / "shared" / "speech"


@pytest.fixture(scope="session")
def replies():
    """The project's recorded replies, by name."""
    return {path.stem: read(path) for path in sorted((ROOT / "scenarios" / "replies").glob("*.wav"))}


@pytest.fixture(scope="session")
def reply(replies):
    return replies["hearing_you_well"]


@pytest.fixture(scope="session")
def speech():
    """Real recordings beside the repository; tests that need them are skipped where they are not."""
    if not SPEECH.is_dir():
        pytest.skip("../shared/speech is not here")
    return {path.stem: read(path) for path in sorted(SPEECH.glob("*.wav"))}
