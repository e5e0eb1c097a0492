import pytest
from hypothesis import given
from hypothesis import strategies as st

from diag.core.units import HIGHEST_RATE_HZ, mime_parameter, mime_rate_hz, playable_rate_hz


@pytest.mark.parametrize(
    ("mime_type", "declared_hz", "playable_hz"),
    [
        ("audio/pcm;rate=16000", 16000, 16000),
        ("audio/pcm; Rate=24000;x=1", 24000, 24000),
        ("audio/pcm", None, 8000),
        ("", None, 8000),
        ("audio/pcm;rate=", None, 8000),
        ("audio/pcm;rate=0", None, 8000),
        ("audio/pcm;rate=fast", None, 8000),
        ("audio/pcm;rate=-16000", None, 8000),
        ("audio/pcm;rate=1", 1, 8000),
        ("audio/pcm;rate=999999999", 999999999, 8000),
    ],
)
def test_rates_of_mime_types(mime_type, declared_hz, playable_hz):
    assert mime_rate_hz(mime_type) == declared_hz
    assert playable_rate_hz(mime_type, 8000) == playable_hz


@pytest.mark.parametrize(
    ("mime_type", "value"),
    [
        ("audio/pcm;rate=16000", "16000"),
        (' audio/L16 ; codec=pcm ; RATE = "24000"', "24000"),
        ("audio/pcm;rate=", ""),
        ("audio/pcm;rate", None),
        ("audio/pcm;bitrate=8000", None),
        ("rate=16000", None),
    ],
)
def test_parameters_of_mime_types(mime_type, value):
    assert mime_parameter(mime_type, "rate") == value


@given(st.one_of(st.text(), st.text("0123456789", max_size=6000).map(lambda digits: f"audio/pcm;rate={digits}")))
def test_any_mime_type_gives_a_rate_that_can_be_played(mime_type):
    assert 0 < playable_rate_hz(mime_type, 24000) <= HIGHEST_RATE_HZ
