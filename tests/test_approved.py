"""What is held against approved texts: words to the letter, numbers almost."""

import pytest
from approved import check, difference


@pytest.mark.parametrize(
    ("approved", "now", "told"),
    [
        ("12.3 ms at 4 s", "12.3 ms at 4 s", None),
        ("12.3 ms", "12.4 ms", None),
        ("-20 dB", "-20.3 dB", None),
        ("1234 ms", "1.234 ms", "1.234 in place of 1234"),
        ("-20 dB", "20 dB", "20 in place of -20"),
        ("12.3 ms", "13.3 ms", "13.3 in place of 12.3"),
        ("lost", "found", "other words"),
        ("2 gaps", "2 and 3 gaps", "other words"),
    ],
)
def test_words_have_to_be_the_same_and_numbers_almost(approved, now, told):
    assert difference(approved, now) == told


def test_a_text_is_approved_by_the_variable_and_then_held(tmp_path, monkeypatch):
    path = tmp_path / "approved.txt"
    with pytest.raises(AssertionError, match="has nothing for a"):
        check(path, "a", "one")
    monkeypatch.setenv("DIAG_APPROVE", "1")
    check(path, "b", "two\nlines")
    check(path, "a", "one")
    monkeypatch.delenv("DIAG_APPROVE")
    check(path, "b", "two\nlines")
    with pytest.raises(AssertionError, match="other words"):
        check(path, "a", "two")
