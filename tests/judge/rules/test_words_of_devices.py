"""Words of the rules on calibration, lost audio and apps that end, from events that are given."""

import pytest

from diag.core.chain import Hop
from diag.core.observed_client import ObservedClient
from diag.core.results import Measurement, Measurements, Severity, Status, Tier
from diag.core.take import Turn
from diag.core.timeline import Event, EventName, Timeline
from diag.judge.rules.app002 import app_ended
from diag.judge.rules.app003 import service_not_reached_through_proxy
from diag.judge.rules.cfg012 import activity_detection_off
from diag.judge.rules.env003 import loopback_uncalibrated
from diag.judge.rules.env007 import device_xruns


def event(name, at_s=0.0, /, **data):
    return Event(t_s=at_s, name=name, source="audio", data=data)


def told(verdict):
    if verdict.status is not Status.RAISED:
        return verdict.reason or verdict.status.value
    return [verdict.title, *(entry.text for entry in verdict.evidence), verdict.likely_cause]


def item(metric, value, hop=None):
    return Measurement(metric=metric, unit="s", value=value, missing=None, tier=Tier.WAVEFORM, turn=0,
                       segment=hop.segment if hop else None)  # fmt: skip


# --- calibration


def burst(port, delay_s, signal_dbfs=-20.0, confidence=0.3, **more):
    return event("calibrated", port=port, delay_s=delay_s, signal_dbfs=signal_dbfs, confidence=confidence, **more)


HEARD_MOUTH, HEARD_SPEAKER = burst("mouth", 0.01), burst("speaker", 0.02)
QUIET_BURST = "the calibration burst does not arrive at the ear"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), "no calibration took place"),
        ((burst("mouth", None, at="microphone"),), "no calibration took place"),
        ((HEARD_MOUTH, HEARD_SPEAKER), "clear"),
        ((event("streams_opened", devices={"mouth": "x"}), burst("mouth", None)),
         "no ear was opened, so nothing is timed at the ear"),
        ((event("streams_opened", devices={"ear": "x"}), HEARD_MOUTH), "clear"),
        ((burst("mouth", None), HEARD_SPEAKER),
         ["The delay from the mouth to the ear is not known, so nothing is timed at the ear",
          "burst of the mouth: confidence 0.30, -20 dBFS at the ear",
          "the calibration burst arrives too quiet, noisy or changed"]),
        ((burst("mouth", None), HEARD_SPEAKER, burst("mouth", 0.01, at="microphone")), "clear"),
        ((burst("mouth", None), HEARD_SPEAKER, burst("mouth", None, at="microphone")),
         ["The delay from the mouth to the ear is not known, so nothing is timed at the ear",
          "burst of the mouth: confidence 0.30, -20 dBFS at the ear",
          "the calibration burst arrives too quiet, noisy or changed"]),
        ((burst("mouth", None), burst("mouth", 0.01, at="microphone")),
         ["The delay from the mouth to the ear is not known, so nothing is timed at the ear",
          "burst of the mouth: confidence 0.30, -20 dBFS at the ear",
          "the calibration burst arrives too quiet, noisy or changed"]),
        ((HEARD_MOUTH, burst("speaker", None, -60.0), event(EventName.PLAYOUT_STARTED, 1.0)),
         "nothing at all came out of the loudspeaker, which is a finding of its own (SPK001)"),
        ((HEARD_MOUTH, burst("speaker", None, -59.9), event(EventName.PLAYOUT_STARTED, 1.0)),
         ["The delay from the speaker to the ear is not known, so nothing is timed at the ear",
          "burst of the speaker: confidence 0.30, -60 dBFS at the ear",
          "the calibration burst arrives too quiet, noisy or changed"]),
        ((HEARD_MOUTH, burst("speaker", None, -80.0)),
         ["The delay from the speaker to the ear is not known, so nothing is timed at the ear",
          "burst of the speaker: confidence 0.30, -80 dBFS at the ear", QUIET_BURST]),
        ((burst("mouth", None, None, None), burst("speaker", None, -80.0)),
         ["The delay from the mouth and the speaker to the ear is not known, so nothing is timed at the ear",
          "burst of the mouth: confidence 0.00, level unknown at the ear",
          "burst of the speaker: confidence 0.30, -80 dBFS at the ear", QUIET_BURST]),
    ],
)  # fmt: skip
def test_a_path_to_the_ear_that_is_not_known_is_told_with_its_burst(events, expected):
    found = told(loopback_uncalibrated(timeline=Timeline(events)))
    plain = [words.replace("−", "-") for words in found] if isinstance(found, list) else found
    assert plain == expected


