"""Recordings judged alone, on the command line."""

import json

import numpy as np
import pytest
import soundfile


@pytest.fixture
def speech(scenarios):
    """A recorded prompt of some seconds, and its sample rate."""
    return soundfile.read(scenarios / "prompts" / "weather_in_seoul.wav", dtype="float32")


@pytest.fixture(autouse=True)
def _recordings(monkeypatch, tmp_path, speech):
    samples, rate_hz = speech
    monkeypatch.chdir(tmp_path)
    soundfile.write("received.wav", samples, rate_hz)
    soundfile.write("copy.wav", samples * 0.5, rate_hz)
    soundfile.write("slow.wav", samples, rate_hz * 2 // 3)
    soundfile.write("silent.wav", np.zeros(rate_hz, np.float32), rate_hz)


def test_faithful_copy(diag):
    done = diag("analyze", "copy.wav", "--reference", "received.wav")
    assert done.code == 0
    assert done.out.startswith("● copy.wav is a faithful copy of received.wav")
    assert "compared with received.wav" in done.out
    assert "Speed" not in done.out
    told = diag("analyze", "copy.wav", "--reference", "received.wav", "-v").out
    assert "    Speed                    1  (against its input)\n" in told


def test_wrong_speed_fails_and_names_both_rates(diag):
    done = diag("analyze", "slow.wav", "--reference", "received.wav")
    assert done.code == 1
    assert done.out.startswith("▲ slow.wav: 24000 Hz audio was played as 16000 Hz")
    assert "[PLY001]" in done.out
    assert "24000" in done.out
    assert "16000" in done.out
    assert "    fix  " in done.out


def test_never_fails_where_that_was_asked(diag):
    assert diag("analyze", "slow.wav", "--reference", "received.wav", "--fail-on", "never").code == 0


def test_silence_fails_by_itself(diag):
    done = diag("analyze", "silent.wav")
    assert done.code == 1
    assert done.out.startswith("▲ silent.wav: The recording is silent")
    assert "[REC001]" in done.out


def test_several_recordings_in_one_document(diag):
    done = diag("analyze", "copy.wav", "slow.wav", "--reference", "received.wav", "--json")
    document = json.loads(done.out)
    (run,) = document["runs"]
    assert [take["id"] for take in run["takes"]] == ["copy.wav", "slow.wav"]
    assert [len(take["findings"]) > 0 for take in run["takes"]] == [False, True]
    ratio = next(item for item in run["takes"][1]["measurements"] if item["metric"] == "rate_ratio")
    assert ratio["value"] == pytest.approx(2 / 3, rel=0.005)
    assert run["findings"][0]["takes"] == ["slow.wav"]
    assert run["findings"][0]["severity"] == "error"
    assert document["schema_version"] == 1
    assert "slow.wav: 24000 Hz audio was played as 16000 Hz" in document["verdict"]
    assert document["runs"][0]["takes"][1]["not_shown"]
    assert done.code == 1


def test_folder_stands_for_its_recordings(diag, tmp_path):
    done = diag("analyze", str(tmp_path), "--json")
    assert len(json.loads(done.out)["runs"][0]["takes"]) == 4


def test_headerless_file(diag, speech):
    samples, rate_hz = speech
    with open("voice.pcm", "wb") as file:
        file.write((samples * 32767).astype("<i2").tobytes())
    done = diag("analyze", "voice.pcm", "--raw", f"s16le:{rate_hz}", "--reference", "received.wav")
    assert done.code == 0
    assert done.out.startswith("● voice.pcm is a faithful copy")


def test_text_fits_the_terminal(diag):
    out = diag("analyze", "slow.wav", "--reference", "received.wav").out
    assert all(len(line) <= 100 for line in out.splitlines())


def damaged(samples, rate_hz):
    """Faulty copies, by name; some against a reference, some heard by themselves."""
    clipped = np.clip(samples, -0.05, 0.05) * 4
    gap = samples.copy()
    gap[rate_hz : rate_hz + rate_hz // 10] = 0
    return {
        "clipped.wav": clipped,
        "gap.wav": gap,
        "noisy.wav": samples + 0.05 * np.random.default_rng(1).standard_normal(len(samples)),
        "swapped.wav": np.frombuffer((samples * 32767).astype("<i2").tobytes(), ">i2") / 32768,
        "cut.wav": samples[: len(samples) * 2 // 3],
        "offset.wav": samples * 0.5 + 0.1,
        "quiet.wav": samples * 0.003,
        "tone.wav": samples + 0.2 * np.sin(np.arange(len(samples)) * 0.3),
    }


def test_every_finding_has_a_code_that_explain_knows(diag, speech, tmp_path):
    """Also each check that could not be made, in the document of recordings alone and against a reference."""
    (tmp_path / "faulty").mkdir()
    for name, samples in damaged(*speech).items():
        soundfile.write(tmp_path / "faulty" / name, samples, speech[1])
    codes = set()
    for more in ((), ("--reference", "received.wav")):
        document = json.loads(diag("analyze", "faulty", *more, "--json").out)
        (run,) = document["runs"]
        without = [take["id"] for take in run["takes"] if not take["findings"]]
        assert without == [] or not more, "against its reference every one of them has a finding"
        found = [item for take in run["takes"] for item in take["findings"]]
        assert all(item["code"] and item["fix"] and item["evidence"] for item in [*found, *run["findings"]])
        codes |= {item["code"] for item in found}
        codes |= {item["code"] for take in run["takes"] for item in take.get("not_shown", ()) if item["code"]}
    assert len(codes) > 8
    for code in sorted(codes):
        explained = diag("explain", code)
        assert explained.code == 0
        assert code in explained.out
