"""Findings about the user's own app, and about clients of which only the wire was seen."""

from __future__ import annotations

import pytest

from diag.core.chain import Segment, Tap
from diag.core.observed_client import ObservedClient
from diag.core.results import Measurement, Measurements, Severity, Status, Tier
from diag.core.timeline import Event, Timeline
from diag.judge.evidence import rate_by_pace
from diag.judge.rules.app001 import app_not_ready
from diag.judge.rules.app002 import app_ended
from diag.judge.rules.app003 import service_not_reached_through_proxy
from diag.judge.rules.snd005 import send_pacing
from diag.judge.rules.snd022 import send_rate_suspected

STARTED = ("app_started", {"command": ["python", "app.py"]})
READY = ("app_ready", {"by": "output", "after_s": 1.0})
LABELLED_16K = ObservedClient(sent_mime_types=("audio/pcm;rate=16000",), sent_rate_hz=16000)


def timeline(*events):
    return Timeline(
        tuple(Event(t_s=float(at), name=name, source="harness", data=data) for at, (name, data) in enumerate(events))
    )


def stopped(sessions, refused=0, requests=0):
    data = {"sessions": sessions, "requests": requests, "refused_certificates": refused, "last_lines": ["listening"]}
    return "app_stopped", data


def measured(metric, value, segment=None):
    return Measurement(metric=metric, unit="1", value=value, missing=None, tier=Tier.EVENTS, turn=0, segment=segment)


def paced(ratio, *, compared=None):
    found = [measured("realtime_ratio", ratio)]
    if compared is not None:
        segment = Segment(Tap.PROMPT, Tap.SENT)
        found.append(measured("rate_ratio", compared, segment))
    return Measurements(tuple(found))


@pytest.mark.parametrize("rule", [app_not_ready, app_ended, service_not_reached_through_proxy])
def test_takes_without_an_app_are_not_checked(rule):
    assert rule(timeline(("take_started", {}))).status is Status.NOT_CHECKED


@pytest.mark.parametrize("rule", [app_not_ready, app_ended, service_not_reached_through_proxy])
def test_an_app_that_listens_and_connects_is_clear(rule):
    assert rule(timeline(STARTED, READY, stopped(1))).status is Status.CLEAR


def test_a_page_that_never_gets_ready_is_found_with_what_was_clicked():
    started = ("app_started", {"url": "http://127.0.0.1/"})
    step = ("page_step", {"text": "found no button to start with among “Los”, “Hilfe”"})
    data = {"waited_s": 30.0, "awaits": None, "connected": False, "last_lines": []}
    found = app_not_ready(timeline(started, step, ("app_not_ready", data), stopped(0)))
    assert "among “Los”, “Hilfe”" in found.evidence[1].text


def test_an_app_that_never_gets_ready_is_found_with_its_last_lines():
    data = {"waited_s": 30.0, "awaits": None, "connected": False, "last_lines": ["press Enter to start"]}
    found = app_not_ready(timeline(STARTED, ("app_not_ready", data), stopped(0)))
    assert found.status is Status.RAISED
    assert "30.00 s: no session was set up" in found.title
    assert "press Enter to start" in found.evidence[1].text


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ((STARTED,), "before it was ready (exit code 1)"),
        ((STARTED, READY), "during the conversation (exit code 1)"),
    ],
)
def test_an_app_that_ends_is_found_with_its_exit_code_and_last_lines(events, words):
    end = (
        "app_ended",
        {"code": 1, "detail": "exit code 1", "last_lines": ["No module named 'x'"]},
    )
    found = app_ended(timeline(*events, end))
    assert words in found.title
    assert "No module named 'x'" in found.evidence[1].text


@pytest.mark.parametrize(
    ("code", "lines", "cause", "fix"),
    [
        (127, ["sh: x: not found"], "there is no such program", "correct `command` in [app], or `--app`"),
        (126, ["no"], "an error in the app, which its last lines name", "correct the error that the last lines"),
        (1, [], "the app is made to end", "correct the error that the last lines"),
        (0, ["bye"], "the app is made to end", "let the app listen on"),
    ],
)
def test_the_exit_code_of_an_app_says_why_it_ended(code, lines, cause, fix):
    end = ("app_ended", {"code": code, "detail": f"exit code {code}", "last_lines": lines})
    found = app_ended(timeline(STARTED, end))
    assert found.likely_cause == cause
    assert found.fix.startswith(fix)


def test_an_app_that_listens_without_a_session_at_the_proxy_is_found():
    found = service_not_reached_through_proxy(timeline(STARTED, READY, stopped(0)))
    assert found.status is Status.RAISED
    assert "do not pass the recording proxy" in found.title
    assert "HTTPS_PROXY" in found.fix


def test_the_address_that_an_app_talks_to_past_the_proxy_is_named():
    name, data = stopped(0)
    found = service_not_reached_through_proxy(
        timeline(STARTED, READY, (name, {**data, "connections": ["1.2.3.4:443"]}))
    )
    assert found.title.endswith("it is connected to 1.2.3.4:443")
    assert found.severity is None


def test_a_page_whose_own_messages_are_the_taps_is_information():
    name, data = stopped(0)
    seen = {**data, "page_messages": {"sent": 80, "received": 20}}
    found = service_not_reached_through_proxy(timeline(("app_started", {"url": "http://x/"}), READY, (name, seen)))
    assert found.severity is Severity.INFO
    assert "`serve`" in found.fix


def test_an_app_that_does_not_trust_the_certificate_is_found_even_if_it_never_gets_ready():
    found = service_not_reached_through_proxy(timeline(STARTED, stopped(0, refused=2)))
    assert "does not trust the certificate" in found.title


@pytest.mark.parametrize(("ratio", "content_hz"), [(3.0, 48000), (2.756, 44100), (0.5, 8000), (2.97, 48000)])
def test_a_pace_that_fits_another_sample_rate_is_suspected(ratio, content_hz):
    found = send_rate_suspected(paced(ratio), LABELLED_16K)
    assert found.status is Status.RAISED
    assert f"{content_hz} Hz audio seems to be sent labelled 16000 Hz" in found.title
    assert send_pacing(paced(ratio), LABELLED_16K, Timeline(())).status is Status.NOT_CHECKED


@pytest.mark.parametrize("ratio", [0.99, 1.0, 1.012])
def test_real_time_is_clear(ratio):
    assert send_rate_suspected(paced(ratio), LABELLED_16K).status is Status.CLEAR


def test_a_pace_that_fits_no_sample_rate_is_a_matter_of_pacing():
    assert send_rate_suspected(paced(1.2), LABELLED_16K).status is Status.CLEAR
    assert send_pacing(paced(1.2), LABELLED_16K, Timeline(())).status is Status.RAISED


def test_where_the_speed_was_measured_nothing_is_suspected():
    assert send_rate_suspected(paced(3.0, compared=1.0), LABELLED_16K).status is Status.NOT_CHECKED


def test_no_pace_is_explained_by_the_declared_rate_itself():
    assert rate_by_pace(1.0, 16000) is None