# --- lost audio


def lost(*counts, items=(), audio="system"):
    events = tuple(event(EventName.XRUNS, port=port, count=count) for port, count in counts)
    return told(device_xruns(timeline=Timeline(events), environment={"audio": audio}, measurements=Measurements(items)))


def test_audio_that_devices_lost_is_told_with_what_is_heard_of_it():
    items = (item("inserted_silence_s", 0.25, Hop.SPEAKER), item("inserted_silence_s", 0.25, Hop.SPEAKER),
             item("skipped_s", 0.04, Hop.SPEAKER), item("skipped_s", 0.3, Hop.MICROPHONE))  # fmt: skip
    assert lost(("speaker", 3), ("microphone", 1), ("ear", 0), ("mouth", 2), items=items)[:-1] == [
        "The devices of this machine lost audio while the take was recorded: speaker 3 times, microphone 1 time, "
        "mouth 2 times",
        "speaker: audio was lost 3 times; the speaker hop has 500 ms of silence and 40 ms of skipped sound",
        "microphone: audio was lost 1 time; the microphone hop has 300 ms of skipped sound",
        "mouth: audio was lost 2 times; no gap was found in the recordings",
    ]


@pytest.mark.parametrize(
    ("counts", "audio", "expected"),
    [
        ((("speaker", 0), ("ear", None)), "system", "clear"),
        ((), "system", "the devices did not report whether they lost audio"),
        ((("speaker", 3),), "wire", "these are diag's own devices; see ENV004"),
        ((("speaker", 3),), "virtual", "these are diag's own devices; see ENV004"),
    ],
)
def test_own_devices_and_those_that_lost_nothing_have_no_finding(counts, audio, expected):
    assert lost(*counts, audio=audio) == expected


# --- an app that ends


STARTED, READY = event(EventName.APP_STARTED), event(EventName.APP_READY, 1.0)


def ended(*events, code=1, detail="exit code 1", lines=("x", "y"), started=STARTED):
    end = event(EventName.APP_ENDED, 5.0, code=code, detail=detail, last_lines=list(lines))
    found = app_ended(timeline=Timeline((started, *events, end)))
    return told(found), found.fix


@pytest.mark.parametrize(
    ("events", "more", "expected"),
    [
        ((), {}, ["The app ended before it was ready (exit code 1)", "exit code 1", "last lines of its output: x ⏎ y",
                  "an error in the app, which its last lines name"]),
        ((READY,), {}, ["The app ended during the conversation (exit code 1)", "exit code 1",
                        "last lines of its output: x ⏎ y", "an error in the app, which its last lines name"]),
        ((READY,), {"code": 0}, ["The app ended during the conversation (exit code 1)", "exit code 1",
                                 "last lines of its output: x ⏎ y", "the app is made to end"]),
        ((), {"lines": ()}, ["The app ended before it was ready (exit code 1)", "exit code 1",
                             "the app is made to end"]),
        ((), {"code": 127}, ["The app ended before it was ready (exit code 1)", "exit code 1",
                             "last lines of its output: x ⏎ y", "there is no such program"]),
        ((READY,), {"started": event(EventName.APP_STARTED, url="http://x"), "detail": "the page has no button"},
         ["The page has no button", "the page or its server ended during the conversation",
          "last lines of its output: x ⏎ y",
          "`url`, `serve` or `start` in [app] does not fit, or the page or its server fails"]),
    ],
)  # fmt: skip
def test_an_app_that_ends_is_told_with_when_and_why(events, more, expected):
    found, fix = ended(*events, **more)
    assert found == expected
    assert fix.startswith("correct `command`") is (more.get("code") == 127)


def test_without_an_app_or_its_end_there_is_no_finding():
    assert app_ended(timeline=Timeline(())).applies is False
    assert told(app_ended(timeline=Timeline((STARTED,)))) == "clear"


