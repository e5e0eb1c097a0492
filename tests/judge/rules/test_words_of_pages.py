"""What the rules on web pages say of a page of which one thing is other than usual, against approved texts."""

from pathlib import Path

import pytest
from approved import check
from fault_cases import event, replace

from diag.core.chain import Hop
from diag.core.observed_client import observed_client
from diag.core.results import Measurement, Measurements, SoundEvent, Status, Tier
from diag.core.timeline import Timeline
from diag.judge.registry import all_rules

APPROVED = Path(__file__).with_name("approved_pages.txt")
RULES = {rule.code: rule for rule in all_rules() if rule.code.startswith("WEB")}
CAPTURE = {
    "number": 1, "rate_hz": 16000, "callback_frames": 256, "state": "running", "ran": True, "capacity": 0.1,
    "nodes": {"MediaStreamAudioSource": 1, "AudioWorklet": 1}, "links": [["MediaStreamAudioSource", "AudioWorklet"]],
    "audible": [],
}  # fmt: skip
PLAY = {
    "number": 2, "rate_hz": 24000, "callback_frames": 256, "state": "running", "ran": True, "capacity": 0.1,
    "nodes": {"AudioBufferSource": 20, "AudioDestination": 1}, "links": [["AudioBufferSource", "AudioDestination"]],
    "audible": ["AudioBufferSource"],
}  # fmt: skip
RELAY = {**PLAY, "number": 3, "rate_hz": 16000, "nodes": {"MediaStreamAudioSource": 1, "AudioDestination": 1},
         "links": [], "audible": ["MediaStreamAudioSource"]}  # fmt: skip
HANDED_ON = {**PLAY, "nodes": {"AudioBufferSource": 20, "MediaStreamAudioDestination": 1}, "audible": []}
SENT = {"url": "ws://x", "direction": "sent", "audio_messages": 41, "audio_bytes": [1600] * 41, "span_s": 2.0,
        "mime_type": None}  # fmt: skip
BUFFERS = {"rate_hz": 24000, "context_rate_hz": 24000, "count": 20, "frames": 48000, "longest_frames": 2400,
           "playback_rate": 1.0}  # fmt: skip
SCHEDULE = {"rate_hz": 24000, "ahead_s": [0.1, 0.12, 0.14], "gap_s": [0.0, 0.0]}
OFF = {"echoCancellation": False, "noiseSuppression": False, "autoGainControl": False}
ON = dict.fromkeys(OFF, True)
MICROPHONE = {"asked": {"audio": OFF}, "granted": OFF}
STARTED = {"url": "http://localhost/", "secure": True, "media": True}
USUAL = {
    "page_opened": [STARTED], "page_microphone": [MICROPHONE], "page_context": [CAPTURE, PLAY], "page_socket": [SENT],
    "page_buffers": [BUFFERS], "page_schedule": [SCHEDULE], "page_error": [], "page_console": [],
    "page_script_processor": [], "chunk_received": [{"turn": 0, "start_frame": 0, "frames": 2400, "mime_type": ""}],
}  # fmt: skip
CONSOLE = {"level": "warning", "text": "The AudioContext was not allowed to start. It must be resumed"}


def rates(capture_hz, play_hz=24000):
    return {"page_context": [{**CAPTURE, "rate_hz": capture_hz}, {**PLAY, "rate_hz": play_hz}]}


def sent(**data):
    return {"page_socket": [{**SENT, **data}]}


def scheduled(ahead_s, gap_s):
    return {"page_schedule": [{**SCHEDULE, "ahead_s": ahead_s, "gap_s": gap_s}, {**SCHEDULE, "ahead_s": [0.1]}]}


def buffered(**data):
    return {"page_buffers": [{**BUFFERS, **data}, {**BUFFERS, "rate_hz": 8000, "count": 1, "frames": 10}]}


def error(text, url="http://localhost/a.js", line=7):
    return {"text": text, "url": url, "line": line}


def asked(granted=None, **more):
    return {"page_microphone": [{"asked": {"audio": True}, "granted": granted, **more}]}


