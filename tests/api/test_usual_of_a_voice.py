"""A voice's profile keeps quiet about what that voice always shows, and about nothing else."""

import numpy as np
import pytest
import scipy.signal
import soundfile as sf

from diag.api.analyze import analyze
from diag.api.voice import load_voice, make_voice, save_voice
from diag.files.audio_files import read_wav
from diag.report.recording_text import results_text

RATE_HZ = 24000
NAMES = ("replies/hearing_you_well", "replies/take_the_express", "replies/say_it_again", "prompts/can_you_hear_me")
OTHER_WORDS = "prompts/train_with_a_pause"


def hum(samples, level):
    """Add a tone, and the noise of a room, without which the pauses hold nothing but the tone."""
    samples = samples + 0.0003 * np.random.default_rng(1).standard_normal(samples.size)
    at_s = np.arange(samples.size) / RATE_HZ
    return samples + level * np.sin(2 * np.pi * 400.0 * at_s)


def narrow(samples, edge_hz):
    return scipy.signal.sosfiltfilt(scipy.signal.butter(8, edge_hz, fs=RATE_HZ, output="sos"), samples)


def offset(samples, level):
    return samples + level


def clipped(samples, share):
    most = share * np.abs(samples).max()
    return np.clip(samples, -most, most)


@pytest.fixture
def spoken(scenarios):
    """Recordings of one voice, and one of it with other words."""
    clips = [read_wav(scenarios / f"{name}.wav") for name in (*NAMES, OTHER_WORDS)]
    return [clip.samples.astype(np.float64) for clip in clips]


@pytest.fixture
def profile_of(tmp_path):
    """Make the profile of recordings, as it is read back from its file."""

    def make(recordings):
        paths = []
        for number, samples in enumerate(recordings):
            paths.append(tmp_path / f"{number}.wav")
            sf.write(paths[-1], samples, RATE_HZ, subtype="FLOAT")
        made = make_voice(paths, name="Kore")
        return load_voice(save_voice(made.profile, tmp_path / "kore.voice.json"))

    return make


def findings(samples, voice):
    result = analyze(samples, RATE_HZ, voice=voice)
    return {item.code for item in result.findings}, result


ALWAYS = [
    pytest.param("REC009", hum, (0.02, 0.2), id="hum"),
    pytest.param("REC006", narrow, (6000.0, 4000.0), id="narrow band"),
    pytest.param("REC011", offset, (0.04, 0.15), id="direct current"),
    pytest.param("REC003", clipped, (0.3, 0.05), id="clipping"),
]


@pytest.mark.parametrize(("code", "fault", "levels"), ALWAYS)
def test_what_a_voice_always_shows_is_no_finding_until_it_is_clearly_worse(spoken, profile_of, code, fault, levels):
    *known, new = spoken
    usual, worse = levels
    voice = profile_of([fault(samples, usual) for samples in known])
    without = {item.code for item in analyze(fault(new, usual), RATE_HZ).findings}
    assert code in without
    codes, result = findings(fault(new, usual), voice)
    assert code not in codes
    assert "as always with the voice Kore: the recording" in results_text([result], 0, width=200)
    codes, _ = findings(fault(new, worse), voice)
    assert code in codes


@pytest.mark.parametrize(("code", "fault", "levels"), ALWAYS)
def test_what_a_voice_never_shows_stays_a_finding(spoken, profile_of, code, fault, levels):
    *known, new = spoken
    codes, _ = findings(fault(new, levels[1]), profile_of(known))
    assert code in codes


def test_another_fault_than_the_usual_one_is_found(spoken, profile_of):
    *known, new = spoken
    voice = profile_of([hum(samples, 0.02) for samples in known])
    codes, _ = findings(clipped(hum(new, 0.02), 0.1), voice)
    assert "REC003" in codes
    assert "REC009" not in codes


def test_a_fault_of_one_recording_of_the_profile_is_not_usual(spoken, profile_of):
    *known, new = spoken
    voice = profile_of([offset(known[0], 0.04), *known[1:]])
    codes, _ = findings(offset(new, 0.04), voice)
    assert "REC011" in codes


def test_a_profile_without_usual_measures_suppresses_nothing(spoken, profile_of, tmp_path):
    *known, new = spoken
    profile_of([hum(samples, 0.02) for samples in known])
    path = tmp_path / "kore.voice.json"
    text = path.read_text()
    start = text.index('"usual":')
    path.write_text(text[:start] + text[text.index("}", start) + 2 :])
    codes, _ = findings(hum(new, 0.02), load_voice(path))
    assert "REC009" in codes
