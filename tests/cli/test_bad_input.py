"""Bad input of every kind, through the commands that take it: one sentence of four parts, the right exit code."""

import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile

RATE_HZ = 16000


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch, tmp_path):
    """Away from the project, without a key."""
    monkeypatch.chdir(tmp_path)
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def refused(done, code, *parts):
    """One sentence with every part in order, nothing on standard output."""
    assert done.code == code, done.err
    assert done.out == ""
    sentence = done.err.splitlines()[-1]
    place = 0
    for part in parts:
        assert part in sentence[place:], f"{part!r} is missing (or out of order) in {sentence!r}"
        place = sentence.index(part, place) + len(part)
    assert sentence[-1] in ".?"


@pytest.mark.parametrize("command", [["run"], ["doctor"], ["bench"], ["compare", "healthy"], ["serve", "--scenario"]])
def test_unknown_scenario(diag, command):
    done = diag(*command, "helthy")
    refused(
        done, 2, "Could not find the configuration `helthy`", "no such file", "allowed:", "playback_16k",
        "did you mean `healthy`?",
    )  # fmt: skip


@pytest.mark.parametrize("command", [["run", "healthy"], ["compare", "healthy", "healthy"], ["doctor"],
                                     ["devices", "--calibrate"]])  # fmt: skip
@pytest.mark.parametrize("audio", ["wire", "virtual"])
def test_a_device_for_audio_that_has_none_to_choose(diag, tmp_path, command, audio):
    done = diag(*command, "--device", "mouth=foo", "--audio", audio)
    refused(done, 2, "Could not use --device", f"--audio {audio}", "allowed: devices with --audio system")
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (["--device", "mouth=foo"], "--device without --calibrate"),
        (["--hold", "--audio", "system", "--device", "mouth=foo"], "--device without --calibrate"),
        (["--rigs", "2"], "--rigs without --hold"),
        (["--calibrate", "--rigs", "2"], "--rigs without --hold"),
    ],
)
def test_options_of_devices_that_would_do_nothing(diag, words, seen):
    refused(diag("devices", *words), 2, "Could not run `diag devices`", seen, "allowed:", "leave")


TOML_CASES = {
    'title = "x"\n[playback\n': ("not valid TOML", "line 2", "allowed: TOML"),
    "[playback]\nsample_rate = 16000\n": (
        "unknown key `playback.sample_rate`", "allowed: sample_rate_hz", "did you mean `sample_rate_hz`?",
    ),
    "[plabyack]\nsample_rate_hz = 16000\n": ("unknown key `plabyack`", "allowed:", "did you mean `playback`?"),
    "[playback]\nsample_rate_hz = 3\n": ("playback.sample_rate_hz = 3", "allowed:", "8000", "correct `playback"),
    "[session]\napi_version = 'v2'\n": ("session.api_version = 'v2'", "allowed: v1, v1beta, v1alpha", "correct"),
    "[session]\nresponse_modalities = 'AUDIO'\n": ("= 'AUDIO'", "allowed: a list of texts in quotes", "correct"),
    "[turn]\nreply_timeout_s = 0\n": ("= 0;", "allowed: a number above 0 up to 120;", "correct"),
    "playback = 3\n": ("playback = 3", "allowed: a table;", "correct `playback`"),
    "nonsense = 1\n[playbak]\nx = 1\n[send]\nbatch = 3\nresample = 'perhaps'\n": (
        "4 problems: unknown key `nonsense`, unknown key `playbak` (did you mean `playback`?)",
        "send.resample = 'perhaps' (allowed: true or false)", "unknown key `send.batch` (did you mean `batch_ms`?)",
        "docs/configuration.md",
    ),
    "[send]\nbatch_ms = nan\n": ("send.batch_ms", "allowed:", "correct `send.batch_ms`"),
}  # fmt: skip


