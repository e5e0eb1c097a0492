"""Every refusal and every closing by the service has a finding of its own, whose words name the step and the side.

Reasons are those of public issue threads of 2024 to 2026, cut at 123 bytes where the protocol cuts them.
"""

import functools

import pytest
from builders import Story, build, client, replace
from hypothesis import example, given
from hypothesis import strategies as st

from diag.core.observed_client import ObservedClient
from diag.core.results import Report, Severity
from diag.core.timeline import Event, EventName, Timeline
from diag.judge.closings import code_of
from diag.judge.engine import judge_run, judge_take
from diag.judge.gate import exit_code
from diag.measure.registry import MetricKind, all_metrics
from diag.record.live.connection_facts import connect_failure, session_end
from diag.report.sentences import verdict_of

TIMED = tuple(item for item in all_metrics() if item.kind is MetricKind.TAKE)
NATIVE = (
    "The requested combination of response modalities (TEXT) is not supported by the model. models/gemini-3.1-flash-"
)
AUDIO_OF_TEXT = (
    "The requested combination of response modalities (AUDIO) is not supported by the model. models/gemini-3."
)
TWO = client(session={"response_modalities": ["AUDIO", "TEXT"]})
TEXT = client(session={"response_modalities": ["TEXT"]})

# Code, reason, the finding, and words that it must hold: which side is asked to change what.
REFUSALS = [
    (1008, "models/gemini-x is not found for API version v1beta, or is not supported for bidiGenerateContent. Call Lis",
     "CFG002", "use a model that is served"),
    (1008, "Publisher Model `projects/p/locations/l/publishers/google/models/x` was not found or your project does not",
     "CFG002", "model"),
    (1007, "Cannot extract voices from a non-audio request.", "CFG003", "ask for audio alone"),
    (1007, NATIVE, "CFG003", "ask for audio alone"),
    (1007, AUDIO_OF_TEXT, "CFG003", "use a Live model that speaks"),
    (1008, "Method doesn't allow unregistered callers (callers without established identity). Pleas", "CFG004", "key"),
    (1008, "Your API key was reported as leaked. Please use another API key.", "CFG004", "make a new key"),
    (1007, "API key not valid. Please pass a valid API key.", "CFG004", "GEMINI_API_KEY"),
    (1007, "API Key not found. Please pass a valid API key.", "CFG004", "GEMINI_API_KEY"),
    (1007, "API key expired. Please renew the API key.", "CFG004", "GEMINI_API_KEY"),
    (1008, "Project 'projects/123' not found or deleted.", "CFG004", "project"),
    (1008, "Requests from referer <empty> are blocked.", "CFG004", "restrictions of the key"),
    (1011, "You exceeded your current quota, please check your plan and billing details. For more information on t",
     "CFG005", "quota"),
    (1007, "User location is not supported for the API use.", "CFG011", "location"),
    (1007, "Thinking level is not supported for this model.", "CFG013", "remove `thinking_config.thinking_level`"),
    (1007, "This model requires a thinking level.", "CFG013", "set `thinking_config.thinking_level`"),
    (1007, "Function response scheduling is not supported for this model.", "CFG013", "remove `scheduling`"),
    (1007, "CONTENT_TYPE_AUDIO input is not supported for this model configuration", "CFG013",
     "send no audio while a tool call is open"),
    (1007, "Requested voice api_name 'alloy' is not available for model models/gemini-3.8-live", "CFG013", "prebuilt voice"),
    (1007, "Requested voice api_name 'Koree' is not available for model models/gemini-3.8-live", "CFG013", "`Kore`"),
    (1007, "Requested voice api_name 'en-US-Chirp3-HD-Puck' is not available for model models/gemini-2.5-flash-nativ",
     "CFG013", "such as `Puck`, or"),
    (1007, 'Invalid JSON payload received. Unknown name "model": Cannot bind query parameter. Field \'model\' could not',
     "CFG006", "remove `model=` from the address"),
    (1007, 'Invalid JSON payload received. Unknown name "proactivity" at \'setup\': Cannot find field.', "CFG006",
     "remove `proactivity`"),
    (1007, "Request contains an invalid argument.", "CFG006", "setup"),
    (1007, "Precondition check failed.", "CFG006", "setup"),
    (1007, "realtime_input.media_chunks is deprecated. Use audio, video, or text instead.", "CFG007", "audio="),
    (1008, "Operation is not implemented, or supported, or enabled.", "CFG010", "no audio while a tool call is open"),
    (1008, "Requested entity was not found.", "CFG010", "something that the client sent"),
    (1008, "The operation was aborted.", "CFG010", "something that the client sent"),
    (1008, "", "CFG010", "something that the client sent"),
    (1011, "The model is overloaded. Please try again later.", "CFG010", "the service failed or is overloaded"),
    (1011, "Internal error encountered.", "CFG010", "the service failed or is overloaded"),
    (1011, "The service is currently unavailable.", "CFG010", "trying again may help"),
    (1011, "Thread was cancelled when writing StartStep status to channel", "CFG010", "the service failed"),
    (1011, "Deadline expired before operation could complete.", "CFG010", "the service failed"),
    (1013, "", "CFG010", "overloaded"),
    (1012, "", "CFG010", "the service is restarting"),
    (1014, "", "CFG010", "gateway"),
    (1009, "message too big", "CFG010", "smaller batches"),
    (1000, "", "CFG010", "as if it were over"),
    (1001, "", "CFG010", "going away"),
    (4400, "", "CFG010", "gateway"),
]  # fmt: skip


