"""The commands of docs/troubleshooting.md that need no devices do what the page says they do."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
LINES = sorted(set(re.findall(r"^(diag (?:analyze|doctor) .*?) *#", PAGE, flags=re.MULTILINE)))
FRAME = {"setup": {"model": "models/gemini-3.8-live", "generationConfig": {"responseModalities": ["AUDIO"]}}}


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_troubleshooting_page_runs(diag, monkeypatch, tmp_path, line):
    for name in ("heard.wav", "received.wav", "sent.wav", "prompt.wav"):
        shutil.copy(ROOT / "scenarios/replies/so_be_it.wav", tmp_path / name)
    shutil.copy(ROOT / "scenarios/voices/kore.voice.json", tmp_path)
    (tmp_path / "frame.json").write_text(json.dumps(FRAME), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = diag(*shlex.split(line)[1:])
    # So short a reply is too little for some measures of a voice profile.
    assert done.code in (0, 4), done.err
    assert "●" in done.out + done.err


def test_the_page_names_commands_that_need_no_devices():
    assert len(LINES) >= 5
