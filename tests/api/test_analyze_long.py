"""Long recordings through `analyze`: findings with their place, rows, progress, channels, memory."""

import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile as sf

from diag.api.analyze import analyze, analyze_all
from diag.core.audio_reader import reader_of
from diag.core.clip import Clip
from diag.core.errors import ExitCode
from diag.core.results import Severity
from diag.measure.parts import cut_in_pauses
from diag.report.recording_text import exit_code

RATE_HZ = 24000
LENGTH_S = 130.0
"""Of the fixture `long_speech`."""
PEAK = """
import sys
from diag.__main__ import call
call(sys.argv[1:])
print([int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


def clip(samples, rate_hz=RATE_HZ):
    return Clip(samples=samples, sample_rate_hz=rate_hz)


def test_a_wrong_speed_is_reported_throughout(long_speech):
    found = analyze(clip(long_speech, 16000), reference=clip(long_speech))
    assert found.findings[0].code == "PLY001"
    assert found.findings[0].title.endswith(", throughout the recording")


def test_what_is_left_out_is_reported_with_its_place(long_speech):
    short = np.concatenate((long_speech[:1900000], long_speech[1904800:]))
    found = analyze(clip(short), reference=clip(long_speech))
    assert [item.code for item in found.findings] == ["PLY011"]
    assert found.findings[0].title.endswith("loses 200 ms of the sound in the middle, from 0:58 to 2:10")


def test_a_recording_that_ends_too_early_fails(long_speech):
    found = analyze(clip(long_speech[: 55 * RATE_HZ]), reference=clip(long_speech))
    assert found.findings[0].code == "PLY011"
    assert re.search(r"loses [5-7]\d\.\d\d s of the sound at the end$", found.findings[0].title)
    assert re.match(r"[5-7]\d\.\d\d s of the reference is missing at the end", found.findings[0].evidence[0].text)
    assert found.failed


def test_a_part_that_is_wholly_replaced_is_lost(long_speech):
    (_, first), _ = cut_in_pauses(reader_of(clip(long_speech)))
    noise = (0.05 * np.random.default_rng(1).standard_normal(long_speech.size - first.size)).astype(np.float32)
    found = analyze(clip(np.concatenate((first, noise))), reference=clip(long_speech))
    assert found.failed
    assert {"PLY011", "PLY014"} & {item.code for item in found.findings}


def test_speech_before_and_after_the_reference_is_added_sound(long_speech):
    wide = np.concatenate(
        (long_speech[: 6 * RATE_HZ][::-1], np.zeros(72000), long_speech, np.zeros(72000), long_speech[-900000:][::-1])
    )
    found = analyze(clip(wide.astype(np.float32)), reference=clip(long_speech))
    (told,) = [item for item in found.findings if item.code == "PLY014"]
    added_s = found.measurements.value("other_sound_s")
    assert 0.75 * 43.5 < added_s < 44.0
    assert told.severity is Severity.WARNING


def test_other_speech_cannot_be_compared(long_speech, scenarios):
    other, rate_hz = sf.read(scenarios / "prompts" / "train_with_a_pause.wav", dtype="float32")
    found = analyze(clip(long_speech), reference=clip(other, rate_hz))
    assert found.findings == ()
    assert "is not shown to be a faithful copy of the reference" in found.sentence
    assert exit_code([found]) is ExitCode.TOO_LITTLE_EVIDENCE


def test_a_fault_in_one_stretch_is_named_with_its_place(long_speech):
    noisy = long_speech.copy()
    noisy[70 * RATE_HZ : 128 * RATE_HZ] = 0.1 * np.random.default_rng(3).standard_normal(58 * RATE_HZ)
    (finding, *_) = analyze(clip(noisy)).findings
    assert (finding.code, finding.evidence[0].metric) == ("REC008", "flatness")
    assert finding.title.endswith("worst from 0:58 to 2:10")


def test_rows_of_the_whole_and_of_each_stretch(long_speech):
    frame = analyze(clip(long_speech)).to_frame()
    places = frame[["start_s", "end_s"]].drop_duplicates().to_numpy().tolist()
    assert places[0] == [0.0, LENGTH_S]
    assert places[1][1] == places[2][0]
    assert places[2][1] == LENGTH_S


def test_progress_is_told_up_to_the_end(long_speech, tmp_path):
    sf.write(tmp_path / "long.flac", long_speech, RATE_HZ)
    told = []
    analyze_all([tmp_path / "long.flac"], progress=lambda done, total: told.append((round(done), round(total))))
    assert told[-1] == (130, 130)
    assert told == sorted(told)


def test_channels_of_a_long_file_are_told_apart(long_speech, tmp_path):
    sf.write(tmp_path / "both.wav", np.stack((long_speech, 0.1 * long_speech[::-1]), axis=1), RATE_HZ)
    found = analyze_all([tmp_path / "both.wav"])
    assert [result.channel for result in found] == [1, 2]
    assert found[0].measurements.value("level_lufs") - found[1].measurements.value("level_lufs") > 15


def peak_mb(*words):
    done = subprocess.run([sys.executable, "-c", PEAK, *map(str, words)], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


def written(path, long_speech, times):
    with sf.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as file:
        for index in range(times):
            file.write(np.roll(long_speech, 7919 * index))
    return path


def test_memory_does_not_grow_with_the_length(long_speech, tmp_path):
    short, long = written(tmp_path / "short.wav", long_speech, 1), written(tmp_path / "long.wav", long_speech, 5)
    assert peak_mb("analyze", long) < peak_mb("analyze", short) + 25


@pytest.mark.slow
def test_an_hour_takes_no_more_memory_than_ten_minutes(long_speech, tmp_path):
    ten, hour = written(tmp_path / "ten.wav", long_speech, 5), written(tmp_path / "hour.wav", long_speech, 28)
    assert peak_mb("analyze", hour) < peak_mb("analyze", ten) + 25
    # Transforms keep tables for the last 16 lengths that they met: some 110 MB after an hour, and no more.
    assert peak_mb("analyze", hour, "--reference", hour) < peak_mb("analyze", ten, "--reference", ten) + 150
