"""The rules on web pages, each on a page that has the fault, in a real browser; all are silent on healthy pages."""

from dataclasses import replace

import pytest
from page_bench import PageBench, can_install, replied

from diag.core.chain import Segment, Tap
from diag.core.measurement import SoundEvent
from diag.core.observed_client import ObservedClient, observed_client
from diag.core.page_facts import PageSocket, measured_rate_hz
from diag.core.results import Measurement, Measurements, Severity, Status, Tier
from diag.core.timeline import Event, EventName, Timeline
from diag.judge.registry import all_rules
from diag.record.app.page_host import browser_path

RULES = {rule.code: rule for rule in all_rules() if rule.code.startswith("WEB")}
PLAYER, SENDER = Segment(Tap.RECEIVED, Tap.HEARD), Segment(Tap.PROMPT, Tap.SENT)


def measured(**values):
    """Measurements of the reply's path, or of the prompt's with `sent_` before the name."""
    items = []
    for name, value in values.items():
        segment = SENDER if name.startswith("sent_") else PLAYER
        items.append(
            Measurement(metric=name.removeprefix("sent_"), unit="1", value=value, missing=None, tier=Tier.WAVEFORM,
                        turn=0, segment=segment)
        )  # fmt: skip
    return Measurements(tuple(items))


HEALTHY = {"rate_ratio": 1.0, "sent_rate_ratio": 1.0, "dullness_db": 0.0, "sent_dullness_db": 0.0, "imaging": 0.0}


def judged(seen, **values):
    """The verdicts of all rules on pages."""
    given = {
        "observed": observed_client(seen.timeline),
        "timeline": seen.timeline,
        "measurements": measured(**{**HEALTHY, **values}),
    }
    return {code: rule.function(**{need: given[need] for need in rule.needs}) for code, rule in RULES.items()}


def found(verdicts):
    """Codes of the findings of severity warning or error."""
    return {
        code
        for code, verdict in verdicts.items()
        if verdict.status is Status.RAISED and (verdict.severity or RULES[code].severity) is not Severity.INFO
    }


@pytest.fixture(scope="module")
def bench():
    if browser_path() is None and not can_install():
        pytest.skip("no Chromium here, and installing it needs root or sudo without a password")
    bench = PageBench()
    yield bench
    bench.close()


@pytest.mark.parametrize("fault", ["none", "healthy-buffers"])
def test_healthy_pages_are_clear(bench, fault):
    seen = bench.see("live.html", f"fault={fault}", until=replied)
    verdicts = judged(seen)
    assert found(verdicts) == set()
    assert {code for code, verdict in verdicts.items() if verdict.status is Status.CLEAR} == set(RULES)


FAULTS = [
    ("context-rate", "WEB001", {"rate_ratio": 2 / 3}, "new AudioContext({ sampleRate: 24000 })"),
    ("two-contexts", "WEB001", {"dullness_db": 18.0}, "new AudioContext({ sampleRate: 24000 })"),
    ("buffers-16k", "WEB001", {"rate_ratio": 2 / 3}, "createBuffer(1, frames, 24000)"),
    ("capture-rate", "WEB002", {"sent_rate_ratio": 1 / 3}, "new AudioContext({ sampleRate: 16000 })"),
    ("buffer-rate", "WEB003", {"imaging": 0.5}, "new AudioContext({ sampleRate: 24000 })"),
    ("not-connected", "WEB004", {}, "connect(context.destination)"),
    ("suspended", "WEB005", {}, "context.resume()"),
    ("voice-processing", "WEB007", {"sent_dullness_db": 6.0}, "echoCancellation: false"),
    ("voice-processing", "WEB007", {"sent_level_change_db": 9.0}, "autoGainControl: false"),
    ("script-processor", "WEB008", {"inserted_silence_s": 0.2}, "addModule"),
    ("batch-size", "WEB009", {}, "800 samples at 16000 Hz"),
    ("schedule", "WEB010", {}, "context.currentTime + 0.1"),
]


@pytest.mark.parametrize(("fault", "code", "values", "fix"), FAULTS, ids=[fault for fault, *_ in FAULTS])
def test_a_page_with_a_fault_gets_its_code_and_the_line_to_change(bench, fault, code, values, fix):
    verdicts = judged(bench.see("live.html", f"fault={fault}", until=replied), **values)
    also = {"WEB003"} if fault == "buffers-16k" else set()
    assert found(verdicts) - also == {code}
    assert fix in verdicts[code].fix


@pytest.mark.parametrize("silence_s", [0.0, 0.012])
def test_a_script_processor_without_gaps_worth_a_word_is_information(bench, silence_s):
    seen = bench.see("live.html", "fault=script-processor", until=replied)
    verdicts = judged(seen, inserted_silence_s=silence_s)
    assert verdicts["WEB008"].status is Status.RAISED
    assert found(verdicts) == set()


