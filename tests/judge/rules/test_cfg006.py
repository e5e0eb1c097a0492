"""CFG006 names the place of the setup that the service refused, from the setup that was sent."""

import pytest

from diag.core.observed_client import observed_client
from diag.core.timeline import Event, Timeline
from diag.judge.rules.cfg006 import setup_rejected

UNKNOWN = "Invalid JSON payload received. Unknown name \"{}\" at 'setup': Cannot find field."
ASKED = {"responseModalities": ["AUDIO"]}


def raised_for(setup, reason):
    events = [("session_connecting", {"model": "m", "api_version": "v1beta"}), ("setup_sent", {"setup": setup}),
              ("session_refused", {"code": 1007, "reason": reason})]  # fmt: skip
    timeline = Timeline(tuple(Event(t_s=float(at), name=name, source="client", data=data)
                              for at, (name, data) in enumerate(events)))  # fmt: skip
    return setup_rejected(timeline, observed_client(timeline))


@pytest.mark.parametrize(
    ("setup", "reason", "fix"),
    [
        ({"model": "m", "responseModalities": ["AUDIO"]}, UNKNOWN.format("response_modalities"),
         "/setup/responseModalities: move it to setup.generationConfig.responseModalities"),
        ({"model": "m", "generationConfig": ASKED, "inputAudioTranscriptions": {}},
         UNKNOWN.format("input_audio_transcriptions"),
         "/setup/inputAudioTranscriptions: did you mean `inputAudioTranscription`?"),
        ({"model": "m", "generationConfig": {**ASKED, "temperature": "hot"}},
         "Invalid value at 'setup.generation_config.temperature' (TYPE_FLOAT), \"hot\"",
         "/setup/generationConfig/temperature: remove it, or write a number"),
        ({"model": "m", "generationConfig": ASKED, "systemInstruction": "Be brief."},
         "Request contains an invalid argument.", '"parts": [{"text": "Be brief."}]'),
    ],
)  # fmt: skip
def test_the_place_and_its_fix_are_named(setup, reason, fix):
    verdict = raised_for(setup, reason)
    assert fix in verdict.fix


def test_faults_that_the_reason_does_not_mean_are_left_out():
    setup = {"model": "m", "generationConfig": ASKED, "bogus": 1, "Proactivity": {}}
    verdict = raised_for(setup, UNKNOWN.format("bogus"))
    assert verdict.fix == "/setup/bogus: remove it"


def test_settings_of_the_sdk_in_takes_of_older_releases_are_not_taken_for_a_message():
    old = {"model": "m", "response_modalities": ["AUDIO"], "system_instruction": "Be brief."}
    verdict = raised_for(old, "Request contains an invalid argument.")
    assert "remove fields from the setup one by one" in verdict.fix


def test_a_message_that_is_not_a_setup_is_told_its_form():
    verdict = raised_for({}, 'Invalid JSON payload received. Unknown name "config": Cannot find field.')
    assert 'the first message of a session is {"setup": {…}}' in verdict.fix
    assert "remove `config`" in verdict.fix


@pytest.mark.parametrize(("more", "named"), [({}, True), ({"frame": {}}, False)])
def test_a_fix_names_the_table_of_settings_only_where_the_setup_was_made_of_it(more, named):
    events = [("client_described", {}), ("setup_sent", {"setup": {}, **more})]
    timeline = Timeline(tuple(Event(t_s=0.0, name=name, source="client", data=data) for name, data in events))
    assert observed_client(timeline).from_settings is named
    assert observed_client(Timeline(timeline.events[1:])).from_settings is False
