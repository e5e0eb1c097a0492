"""Recordings alone and against a reference: every fault has its code, and what is healthy has none."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soxr
from approved import check, findings_in_words
from builders import resampled, speech
from recording_faults import RATE_HZ, RECORDING_FAULTS

from diag.api.analyze import analyze
from diag.core.clip import Clip
from diag.core.results import Measurement, Measurements, Severity, Status, Tier
from diag.dsp.spectrum import Sound
from diag.files.audio_files import read_wav
from diag.judge.recording import Recording
from diag.judge.registry import Scope, all_rules
from diag.judge.rules.rec013 import recording_speed_for_voice
from diag.measure.voice_making import voice_from_sounds

APPROVED = Path(__file__).with_name("approved_recordings.txt")
FOLDER = Path(__file__).resolve().parents[3] / "scenarios"
VOICES = ("sunny_in_seoul", "ko_sunny_in_seoul", "table_is_booked")
KORE = ("replies/hearing_you_well", "replies/say_it_again", "prompts/train_with_a_pause")
KORE_ELSEWHERE = ("replies/take_the_express", "prompts/can_you_hear_me")


@functools.cache
def voice(name):
    samples = read_wav(FOLDER / "replies" / f"{name}.wav").samples
    return samples[: round(4.0 * RATE_HZ)]


@functools.cache
def profile():
    clips = {name: read_wav(FOLDER / f"{name}.wav") for name in KORE}
    sounds = {name: Sound(clip.samples, float(clip.sample_rate_hz)) for name, clip in clips.items()}
    return voice_from_sounds(sounds, "Kore").profile


@functools.cache
def kore_elsewhere():
    return np.concatenate([read_wav(FOLDER / f"{name}.wav").samples for name in KORE_ELSEWHERE])


def clip(samples, rate_hz=RATE_HZ):
    return Clip(samples=np.asarray(samples, np.float32), sample_rate_hz=rate_hz)


@functools.cache
def found(fault, name):
    if not fault.needs_voice:
        return analyze(clip(*fault.apply(voice(name))))
    samples = np.concatenate([voice(name), voice(VOICES[0])]) if fault.code == "REC014" else kore_elsewhere()
    return analyze(clip(*fault.apply(samples)), voice=profile())


CASES = [
    (fault, name) for fault in RECORDING_FAULTS for name in (VOICES if not fault.needs_voice else VOICES[2:])
]  # fmt: skip


@pytest.mark.parametrize(("fault", "name"), CASES, ids=lambda item: getattr(item, "name", item))
def test_every_fault_of_a_recording_has_its_code_and_no_other(fault, name):
    result = found(fault, name)
    assert not [item for item in result.outcomes if item.status is Status.CRASHED]
    codes = {item.code for item in result.findings if item.severity is not Severity.INFO}
    assert fault.code in codes, [(item.code, item.reason) for item in result.outcomes if item.code == fault.code]
    assert codes - {fault.code} <= fault.beside, result.findings
    for item in result.findings:
        assert item.fix
        assert item.evidence
        assert item.likely_cause
        assert "None" not in item.title
    assert f"[{result.findings[0].code}]" in result.sentence
    text = findings_in_words(result.findings, result.outcomes)
    check(APPROVED, f"recording: {fault.name} on {name}", f"{result.sentence}\n{text}")


@pytest.mark.parametrize(("count", "severity"), [(1, Severity.INFO), (2, Severity.WARNING)])
def test_a_single_click_is_information_and_two_are_a_warning(count, severity):
    samples = voice(VOICES[0]).copy()
    samples[RATE_HZ // 3 :: RATE_HZ][:count] += np.float32(0.6)
    clicks = [item for item in analyze(clip(np.clip(samples, -1, 1))).findings if item.code == "REC005"]
    assert [item.severity for item in clicks] == [severity]


def test_every_rule_on_recordings_is_provoked():
    assert {item.code for item in all_rules() if item.scope is Scope.RECORDING} == {
        item.code for item in RECORDING_FAULTS
    }


ORDINARY = {
    "as it is": clip,
    "at 48 kHz": lambda samples: clip(resampled(samples, 24000, 48000), 48000),
    "at 48 kHz by a middling resampler": lambda samples: clip(soxr.resample(samples, 24000, 48000, "LQ"), 48000),
    "at 16 kHz": lambda samples: clip(resampled(samples, 24000, 16000), 16000),
    "at 44.1 kHz": lambda samples: clip(resampled(samples, 24000, 44100), 44100),
    "half as loud": lambda samples: clip(0.5 * samples),
    "in 16 bits": lambda samples: clip(np.rint(samples * 32767) / 32768),
    "with a second of silence around it": lambda samples: clip(np.pad(samples, 24000)),
    "faded in and out": lambda samples: clip(samples * np.minimum(1, np.hanning(len(samples)) * 20)),
}


@pytest.mark.parametrize("how", ORDINARY)
@pytest.mark.parametrize("name", VOICES)
def test_a_healthy_recording_shows_nothing_whatever_was_done_to_it(name, how):
    result = analyze(ORDINARY[how](voice(name)))
    assert result.findings == ()
    assert "shows no fault by itself" in result.sentence


def test_a_voice_shows_nothing_against_its_own_profile():
    result = analyze(clip(kore_elsewhere()), voice=profile())
    assert result.findings == ()
    assert "has the speed and treble of the voice Kore" in result.sentence


@pytest.mark.parametrize(("rate_hz", "code"), [(2 * RATE_HZ, "REC007"), (RATE_HZ, "REC008")])
def test_equal_pairs_are_images_at_the_right_speed_and_two_channels_at_half_of_it(rate_hz, code):
    result = analyze(clip(np.repeat(voice("table_is_booked"), 2), rate_hz))
    assert [item.code for item in result.findings if item.severity is not Severity.INFO] == [code]


def speed_against(ratio, spread):
    speed = Measurement(metric="rate_ratio", unit="1", value=ratio, missing=None, tier=Tier.PROFILE)
    given = Recording(name="a.wav", sample_rate_hz=RATE_HZ, voice=replace(profile(), speed_spread=spread))
    return recording_speed_for_voice(Measurements((speed,)), given)


@pytest.mark.parametrize(
    ("ratio", "spread", "status"),
    [
        (1.03, 0.02, Status.CLEAR),
        (1.05, 0.02, Status.RAISED),
        (1.05, 0.03, Status.NOT_CHECKED),
        (0.95, 0.03, Status.NOT_CHECKED),
        (0.93, 0.03, Status.RAISED),
    ],
)
def test_a_speed_within_the_spread_of_the_voice_is_neither_right_nor_wrong(ratio, spread, status):
    assert speed_against(ratio, spread).status is status


@pytest.mark.parametrize(("speed", "said"), [(1.5, "faster and higher"), (1.0, None)])
def test_two_seconds_show_a_gross_speed_against_the_voice_and_no_right_one(speed, said):
    samples = read_wav(FOLDER / "replies" / "take_the_express.wav").samples[: round(speed * 2.2 * RATE_HZ)]
    result = analyze(clip(samples, round(speed * RATE_HZ)), voice=profile())
    if said is None:
        assert {"REC013", "REC014"} <= {item.code for item in result.not_shown}
        assert "less than 2.5 s of speech, which show only speeds that are 20 % off" in result.sentence
    else:
        assert result.findings[0].code == "REC013"
        assert said in result.sentence


# --- against a reference

RECEIVED = speech(3.0, 4, 24000)
WHOLE = resampled(RECEIVED, 24000, 48000)


def clicked():
    out = WHOLE.copy()
    out[np.arange(20000, 130000, 15000)] += np.float32(0.5) * np.abs(WHOLE).max()
    return out


def cut_tops():
    limit = np.abs(WHOLE).max() / 4
    return np.clip(WHOLE, -limit, limit)


def held():
    return np.repeat(resampled(RECEIVED, 24000, 16000), 3)


def broken():
    return np.concatenate([WHOLE[:60000], np.zeros(2400, np.float32), WHOLE[60000:]])


@functools.cache
def against(name):
    made = {"clicked": clicked, "cut_tops": cut_tops, "held": held, "broken": broken, "whole": lambda: WHOLE}[name]()
    return analyze(clip(made, 48000), reference=clip(RECEIVED))


@pytest.mark.parametrize(
    ("name", "code"), [("clicked", "PLY004"), ("cut_tops", "PLY008"), ("held", "PLY005"), ("broken", "PLY003")]
)
def test_what_a_copy_adds_has_the_clients_code(name, code):
    (root, *_) = [item for item in against(name).findings if item.consequence_of is None]
    assert (root.code, root.severity) == (code, Severity.WARNING)


def test_a_dc_offset_has_a_cause_and_a_fix_of_its_own():
    shifted = analyze(clip(WHOLE + np.float32(0.05), 48000), reference=clip(RECEIVED))
    (found,) = [item for item in shifted.findings if item.code == "PLY014"]
    assert "DC offset" in found.title
    assert "high-pass" in found.fix
    assert "sound card" in found.likely_cause


def test_a_faithful_copy_adds_nothing():
    assert against("whole").findings == ()
    assert against("whole").not_shown == ()
    assert "is a faithful copy of" in against("whole").sentence


@pytest.mark.parametrize(("name", "code"), [("broken", "PLY003"), ("cut_tops", "PLY008")])
def test_clicks_of_breaks_and_flat_tops_are_consequences(name, code):
    clicks = [item for item in against(name).findings if item.code in ("PLY004", "REC005")]
    assert {item.consequence_of for item in clicks} <= {code}


def test_what_the_reference_shows_too_is_information():
    tops = cut_tops()
    result = analyze(clip(tops, 48000), reference=clip(tops, 48000))
    (finding,) = result.findings
    assert (finding.code, finding.severity) == ("REC003", Severity.INFO)
    assert "has it too" in finding.title
    assert not result.failed


def test_other_speech_is_not_shown_to_be_a_copy():
    result = analyze(clip(voice("table_is_booked")), reference=clip(voice("sunny_in_seoul")))
    assert not [item for item in result.findings if item.severity is not Severity.INFO]
    assert result.not_shown
    assert "is not shown to be a faithful copy" in result.sentence