@pytest.mark.parametrize(
    ("name", "query", "line"), [("duplicate.html", "", 7), ("live.html", "fault=script-error", None)]
)
def test_a_script_that_fails_is_named_with_its_line(bench, name, query, line):
    seen = bench.see(name, query, until=lambda seen: any(item["k"] == "error" for item in seen))
    verdict = judged(seen)["WEB006"]
    assert verdict.severity is Severity.ERROR
    assert ("already been declared" if line else "undefinedFunction is not defined") in verdict.title
    assert name in verdict.fix
    assert line is None or f"line {line} " in verdict.fix


def test_plain_http_from_another_host_is_not_a_secure_context(bench):
    seen = bench.see(
        "live.html", host="voice.test", within_s=1.0, until=lambda seen: any(i["k"] == "error" for i in seen)
    )
    assert judged(seen)["WEB011"].status is Status.RAISED


@pytest.mark.parametrize(
    ("query", "error"), [("denied", "NotAllowedError"), ("fault=constraints", "OverconstrainedError")]
)
def test_a_microphone_that_was_not_granted_is_named_with_its_error(bench, query, error):
    seen = bench.see("live.html", query, until=lambda seen: any(item["k"] == "js_microphone" for item in seen))
    verdicts = judged(seen)
    assert found(verdicts) == {"WEB012"}
    assert error in verdicts["WEB012"].title


def test_a_page_that_got_no_reply_is_not_blamed_for_not_playing_it(bench):
    seen = bench.see("live.html", "fault=not-connected", until=replied)
    silent = Timeline(tuple(event for event in seen.timeline if event.name != EventName.CHUNK_RECEIVED))
    verdicts = judged(replace(seen, timeline=silent))
    assert "had nothing to play" in verdicts["WEB004"].reason


def test_voice_processing_without_lost_treble_is_information(bench):
    verdicts = judged(bench.see("live.html", "fault=voice-processing", until=replied))
    assert verdicts["WEB007"].status is Status.RAISED
    assert verdicts["WEB007"].severity is Severity.INFO


def test_a_client_that_is_no_page_is_not_checked():
    given = {"observed": ObservedClient(), "timeline": Timeline(()), "measurements": measured(**HEALTHY)}
    for rule in RULES.values():
        assert rule.function(**{need: given[need] for need in rule.needs}).status is Status.NOT_CHECKED


def test_the_rate_of_a_socket_is_measured_by_its_clock():
    socket = PageSocket(
        url="ws://x", direction="sent", messages=41, audio_bytes=(1600,) * 41, span_s=2.0, mime_type=None
    )
    assert measured_rate_hz(socket) == 16000
    assert measured_rate_hz(replace(socket, span_s=0.5)) is None


def test_the_observer_cannot_be_told_by_the_page(bench):
    watched = bench.see("identity.html", start=False, script="answers()")
    plain = bench.call(_plain_answers(bench))
    # A call may not become slower than a page could notice.
    assert watched.pop("call_ms") < plain.pop("call_ms") + 0.2
    assert watched == plain


async def _plain_answers(bench):
    page = await bench.browser.new_page()
    await page.goto(bench.address("identity.html"))
    answer = await page.evaluate("answers()")
    await page.close()
    return answer


HOLE = SoundEvent(kind="dropout", reference_s=7.5, estimated_s=1.0, duration_s=0.3)
GRANTED = {"echoCancellation": True, "noiseSuppression": False, "autoGainControl": False}


def processed(hole, granted):
    """The verdict on a page with this hole in the voice that it sends."""
    opened = Event(t_s=0.0, name=EventName.PAGE_OPENED, source="client")
    microphone = Event(t_s=0.1, name=EventName.PAGE_MICROPHONE, source="client",
                       data={"asked": {"audio": True}, "granted": granted})  # fmt: skip
    observed = observed_client(Timeline((opened, microphone)))
    item = Measurement(metric="inserted_silence_s", unit="s", value=0.3, missing=None, tier=Tier.WAVEFORM, turn=0,
                       segment=SENDER, events=(hole,))  # fmt: skip
    return RULES["WEB007"].function(measurements=Measurements((item,)), observed=observed)


def test_holes_in_the_first_words_are_laid_to_echo_cancellation():
    verdict = processed(HOLE, GRANTED)
    assert verdict.severity is Severity.ERROR
    assert "the first words have holes" in verdict.title
    assert any("300 ms of the voice is missing" in item.text for item in verdict.evidence)


@pytest.mark.parametrize(
    ("hole", "granted"),
    [
        (replace(HOLE, estimated_s=4.0), GRANTED),
        (HOLE, {**GRANTED, "echoCancellation": False, "noiseSuppression": True}),
    ],
    ids=["later than the canceller needs to settle", "no canceller"],
)
def test_other_holes_are_not(hole, granted):
    assert processed(hole, granted).severity is Severity.INFO