def refusal(code, reason, config=None):
    story = Story(refused=(code, reason)) if config is None else Story(refused=(code, reason), config=config)
    return judged(build(story))


def judged(take):
    return judge_take(take, metrics=TIMED), take


def verdict(result, take):
    run = judge_run("run", "", [result] * 5, take.config, take.environment)
    report = Report(runs=(run,))
    return verdict_of(report).text, exit_code(report)


def text_of(finding):
    return " ".join([finding.title, finding.likely_cause, finding.fix, *(item.text for item in finding.evidence)])


@pytest.mark.parametrize(("code", "reason", "finding", "words"), REFUSALS)
def test_every_known_refusal_is_named_with_its_side(code, reason, finding, words):
    result, take = refusal(code, reason)
    (found,) = result.findings
    assert (found.code, found.severity) == (finding, Severity.ERROR)
    assert words in text_of(found)
    assert f'refused the session with {code}: "{reason or "no reason"}"' in text_of(found)
    said, code = verdict(result, take)
    assert (said.startswith("NOT READY"), code) == (True, 1)


@pytest.mark.parametrize("reason", ["Request contains an invalid argument.", "Internal error encountered."])
@pytest.mark.parametrize("config", [TWO, TEXT], ids=["both", "text"])
def test_a_general_reason_after_text_was_asked_for_is_the_modality(reason, config):
    result, _ = refusal(1007, reason, config)
    assert [item.code for item in result.findings] == ["CFG003"]


HTTP = {400: "the address", 401: "API key", 403: "API key", 404: "path", 405: "base URL", 407: "proxy", 408: "upgrade",
        426: "WebSocket", 429: "quota"}  # fmt: skip
HTTP_CODES = {401: "CFG004", 403: "CFG004", 429: "CFG005"}


def after(fact):
    """A take whose connection ended with this fact."""
    take = build(Story(refused=(1000, "")))
    kept = [item for item in take.timeline if item.name not in (EventName.SESSION_REFUSED, EventName.MODEL_LIST)]
    event = Event(t_s=0.3, name=fact.name, source="client", data=fact.data)
    return replace(take, timeline=Timeline((*kept, event)))


