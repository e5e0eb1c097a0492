"""Seeded fuzzer of every file and message that diag reads: `make fuzz`, and a share of it in `make test`.

Each input is a sound one with one to three mutations. A command must end with one of the documented exit codes, within
`LONGEST_S` and `MOST_MEMORY_BYTES`, without a traceback, and must not write outside its own folder.
"""

import argparse
import contextlib
import copy
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from builders import Story, build, speech

from diag.api.loading import load_judging_and_reports

LONGEST_S = 20.0
MOST_MEMORY_BYTES = 1 << 30
DOCUMENTED = (0, 1, 2, 3, 4)
HOSTILE_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.5, -0.0, 2**31, 2**63, 10**400, 1e308, -1e308, float("inf"), float("nan"), "", "x",
    "../../../../tmp/escaped", "/etc/passwd", ".", "..", "a/b", "\x00", "\x1b]0;title\x07", "\u202e", "\ud800",
    "<script>", "x" * 5000, [], {}, [[]], [{}], {"a": {"b": None}}, ["x"] * 50,
)  # fmt: skip
HOSTILE_BYTES = (
    b"\x00", b"\xff\xfe", b"[" * 5000, b'{"a":' * 3000, b"1" * 5000, b"1e999", b"Infinity", b"NaN", b'"\\ud800"',
    b"'''", b"\x1b[31m", "\u202e".encode(), b"\n" * 100, b"9" * 400, b"=", b"]", b"}", b"-1", b"null", b"true",
    b"../" * 20,
    b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"RIFF", b"data",
)  # fmt: skip


def mutated_bytes(data: bytes, generator: random.Random) -> bytes:
    """Return bytes with one to three places changed, removed, doubled or replaced by something hostile."""
    changed = bytearray(data)
    for _ in range(generator.randint(1, 3)):
        first = generator.randrange(len(changed) + 1)
        last = min(len(changed), first + generator.choice((1, 1, 2, 4, 16, 200)))
        kind = generator.randrange(6)
        if kind == 0 and changed:
            place = min(first, len(changed) - 1)
            changed[place] ^= 1 << generator.randrange(8)
        elif kind == 1:
            changed[first:last] = generator.randbytes(last - first)
        elif kind == 2:
            del changed[first:last]
        elif kind == 3:
            changed[first:first] = changed[first:last] * generator.choice((1, 2, 50))
        elif kind == 4:
            changed[first:last] = generator.choice(HOSTILE_BYTES)
        else:
            del changed[first:]
    return bytes(changed)


def mutated_json(document: Any, generator: random.Random) -> bytes:
    """Return the text of a JSON document with one to three values changed, removed, moved or renamed."""
    document = json.loads(json.dumps(document))
    for _ in range(generator.randint(1, 3)):
        places = list(_places(document))
        if not places:
            break
        parent, key = generator.choice(places)
        kind = generator.randrange(5)
        if kind == 0:
            del parent[key]
        elif kind == 1 and isinstance(parent, dict):
            parent[generator.choice(("x", "", "__class__", "id", "name"))] = parent.pop(key)
        elif kind == 2:
            other, there = generator.choice(places)
            parent[key] = json.loads(json.dumps(other[there])) if _has(other, there) else None
        else:
            parent[key] = copy.deepcopy(generator.choice(HOSTILE_VALUES))
    text = json.dumps(document)
    if generator.random() < 0.1:
        text = text.replace("}", "]" * generator.choice((1, 2)), 1)
    return text.encode()


def _has(parent: Any, key: Any) -> bool:
    return key in parent if isinstance(parent, dict) else key < len(parent)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


@dataclass(frozen=True)
class Failure:
    """An input that ended otherwise than documented."""

    target: str
    number: int
    what: str
    kept: Path | None = None


@dataclass(frozen=True)
class Target:
    """One sort of input: `once(folder, generator)` writes a mutated one into a folder and has diag read it.

    `prepare` makes the sound one, which is not timed.
    """

    name: str
    once: Callable[[Path, random.Random], int]
    prepare: Callable[[], object] = lambda: None


def call(*words: object) -> int:
    """Run one command in this process; return its exit code. What it prints must hold no control characters."""
    from diag.__main__ import call as call_diag

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = call_diag([str(word) for word in words])
    said = out.getvalue() + err.getvalue()
    controls = {character for character in said if ord(character) < 32 and character != "\n"} | (
        set("\x7f\x9b\u202e") & set(said)
    )
    assert not controls, f"control characters {controls!r} in the output"
    assert "Traceback" not in said, "a traceback in the output"
    return code


