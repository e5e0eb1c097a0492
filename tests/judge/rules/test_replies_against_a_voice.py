"""SVC005 and SVC016 against the profile of a voice: other words of it, dull ones, another voice, too little speech."""

import numpy as np
import pytest
from builders import Story, build, replace
from fault_cases import shelved, through

from diag.core.chain import Hop, Tap
from diag.core.clip import Clip
from diag.core.observed_client import ObservedClient
from diag.core.results import Status
from diag.dsp.profile import OTHER_VOICE_DB, make_profile
from diag.dsp.spectrum import sound_of
from diag.files.audio_files import read_wav
from diag.files.voice_profiles import load_voice
from diag.judge.engine import judge_take
from diag.judge.registry import all_rules
from diag.measure.engine import measure_clip
from diag.measure.registry import all_metrics

CODES = ("SVC005", "SVC016")
METRICS = ("answered", "bandwidth_hz", "dullness_bands_db", "dullness_db", "rate_ratio", "voice_distance_db")
WORDS = ("hearing_you_well", "sunny_in_seoul", "ko_room_is_booked")


RULES = {rule.code: rule.function for rule in all_rules() if rule.code in CODES}
CHOSEN = [metric for metric in all_metrics() if metric.name in METRICS]


def measured(samples, voice):
    return measure_clip(Clip(samples=samples, sample_rate_hz=24000), tap=Tap.RECEIVED, voice=voice, metrics=CHOSEN)


def judged(samples, voice):
    """The verdicts of both rules on a reply."""
    found = measured(samples, voice)
    dull = RULES["SVC005"](measurements=found, observed=ObservedClient(), voice=voice)
    return dull, RULES["SVC016"](measurements=found, voice=voice)


def states(samples, voice):
    return tuple(verdict.status for verdict in judged(samples, voice))


@pytest.fixture(scope="module")
def kore(scenarios):
    return load_voice(scenarios / "voices" / "kore.voice.json")


@pytest.fixture(scope="module")
def spoken(scenarios):
    return lambda name: read_wav(scenarios / "replies" / "named" / f"{name}.flac").samples


@pytest.mark.parametrize("words", WORDS)
def test_other_words_of_the_voice_are_clear(kore, spoken, words):
    assert states(spoken(f"{words}_high"), kore) == (Status.CLEAR, Status.CLEAR)


@pytest.mark.parametrize("words", WORDS)
def test_another_voice_is_found(kore, spoken, words):
    _, other = judged(spoken(f"{words}_low"), kore)
    assert other.status is Status.RAISED
    assert other.title == "The reply does not sound like the voice Kore"
    assert f"stay below {OTHER_VOICE_DB} dB" in other.evidence[0].text


@pytest.mark.parametrize("words", WORDS[1:])
@pytest.mark.parametrize(
    "dulled", [through(8000, 24000), shelved(-12, 24000)], ids=["nothing above 4 kHz", "12 dB less above 3 kHz"]
)
def test_a_dull_reply_of_the_voice_is_dull_and_not_another_voice(kore, spoken, words, dulled):
    dull, other = judged(dulled(spoken(f"{words}_high")), kore)
    assert (dull.status, other.status) == (Status.RAISED, Status.CLEAR)
    assert "compared with the voice Kore" in dull.title


def test_treble_that_the_voice_never_has_is_not_missed(spoken):
    narrow = [through(12000, 24000)(spoken(f"{words}_low")) for words in WORDS]
    voice = make_profile("Low", [sound_of(samples, 24000) for samples in narrow[1:]])
    assert states(narrow[0], None)[0] is Status.RAISED
    assert states(narrow[0], voice)[0] is Status.CLEAR


def test_a_profile_with_little_speech_does_not_tell_voices_apart(kore, spoken):
    _, other = judged(spoken("so_be_it_low"), replace(kore, duration_s=12.0))
    assert other.status is Status.NOT_CHECKED
    assert "the profile has 12 s of speech; 15 s tell voices apart" in other.reason


def test_without_a_profile_the_voice_is_not_checked(spoken):
    assert states(spoken("hearing_you_well_low"), None) == (Status.CLEAR, Status.NOT_CHECKED)


def test_too_little_speech_is_not_checked_and_not_clear(kore, spoken):
    dull, other = judged(spoken("hearing_you_well_high")[:36000], kore)
    assert (dull.status, other.status) == (Status.NOT_CHECKED, Status.NOT_CHECKED)
    assert "less than 2 s of speech" in other.reason


def test_too_little_speech_for_the_profile_is_not_shown_to_be_right(kore, spoken):
    samples = spoken("hearing_you_well_high")[:36000]
    story = Story(reply_s=1.5, leading_silence_s=0.0, service=lambda _: samples)
    chosen = [metric for metric in all_metrics() if metric.name in ("answered", "voice_distance_db")]
    with_voice, without = (judge_take(build(story), voice=voice, rules=[], metrics=chosen) for voice in (kore, None))
    (item,) = with_voice.not_shown[-1:]
    assert (item.what, item.hop) == ("the voice of the reply", Hop.SERVICE)
    assert "less than 2 s of speech" in item.reason
    assert item not in without.not_shown


def test_a_profile_whose_recordings_differ_reports_only_larger_differences(kore, spoken):
    other = spoken("so_be_it_low")
    distance_db = measured(other, kore).value("voice_distance_db")
    uneven = replace(kore, distance_spread_db=distance_db / 2 + 0.1)
    assert judged(other, kore)[1].status is Status.RAISED
    assert judged(other, uneven)[1].status is Status.CLEAR


def test_a_reply_at_two_thirds_of_its_speed_is_named_as_such(kore, spoken):
    voice = spoken("sunny_in_seoul_high")
    slow = np.interp(np.arange(0, len(voice), 2 / 3), np.arange(len(voice)), voice).astype(np.float32)
    _, other = judged(slow, kore)
    assert other.status is Status.RAISED
    assert "times its speed" in other.evidence[1].text
    assert "sample rate" in other.likely_cause


def test_a_profile_of_the_first_version_is_judged_without_pitch(kore, spoken):
    older = replace(kore, pitch_octaves=None, source=None, sample=b"")
    assert states(spoken("say_it_again_high"), older)[1] is Status.CLEAR
    assert states(spoken("say_it_again_low"), older)[1] is Status.RAISED