@pytest.mark.parametrize("status", [*range(400, 418), 421, 422, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504])
def test_every_http_status_at_the_upgrade_is_named(status):
    from websockets.exceptions import InvalidStatus
    from websockets.http11 import Response

    result, take = judged(after(connect_failure(InvalidStatus(Response(status, "words", {})))))
    (found,) = result.findings
    assert found.code == ("CFG009" if status >= 500 else HTTP_CODES.get(status, "CFG010"))
    assert found.severity is Severity.ERROR
    assert str(status) in text_of(found)
    assert HTTP.get(status, "WebSocket") in text_of(found)
    said, code = verdict(result, take)
    assert not said.startswith("READY")
    assert code == (3 if status >= 500 else 1)


@pytest.mark.parametrize(
    ("model", "extra", "found", "words"),
    [
        (
            "models/gemini-3.1-flash-live-preview",
            {"enable_affective_dialog": True},
            "CFG013",
            "enable_affective_dialog",
        ),
        (
            "models/gemini-3.1-flash-live-preview",
            {"proactivity": {"proactive_audio": True}},
            "CFG013",
            "proactiveAudio",
        ),
        ("models/gemini-3.1-flash-live-preview", {}, "CFG009", "neither confirmed nor refused the setup"),
        ("models/of-next-year", {"enable_affective_dialog": True}, "CFG009", "neither confirmed nor refused the setup"),
    ],
)
def test_a_setup_without_an_answer_is_explained_by_a_setting_that_the_model_does_not_have(model, extra, found, words):
    take = build(Story(unreachable=("setup", "no setupComplete came within 15 s", ()),
                       config=client(session={"model": model, "api_version": "v1alpha", "extra": extra})))  # fmt: skip
    result, take = judged(take)
    first, *rest = result.findings
    assert first.code == found
    assert words in text_of(first)
    assert all(item.consequence_of == found for item in rest)
    assert "WebSocket" not in first.title
    said, code = verdict(result, take)
    assert not said.startswith("READY")
    assert code == (1 if found == "CFG013" else 3)


CLOSED_BY_CLIENT = [
    (1009, "message too big", "max_size"),
    (1007, "invalid UTF-8", "could not take a message"),
    (1002, "", "could not take a message"),
]


@pytest.mark.parametrize(("code", "reason", "words"), CLOSED_BY_CLIENT)
def test_a_session_that_the_clients_library_ended_is_not_laid_to_the_service(code, reason, words):
    take = build(Story(reply_s=None, closed=(code, reason)))
    kept = [replace(item, data={**item.data, "by": "client"}) if item.name == EventName.SESSION_CLOSED else item
            for item in take.timeline]  # fmt: skip
    result, take = judged(replace(take, timeline=Timeline(tuple(kept))))
    first = result.findings[0]
    assert first.code == "SVC009"
    assert words in text_of(first)
    assert "the client closed the session" in text_of(first)
    said, exit_with = verdict(result, take)
    assert (said.startswith("NOT READY"), exit_with) == (True, 1)


def test_a_client_that_ends_its_session_by_intention_has_no_fault():
    take = build(Story())
    kept = [item for item in take.timeline if item.name != EventName.SESSION_CLOSED]
    for code in (1000, 1001, 1005, 1006, 1011):
        end = Event(t_s=9.0, name="session_closed", source="client", data={"code": code, "reason": "", "by": "client"})
        assert code_of(Timeline((*kept, end)), ObservedClient()) is None


@pytest.mark.parametrize(("error", "words"), [(ValueError("Failed to parse response: b'{'"), "could not be read"),
                                              (OSError("broken pipe"), "was lost")])  # fmt: skip
def test_a_message_that_cannot_be_read_is_no_loss_of_the_network(error, words):
    take = build(Story(reply_s=None, closed=(None, "")))
    kept = [replace(item, data=session_end(error).data) if item.name == EventName.SESSION_CLOSED else item
            for item in take.timeline]  # fmt: skip
    result, _ = judged(replace(take, timeline=Timeline(tuple(kept))))
    assert result.findings[0].code == "SVC009"
    assert words in result.findings[0].title