@pytest.mark.parametrize("text", TOML_CASES)
def test_toml_that_cannot_be_used(diag, tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    refused(diag("run", "mine.toml"), 2, "Could not read the configuration mine.toml", *TOML_CASES[text])
    assert not (tmp_path / "reports").exists()


def test_toml_that_is_not_text(diag, tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    refused(
        diag("run", "mine.toml"),
        2,
        "Could not read the configuration mine.toml",
        "it is not text",
        "allowed: ",
        "UTF-8",
    )


def test_toml_that_is_missing(diag):
    refused(
        diag("run", "mine.toml"), 2, "Could not read the configuration mine.toml", "no such file", "diag run --help"
    )


def write_wav(path, samples, subtype="PCM_16"):
    soundfile.write(path, np.asarray(samples, dtype=np.float32), RATE_HZ, subtype=subtype, format="WAV")


def missing(path):
    """Nothing at all."""


def empty(path):
    path.write_bytes(b"")


def not_audio(path):
    path.write_bytes(b"this is no recording at all")


def truncated(path):
    write_wav(path, np.sin(np.arange(RATE_HZ) / 9.0) * 0.5)
    path.write_bytes(path.read_bytes()[:1000])


def without_frames(path):
    write_wav(path, [])


def not_finite(path):
    write_wav(path, [0.1, np.nan, np.inf, 0.2] * 4000, subtype="FLOAT")


def huge(path):
    """Two hours of 48 kHz mono, as a sparse file."""
    size = 2 * 3600 * 48000 * 2
    header = (
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 48000, 96000, 2, 16)
    )
    with path.open("wb") as file:
        file.write(header + b"data" + struct.pack("<I", size))
        file.truncate(44 + size)


def folder(path):
    path.mkdir()


RECORDINGS = {
    missing: ("no such file", "check the path"),
    empty: ("0 bytes", "record it again"),
    not_audio: ("not audio", "b'this is no r", "allowed: WAV", "--raw s16le:24000", "-i mine.wav fixed.wav"),
    truncated: ("cut off", "record it again"),
    without_frames: ("0 frames", "record it again"),
    not_finite: ("8000 samples are not finite", "0.000 s", "allowed: finite samples"),
    huge: ("120 min", "allowed: at most", "ffmpeg -i mine.wav -t 600"),
    folder: ("folder", "allowed: one audio file"),
}


@pytest.mark.parametrize("make_file", RECORDINGS)
def test_prompt_that_cannot_be_used(diag, tmp_path, make_file):
    make_file(tmp_path / "mine.wav")
    done = diag("run", "healthy", "--audio", "wire", "--prompt", "mine.wav")
    expected = {missing: ("no such file", "allowed: a WAV file, or one of", "check the name or the path")}
    refused(done, 2, "Could not", "mine.wav", *expected.get(make_file, RECORDINGS[make_file]))


@pytest.mark.parametrize("make_file", [item for item in RECORDINGS if item not in (folder, huge)])
@pytest.mark.parametrize("as_reference", [False, True])
def test_recording_that_cannot_be_analysed(diag, tmp_path, make_file, as_reference):
    make_file(tmp_path / "mine.wav")
    write_wav(tmp_path / "good.wav", np.sin(np.arange(RATE_HZ) / 9.0) * 0.5)
    words = ("good.wav", "--reference", "mine.wav") if as_reference else ("mine.wav",)
    refused(diag("analyze", *words), 2, "Could not read the recording", "mine.wav", *RECORDINGS[make_file])


def test_folder_without_recordings(diag, tmp_path):
    folder(tmp_path / "mine")
    refused(diag("analyze", "mine"), 2, "Could not analyse the folder mine", "no audio file", "allowed: .wav", "name a")


@pytest.mark.parametrize("spec", ["s16le", "mp3:16000", "s16le:0", "s16le:16000:x"])
def test_raw_format_that_is_unknown(diag, tmp_path, spec):
    (tmp_path / "mine.pcm").write_bytes(bytes(3200))
    refused(diag("analyze", "mine.pcm", "--raw", spec), 2, "mine.pcm", "allowed:")


def test_prompt_without_speech(diag, tmp_path):
    write_wav(tmp_path / "mine.wav", np.zeros(RATE_HZ))
    done = diag("run", "healthy", "--audio", "wire", "--prompt", "mine.wav")
    refused(done, 2, "mine.wav", "no speech", "allowed: a recording of somebody speaking", "diag analyze")


def test_prompt_of_an_unknown_name(diag):
    done = diag("run", "healthy", "--audio", "wire", "--prompt", "yess")
    refused(done, 2, "Could not find the prompt yess", "no prompt of that name", "allowed:", "did you mean `yes`?")


OPTIONS = {
    ("--takes", "0"): ("--takes 0", "allowed: a whole number from 1 to 10000", "write for example --takes 5"),
    ("--takes", "many"): ("--takes many", "allowed: a whole number", "--takes 5"),
    ("--takes", "1e3"): ("--takes 1e3", "allowed: a whole number", "--takes 5"),
    ("--rigs", "-1"): ("--rigs -1", "allowed: a whole number from 1 to 64"),
    ("--seed", "-1"): ("--seed -1", "allowed: a whole number from 0"),
    ("--audio", "virtul"): ("--audio virtul", "allowed: wire, virtual, system", "write --audio virtual"),
    ("--fail-on", "errors"): ("--fail-on errors", "allowed: error, warning, never", "write --fail-on error"),
    ("--embed", "most"): ("--embed most", "allowed: evidence, all, none"),
    ("--device", "ear"): ("--device ear", "not of the form PORT=NAME", "allowed: PORT is mouth", "diag devices"),
    ("--device", "nose=USB"): ("--device nose=USB", "unknown port `nose`", "allowed: PORT is mouth", "diag devices"),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_option_that_cannot_be_used(diag, option):
    refused(diag("run", "healthy", *option), 2, *OPTIONS[option])


@pytest.mark.parametrize("endpoint", ["emulatr", "ftp://x", "http://", "wss://"])
def test_endpoint_that_cannot_be_used(diag, endpoint):
    done = diag("run", "healthy", "--audio", "wire", "--endpoint", endpoint)
    refused(done, 2, "Could not use the endpoint", f"`{endpoint}`", "allowed: emulator, gemini, or a URL", "--endpoint")


def test_no_key_for_the_real_service(diag):
    done = diag("run", "healthy", "--audio", "wire", "--endpoint", "gemini")
    refused(done, 3, "no key in GEMINI_API_KEY or GOOGLE_API_KEY", "allowed: a key", "export GEMINI_API_KEY=")


@pytest.mark.parametrize("out", ["/proc/nowhere", "file"])
def test_output_folder_that_cannot_be_written(diag, tmp_path, out):
    (tmp_path / "file").write_text("")
    done = diag("run", "healthy", "--audio", "wire", "--out", out)
    refused(done, 3, "Could not make a run folder in", out, "check the folder")


@pytest.mark.parametrize("command", [["report"], ["run", "healthy", "--resume"]])
def test_folder_that_is_no_run(diag, command):
    refused(diag(*command, "nowhere"), 2, "nowhere", "no such folder", "diag run")
    refused(diag(*command, "."), 2, "no run.json", "diag run")


def test_an_empty_name_is_no_configuration(diag):
    refused(diag("run", ""), 2, "Could not find the configuration ``", "no such file", "allowed:")


def test_nothing_to_run(diag):
    refused(diag("run"), 2, "Could not run `diag run`", "no CONFIG given", "`diag run healthy`", "diag run --help")


def test_setting_of_the_emulator_is_refused_before_anything_is_made(diag, tmp_path):
    (tmp_path / "mine.toml").write_text("[emulator]\nthink = 3\n")
    done = diag("run", "mine.toml", "--audio", "wire")
    refused(done, 2, "Could not use [emulator] of mine", "unknown key `think`", "allowed:", "did you mean `think_s`?")
    assert not (tmp_path / "reports").exists()


def test_setting_of_the_emulator_that_is_unknown(diag, tmp_path):
    (tmp_path / "mine.toml").write_text("[emulator]\nthink = 3\n")
    refused(diag("serve", "--scenario", "mine.toml"), 2, "unknown key `think`", "allowed:", "did you mean `think_s`?")
    refused(diag("serve", "--as-of", "yesterday"), 2, "as_of", "yesterday", "allowed:")


@pytest.mark.parametrize("text", ["a=" + "[" * 30_000, "x=" + "1" * 5000, "[session.extra]\nx = inf\n"])
def test_toml_that_would_break_its_reader(diag, tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    refused(diag("run", "mine.toml", "--audio", "wire"), 2, "Could not read the configuration mine.toml")


@pytest.mark.parametrize("words", [("run",), ("report",), ("analyze",), ("bench",), ("doctor", "--setup"),
                                   ("analyze", "a.wav", "--voice")])  # fmt: skip
def test_a_path_of_5000_characters_is_refused_in_a_short_sentence(diag, words):
    done = diag(*words, "y" * 5000)
    refused(done, 2, "Could not")
    assert len(done.err) < 3000


@pytest.mark.parametrize("path", ["/dev/zero", "pipe"])
@pytest.mark.parametrize("words", [("run", "{}.toml"), ("analyze", "{}"), ("analyze", "good.wav", "--voice", "{}")])
def test_a_device_or_a_pipe_is_no_file(diag, tmp_path, words, path):
    write_wav(tmp_path / "good.wav", np.sin(np.arange(RATE_HZ) / 9.0) * 0.5)
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    name = path if ".toml" not in words[-1] else path.replace("/dev/zero", "zero")
    refused(diag(*(word.format(name) for word in words)), 2, "it is a pipe or a device")


def test_more_channels_than_a_recording_of_voices_has(diag, tmp_path):
    soundfile.write(tmp_path / "many.wav", np.zeros((100, 1000), np.float32), RATE_HZ)
    refused(diag("analyze", "many.wav"), 2, "1000 channels", "allowed: at most 32")


def test_a_run_from_elsewhere_writes_nothing_outside_the_output(diag, tmp_path):
    from builders import Story, build

    from diag.files.run_folders import create_run, write_take

    run = create_run(tmp_path / "runs", "x", {"title": "x"})
    write_take(run, build(Story(prompt_s=0.8, reply_s=1.0)))
    facts = json.loads((run / "run.json").read_text())
    for name in ("../../escaped", "/tmp/escaped", "a\u001b[31m", "x" * 500):
        (run / "run.json").write_text(json.dumps({**facts, "name": name}))
        refused(diag("compare", str(run), str(run), "--out", "out"), 2, "run.json is damaged", "is not a name")
    (run / "run.json").write_text(json.dumps(facts))
    take = json.loads((run / "takes/0001/take.json").read_text())
    (run / "takes/0001/take.json").write_text(json.dumps({**take, "id": "../../../escaped"}))
    assert diag("report", str(run), "--out", "out", "--embed", "all").code in (0, 1, 4)
    assert not list(tmp_path.rglob("*escaped*"))


def test_output_that_is_closed_or_full(tmp_path):
    diag = f"{sys.executable} -m diag explain PLY001"
    for end, seen in ((">&-", "standard output is closed"), (">/dev/full", "No space left on device")):
        done = subprocess.run(f"{diag} {end}", shell=True, capture_output=True, text=True, check=False)
        assert done.returncode == 3
        assert done.stderr.startswith("Could not write the output: ")
        assert seen in done.stderr
        assert done.stderr.count("\n") == 1
