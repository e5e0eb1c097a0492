"""Keys never leave the environment."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diag.core.keys import (
    HIDDEN,
    KEY_VARIABLES,
    key_variable,
    remember_address,
    without_keys,
    without_secrets,
)


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


CANARY = "c4n4ry"
"""Shorter than every key: it is found by its name alone."""


@pytest.mark.parametrize(
    "text",
    [
        f"x-goog-api-key: {CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"proxy-authorization=Basic {CANARY}",
        f'{{"api_key": "{CANARY}"}}',
        f"{{'x-api-key': '{CANARY}'}}",
        f'{{\\"apiKey\\": \\"{CANARY}\\"}}',
        f"[('x-goog-api-key', '{CANARY}')]",
        f"GEMINI_API_KEY={CANARY} python app.py",
        f"node app.js --api-key {CANARY} --port 80",
        f"wss://host/ws?key={CANARY}&alt=json",
        f"https://host/v1?access_token={CANARY}",
        f"https://user:{CANARY}@host/",
        f"client_secret = {CANARY}",
        f"password: {CANARY}",
        f"Set-Cookie: session={CANARY}",
        f'curl -H "x-goog-api-key: {CANARY}"',
    ],
)
def test_a_short_value_is_hidden_by_its_name(text):
    assert CANARY not in without_keys(text)
    assert HIDDEN in without_keys(text)


@pytest.mark.parametrize(
    "key",
    [
        "AIza" + "Sy" * 17,
        "AQ.Ab8RN6" + "x" * 30,
        "ya29.a0Af" + "B" * 40,
        "auth_tokens/" + "a1" * 20,
        "sk-live-" + "a1" * 12,
        "ghp_" + "a1" * 18,
        "xoxb-1234567890-abc",
        "AKIA" + "A1B2" * 4,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----",
    ],
)
def test_a_value_with_the_form_of_a_key_is_hidden_without_a_name(key):
    assert without_keys(f"it says {key} here") == f"it says {HIDDEN} here"


@pytest.mark.parametrize(
    "text",
    [
        "GOOGLE_GEMINI_BASE_URL=https://127.0.0.1:8443 GEMINI_API_KEY=any python app.py",
        "`export GEMINI_API_KEY=…`, or leave out `--endpoint gemini`",
        "API key not valid. Please pass a valid API key.",
        "no key in GEMINI_API_KEY or GOOGLE_API_KEY; allowed: a key in one of these variables",
        "Basic settings of the bearer: see docs",
        "total_token_count = 12, triggerTokens: 1000",
        "models/gemini-2.5-flash-native-audio-preview-09-2025",
    ],
)
def test_ordinary_text_stays(text):
    assert without_keys(text) == text


def test_data_is_cleaned_by_names_at_every_depth_and_keeps_its_form():
    data = {
        "headers": {"x-goog-api-key": CANARY, "accept": "json"},
        "pairs": [["Authorization", CANARY]],
        "named": [{"name": "api_key", "value": CANARY}],
        "nested": {"credentials": {"id": CANARY, "count": 3}},
        "sessionResumption": {"handle": CANARY},
        "usage": {"totalTokenCount": 7},
        "session.extra.api_key": CANARY,
    }
    cleaned = without_secrets(data)
    assert CANARY not in str(cleaned)
    assert cleaned["headers"]["accept"] == "json"
    assert cleaned["nested"]["credentials"]["count"] == 3
    assert cleaned["usage"] == {"totalTokenCount": 7}


def test_any_variable_with_the_name_of_a_secret_is_hidden_in_all_its_spellings(monkeypatch):
    monkeypatch.setenv("MY_SERVICE_TOKEN", "token+with/signs&more")
    monkeypatch.setenv("MY_ACCESS_TOKEN", "token+with/signs&more")
    assert without_keys("seen: token%2Bwith%2Fsigns%26more, token+with/signs&more") == f"seen: {HIDDEN}, {HIDDEN}"


def test_a_key_in_the_path_of_an_address_is_hidden_everywhere():
    remember_address("https://gateway.example/gemini/k3y-0f-the-gateway/v1beta")
    text = without_keys("refused at /gemini/k3y-0f-the-gateway/v1beta")
    assert text == f"refused at /gemini/{HIDDEN}/v1beta"


def test_sound_in_base64_is_never_changed():
    sound = "A" * 600 + "AIza" + "B" * 600
    assert without_secrets({"data": sound}) == {"data": sound}


@given(text=st.text(max_size=300))
def test_cleaning_twice_changes_nothing_more(text):
    once = without_keys(text)
    assert without_keys(once) == once


def test_long_text_is_cleaned_in_short_time():
    begun_s = time.perf_counter()
    for text in ("a" * 200_000, "a." * 100_000, "a:" * 100_000, "--api-key" * 20_000, "http://" + "a:" * 100_000):
        without_keys(text)
    assert time.perf_counter() - begun_s < 5.0