# --- targets ------------------------------------------------------------------------------------------------------


def _audio(folder: Path, generator: random.Random) -> int:
    form = generator.choice(
        (("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "PCM_24"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("WAV", "ULAW"))
    )
    channels = generator.choice((1, 1, 2))
    sound = speech(0.6, generator.randrange(4), 16000)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.stack([sound] * channels, axis=1), 16000, format=form[0], subtype=form[1])
    data = buffer.getvalue()
    # Most of a file is sound, in which a change is only noise: headers are changed more often.
    head = generator.choice((44, 64, 200, len(data)))
    path = folder / f"mutated.{form[0].lower()}"
    path.write_bytes(mutated_bytes(data[:head], generator) + data[head:])
    return call("analyze", path)


def _configuration(folder: Path, generator: random.Random) -> int:
    from diag.api.options import Options, Quiet
    from diag.api.run import planned_or_resumed
    from diag.core.errors import DiagError
    from diag.files.scenario_folders import built_in_folder
    from diag.files.scenarios import find_scenario
    from diag.record.live.genai import frame_of, setup_fields

    files = sorted(built_in_folder().rglob("*.toml"))
    path = folder / "mutated.toml"
    path.write_bytes(mutated_bytes(generator.choice(files).read_bytes(), generator))
    try:
        scenario = find_scenario(str(path))
        session = scenario.client.session
        frame_of(session.model, setup_fields(session))
        options = Options(out=folder / "out", takes=1, audio="wire", prompts=("yes",))
        planned_or_resumed([scenario.model_copy(update={"app": None, "voice": None})], options, Quiet(), command="run")
    except DiagError as error:
        return int(error.exit_code)
    return 0


def _run_of(folder: Path) -> Path:
    """Return a saved run with one short take."""
    from diag.files.run_folders import create_run, write_take

    scenario = {"name": "fuzz", "client": {"session": {"response_modalities": ["AUDIO"]}}}
    facts = {
        "title": "fuzz", "scenario": scenario, "takes": 1, "seed": 0, "prompts": [], "audio": "wire",
        "endpoint": "emulator", "devices": {}, "voice": None, "command": "run", "group": "g", "position": 0,
        "environment": {"audio": "wire"},
    }  # fmt: skip
    run = create_run(folder, "fuzz", facts)
    write_take(run, build(Story(prompt_s=0.8, reply_s=1.0)))
    return run


def _saved_run(folder: Path, generator: random.Random) -> int:
    run = folder / "given"
    shutil.copytree(_seed_run(), run)
    name = generator.choice(("run.json", "takes/0001/take.json", "takes/0001/take.json", "takes/0001/timeline.jsonl"))
    path = run / name
    data = path.read_bytes()
    if generator.random() < 0.25:
        path.write_bytes(mutated_bytes(data, generator))
    elif name.endswith("jsonl"):
        lines = data.splitlines()
        place = generator.randrange(len(lines))
        lines[place] = mutated_json(json.loads(lines[place]), generator)
        path.write_bytes(b"\n".join(lines) + b"\n")
    else:
        path.write_bytes(mutated_json(json.loads(data), generator))
    words = ("compare", run, _seed_run()) if generator.random() < 0.1 else ("report", run)
    code = call(*words, "--out", folder / "out", "--embed", "none")
    for page in folder.glob("out/*.html"):
        text = page.read_text()
        assert not [c for c in text if (ord(c) < 32 and c not in "\n\t") or c in "\x7f\x9b\u202e"], (
            "controls in the HTML"
        )
    return code


_seeds: dict[str, Path] = {}


def _seed_run() -> Path:
    if "run" not in _seeds:
        _seeds["run"] = _run_of(Path(tempfile.mkdtemp(prefix="diag-fuzz-")))
    return _seeds["run"]


def _home_of_profile() -> Path:
    """Return a folder with a profile and a recording to judge with it."""
    from diag.files.scenario_folders import built_in_folder

    if "profile" not in _seeds:
        home = Path(tempfile.mkdtemp(prefix="diag-fuzz-"))
        replies = sorted((built_in_folder() / "replies").glob("[a-j]*.wav")) + sorted(
            (built_in_folder() / "replies").glob("[s-t]*.wav")
        )
        samples, rate_hz = soundfile.read(replies[0])
        soundfile.write(home / "judged.wav", samples[: round(2.5 * rate_hz)], rate_hz)
        assert call("voice", "make", *replies, "-o", home / "v.voice.json") == 0
        _seeds["profile"] = home
    return _seeds["profile"]


def _profile(folder: Path, generator: random.Random) -> int:
    home = _home_of_profile()
    data = (home / "v.voice.json").read_bytes()
    path = folder / "mutated.voice.json"
    document = json.loads(data)
    # The tables of numbers are most of the file; the rest is changed as often.
    if generator.random() < 0.7:
        tables = {key: document.pop(key) for key in ("bands_db", "treble_db")} if generator.random() < 0.7 else {}
        changed = mutated_json(document, generator)
        with contextlib.suppress(ValueError):
            changed = json.dumps({**tables, **json.loads(changed)}).encode()
        path.write_bytes(changed)
    else:
        path.write_bytes(mutated_bytes(data, generator))
    return call("analyze", home / "judged.wav", "--voice", path)


def _baseline(folder: Path, generator: random.Random) -> int:
    from diag.core.errors import DiagError
    from diag.files.baselines import read_baseline

    measure = {"metric": "ttfb_s", "version": 1, "unit": "s", "segment": ["received", "played"], "tap": None, "turn": 0,
               "missing": ["no_turn", "no reply"], "values": [0.9, None]}  # fmt: skip
    document = {
        "schema_version": 2, "name": "app", "title": "", "made": "2026-11-20T10:00:00Z", "tool_version": "0.2.0",
        "surroundings": {"audio": "virtual"}, "config": {}, "environment": {"audio": "virtual", "endpoint": "emulator"},
        "takes": [["0001", ["yes"]], ["0002", ["yes"]]], "findings": [], "measures": [measure],
    }  # fmt: skip
    path = folder / "mutated.json"
    data = json.dumps(document, indent=1).encode()
    path.write_bytes(mutated_json(document, generator) if generator.random() < 0.6 else mutated_bytes(data, generator))
    try:
        read_baseline(path)
    except DiagError as error:
        return int(error.exit_code)
    return 0


_SETUP = {
    "setup": {
        "model": "models/gemini-3.8-live",
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}, "languageCode": "ko-KR"},
            "temperature": 0.7,
        },
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {}}}]}],
        "realtimeInputConfig": {"automaticActivityDetection": {"disabled": False, "silenceDurationMs": 500}},
        "outputAudioTranscription": {},
    }
}


