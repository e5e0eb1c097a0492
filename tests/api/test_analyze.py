"""Recordings alone and against a reference, files, folders and arrays; saved runs judged again."""

import json
import re

import numpy as np
import pytest
import soundfile as sf
from builders import Story, build, client, replace, resampled, speech

import diag.api.analyze
from diag.api.analyze import analyze, analyze_all, analyze_run
from diag.core.clip import Clip
from diag.core.errors import BadInputError, ExitCode
from diag.core.results import Severity
from diag.dsp.byte_formats import alaw_table, formats
from diag.files import run_folders as store
from diag.judge.engine import judge_take
from diag.judge.recording_result import COLUMNS
from diag.report.recording_text import exit_code, results_text

RECEIVED = speech(3.0, 4, 24000)
PLAYED_16K = resampled(RECEIVED, 16000, 48000)
DULL = resampled(resampled(RECEIVED, 24000, 8000), 8000, 48000)


def padded(samples, rate_hz, seconds=0.4):
    quiet = np.zeros(round(seconds * rate_hz), np.float32)
    return np.concatenate([quiet, samples, quiet])


def against_received(samples, rate_hz=48000):
    return analyze(Clip(samples=padded(samples, rate_hz), sample_rate_hz=rate_hz),
                   reference=Clip(samples=RECEIVED, sample_rate_hz=24000))  # fmt: skip


# --- against a reference


def roots(result):
    return {item.code for item in result.findings if item.severity is not Severity.INFO and not item.consequence_of}


def test_a_voice_below_loud_noise_is_not_misread_bytes():
    noise = np.random.default_rng(1).standard_normal(RECEIVED.size) * np.std(RECEIVED) * 10 ** (-4 / 20)
    result = against_received((RECEIVED + noise).astype(np.float32), 24000)
    assert "PLY014" in roots(result)
    assert not {"PLY009", "REC008"} & roots(result)


def test_concealed_packets_are_no_echo():
    """One packet of 20 ms in twelve is lost at random, and the one before is played again."""
    out, random, size = RECEIVED.copy(), np.random.default_rng(8), 480
    for first in range(5 * size, out.size - size, size):
        if random.random() < 1 / 12:
            out[first : first + size] = out[first - size : first]
    assert roots(against_received(out, 24000)) == {"PLY017"}


def test_foreign_samples_at_each_chunk_are_clicks_and_no_echo():
    out, random = RECEIVED.copy(), np.random.default_rng(9)
    for first in range(2880, out.size - 24, 2880):
        out[first : first + 24] = random.uniform(-0.6, 0.6, 24)
    found = roots(against_received(out, 24000))
    assert "PLY004" in found
    assert "PLY012" not in found


def test_repeated_samples_are_images_and_not_two_channels():
    result = against_received(np.repeat(RECEIVED, 2))
    assert roots(result) == {"PLY005"}
    assert {item.code: item.consequence_of for item in result.findings}.get("REC008", "PLY005") == "PLY005"


def test_three_bits_are_named_although_little_of_the_waveform_is_left():
    result = against_received(np.round(RECEIVED * 4) / 4, 24000)
    assert "PLY015" in roots(result)
    assert "PLY009" not in roots(result)


def test_a_wrong_companding_table_is_distortion_and_not_misread_bytes():
    narrow = 0.25 * resampled(RECEIVED, 24000, 8000)
    decoded = alaw_table(1)[formats()["alaw"].encode(narrow)] / np.float32(32768)
    result = analyze(Clip(samples=np.clip(decoded, -1, 1), sample_rate_hz=8000),
                     reference=Clip(samples=narrow, sample_rate_hz=8000))  # fmt: skip
    found = {item.code: item for item in result.findings}
    assert "PLY015" in roots(result)
    assert "A-law" in found["PLY015"].title
    assert "G.711" in found["PLY015"].fix
    assert "PLY009" not in found
    assert found["REC008"].consequence_of == "PLY015"


