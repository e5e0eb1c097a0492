"""Profiles of voices on the command line."""

import json
import os

import numpy as np
import pytest
import soundfile as sf
from dsp_voices import KORE

from diag.cli.help_examples import use_one_thread
from diag.files.audio_files import read_wav


@pytest.fixture(autouse=True)
def _recordings(monkeypatch, tmp_path, scenarios):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good").mkdir()
    for name in KORE:
        clip = read_wav(scenarios / f"{name}.wav")
        sf.write(tmp_path / "good" / f"{name.split('/')[1]}.wav", clip.samples, clip.sample_rate_hz)
    joined = np.concatenate([sf.read(path)[0] for path in sorted((tmp_path / "good").glob("*.wav"))])
    sf.write(tmp_path / "slow.wav", joined, 16000)


def test_make_show_and_use(diag, tmp_path):
    made = diag("voice", "make", "good", "--name", "Kore")
    assert made.code == 0
    assert "kore.voice.json holds the voice Kore: 13 s of speech from 5 recordings" in made.out
    assert "diag analyze WAV --voice kore.voice.json" in made.out
    assert (tmp_path / "kore.voice.json").stat().st_size < 700_000
    shown = diag("voice", "show", "kore.voice.json")
    assert "made from take_the_express.wav" in shown.out
    used = diag("analyze", "slow.wav", "--voice", "kore.voice.json")
    assert used.code == 1
    assert "slower and deeper than the profile of the voice Kore" in used.out
    assert "compared with the profile of the voice Kore" in used.out
    assert "(against the voice)" in diag("analyze", "slow.wav", "--voice", "kore.voice.json", "-v").out


def test_alone_it_says_what_there_is(diag):
    done = diag("voice")
    assert done.code == 0
    assert "diag voice make good/*.wav" in done.out
    assert diag("voice", "mke").code == 2


def test_what_the_user_has_set_of_threads_stays(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    use_one_thread()
    assert (os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]) == ("3", "1")


def test_one_document(diag):
    done = diag("voice", "make", "good", "-o", "a.voice.json", "--json")
    document = json.loads(done.out)
    assert document["profile"] == "a.voice.json"
    assert len(document["recordings"]) == 5
    assert "holds the voice" in done.err


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (["voice", "make", "missing.wav"], "no such file"),
        (["voice", "make"], "either recordings or --tts VOICE"),
        (["voice", "make", "good", "--tts", "Kore"], "either recordings or --tts VOICE"),
        (["voice", "make", "good", "--model", "gemini-3.8-flash-tts"], "are for --tts VOICE"),
        (["voice", "make", "--tts", "Kore", "--text", "none.txt"], "No such file"),
        (["voice", "make", "--tts", "Kore", "--endpoint", "http://127.0.0.1"], "TLS only"),
        (["run", "healthy", "--voice", "missing.voice.json"], "no such file"),
        (["report", "good", "--voice", "missing.voice.json"], "no such file"),
        (["voice", "make", "good/say_it_again.wav"], "at least 8 s"),
        (["voice", "make", "good", "-o", "no/folder/k.voice.json"], "No such file or directory"),
        (["voice", "show", "good"], "it is a folder"),
        (["voice", "show", "slow.wav"], "it is not text"),
        (["analyze", "slow.wav", "--voice", "missing.voice.json"], "no such file"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(diag, words, seen):
    done = diag(*words)
    assert done.code == 2
    assert seen in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert done.out == ""