def _setup_frame(folder: Path, generator: random.Random) -> int:
    path = folder / "mutated.json"
    data = json.dumps(_SETUP, indent=1).encode()
    path.write_bytes(mutated_json(_SETUP, generator) if generator.random() < 0.6 else mutated_bytes(data, generator))
    return call("doctor", "--setup", path)


_SOUND = "AAAA" * 200
_MESSAGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("client", _SETUP),
    ("service", {"setupComplete": {"sessionId": "s"}}),
    ("client", {"realtimeInput": {"audio": {"data": _SOUND, "mimeType": "audio/pcm;rate=16000"}}}),
    ("client", {"realtimeInput": {"mediaChunks": [{"data": _SOUND, "mimeType": "audio/pcm;rate=16000"}]}}),
    ("client", {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "x"}]}], "turnComplete": True}}),
    ("service", {"serverContent": {"modelTurn": {"parts": [
        {"inlineData": {"data": _SOUND, "mimeType": "audio/pcm;rate=24000"}}, {"text": "t", "thought": True}]}}}),
    ("service", {"serverContent": {"outputTranscription": {"text": "hello"}}}),
    ("service", {"toolCall": {"functionCalls": [{"id": "1", "name": "f", "args": {}}]}}),
    ("client", {"toolResponse": {"functionResponses": [{"id": "1", "name": "f", "response": {}}]}}),
    ("service", {"goAway": {"timeLeft": "5s"}}),
    ("service", {"usageMetadata": {"totalTokenCount": 12}}),
    ("service", {"serverContent": {"turnComplete": True, "turnCompleteReason": "X"}}),
)  # fmt: skip