@pytest.mark.parametrize(("through_hz", "rate_hz", "severity"), [
    (16000, 48000, Severity.INFO), (16000, 44100, Severity.INFO), (16000, 24000, Severity.WARNING),
    (8000, 48000, Severity.WARNING),
])  # fmt: skip
def test_wideband_speech_at_a_higher_rate_is_no_fault_by_itself(through_hz, rate_hz, severity):
    samples = resampled(resampled(RECEIVED, 24000, through_hz), through_hz, rate_hz)
    result = analyze(Clip(samples=samples, sample_rate_hz=rate_hz))
    assert [item.severity for item in result.findings if item.code == "REC006"] == [severity]


def test_a_faithful_copy_is_called_one():
    result = against_received(resampled(RECEIVED, 24000, 48000))
    assert result.findings == ()
    assert result.sentence == (
        "the recording is a faithful copy of the reference: right speed, whole treble, nothing missing or added."
    )
    assert not result.failed


def test_24_khz_played_as_16_khz():
    result = against_received(PLAYED_16K)
    assert result.sentence == (
        "the recording: 24000 Hz audio was played as 16000 Hz: 1.5 times as long and 7 semitones deeper [PLY001]."
    )
    assert [(item.code, item.consequence_of) for item in result.findings] == [("PLY001", None), ("REC006", "PLY001")]
    assert result.failed
    # What could not be compared because of it is named, and nothing that was.
    assert {"PLY002", "PLY005", "PLY016"} <= {item.code for item in result.not_shown}
    assert not {"PLY001", "PLY003", "PLY019"} & {item.code for item in result.not_shown}


def test_played_too_fast():
    result = against_received(RECEIVED)
    assert "24000 Hz audio was played as 48000 Hz: 2 times as fast and 12 semitones higher [PLY001]" in result.sentence


def test_treble_lost_on_the_way():
    result = against_received(DULL)
    assert (result.findings[0].code, result.findings[0].evidence[0].metric) == ("PLY002", "dullness_db")
    assert "as if it went through a sample rate of 8000 Hz" in result.sentence


@pytest.mark.parametrize(("rate_hz", "above"), [(16000, "7.6 kHz"), (8000, "3.8 kHz")])
def test_a_sample_rate_too_low_for_the_references_treble(rate_hz, above):
    result = against_received(resampled(RECEIVED, 24000, rate_hz), rate_hz)
    assert f"A sample rate of {rate_hz} Hz cuts off the 24000 Hz reply above {above} [PLY002]" in result.sentence
    assert result.failed


def test_a_low_sample_rate_that_holds_all_of_a_narrow_reference_is_no_fault():
    narrow = resampled(resampled(RECEIVED, 24000, 8000), 8000, 24000)
    result = analyze(resampled(narrow, 24000, 16000), 16000, reference=Clip(samples=narrow, sample_rate_hz=24000))
    assert result.findings == ()


def test_a_part_left_out():
    cut = np.concatenate([RECEIVED[:30000], RECEIVED[34800:]])
    result = against_received(resampled(cut, 24000, 48000))
    assert "loses 200 ms of the sound in the middle [PLY011]" in result.sentence


def test_silence_put_in():
    torn = np.concatenate([RECEIVED[:30000], np.zeros(2400, np.float32), RECEIVED[30000:]])
    result = against_received(resampled(torn, 24000, 48000))
    assert [item.code for item in result.findings] == ["PLY003"]
    assert "inserts 100 ms of silence in 1 place" in result.sentence
    assert result.findings[0].severity is Severity.WARNING


def test_other_speech_is_not_judged_against_it():
    result = against_received(resampled(speech(3.0, 99, 24000), 24000, 48000))
    assert result.sentence == (
        "the recording is not shown to be a faithful copy of the reference: "
        "the output is not a copy of the input (no speed makes their waveforms agree)."
    )
    assert exit_code([result]) is ExitCode.TOO_LITTLE_EVIDENCE


