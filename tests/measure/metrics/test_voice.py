"""What is decided of a recording against the profile of its voice, where speed, treble and distance are given."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Tier
from diag.dsp.profile import LEAST_IDENTITY_S, LEAST_SPEED_S, LEAST_TREBLE_S, MOST_APART_DB, OTHER_VOICE_DB, WELL_WITHIN
from diag.measure.metrics import voice
from diag.measure.metrics.voice import NO_BAND, NO_PROFILE, OTHER_VOICE, OTHER_VOICE_OR_SPEED

NO_SPEECH = Missing(MissingCode.NO_VOICE, "no speech: it is a tone")
RATE_HZ = 8000
BANDS = (1.0, 2.0, 3.0, None)


@dataclass(frozen=True)
class Profile:
    """As much of a profile as is looked at here."""

    duration_s: float = 60.0


@pytest.fixture
def given(monkeypatch):
    """A clip whose speed, spectra apart, distance, treble and speech are given."""

    def give(ratio=1.0, apart_db=0.0, distance_db=0.0, mean_db=2.5, missing=None):
        speed = None if ratio is None else SimpleNamespace(ratio=ratio, apart_db=apart_db)
        loss = None if mean_db == "short" else SimpleNamespace(mean_db=mean_db, bands_db=BANDS)
        monkeypatch.setattr(voice, "speed_against_profile", lambda *_: speed)
        monkeypatch.setattr(voice, "voice_distance_db", lambda *_: distance_db)
        monkeypatch.setattr(voice, "treble_against_profile", lambda *_: loss)
        monkeypatch.setattr(voice, "not_speech", lambda _clip: missing)
        return Clip(samples=np.random.default_rng(1).standard_normal(5 * RATE_HZ) / 10, sample_rate_hz=RATE_HZ)

    return give


def told(reading):
    assert reading.tier is Tier.PROFILE
    return reading.value if reading.missing is None else reading.missing.text


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"ratio": 0.8}, 0.8),
        ({"ratio": None}, f"less than {LEAST_SPEED_S:g} s of speech"),
        ({"apart_db": MOST_APART_DB}, 1.0),
        ({"apart_db": MOST_APART_DB + 0.01}, OTHER_VOICE.text),
        ({"missing": NO_SPEECH}, NO_SPEECH.text),
        ({"missing": NO_SPEECH, "apart_db": MOST_APART_DB + 0.01}, OTHER_VOICE.text),
    ],
)
def test_the_speed_of_a_voice_is_told_if_its_spectra_agree(given, known, expected):
    assert told(voice.voice_rate_ratio(given(**known), Profile())) == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, 2.5),
        ({"ratio": 1 + WELL_WITHIN - 1e-6}, 2.5),
        ({"ratio": 1 - WELL_WITHIN + 1e-6}, 2.5),
        ({"ratio": 1.2}, "the speed differs by +20 % from the voice's, which has to be repaired first"),
        ({"ratio": 0.75}, "the speed differs by -25 % from the voice's, which has to be repaired first"),
        ({"mean_db": None}, NO_BAND.text),
        ({"missing": NO_SPEECH}, NO_SPEECH.text),
        ({"ratio": None}, 2.5),
        ({"ratio": None, "distance_db": None}, 2.5),
        ({"ratio": None, "distance_db": OTHER_VOICE_DB}, 2.5),
        ({"ratio": None, "distance_db": OTHER_VOICE_DB + 0.01}, OTHER_VOICE_OR_SPEED.text),
        ({"apart_db": MOST_APART_DB + 0.01, "distance_db": OTHER_VOICE_DB}, 2.5),
        ({"apart_db": MOST_APART_DB + 0.01, "distance_db": OTHER_VOICE_DB + 0.01}, OTHER_VOICE.text),
    ],
)
def test_treble_is_compared_with_the_voice_at_the_right_speed(given, known, expected):
    clip = given(**known)
    assert told(voice.voice_dullness(clip, Profile())) == expected
    bands = told(voice.voice_dullness_bands(clip, Profile()))
    assert bands == (BANDS if expected == 2.5 else expected)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_speed_a_little_beyond_is_repaired_first(given, sign):
    reading = voice.voice_dullness(given(ratio=1 + sign * (WELL_WITHIN + 1e-6)), Profile())
    assert reading.missing.code is MissingCode.WRONG_SPEED


def test_too_little_speech_for_treble_is_told_in_seconds(given):
    text = told(voice.voice_dullness(given(mean_db="short"), Profile()))
    assert text == f"less than {LEAST_TREBLE_S:.0f} s of speech"


@pytest.mark.parametrize(
    ("duration_s", "known", "expected"),
    [
        (LEAST_IDENTITY_S, {"distance_db": 3.5}, 3.5),
        (LEAST_IDENTITY_S - 0.1, {}, None),
        (60.0, {"distance_db": None}, f"less than {LEAST_TREBLE_S:.0f} s of speech"),
        (60.0, {"missing": NO_SPEECH}, NO_SPEECH.text),
    ],
)
def test_the_distance_from_a_voice_needs_a_long_profile(given, duration_s, known, expected):
    found = told(voice.distance_of_voice(given(**known), Profile(duration_s)))
    short = f"the profile has {duration_s:.0f} s of speech; {LEAST_IDENTITY_S:.0f} s tell voices apart"
    assert found == (short if expected is None else expected)


def test_without_a_profile_nothing_is_compared(given):
    for measure in (voice.voice_dullness, voice.voice_dullness_bands, voice.distance_of_voice):
        assert told(measure(given())) == NO_PROFILE.text
