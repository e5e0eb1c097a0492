"""Fixtures for all tests."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

# The same examples every time, and no deadline: a busy machine must not turn a good test into a failure.
settings.register_profile("diag", deadline=None, derandomize=True)
settings.load_profile("diag")

ROOT = Path(__file__).resolve().parent.parent
REAL_TIME = (
    *(f"tests/api/test_{name}.py" for name in ("app_takes", "cluster", "endurance", "page_takes", "real_takes",
                                               "run_against_a_voice", "sweep", "watched_sessions")),
    "tests/cli/test_stopping.py", "tests/emulator/", "tests/examples/", "tests/judge/rules/test_rules_on_pages.py",
    "tests/record/", "tests/test_docs_commands.py",
)  # fmt: skip
"""Files and folders of tests that wait for real audio, pages and programs most of their time. One worker runs them one
after the other, first and with the usual priority. The others calculate meanwhile, and give way to it."""
FIRST_WORKER = "gw0"


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
    every = (soundfile.read(path, dtype="float32")[0] for path in sorted((scenarios / "replies").glob("*.wav")))
    replies = [samples for samples in every if len(samples) > 24000]  # an answer of a word or two is no long speech
    rng = np.random.default_rng(2)
    parts, size = [], 0
    while size < 130 * 24000:
        parts += [replies[rng.integers(len(replies))] * rng.uniform(0.5, 1.0), np.zeros(round(0.6 * 24000))]
        size += parts[-1].size + parts[-2].size
    sound = np.concatenate(parts)[: 130 * 24000].astype(np.float32)
    sound += (1e-4 * rng.standard_normal(sound.size)).astype(np.float32)
    sound.flags.writeable = False
    return sound


def in_real_time(node_id: str) -> bool:
    """Return whether a test stands in one of `REAL_TIME`."""
    return node_id.startswith(REAL_TIME)


class InTwoKinds(LoadFileScheduling):
    """Distribution of tests over workers: those in real time are one portion, each other file is one."""

    def _split_scope(self, nodeid):
        return "real time" if in_real_time(nodeid) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    # Portions are handed out in the order of their first test, not by their number of tests: so the first worker gets
    # the tests in real time.
    config.option.loadscopereorder = False
    return InTwoKinds(config, log)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not in_real_time(item.nodeid))


def pytest_configure(config):
    if os.environ.get("PYTEST_XDIST_WORKER", FIRST_WORKER) != FIRST_WORKER:
        os.nice(10)