def test_silence_is_told_first():
    result = against_received(np.zeros(48000, np.float32))
    assert "A reply was received but the client played nothing [PLY006]" in result.sentence
    assert [item.consequence_of for item in result.findings] == [None, "PLY006"]
    assert result.failed


# --- alone


def test_a_good_voice_alone_shows_no_error():
    result = analyze(padded(RECEIVED, 24000), 24000)
    assert not result.failed
    assert result.reference is None


def test_real_voices_show_no_error_by_themselves(real_speech):
    assert [result.sentence for result in analyze_all([real_speech]) if result.failed] == []


def test_the_projects_own_voices_show_no_error(scenarios):
    results = analyze_all([scenarios / "prompts", scenarios / "replies"])
    assert [result.sentence for result in results if result.failed] == []


@pytest.mark.parametrize(
    ("samples", "word"),
    [
        (np.zeros(24000, np.float32), "is silent"),
        (np.clip(RECEIVED * 6, -0.5, 0.5), "clipped"),
        (resampled(resampled(RECEIVED, 24000, 8000), 8000, 24000), "nothing above"),
        (
            np.frombuffer((RECEIVED * 32767).astype("<i2").tobytes(), ">i2").astype(np.float32) / 32768,
            "16-bit big-endian samples",
        ),
        (np.repeat(speech(3.0, 4, 24000), 2), "two channels of the same sound are read as one"),
    ],
)
def test_faults_that_a_recording_shows_by_itself(samples, word):
    result = analyze(samples, 24000)
    assert any(word in item.title for item in result.findings), [item.title for item in result.findings]


# --- what may be given


def test_files_arrays_and_clips_give_the_same(tmp_path):
    sf.write(tmp_path / "a.wav", RECEIVED, 24000, subtype="FLOAT")
    by_file, by_array = analyze(tmp_path / "a.wav"), analyze(RECEIVED, 24000)
    by_clip = analyze(Clip(samples=RECEIVED, sample_rate_hz=24000))
    assert by_file.name == "a.wav"
    assert by_file.measurements == by_array.measurements == by_clip.measurements


def test_headerless_recordings(tmp_path):
    (tmp_path / "a.pcm").write_bytes((RECEIVED * 32767).astype("<i2").tobytes())
    assert analyze(tmp_path / "a.pcm", raw="s16le:24000").duration_s == pytest.approx(3.0)


def test_stereo_is_taken_as_its_mean():
    stereo = np.stack([RECEIVED, RECEIVED], axis=1)
    assert analyze(stereo, 24000).channels == 2


def test_lists_and_folders(tmp_path):
    sf.write(tmp_path / "received.wav", RECEIVED, 24000, subtype="FLOAT")
    (tmp_path / "more").mkdir()
    sf.write(tmp_path / "more" / "b.wav", PLAYED_16K, 48000)
    sf.write(tmp_path / "more" / "a.flac", resampled(RECEIVED, 24000, 48000), 48000)
    (tmp_path / "more" / "notes.txt").touch()
    results = analyze_all([tmp_path / "received.wav", tmp_path / "more"], reference=tmp_path / "received.wav")
    assert [result.name for result in results] == ["received.wav", "a.flac", "b.wav"]
    assert [result.failed for result in results] == [False, False, True]
    assert {result.reference for result in results} == {"received.wav"}


@pytest.mark.parametrize(
    ("array", "rate_hz", "word"),
    [(RECEIVED, None, "without a sample rate"), (np.zeros((2, 2, 2)), 24000, "shape"), ([], 24000, "without samples"),
     ([0.0, float("nan")], 24000, "finite"), (RECEIVED, 0, "sample_rate_hz"), (["a"], 24000, "could not convert")],
)  # fmt: skip
def test_arrays_that_cannot_be_used(array, rate_hz, word):
    with pytest.raises(BadInputError, match=word):
        analyze(array, rate_hz)


def test_a_folder_without_audio(tmp_path):
    with pytest.raises(BadInputError, match="no audio file"):
        analyze_all([tmp_path])


