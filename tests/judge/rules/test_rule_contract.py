"""What every rule owes, and the words and figures that rules share."""

import re

import pytest
from fault_cases import FAULT_CASES
from recording_faults import RECORDING_FAULTS
from segment_faults import SEGMENT_FAULTS

from diag.core.chain import Hop
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Severity, Tier
from diag.core.timeline import Event, Timeline
from diag.judge.evidence import changed_sound, sampling_that_would_do_it, snapped_hz, wrong_rate
from diag.judge.live_models import nearest, what_is_known
from diag.judge.registry import HEADINGS, all_rules

RULES = {rule.code: rule for rule in all_rules()}
PROVOKED_ELSEWHERE = {
    "SVC001": "test_slow_first_audio",
    "SVC016": "test_replies_against_a_voice",
    "ENV006": "test_too_few_takes",
    **{f"WEB{number:03}": "test_rules_on_pages" for number in range(1, 13)},
    "APP001": "test_app_rules",
    "APP002": "test_app_rules",
    "APP003": "test_app_rules",
    "SND022": "test_app_rules",
    **{f"TRN{number:03}": "test_turn_taking" for number in range(1, 6)},
    "PLY010": "test_turn_taking",
}


@pytest.mark.parametrize("code", RULES)
def test_it_is_documented_under_the_fixed_headings(code):
    text = RULES[code].documentation
    found = re.findall(r"^(\S.*)$", text.split("\n", 1)[1], flags=re.MULTILINE)
    assert tuple(found) == HEADINGS
    assert text.splitlines()[0].endswith(".")
    sections = re.split(r"^(?:" + "|".join(HEADINGS) + r")$", text, flags=re.MULTILINE)
    assert all(section.strip() for section in sections)


@pytest.mark.parametrize("code", RULES)
def test_code_name_and_file_agree(code):
    rule = RULES[code]
    if rule.on is None:
        assert rule.function.__module__ == f"diag.judge.rules.{code.lower()}"
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert isinstance(rule.severity, Severity)


def test_every_rule_is_provoked_by_a_test():
    provoked = {code for case in FAULT_CASES for code in case.roots}
    on_hops = {code for fault in SEGMENT_FAULTS for code in fault.codes}
    on_recordings = {fault.code for fault in RECORDING_FAULTS}
    assert set(RULES) == provoked | on_hops | on_recordings | set(PROVOKED_ELSEWHERE)


@pytest.mark.parametrize("code", RULES)
def test_every_cause_is_the_code_of_a_rule(code):
    assert set(RULES[code].explained_by) <= set(RULES)


def test_causes_do_not_go_round_in_circles():
    def reach(code, seen=()):
        assert code not in seen, f"{' -> '.join([*seen, code])}"
        for cause in RULES[code].explained_by:
            reach(cause, (*seen, code))

    for code in RULES:
        reach(code)


# --- rates and how they sound


@pytest.mark.parametrize(
    ("rate_hz", "snapped"),
    [(24000, 24000), (16001, 16000), (15930, 16000), (44099, 44100), (15900, 15900), (18000.4, 18000), (47999, 48000)],
)
def test_rates_snap_within_half_a_percent_only(rate_hz, snapped):
    assert snapped_hz(rate_hz) == snapped


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (2 / 3, "1.5 times as long and 7 semitones deeper"),
        (1 / 3, "3 times as long and 19 semitones deeper"),
        (0.5, "2 times as long and 12 semitones deeper"),
        (2.0, "2 times as fast and 12 semitones higher"),
        (44100 / 48000, "1.09 times as long and 1.5 semitones deeper"),
    ],
)
def test_how_a_wrong_rate_sounds(ratio, words):
    assert changed_sound(ratio) == words


ABSENT = Missing(MissingCode.SILENT, "absent")


def measured(**values):
    return Measurements(
        tuple(
            Measurement(metric=name, unit="1", value=value, missing=None if value is not None else ABSENT, turn=0,
                        segment=Hop.PLAYER.segment, tier=Tier.WAVEFORM)
            for name, value in values.items()
        )
    )  # fmt: skip


