"""One embedded emulator for the folder, with a small bank of its own, and clients to talk to it."""

from __future__ import annotations

import ssl
import wave
from pathlib import Path

import numpy as np
import pytest
from emulator_raw import QUICK, one_turn
from emulator_sounds import REPLY_TABLE, babble, prompt_table

from diag.emulator.embedded import EmbeddedEmulator
from diag.emulator.replies import read_replies


def write_wav(path: Path, pcm: np.ndarray, rate_hz: int) -> None:
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate_hz)
        writer.writeframes(pcm.astype("<i2").tobytes())


@pytest.fixture(scope="session")
def bank_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Replies of synthetic babble, and two prompts beside them."""
    root = tmp_path_factory.mktemp("scenarios")
    replies, prompts = root / "replies", root / "prompts"
    replies.mkdir()
    prompts.mkdir()
    for name, seed, seconds in (("first", 1, 0.45), ("second", 2, 0.35), ("again", 3, 0.25)):
        write_wav(replies / f"{name}.wav", babble(seed, seconds, 24000), 24000)
    for name, seed in (("hello", 11), ("weather", 12)):
        write_wav(prompts / f"{name}.wav", babble(seed, 1.6, 24000), 24000)
    (replies / "replies.toml").write_text(REPLY_TABLE, encoding="utf-8")
    (prompts / "prompts.toml").write_text(prompt_table(), encoding="utf-8")
    return replies


@pytest.fixture(scope="session")
def emulator(bank_dir: Path):
    with EmbeddedEmulator(replies_dir=bank_dir) as running:
        yield running


@pytest.fixture(scope="session")
def tls(emulator: EmbeddedEmulator) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(emulator.ca_file))


@pytest.fixture
def healthy(emulator: EmbeddedEmulator) -> str:
    return emulator.register(QUICK)


@pytest.fixture
def turn(emulator: EmbeddedEmulator, tls: ssl.SSLContext):
    """Run one turn under some faults."""

    def run(*faults: dict, until: str | None = "generationComplete", seed: int = 0, **settings):
        options = {name: settings.pop(name) for name in ("for_s", "say", "setup") if name in settings}
        base_url = emulator.register({**QUICK, **settings, "faults": list(faults)}, seed=seed)
        return one_turn(tls, base_url, until=until, **options)

    return run


@pytest.fixture(scope="module")
def reply(bank_dir) -> np.ndarray:
    return next(reply.pcm for reply in read_replies(bank_dir) if reply.name == "first")