@pytest.mark.parametrize("frames", [1, 10, 300])
def test_less_than_a_pitch_period_is_refused(frames):
    with pytest.raises(BadInputError, match="too short to judge; allowed: at least 20 ms"):
        analyze(np.full(frames, 0.5, np.float32), 16000)


@pytest.mark.parametrize("frames", [320, 500, 3000])
@pytest.mark.parametrize("level", [0.0, 1e-9, 0.5])
def test_snippets_never_crash(frames, level):
    noise = (level * np.random.default_rng(frames).uniform(-1, 1, frames)).astype(np.float32)
    result = analyze(noise, 16000, reference=noise[::-1])
    assert not [item.reason for item in result.measurements if item.reason and item.reason.startswith("crashed")]


def test_json_and_frame():
    result = against_received(PLAYED_16K)
    document = json.loads(json.dumps(result.to_json()))
    assert document["verdict"] == result.sentence
    assert document["findings"][0]["severity"] == "error"
    assert document["findings"][0]["code"] == "PLY001"
    assert document["not_shown"][0].keys() == {"code", "hop", "what", "reason"}
    frame = result.to_frame()
    assert list(frame.columns) == list(COLUMNS)
    assert frame.set_index("metric").loc["time_ratio", "value"] == pytest.approx(2 / 3, abs=0.001)


# --- saved runs


def saved(tmp_path, *stories):
    folder = store.create_run(tmp_path, "name", {"title": "Title", "environment": {"audio": "wire"}})
    for index, story in enumerate(stories):
        store.write_take(folder, build(replace(story, take_id=f"{index + 1:04d}")))
    return folder


def test_a_saved_run_gives_the_same_judgement_again(tmp_path):
    story = Story(config=client(playback={"sample_rate_hz": 16000, "resample": False}))
    folder = saved(tmp_path, story, replace(story, seed=2))
    run = analyze_run(folder)
    assert (run.name, run.title, run.folder, len(run.takes)) == ("name", "Title", str(folder), 2)
    assert [item.finding.code for item in run.findings] == ["PLY001", "ENV006"]
    direct = judge_take(build(replace(story, take_id="0001")))
    for again, first in zip(run.takes[0].measurements, direct.measurements, strict=True):
        assert (again.metric, again.reason) == (first.metric, first.reason)
        if isinstance(first.value, float):
            assert again.value == pytest.approx(first.value, abs=1e-4)


def test_results_are_saved_only_when_asked(tmp_path):
    folder = saved(tmp_path, Story(reply_s=None))
    analyze_run(folder)
    assert not list(folder.rglob("result.json"))
    analyze_run(folder, save=True)
    document = json.loads((folder / "takes/0001/result.json").read_text())
    assert (document["id"], document["schema_version"]) == ("0001", 1)


def test_processes_judge_takes_as_one_process_does(tmp_path, monkeypatch):
    folder = saved(tmp_path, *(Story(seed=seed, reply_s=None) for seed in (1, 2, 3)))
    alone = analyze_run(folder)
    monkeypatch.setattr(diag.api.analyze, "WORTH_PROCESSES", 2)
    monkeypatch.setattr(diag.api.analyze, "cores", lambda: 2)
    assert analyze_run(folder, processes=True) == alone
    (folder / "takes/0002/take.json").write_text("{")
    with pytest.raises(BadInputError, match="0002"):
        analyze_run(folder, processes=True)


def test_a_run_without_takes_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="no finished take"):
        analyze_run(store.create_run(tmp_path, "name", {}))


def test_what_a_treble_figure_covers_is_said():
    narrow = Clip(samples=padded(resampled(RECEIVED, 24000, 16000), 16000), sample_rate_hz=16000)
    result = analyze(narrow, reference=Clip(samples=RECEIVED, sample_rate_hz=24000))
    text = results_text([result], ExitCode.FAILED, verbose=True)
    assert re.search(r"Treble lost +-?0\.\d dB  \(against its input, of 3\.5 to 7 kHz only\)", text)
    assert "no profile of the voice" not in text