PAGES = {
    "as usual": {},
    "nothing was seen of it": {name: [] for name in USUAL if name != "page_opened"},
    "it was not opened": {"page_opened": [{"url": None}]},
    "by plain HTTP": {"page_opened": [{"url": "http://voice.test/", "secure": False, "media": False}]},
    "by plain HTTP, with devices": {"page_opened": [{"url": "http://voice.test/", "secure": False, "media": True}]},
    "the microphone was denied": asked(error="NotAllowedError", message="Permission denied"),
    "the constraints fit nothing": asked(error="OverconstrainedError", message="x"),
    "a second try was granted": {"page_microphone": [{"asked": {}, "error": "NotAllowedError"}, MICROPHONE]},
    "processed": asked(ON), "echo cancellation alone": asked({**OFF, "echoCancellation": "browser"}),
    "gain control alone": asked({**OFF, "autoGainControl": True}),
    "nothing is told of what was granted": asked({}),
    **{f"captured at {hz} Hz": rates(hz) for hz in (48000, 44100, 16240, 8000)},
    **{f"played at {hz} Hz": rates(16000, hz) for hz in (48000, 16000, 12000)},
    "two rates of capture": {"page_context": [CAPTURE, {**CAPTURE, "number": 3, "rate_hz": 48000}, PLAY]},
    "a relay": {"page_context": [CAPTURE, HANDED_ON, RELAY]},
    "a relay as wide": {"page_context": [CAPTURE, HANDED_ON, {**RELAY, "rate_hz": 24000}]},
    "handed on": {"page_context": [CAPTURE, HANDED_ON]},
    "not connected": {"page_context": [CAPTURE, {**PLAY, "links": [["Gain", "Analyser"]], "audible": []}]},
    "not connected at all": {"page_context": [{**PLAY, "links": [], "audible": []}]},
    "not connected, and nothing came": {"page_context": [{**PLAY, "audible": []}], "chunk_received": []},
    "suspended": {"page_context": [CAPTURE, {**PLAY, "state": "suspended", "ran": False}]},
    "suspended, and the console says why": {
        "page_context": [CAPTURE, {**PLAY, "state": "suspended"}], "page_console": [CONSOLE, CONSOLE]},
    "the microphone is suspended": {"page_context": [{**CAPTURE, "state": "suspended"}, PLAY]},
    "both are suspended": {"page_context": [{**CAPTURE, "state": "suspended"}, {**PLAY, "state": "suspended"}]},
    "a syntax error": {"page_error": [error("SyntaxError: missing )")]},
    "a message is a blob": {"page_error": [
        error("SyntaxError: Unexpected token 'o', \"[object Blob]\" is not valid JSON")], "chunk_received": []},
    "something else is no JSON": {"page_error": [error("SyntaxError: \"ping\" is not valid JSON")]},
    "declared twice, and nothing came": {
        "page_error": [error("Identifier 'x' has already been declared")], "chunk_received": []},
    "four errors without a place": {"page_error": [error(f"x{number} is not defined", "", 0) for number in range(4)]},
    "a script processor": {"page_script_processor": [{"frames": 4096}, {"frames": 1024}]},
    "a script processor in a context": {"page_context": [
        CAPTURE, {**PLAY, "nodes": {"ScriptProcessor": 3, "AudioDestination": 1}, "audible": ["ScriptProcessor"]}]},
    **{f"messages of {size} bytes": sent(audio_bytes=[size] * 41)
       for size in (288, 286, 290, 320, 3200, 3230, 3234, 3400, 9600)},
    "messages of 48 kHz": sent(audio_bytes=[4800] * 41),
    "messages of a stated rate": sent(mime_type="audio/pcm;rate=8000"),
    "few messages": sent(audio_messages=3, audio_bytes=[1600] * 3, span_s=0.5),
    "received messages alone": sent(direction="received"),
    **{f"a gap of {gap_s} s": scheduled([0.1, 0.02, 0.01], [0.0, gap_s])
       for gap_s in (0.0009, 0.0011, 0.004, 0.006, 0.02, 0.5, 0.9, 1.1, -0.0009, -0.0011, -0.006, -0.1)},
    "gaps and overlaps, too late": scheduled([0.1, -0.02, -0.3], [0.05, 0.15, -0.2]),
    "nothing scheduled": {"page_schedule": []},
    "buffers of another rate": buffered(rate_hz=16000),
    "buffers of the capture's rate": buffered(context_rate_hz=48000),
    **{f"{count} buffers of another rate": buffered(rate_hz=16000, count=count) for count in (1, 2, 3, 4, 5)},
    "no buffers": {"page_buffers": []},
}  # fmt: skip
VALUES = {
    "all right": {}, "dull": {"dullness_db": 9.0, "dullness_bands_db": (0.0, 1.0, 4.0, 9.0)},
    "images": {"imaging": 0.5}, "played as 16 kHz": {"rate_ratio": 2 / 3}, "played as 48 kHz": {"rate_ratio": 2.0},
    "of no known speed": {"rate_ratio": None},
    "sent as 16 kHz": {"sent_rate_ratio": 1 / 3}, "sent at no known speed": {"sent_rate_ratio": None},
    "with holes": {"sent_inserted_silence_s": 0.3, "inserted_silence_s": 0.049},
    "with more holes": {"inserted_silence_s": 0.03, "repeated_s": 0.02, "sent_skipped_s": 0.009},
    "louder": {"sent_level_change_db": 9.0, "sent_dullness_db": 6.0}, "clicks": {"click_rate_hz": 4.0},
}  # fmt: skip
NORMAL = {"rate_ratio": 1.0, "sent_rate_ratio": 1.0, "time_ratio": 1.0, "sent_time_ratio": 1.0, "dullness_db": 0.0,
          "sent_dullness_db": 0.0, "imaging": 0.0, "sent_level_change_db": 0.0, "click_rate_hz": 0.0}  # fmt: skip