@pytest.mark.parametrize("step", ["dns", "tcp", "tls", "proxy", "http", "another"])
def test_a_step_on_the_way_is_named_and_measures_nothing(step):
    result, take = judged(build(Story(unreachable=(step, "detail", ()))))
    (found,) = result.findings
    assert found.code == "CFG009"
    assert step in found.title
    assert verdict(result, take)[1] == 3


codes = st.one_of(st.none(), st.integers(1000, 1015), st.integers(3000, 4999), st.integers(100, 599))
reasons = st.one_of(
    st.text(max_size=123),
    st.sampled_from([reason for _, reason, _, _ in REFUSALS]),
    st.sampled_from([reason for _, reason, _, _ in REFUSALS]).map(lambda reason: reason[: len(reason) // 2]),
)


@functools.cache
def counted(code, reason, opened):
    take = build(Story(refused=(code, reason)) if not opened else Story(reply_s=None, closed=(code, reason)))
    return judged(take)


@given(code=codes, reason=reasons)
@example(code=1011, reason="Deadline expired before operation could complete.")
@example(code=1008, reason="GoAway")
def test_no_refusal_is_without_an_error(code, reason):
    result, take = counted(code, reason, False)
    assert [item.severity for item in result.findings] == [Severity.ERROR]
    said, exit_with = verdict(result, take)
    assert (said.startswith("NOT READY"), exit_with) == (True, 1)


@given(code=codes, reason=reasons)
def test_no_closing_before_the_reply_is_without_an_error(code, reason):
    result, take = counted(code, reason, True)
    assert Severity.ERROR in [item.severity for item in result.findings]
    said, exit_with = verdict(result, take)
    assert (said.startswith("NOT READY"), exit_with) == (True, 1)


def test_no_random_refusal_is_called_ready():
    """200 codes and reasons of the kinds that were seen, drawn with a seed."""
    import random

    draw = random.Random(8)
    for _ in range(200):
        code = draw.choice([draw.randrange(1000, 1016), draw.randrange(3000, 5000), draw.randrange(400, 500), None])
        words = draw.sample(
            ["quota", "location", "internal", "error", "key", "model", "not", "found", "retry", "is"], 5
        )
        result, take = counted(code, " ".join(words), False)
        assert [item.severity for item in result.findings] == [Severity.ERROR], (code, words)
        assert verdict(result, take)[0].startswith("NOT READY")


# --- in a running session


def closed(code, *before, reason="", by="service"):
    events = [Event(t_s=float(t_s), name=name, source="any", data={"turn": 0}) for t_s, name in enumerate(before)]
    data = {"code": code, "reason": reason, "by": by}
    return Timeline((*events, Event(t_s=99.0, name="session_closed", source="client", data=data)))


@pytest.mark.parametrize(
    ("code", "before", "finding"),
    [
        (1000, ("prompt_started", "chunk_received"), "SVC009"),
        (1000, ("prompt_started", "turn_complete", "prompt_started"), "SVC009"),
        (1000, ("prompt_started", "chunk_received", "turn_complete"), None),
        (1000, (), None),
        (1011, ("prompt_started", "chunk_received", "turn_complete"), "SVC009"),
        (1007, ("prompt_started",), "CFG010"),
        (1008, (), "CFG010"),
        (1006, ("go_away",), "CFG008"),
    ],
)
def test_what_a_close_without_a_reason_calls_for(code, before, finding):
    assert code_of(closed(code, "session_open", *before), ObservedClient()) == finding


def test_our_own_closing_is_no_finding():
    timeline = closed(1000, "session_open", reason="API key not valid", by="client")
    assert code_of(timeline, ObservedClient()) is None


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [(1011, "keepalive ping timeout", "the client's event loop was blocked"), (1006, "", "the network failed"),
     (1011, "Internal error encountered.", "the service failed")],
)  # fmt: skip
def test_a_lost_connection_names_the_side(code, reason, words):
    result, _ = judged(build(Story(reply_s=None, closed=(code, reason))))
    found = next(item for item in result.findings if item.code == "SVC009")
    assert words in found.likely_cause
