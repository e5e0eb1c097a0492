"""Keys never leave the environment."""

from hypothesis import given
from hypothesis import strategies as st

from diag.core.keys import HIDDEN, KEY_VARIABLES, key_variable, without_keys


def test_either_variable_serves_and_the_first_one_wins(monkeypatch):
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert key_variable() is None
    for name in reversed(KEY_VARIABLES):
        monkeypatch.setenv(name, "some-key")
        assert key_variable() == name


def test_what_is_too_short_for_a_key_cuts_no_words(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "any")
    assert without_keys("many words") == "many words"


def test_what_looks_like_a_key_is_hidden_though_no_variable_holds_it(monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    assert without_keys("?key=AIza" + "0" * 35) == f"?key={HIDDEN}"


@given(
    key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=20, max_size=40),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_a_key_is_found_anywhere_plain_and_quoted(key, before, after):
    import json
    import os
    from unittest import mock

    with mock.patch.dict(os.environ, {"GOOGLE_API_KEY": key}):
        assert key not in without_keys(before + key + after)
        assert json.dumps(key)[1:-1] not in without_keys(json.dumps({"a": before + key + after}))
