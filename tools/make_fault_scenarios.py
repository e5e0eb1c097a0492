#!/usr/bin/env python3
"""Write `scenarios/faults/`: one configuration for each finding that can be provoked, from the tables below.

Each plants one fault into an otherwise healthy conversation, and says which finding it must raise as the root and which
may stand beside it as consequences. `make prove` runs them all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "scenarios" / "faults"
HEAD = "# Written by tools/make_fault_scenarios.py: change the table there, not this file.\n"
HOPS = {"MIC": "microphone", "SND": "sender", "PLY": "player", "SPK": "speaker"}
WHO = {"microphone": "microphone", "sender": "sender", "player": "player", "speaker": "loudspeaker"}


@dataclass(frozen=True)
class Sort:
    """A sort of fault that each hop can have: its code on every hop, and what is planted.

    Parameters
    ----------
    codes : str
        Of microphone, sender, player and speaker.
    title, shows : str
        With `{who}` for the hop's device or stage.
    planted : mapping
        Of the table `[[faults.planted]]`; `on` has what differs on a hop.
    tables : mapping of hop to tables
        What else the configuration needs there.
    leads_to : str
        Sorts of faults, by their microphone's codes, that may be found as consequences on the same hop.
    also : mapping of code to codes
        Further consequences.
    prompt : str
        What is said.
    """

    codes: str
    title: str
    shows: str
    planted: Mapping[str, Any]
    on: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    leads_to: str = ""
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prompt: str = "can_you_hear_me"


@dataclass(frozen=True)
class Single:
    """A fault with a code of its own: the tables of its configuration.

    `name` is that of the file, if it is not the code. `voice` is the profile that the replies are compared with.
    """

    code: str
    title: str
    shows: str
    tables: Mapping[str, Any]
    consequences: tuple[str, ...] = ()
    name: str = ""
    voice: str = ""


WIDE = {
    "microphone": {"capture": {"sample_rate_hz": 48000}},
    "sender": {"capture": {"sample_rate_hz": 48000}, "send": {"sample_rate_hz": 48000, "declared_rate_hz": 48000}},
    "player": {"playback": {"sample_rate_hz": 48000}},
    "speaker": {"playback": {"sample_rate_hz": 48000}},
}
"""Streams with room for mirror images above the voice."""

SORTS = (
    Sort("MIC001 SND009 PLY006 SPK001", "Silent {who}", "The {who} gets sound and delivers silence, from the first sample to the last.",
         {"kind": "silent"},
         also={"MIC001": ("SVC002",), "SND009": ("SVC002",)},
         tables={"microphone": {"turn": {"reply_timeout_s": 5}}, "sender": {"turn": {"reply_timeout_s": 5}}}),
    Sort("MIC002 SND010 PLY008 SPK005", "Clipped by the {who}",
         "The {who} amplifies the sound by 20 dB, so that its peaks are clipped at full scale.",
         {"kind": "clip", "gain_db": 20}, leads_to="MIC007 MIC012"),
    Sort("MIC003 SND007 PLY002 SPK002", "Treble lost in the {who}",
         "The {who} converts the sound to 8 kHz and back: speed and pitch are right, but the treble is lost.",
         {"kind": "squeeze", "through_hz": 8000}),
    Sort("MIC004 SND011 PLY003 SPK004", "Stall in the {who}",
         "The {who} inserts 200 ms of silence in the middle of the speech.",
         {"kind": "stall", "at_s": 0.5, "for_s": 0.2}),
    Sort("MIC005 SND001 PLY001 SPK003", "Wrong rate in the {who}",
         "The {who} treats 48 kHz audio as 44.1 kHz: everything is 8 % slower and deeper.",
         {"kind": "rate", "ratio": 0.91875}, also={"MIC005": ("SND005",), "SPK003": ("SVC001",)}),
    Sort("MIC007 SND012 PLY004 SPK006", "Clicks in the {who}", "The {who} adds a click every 130 ms.",
         {"kind": "clicks", "at_s": 0.2, "every_s": 0.13, "count": 14, "level_dbfs": -4},
         leads_to="MIC013"),
    Sort("MIC008 SND013 PLY005 SPK007", "Mirror images added by the {who}",
         "The {who} doubles the sample rate by repeating samples, without a filter.",
         {"kind": "imaging", "factor": 2, "form": "repeat"}, tables=WIDE,
         leads_to="MIC003 MIC007 MIC013"),
    Sort("MIC009 SND003 PLY009 SPK008", "Bytes misread by the {who}",
         "The {who} reads the bytes of its samples in the wrong format, and speech becomes noise.",
         {"kind": "bytes", "reading": "big-endian"},
         on={"player": {"reading": "odd-byte", "at_s": 0.6}, "sender": {"reading": "float32-as-int16"}}),
    Sort("MIC010 SND008 PLY011 SPK009", "Sound lost in the {who}",
         "The {who} loses a piece in the middle of the speech, and joins the sound before and after it.",
         {"kind": "skip", "at_s": 0.7, "for_s": 0.25}, on={"speaker": {"for_s": 0.09}}, leads_to="MIC007",
         also={"MIC010": ("SND005",), "SND008": ("SND005",)}),
    Sort("MIC011 SND014 PLY017 SPK010", "Sound repeated by the {who}",
         "The {who} delivers a piece of 300 ms in the middle of the speech twice.",
         {"kind": "repeat", "at_s": 0.6, "for_s": 0.3}),
    Sort("MIC012 SND015 PLY013 SPK011", "Level lowered by the {who}", "The {who} makes the sound 20 dB quieter.",
         {"kind": "level", "gain_db": -20}),
    Sort("MIC013 SND016 PLY014 SPK012", "Noise added by the {who}",
         "The {who} adds noise at -38 dBFS to everything.",
         {"kind": "noise", "level_dbfs": -38}),
    Sort("MIC014 SND017 PLY015 SPK013", "Distorted by the {who}",
         "The {who} overdrives the sound, which adds harmonics.",
         {"kind": "overdrive", "gain_db": 26}, leads_to="MIC002 MIC007 MIC012 MIC013"),
    Sort("MIC015 SND018 PLY016 SPK014", "Aliasing in the {who}",
         "The {who} lowers the sample rate by dropping samples, without a filter: treble is folded back.",
         {"kind": "aliasing", "factor": 3}, on={"microphone": {"factor": 2}, "sender": {"factor": 2}},
         leads_to="MIC003 MIC010 MIC013"),
    Sort("MIC016 SND020 PLY018 SPK015", "Time stretched by the {who}",
         "The {who} makes speech 18 % longer without changing its pitch.", {"kind": "stretch", "ratio": 0.85},
         also={"MIC016": ("SND005",), "SND020": ("SND005",), "SPK015": ("SVC001",)}, prompt="train_with_a_pause"),
    Sort("MIC017 SND021 PLY012 SPK016", "Played twice by the {who}",
         "The {who} delivers the sound a second time, 150 ms later and 3 dB fainter.",
         {"kind": "echo", "delay_s": 0.15, "gain_db": -3},
         leads_to="MIC007 MIC013"),
    Sort("MIC019 SND023 PLY020 SPK018", "Tone colour changed by the {who}",
         "The {who} mixes the sound with itself 1 ms later, which takes out bands (a comb filter).",
         {"kind": "echo", "delay_s": 0.001, "gain_db": -1}),
    Sort("MIC018 SND019 PLY019 SPK017", "Wrong order in the {who}",
         "The {who} swaps two pieces of 200 ms.", {"kind": "swap", "at_s": 1.0, "for_s": 0.2},
         leads_to="MIC004 MIC007"),
)  # fmt: skip

KORE = "../voices/kore.voice.json"
"""Profile of the emulator's voice Kore, as `diag voice make --tts Kore` writes it."""
IN_SETUP = {"when": "setup"}