def test_a_wrong_rate_needs_pitch_and_time_to_agree():
    assert wrong_rate(measured(rate_ratio=0.667, time_ratio=0.667), Hop.PLAYER).error
    assert wrong_rate(measured(rate_ratio=1.0, time_ratio=0.9), Hop.PLAYER) is None
    assert wrong_rate(measured(rate_ratio=0.9, time_ratio=1.0), Hop.PLAYER) is None
    assert wrong_rate(measured(rate_ratio=1.0049, time_ratio=1.0049), Hop.PLAYER) is None
    assert not wrong_rate(measured(rate_ratio=1.007, time_ratio=1.007), Hop.PLAYER).error
    assert "absent" in wrong_rate(measured(rate_ratio=None), Hop.PLAYER)


@pytest.mark.parametrize(
    ("bands", "rate_hz"),
    [
        ((4.0, 60.0, 60.0, 60.0), 8000),
        ((60.0, 60.0, 60.0, 60.0), 8000),
        ((0.1, 6.0, 40.0, 40.0), 12000),
        ((0.0, 0.1, 6.0, 60.0), 16000),
        ((0.0, 0.1, 0.2, 30.0), 22050),
        ((3.0, 60.0, None, None), 8000),
        ((6.0, 6.0, 6.0, 6.0), None),
        ((0.0, 3.0, 6.0, 9.0), None),
        ((0.0, 0.0, 0.0, 0.0), None),
    ],
)
def test_only_a_sharp_edge_speaks_for_sampling(bands, rate_hz):
    assert sampling_that_would_do_it(measured(dullness_bands_db=bands), Hop.PLAYER) == rate_hz


# --- models


SERVED = ("models/gemini-2.0-flash-exp", "models/gemini-3.1-flash-live-preview", "models/gemini-3.8-live",
          "models/gemini-3.8-live-extended-thinking", "models/gemini-3.5-transcribe-live")  # fmt: skip


@pytest.mark.parametrize(
    ("model", "first"),
    [
        ("models/gemini-flash-2.0-live-001", "models/gemini-2.0-flash-exp"),
        ("gemini-3.1-flash-live", "models/gemini-3.1-flash-live-preview"),
        ("models/gemini-live-3.8", "models/gemini-3.8-live"),
        ("models/gemini-3.5-live", "models/gemini-3.8-live"),
        ("models/gemini-transcribe-live", "models/gemini-3.5-transcribe-live"),
    ],
)
def test_the_nearest_served_models(model, first):
    assert nearest(model, SERVED)[0] == first


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("models/gemini-flash-2.0-live-001", "gemini-2.0-flash-live-001 has the same words in another order"),
        ("models/gemini-live-2.5-flash-preview", "retired: it was shut down on 9 December 2025"),
        ("models/publishers/google/models/gemini-3.8-live", "model list has it"),
        ("models/publishers/google/models/other", "Vertex AI"),
        ("gemini-2.5-flash-preview-tts", "not a Live model"),
        ("gemini-2.5-flash-native-audio-latest", "served in API version v1beta and v1alpha"),
        ("gpt-voice", "no model of this name is known"),
    ],
)
def test_what_a_name_tells(model, words):
    assert words in what_is_known(model, SERVED, "v1")


def test_a_model_that_its_version_should_serve_is_not_served_to_this_key():
    known = what_is_known("gemini-2.5-flash-native-audio-latest", SERVED, "v1beta")
    assert "not served for API version v1beta" in known


# --- what is shown


def test_a_password_in_the_address_is_never_shown():
    events = (
        Event(t_s=0, name="session_connecting", source="client", data={"host": "user:secret@127.0.0.1:1"}),
        Event(t_s=1, name="unreachable", source="client", data={"step": "tcp", "detail": "refused", "proxy": []}),
    )
    verdict = RULES["CFG009"].function(timeline=Timeline(events))
    assert "127.0.0.1:1" in verdict.title
    assert "secret" not in str(verdict)
