"""Many recordings and long ones, on the command line."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from builders import speech

from diag.cli import progress

RATE_HZ = 24000
VOICE = speech(1.5, 3, RATE_HZ)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "replies"
    path.mkdir()
    for index in range(18):
        soundfile.write(path / f"{index:02d}.wav", np.roll(VOICE, 100 * index), RATE_HZ)
    return path


def test_many_recordings_are_told_in_one_line_each(diag, folder):
    done = diag("analyze", "replies")
    lines = done.out.splitlines()
    told = [line.split()[:2] for line in lines[:18] if line.endswith("not everything could be checked")]
    assert told == [["○", f"{i:02d}.wav"] for i in range(18)]
    assert lines[-2] == "18 recordings: 18 where not everything could be checked"
    assert done.code == 4


def test_recordings_with_enough_speech_are_without_a_fault(diag, folder, scenarios):
    for index in range(18):
        (folder / f"{index:02d}.wav").write_bytes((scenarios / "replies" / "take_the_express.wav").read_bytes())
    done = diag("analyze", "replies")
    assert "18 recordings: 18 without a fault" in done.out
    assert sum(line.endswith("no fault found") for line in done.out.splitlines()) == 18
    assert done.code == 0


def test_one_bad_file_costs_its_line_and_the_exit_code(diag, folder):
    (folder / "07.wav").write_bytes(b"RIFFxxxx")
    done = diag("analyze", "replies")
    assert done.code == 2
    assert "17 where not everything could be checked, 1 that could not be read" in done.out
    assert "○ 07.wav" in done.out
    take = json.loads(diag("analyze", "replies", "--json").out)["runs"][0]["takes"][7]
    assert (take["id"], take["measurements"]) == ("07.wav", [])
    assert take["refused"].startswith("Could not read the recording")


def test_what_was_found_outweighs_what_could_not_be_read(diag, folder):
    (folder / "07.wav").write_text("no audio")
    soundfile.write(folder / "08.wav", np.zeros(RATE_HZ), RATE_HZ)
    done = diag("analyze", "replies")
    assert done.code == 1
    assert "18 recordings: 1 with an error, 16 where not everything could be checked, 1 that could not be" in done.out


def test_a_few_are_told_in_full_with_a_bad_one_among_them(diag, folder):
    (folder / "07.wav").write_text("no audio")
    done = diag("analyze", "replies/06.wav", "replies/07.wav")
    assert done.code == 2
    assert "○ Could not read the recording replies/07.wav" in done.out
    assert "○ 06.wav shows no fault by itself, but not everything could be checked" in done.out


def test_a_table_of_every_measurement(diag, folder):
    assert diag("analyze", "replies", "--table", "t.csv").code == 4
    with open("t.csv") as file:
        rows = list(csv.DictReader(io.StringIO(file.read())))
    assert len({row["recording"] for row in rows}) == 18
    assert all(float(row["value"]) < 0 for row in rows if row["metric"] == "level_lufs")


def test_a_table_that_cannot_be_written_is_refused_first(diag, folder):
    done = diag("analyze", "replies", "--table", "t.xls")
    assert (done.code, done.out) == (2, "")
    assert "allowed: .csv or .parquet" in done.err


def test_a_recording_alone_loads_nothing_heavy(folder):
    heavy = ("scipy", "pandas", "PIL", "pydantic", "google.genai", "sounddevice", "aiohttp", "rich", "soxr")
    code = (
        "import sys\nfrom diag.__main__ import call\n"
        "code = call(['analyze', 'replies/03.wav'])\n"
        f"print(code, [name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[-1:] == ["4 []"], done.stdout + done.stderr


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self):
        return True


def shown(monkeypatch, stream, quiet_s):
    monkeypatch.setattr(progress, "QUIET_S", quiet_s)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with progress.ShareDone("analysing") as share:
        for done in (1, 2, 3):
            share.update(done, 4)
    return stream.getvalue()


def test_a_person_sees_how_much_of_a_long_work_is_done(monkeypatch):
    assert "analysing" in shown(monkeypatch, Terminal(), 0.0)


def test_short_works_and_pipes_stay_quiet(monkeypatch):
    assert shown(monkeypatch, Terminal(), 60.0) == ""
    assert shown(monkeypatch, io.StringIO(), 0.0) == ""


FORMATS = {
    "a.wav": ("WAV", "PCM_24"), "b.wav": ("WAV", "ALAW"), "c.wav": ("RF64", "PCM_32"), "d.wav": ("WAV", "DOUBLE"),
    "e.flac": ("FLAC", "PCM_16"), "f.ogg": ("OGG", "VORBIS"), "g.opus": ("OGG", "OPUS"), "h.mp3": ("MP3", None),
    "i.aiff": ("AIFF", "PCM_16"), "j.au": ("AU", "FLOAT"), "k.caf": ("CAF", "PCM_16"), "l.w64": ("W64", "PCM_U8"),
}  # fmt: skip


def test_a_folder_of_every_format_that_can_be_read(diag, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, (container, subtype) in FORMATS.items():
        soundfile.write(tmp_path / name, VOICE, RATE_HZ, format=container, subtype=subtype)
    found = json.loads(diag("analyze", str(tmp_path), "--json").out)["runs"][0]["takes"]
    assert [take["id"] for take in found] == sorted(FORMATS)
    levels = [item["value"] for take in found for item in take["measurements"] if item["metric"] == "level_lufs"]
    assert levels == pytest.approx([levels[0]] * len(FORMATS), abs=0.5)