def _emulator(**fault: Any) -> dict[str, Any]:
    return {"emulator": {"faults": [fault]}}


BARGE_IN = [
    {"say": "weather_in_seoul"},
    {"kind": "barge_in", "say": "table_for_six", "at_s": 1.0},
    {"say": "can_you_hear_me"},
]
"""A conversation whose first reply is interrupted."""

SINGLES = (
    Single("CFG001", "No audio modality", "The setup leaves out `response_modalities`: no audio comes.",
           {"session": {"response_modalities": None}, "emulator": {"omitted_modality": "silent"}}, ("SVC002",)),
    Single("CFG002", "Model that is not served", "The session asks for a model that has been shut down.",
           {"session": {"model": "models/gemini-2.0-flash-live-001"}}),
    Single("CFG003", "Text asked of a voice model", "The setup asks for text, which a native audio model does not support.",
           {"session": {"response_modalities": ["TEXT"]}}),
    Single("CFG004", "Key that is not accepted", "The service accepts only a key that the client does not have.",
           {"emulator": {"keys": ["another-key"]}}),
    Single("CFG005", "Quota used up", "The service allows no further session for this key.",
           _emulator(kind="quota", at_once=0)),
    Single("CFG006", "Field of another API version", "The setup has a field that this API version does not know.",
           {"session": {"model": "models/gemini-2.5-flash-native-audio-latest",
                        "extra": {"proactivity": {"proactive_audio": True}}}}),
    Single("CFG007", "Audio in a deprecated field", "The service refuses the first audio, because it is sent as `media_chunks`.",
           _emulator(kind="close", named="media_chunks", when="session", at_s=1.0), ("SND008", "SVC002")),
    Single("CFG008", "Time limit of the session", "The service sends goAway and ends the connection two seconds later.",
           {"emulator": {"faults": [{"kind": "go_away", "at_s": 0.5, "time_left_s": 2.0}]}}, ("SVC002",)),
    Single("CFG009", "Service not reachable", "Nothing listens at the address that the client connects to.",
           {"emulator": {"down": "tcp"}}),
    Single("CFG010", "Refused without a known reason", "The service closes with 1013 before the session is set up.",
           _emulator(kind="close", named="try_again_later", **IN_SETUP)),
    Single("CFG011", "Country that is not served", "The service is not available in the region that the request comes from.",
           _emulator(kind="close", named="location", **IN_SETUP)),
    Single("CFG012", "Speech detection switched off", "The setup switches off speech detection, and the client does not mark its turns.",
           {"session": {"extra": {"realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}},
            "turn": {"reply_timeout_s": 5}}, ("SVC002",)),
    Single("CFG013", "Setting of another model", "The setup has a thinking level, which this model does not support.",
           {"session": {"extra": {"thinking_config": {"thinking_level": "LOW"}}}}),
    Single("MIC006", "Microphone hears the reply", "The microphone picks up what is played, 34 dB fainter.",
           {"faults": {"planted": [{"hop": "microphone", "kind": "leak", "delay_s": 0.1, "gain_db": -34}]},
            # So faint an echo does not interrupt a detector that is not too keen.
            "session": {"extra": {"realtime_input_config": {"automatic_activity_detection": {
                "start_of_speech_sensitivity": "START_SENSITIVITY_LOW"}}}}}),
    Single("SND002", "Rate not declared", "The MIME type of the audio that is sent has no sample rate.",
           {"send": {"declared_rate_hz": 0}}),
    Single("SND004", "Batches too large", "The client collects 400 ms of audio before it sends.",
           {"send": {"batch_ms": 400}}),
    Single("SND005", "Sent too slowly", "The client sends at 80 % of real time, so the delay keeps growing.",
           {"faults": {"planted": [{"hop": "sender", "kind": "pace", "ratio": 0.8}]}}, ("SVC001",)),
    Single("SND006", "Silence after the speech not sent", "The client stops sending as soon as the speech is over.",
           {"faults": {"planted": [{"hop": "sender", "kind": "skip", "at_s": 2.0}]}, "turn": {"reply_timeout_s": 5}},
           ("SVC002",)),
    Single("PLY007", "Second buffer in the player", "The player delays the reply by 600 ms in addition to its buffer.",
           {"faults": {"planted": [{"hop": "player", "kind": "late", "for_s": 0.6}]}}),
    Single("PLY010", "Player goes on after an interruption", "The client does not empty its queue when `interrupted` comes.",
           {"turns": BARGE_IN, "emulator": {"pace": 4.0}, "faults": {"planted": [{"hop": "player", "kind": "no-flush"}]}},
           ("TRN002",)),
    Single("TRN001", "Interruption ignored", "The service goes on with its reply when the user interrupts it.",
           {"turns": BARGE_IN, **_emulator(kind="ignore_barge_in")}),
    Single("TRN002", "Slow to be interrupted", "The service interrupts its reply 1.5 s after the user's first word.",
           {"turns": BARGE_IN, **_emulator(kind="slow_interrupt", delay_s=1.5)}),
    Single("TRN003", "Interrupted without a reason", "The service interrupts its reply although nobody speaks.",
           {"turns": [{"say": "weather_in_seoul"}, {"say": "can_you_hear_me"}],
            **_emulator(kind="false_interrupt", at_s=1.0, turns=[1])}),
    Single("TRN004", "Slow to notice the end of a turn", "The service waits for 2.5 s of silence, and reports when it noticed it.",
           {"emulator": {"silence_ms": 2500, "voice_activity": True}}, ("SVC001",)),
    Single("TRN005", "User cut off", "The service takes a pause of 0.35 s for the end of the prompt.",
           {"turns": [{"say": "train_with_a_pause"}], "emulator": {"silence_ms": 200, "think_s": 0.05}}),
    Single("SVC001", "Slow service", "The service takes four seconds before it answers.",
           {"emulator": {"think_s": 4.0}}),
    Single("SVC002", "No answer to the prompt", "The service ends every turn without any content.",
           {"emulator": {"silent_turn": True}}),
    Single("SVC003", "Text in place of audio", "Audio was asked for, but the service sends text.", _emulator(kind="text_reply")),
    Single("SVC004", "Delivery pauses for a second", "After three chunks nothing comes for a second.",
           _emulator(kind="pause", chunk=3, for_s=1.0), ("PLY003",)),
    Single("SVC005", "Dull reply", "The voice of the service has no treble.", _emulator(kind="dull", cutoff_hz=3500)),
    Single("SVC005", "Reply duller than its voice",
           "The voice of the service has less and less treble, but reaches as far up as ever: only its profile shows it.",
           {"session": {"voice": "Kore"},
            "emulator": {"faults": [{"kind": "dull", "cutoff_hz": 11900, "tilt_db_per_octave": -4.0}]}},
           name="svc005_voice", voice=KORE),
    Single("SVC006", "Reply that breaks off", "After four chunks nothing more comes, and there is no message.",
           {"emulator": {"faults": [{"kind": "stall", "chunk": 4}]}, "turn": {"reply_max_s": 5}}),
    Single("SVC007", "Tone in place of speech", "The service sends a steady tone.", _emulator(kind="tone"), ("PLY007", "SVC011")),
    Single("SVC008", "Chunk that comes twice", "One chunk of the reply is sent twice.",
           _emulator(kind="duplicate_chunk", chunk=5)),
    Single("SVC009", "Connection lost in the reply", "The service fails in the middle of its reply.",
           _emulator(kind="close", named="internal", chunk=5)),
    Single("SVC010", "Reply with a wrong label", "The reply is labelled as 16 kHz, but it is 24 kHz audio.",
           _emulator(kind="rate_label", declared_hz=16000)),
    Single("SVC011", "Reply damaged by the service", "The received audio already has gaps.",
           _emulator(kind="glitch", form="gap", count=6, length_ms=40)),
    Single("SVC012", "Silence before the reply", "The reply begins with half a second of silence.",
           _emulator(kind="lead_silence", silence_s=0.5)),
    Single("SVC013", "Reply that nobody hears", "The reply has its full length, but is too quiet to hear.",
           _emulator(kind="quiet", gain_db=-55), ("SVC002",)),
    Single("SVC014", "Reply rejected by a filter", "The turn is completed with RESPONSE_REJECTED and without audio.",
           _emulator(kind="silent_turn", reason="RESPONSE_REJECTED"), ("SVC002",)),
    Single("SVC015", "Tool call without an answer", "The service calls a function, and the client does not answer.",
           {"session": {"extra": {"tools": [{"function_declarations": [{
               "name": "look_up", "description": "look something up", "behavior": "BLOCKING",
               "parameters": {"type": "OBJECT", "properties": {"what": {"type": "STRING"}}}}]}]}},
            "emulator": {"tool_calls": "every_turn"}, "turn": {"reply_timeout_s": 5}}, ("SVC002",)),
    Single("SVC016", "Reply in another voice", "The session asks for the voice Kore, and another one answers.",
           {"session": {"voice": "Kore"}, "emulator": {"faults": [{"kind": "other_voice", "voice": "Puck"}]}},
           voice=KORE),
    Single("ENV005", "Clock of the microphone drifts", "The clock of the microphone differs by 2000 parts per million.",
           {"faults": {"planted": [{"hop": "microphone", "kind": "rate", "ratio": 1.002}]}}),
)  # fmt: skip


CODES = {sort.codes.split()[0]: sort.codes.split() for sort in SORTS}


def configurations() -> Iterator[tuple[str, str]]:
    """Give the name and the text of each file."""
    for sort in SORTS:
        for place, code in enumerate(sort.codes.split()):
            hop = HOPS[code[:3]]
            planted = {"hop": hop, **sort.planted, **sort.on.get(hop, {})}
            tables = {**sort.tables.get(hop, {}), "faults": {"planted": [planted]}}
            consequences = *(CODES[other][place] for other in sort.leads_to.split()), *sort.also.get(code, ())
            title, shows = sort.title.format(who=WHO[hop]), sort.shows.format(who=WHO[hop])
            yield code.lower(), _text(code, title, shows, tables, consequences, prompt=sort.prompt)
    for single in SINGLES:
        text = _text(single.code, single.title, single.shows, single.tables, single.consequences, voice=single.voice)
        yield single.name or single.code.lower(), text


def _text(
    code: str,
    title: str,
    shows: str,
    tables: Mapping[str, Any],
    consequences: tuple[str, ...],
    *,
    prompt: str = "can_you_hear_me",
    voice: str = "",
) -> str:
    session = {"model": "models/gemini-3.8-live", "response_modalities": ["AUDIO"], **tables.get("session", {})}
    prompts = "" if "turns" in tables else f"prompts = [{_value(prompt)}]\n"
    parts = [f"{HEAD}title = {_value(title)}\nshows = {_value(shows)}\n{prompts}"]
    if voice:
        parts[0] += f"voice = {_value(voice)}\n"
    for step in tables.get("turns", ()):
        parts.append("[[turns]]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in step.items()))
    for name, table in {**tables, "session": session}.items():
        if name == "turns":
            continue
        parts += _table(name, {key: value for key, value in table.items() if value is not None})
    expect = {"findings": [code]} | ({"consequences": list(consequences)} if consequences else {})
    return "\n".join([*parts, *_table("expect", expect)])


def _table(name: str, table: Mapping[str, Any]) -> list[str]:
    plain = {key: value for key, value in table.items() if not _is_list_of_tables(value)}
    parts = [f"[{name}]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in plain.items())] if plain else []
    for key, items in table.items():
        if _is_list_of_tables(items):
            parts += [
                f"[[{name}.{key}]]\n" + "".join(f"{inner} = {_value(value)}\n" for inner, value in item.items())
                for item in items
            ]
    return parts


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def main() -> int:
    """Write the files, or with `--check` say whether they are in step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where a file is not in step")
    check = parser.parse_args().check
    wanted = dict(configurations())
    there = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.toml")}
    if check:
        return 0 if wanted == there else 1
    FOLDER.mkdir(exist_ok=True)
    for name in there.keys() - wanted.keys():
        (FOLDER / f"{name}.toml").unlink()
    for name, text in wanted.items():
        (FOLDER / f"{name}.toml").write_text(text, encoding="utf-8")
    print(f"{len(wanted)} configurations in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
