"""The example apps as clients of takes: healthy ones show nothing, and each planted fault is found first."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from page_bench import can_install

from benchmarks.app_examples import EXAMPLES, FOLDER, measure, write_config
from diag.api.options import Options
from diag.record.app.page_host import browser_path

NODE = FOLDER / "node_genai"
PAGES = [name for name, example in EXAMPLES.items() if example.config.startswith("pages/")]


def ready_for(name):
    """Skip an example whose parts cannot be put in place here."""
    if name in (*PAGES, "voice_app") and browser_path() is None and not can_install():
        pytest.skip("no Chromium here, and installing it needs root or sudo without a password")
    if name == "media_recorder" and shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    if name == "node_genai":
        node_modules()


def node_modules():
    """Put @google/genai in place for the Node example; skip if that is not possible."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < 20:
        pytest.skip(f"@google/genai needs Node 20, and this is {version.strip()}")
    if not (NODE / "node_modules" / "@google" / "genai").exists():
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
        done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install @google/genai: {done.stderr.strip()[-200:]}")


@pytest.mark.audio
def test_a_healthy_client_in_node_shows_nothing(tmp_path):
    ready_for("node_genai")
    # A busy machine may disturb one take.
    options = Options(takes=1, prompts=("can_you_hear_me",), embed="none", out=tmp_path)
    assert measure("node_genai", None, options) or measure("node_genai", None, options)


@pytest.mark.audio
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name, example in EXAMPLES.items() for fault in (None, *example.faults)]
)
def test_an_example_shows_its_fault_first(name, fault, tmp_path):
    ready_for(name)
    options = Options(takes=1, prompts=("can_you_hear_me",), embed="none", out=tmp_path)
    assert measure(name, fault, options) or measure(name, fault, options)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_fault_that_an_example_can_plant_is_measured(name, tmp_path):
    example = EXAMPLES[name]
    folder = (FOLDER / example.config).parent
    texts = [
        path.read_text()
        for path in folder.rglob("*.*")
        if path.suffix in (".py", ".mjs", ".html", ".js") and "node_modules" not in path.parts
    ]
    assert len(example.faults) >= 5
    for fault in example.faults:
        assert any(re.search(rf'["\s]{fault}["\s]', text) for text in texts), fault
        assert f"fault={fault}" in write_config(example, fault, tmp_path).read_text()
    assert os.fspath(folder) in write_config(example, None, tmp_path).read_text()
