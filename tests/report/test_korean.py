"""Korean particles fit the sound of the word before them."""

import pytest

from diag.core.messages import msg
from diag.report.korean import with_particles
from diag.report.language import filled, speaking
from diag.report.localised import in_words


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("녹음은(는)", "녹음은"), ("마이크은(는)", "마이크는"), ("입력이(가)", "입력이"), ("3개이(가)", "3개가"),
        ("탭을(를)", "탭을"), ("재생와(과)", "재생과"), ("스피커와(과)", "스피커와"), ("서울(으)로", "서울로"),
        ("방(으)로", "방으로"), ("1007(으)로", "1007로"), ("1000(으)로", "1000으로"), ("12 dB은(는)", "12 dB은"),
        ("85 ms와(과)", "85 ms와"), ("16000 Hz을(를)", "16000 Hz를"), ("0.1 %이(가)", "0.1 %가"),
        ("`received`을(를)", "`received`를"), ("v1beta을(를)", "v1beta를"), ("“main”와(과)", "“main”과"),
    ],
)  # fmt: skip
def test_particle_fits_the_last_sound(written, right):
    assert with_particles(written) == right


@pytest.mark.parametrize("unknown", ["(12)은(는)", "Puck와(과)", "은(는)", "voice을(를)"])
def test_both_forms_stay_where_the_sound_is_not_known(unknown):
    assert with_particles(unknown) == unknown


def test_messages_get_particles_in_korean_only():
    text = msg("{output} is read as {declared_hz} Hz", output="`sent`", declared_hz=16000)
    with speaking("ko"):
        assert in_words(text) == "`sent`를 16000 Hz로 읽습니다"
    assert filled("탭을(를) {n}", n=1) == "탭을(를) 1"