def _proxy_messages(folder: Path, generator: random.Random) -> int:
    from diag.files.run_folders import create_run, read_take, write_take
    from diag.judge.engine import judge_take
    from diag.record.proxy.session_recorder import Request
    from diag.record.proxy.session_take import SessionWatcher

    request = Request(target="/ws/v1beta.GenerativeService.BidiGenerateContent?key=k", headers={}, host="h",
                      endpoint="emulator")  # fmt: skip
    watcher = SessionWatcher(1, request, on_event=lambda *_: None, on_gone=lambda *_: None)
    start_s = time.perf_counter()
    for number, (side, message) in enumerate(_MESSAGES):
        data = json.dumps(message).encode()
        if generator.random() < 0.4:
            data = mutated_json(message, generator) if generator.random() < 0.7 else mutated_bytes(data, generator)
        payload = data if generator.random() < 0.5 else data.decode("utf-8", "replace")
        getattr(watcher, f"from_{side}")(payload, start_s + 0.05 * number)
    watcher.gone()
    run = create_run(folder, "proxy", {})
    write_take(run, watcher.take("proxy"))
    judge_take(read_take(next(run.glob("takes/[!.]*"))))
    return 0


TARGETS = {
    target.name: target
    for target in (
        Target("audio", _audio),
        Target("configurations", _configuration),
        Target("runs", _saved_run, _seed_run),
        Target("profiles", _profile, _home_of_profile),
        Target("baselines", _baseline),
        Target("setup frames", _setup_frame),
        Target("messages at the proxy", _proxy_messages),
    )
}


def run(target: Target, mutations: int, seed: int = 0, *, keep: Path | None = None) -> list[Failure]:
    """Have diag read mutated inputs, and return those that ended otherwise than documented.

    Parameters
    ----------
    keep : Path, optional
        Folder to which the inputs of failures are copied.
    """
    failures = []
    with tempfile.TemporaryDirectory(prefix="diag-fuzz-") as home:
        os.environ.setdefault("XDG_STATE_HOME", home)
        load_judging_and_reports()  # on a busy machine this alone takes longer than an input may
        target.prepare()
        for number in range(mutations):
            with tempfile.TemporaryDirectory(prefix="diag-fuzz-") as place:
                folder = Path(place) / "own"
                folder.mkdir()
                what = _once(target, folder, random.Random(f"{seed}/{target.name}/{number}"))
                beside = sorted(path.name for path in Path(place).iterdir() if path != folder)
                if beside:
                    what = f"wrote outside its folder: {beside}"
                if what is not None:
                    kept = None
                    if keep is not None:
                        kept = keep / f"{target.name.replace(' ', '-')}-{number}"
                        shutil.copytree(folder, kept, dirs_exist_ok=True)
                    failures.append(Failure(target.name, number, what, kept))
    return failures


def _once(target: Target, folder: Path, generator: random.Random) -> str | None:
    """Return what went wrong with one input; None if nothing did."""
    bugs = []

    def noted(error: BaseException) -> str:
        bugs.append("".join(traceback.format_exception(error)[-6:]))
        return "noted"

    def too_long(*_: object) -> None:
        raise TimeoutError(f"longer than {LONGEST_S:.0f} s")

    from unittest import mock

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
    try:
        with mock.patch("diag.files.log.write_bug", noted):
            code = target.once(folder, generator)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a failure)
        return f"{type(error).__name__}: {error}\n" + "".join(traceback.format_exception(error)[-8:])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    if bugs:
        return f"exit code {code}: {bugs[0]}"
    if code not in DOCUMENTED:
        return f"exit code {code}"
    return f"took {grown / 1e6:.0f} MB" if grown > MOST_MEMORY_BYTES else None


def main() -> int:
    """Run all targets, or those that are named; print one line for each and every failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--mutations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the inputs of failures")
    given = parser.parse_args()
    count = 0
    for name in given.targets or TARGETS:
        begun_s = time.perf_counter()
        failures = run(TARGETS[name], given.mutations, given.seed, keep=given.keep)
        count += len(failures)
        print(f"{name}: {len(failures)} of {given.mutations} mutated inputs failed, "
              f"{time.perf_counter() - begun_s:.0f} s", flush=True)  # fmt: skip
        for failure in failures:
            print(f"  {failure.number}: {failure.what}", flush=True)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
