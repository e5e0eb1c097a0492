"""Several versions of google-genai side by side, a framework on top of it, and Google's JavaScript SDK.

Opt-in, because it installs them: `pytest -m sdk_matrix`. Environments are kept in pytest's cache folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from emulator_raw import HELLO

from diag.emulator.embedded import EmbeddedEmulator

pytestmark = [pytest.mark.sdk_matrix, pytest.mark.slow]

VERSIONS = ("1.5.0", "1.20.0", "1.75.0", "2.34.0", "3.4.0")
ADK_VERSION = "2.13.0"
OLD_MODEL = "gemini-2.0-flash-exp"
OLD_DAY = "2025-09-19"
"""The oldest SDKs only know mediaChunks, which newer models refuse."""


@pytest.fixture(scope="session", autouse=True)
def _asked_for(request: pytest.FixtureRequest) -> None:
    if "sdk_matrix" not in (request.config.getoption("-m") or ""):
        pytest.skip("installs other SDKs; ask for it with -m sdk_matrix")


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spoken") / "hello.wav"
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16000)
        writer.writeframes(np.concatenate((HELLO, np.zeros(16000, dtype=np.int16))).astype("<i2").tobytes())
    return path


def environment(cache: pytest.Cache, package: str) -> Path:
    """Python of an environment that has that package, as `name==version`."""
    folder = cache.mkdir(package.replace("==", "-"))
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", package]
        subprocess.run(install, check=True, timeout=600)
        (folder / "ready").touch()
    return python


def told(command: list[str], emulator: EmbeddedEmulator, **extra: str) -> dict:
    trusted = {"SSL_CERT_FILE": str(emulator.ca_file), "NODE_EXTRA_CA_CERTS": str(emulator.ca_file)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, **trusted, **extra}, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def local(base_url: str) -> str:
    return base_url.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("version", VERSIONS)
def test_google_genai(request, emulator: EmbeddedEmulator, spoken: Path, version: str) -> None:
    python = environment(request.config.cache, f"google-genai=={version}")
    base_url = emulator.register({"as_of": OLD_DAY, "pace": 4.0})
    script = Path(__file__).with_name("sdk_client.py")
    got = told([str(python), str(script), local(base_url), str(spoken), OLD_MODEL], emulator)
    sent = sum(line["bytes"] for line in emulator.truth(base_url) if line["event"] == "chunk_sent")
    assert got["version"] == version
    assert got["bytes"] == sent > 0
    assert "turn_complete" in got["events"]
    assert [line["prompt"] for line in emulator.truth(base_url) if line["event"] == "understood"] == ["hello"]


def test_agent_development_kit(request, emulator: EmbeddedEmulator, spoken: Path) -> None:
    """A framework on top of google-genai, with a function call."""
    python = environment(request.config.cache, f"google-adk=={ADK_VERSION}")
    base_url = emulator.register({"pace": 4.0, "tool_calls": "first_turn"})
    script = Path(__file__).with_name("adk_client.py")
    extra = {"GOOGLE_API_KEY": "any", "GOOGLE_GEMINI_BASE_URL": local(base_url)}
    got = told([str(python), str(script), str(spoken), "gemini-3.8-live"], emulator, **extra)
    chunks = [line for line in emulator.truth(base_url) if line["event"] == "chunk_sent"]
    # It goes when the first turn is complete; the answer with the function's result may just have begun.
    assert got["events"] == ["call get_weather"]
    assert got["bytes"] >= sum(line["bytes"] for line in chunks if line["turn"] == 1) > 0


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node and npm")
def test_javascript(request, emulator: EmbeddedEmulator, spoken: Path) -> None:
    folder = request.config.cache.mkdir("google-genai-js")
    if not (folder / "node_modules" / "@google" / "genai").exists():
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "@google/genai"], cwd=folder, check=True, timeout=600
        )
    script = folder / "sdk_client.mjs"
    script.write_bytes(Path(__file__).with_name("sdk_client.mjs").read_bytes())
    base_url = emulator.register({"pace": 4.0})
    got = told(["node", str(script), base_url, str(spoken), "gemini-3.8-live"], emulator)
    sent = sum(line["bytes"] for line in emulator.truth(base_url) if line["event"] == "chunk_sent")
    assert got == {"bytes": sent, "events": ["generationComplete", "turnComplete"]}
    assert sent > 0