# --- an app whose sessions do not pass the proxy


def passed(*events, started=STARTED, **stopped):
    end = event(EventName.APP_STOPPED, 9.0, **stopped)
    found = service_not_reached_through_proxy(timeline=Timeline((started, *events, end)))
    return told(found), found


ELSEWHERE = "the address of the service is fixed in the app, and its library does not use HTTPS_PROXY"
DISTRUST = "the library has a certificate store of its own and ignores SSL_CERT_FILE"


@pytest.mark.parametrize(
    ("events", "stopped", "expected"),
    [
        ((READY,), {"sessions": 1}, "clear"),
        ((), {"sessions": 0}, "the app did not get as far as opening a session"),
        ((READY,), {"requests": 3}, ["The app listens, but its sessions do not pass the recording proxy",
                                     "0 sessions and 3 other requests passed the proxy", ELSEWHERE]),
        ((READY,), {"connections": ["a:443", "b:443"], "last_lines": ["x"]},
         ["The app listens, but its sessions do not pass the recording proxy: it is connected to a:443",
          "0 sessions and 0 other requests passed the proxy; the program was connected to a:443, b:443",
          "last lines of its output: x", ELSEWHERE]),
        ((), {"refused_certificates": 2},
         ["The app does not trust the certificate of the recording proxy, so no session was opened",
          "0 sessions and 0 other requests passed the proxy; 2 connections were given up during the TLS handshake",
          DISTRUST]),
        ((READY,), {"page_messages": {"sent": 4, "received": 5}},
         ["The page talks to a server that diag did not start; the page's own messages are taken for `sent` and "
          "`received`",
          "0 sessions and 0 other requests passed the proxy; the page sent 4 messages with audio and received 5",
          "the server runs already, or on another machine"]),
        ((READY,), {"page_messages": {"sent": 4, "received": 0}},
         ["The app listens, but its sessions do not pass the recording proxy",
          "0 sessions and 0 other requests passed the proxy", ELSEWHERE]),
    ],
)  # fmt: skip
def test_sessions_that_do_not_pass_the_proxy_are_told_with_where_they_went(events, stopped, expected):
    assert passed(*events, **stopped)[0] == expected


def test_a_page_is_told_to_name_its_server_and_an_app_to_take_the_proxy():
    page = event(EventName.APP_STARTED, url="http://x")
    assert passed(READY, started=page)[1].fix.startswith("name the command of the page's server")
    assert passed(READY)[1].fix.startswith("let the client library take its address")
    assert passed(READY, page_messages={"sent": 1, "received": 1})[1].severity is Severity.INFO
    assert service_not_reached_through_proxy(timeline=Timeline(())).applies is False
    unknown = service_not_reached_through_proxy(timeline=Timeline((STARTED,)))
    assert told(unknown) == "how the app ended was not recorded"


# --- activity detection that is switched off


@pytest.mark.parametrize(
    ("marks", "answers", "expected"),
    [
        (None, (0.0,), "whether the client marks its turns was not seen"),
        (True, (0.0,), "clear"),
        (False, (1.0,), "clear"),
        (False, (1.0, None), "it is not known whether every prompt was answered"),
        (False, (), "it is not known whether any prompt was answered"),
        (False, (1.0, 0.0), None),
    ],
)
def test_turns_that_nobody_marks_are_a_fault_where_no_answer_came(marks, answers, expected):
    setup = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}
    turns = tuple(Turn(index=number, prompt_name="p", start_s=0, end_s=9) for number in range(len(answers)))
    items = tuple(
        Measurement(metric="answered", unit="1", value=value, missing=None, tier=Tier.EVENTS, turn=number)
        for number, value in enumerate(answers)
    )
    observed = ObservedClient(setup=setup, marks_activity=marks)
    found = activity_detection_off(observed=observed, measurements=Measurements(items), turns=turns)
    if expected is None:
        assert found.status is Status.RAISED
        assert len(found.evidence) == 2
    else:
        assert told(found) == expected
    unseen = activity_detection_off(observed=ObservedClient(setup=None), measurements=Measurements(()), turns=turns)
    assert told(unseen) == "the setup was not seen"