HOLE = SoundEvent(kind="stall", reference_s=1.0, estimated_s=1.2, duration_s=0.3)


def measured(values):
    items = []
    for name, value in {**NORMAL, **values}.items():
        hop = Hop.SENDER if name.startswith("sent_") else Hop.PLAYER
        metric = name.removeprefix("sent_")
        seen = value if not metric.startswith("rate") else values.get(name, value)
        events = (
            (SoundEvent(kind="stall", reference_s=1.0, estimated_s=1.2, duration_s=0.3),)
            if metric.endswith("_s")
            else ()
        )
        items.append(Measurement(metric=metric, unit="1", value=seen, missing=None, tier=Tier.WAVEFORM, turn=0,
                                 segment=hop.segment, events=events))  # fmt: skip
        if metric == "rate_ratio" and name in values:
            items[:] = [item for item in items if item.metric != "time_ratio" or item.segment != hop.segment]
    return Measurements(tuple(item for item in items if item.value is not None))


def verdicts(page, values):
    """The rules that did not find everything right, and what they say."""
    told = {**USUAL, **page}
    timeline = Timeline(tuple(
        replace(event(0.1 * number, name), data=data)
        for number, (name, data) in enumerate((name, data) for name, items in told.items() for data in items)
    ))  # fmt: skip
    given = {"observed": observed_client(timeline), "timeline": timeline, "measurements": measured(values)}
    lines = []
    for code, rule in RULES.items():
        found = rule.function(**{need: given[need] for need in rule.needs})
        if found.status is Status.RAISED:
            severity = (found.severity or rule.severity).value
            lines += [f"{code} {severity}: {found.title}", *(f"  {item.text}" for item in found.evidence),
                      f"  {found.likely_cause}; {found.fix}"]  # fmt: skip
        elif found.status is not Status.CLEAR:
            lines.append(f"{code} {found.status.value}: {found.reason}")
    return lines


@pytest.mark.parametrize("name", PAGES)
def test_what_is_said_of_a_page_is_as_approved(name):
    usual = verdicts({}, {}) if name != "as usual" else []
    told = set(usual)
    texts = []
    for how, values in VALUES.items():
        new = [line for line in verdicts(PAGES[name], values) if line not in told]
        told |= set(new)
        texts += [how, *new] if new else []
    check(APPROVED, name, "\n".join(texts) or "nothing else", exact=True)
