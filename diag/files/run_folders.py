"""Write and read the folders of runs and takes.

Layout and formats are in docs/takes.md. A take is written under a temporary name, flushed, then
renamed, so a crash loses only the take that is being written. API keys are removed from all text that is written. A
folder that cannot be read raises `BadInputError`.
"""

from __future__ import annotations

import errno
import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diag import __version__
from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.json_reading import read_json
from diag.core.keys import without_secrets
from diag.core.local_paths import home_folder
from diag.core.plain_text import json_safe, on_one_line, quotable
from diag.core.results import SCHEMA_VERSION, TakeResult
from diag.core.take import Span, Take, Turn
from diag.core.temporary import has_ended
from diag.core.timeline import Event, Timeline
from diag.files.audio_files import encode_wav, read_raw, read_wav
from diag.files.checksums import SUMS_NAME, digest_of, has_sums, record_sums, sums_text
from diag.files.whole_files import PARTIAL, flush_folder, partial_path, read_limited, write_flushed, write_whole

__all__ = [
    "SavedRun", "create_run", "file_name_of", "finished_takes", "json_values", "prompts_of_take",
    "read_raw", "read_result", "read_run",
    "read_take", "read_wav", "remove_partial_takes", "write_beside", "write_document", "write_result",
    "write_take",
]  # fmt: skip

RESULT_NAME = "result.json"
LARGEST_JSON_BYTES = 50_000_000
LARGEST_TIMELINE_BYTES = 200_000_000
"""Larger files of a run are refused. A take of ten minutes has less than 5 MB of events."""
LONGEST_S = 1e7
MOST_FRAMES = 2**53
LONGEST_NAME = 200
_PCM16_TAPS = frozenset({Tap.SENT, Tap.RECEIVED})
_FIX_TAKE = "restore it, or remove this take's folder (`--resume` records another)"
_GONE, _FIX_GONE = "the run folder is no longer there", "run again, and leave the folder in place until the run ends"
_FIX_RUN = "restore it, or run again"


def write_take(run_dir: Path, take: Take) -> Path:
    """Write a take into `run_dir/takes/<id>` and return that folder.

    Raises
    ------
    BadInputError
        If a take with this id already exists.
    CannotMeasureError
        If the disk is full or cannot be written. No part of the take is left on the disk.
    """
    folder = run_dir / "takes" / take.id
    attempted = f"Could not save the take {folder}"
    if not run_dir.is_dir():
        raise CannotMeasureError(attempted, seen=_GONE, next_step=_FIX_GONE)
    if folder.exists():
        raise BadInputError(attempted, seen="it exists already", next_step="save to another run folder")
    partial = partial_path(folder)
    with _disk(attempted):
        try:
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            partial.mkdir(mode=0o700)
            digests = {}
            for name, content in _contents(take):
                write_flushed(partial / name, content, private=True)
                digests[name] = digest_of(content)
            write_flushed(partial / SUMS_NAME, sums_text(digests), private=True)
            flush_folder(partial)
            partial.rename(folder)
            flush_folder(folder.parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return folder


def _contents(take: Take) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each file of a take."""
    for tap, clip in take.clips.items():
        yield f"{tap.value}.wav", encode_wav(clip, pcm16=tap in _PCM16_TAPS)
    yield "timeline.jsonl", "".join(_json(event.to_json()) + "\n" for event in take.timeline).encode()
    yield "take.json", _document(_take_facts(take))


def read_take(folder: str | Path) -> Take:
    """Read a take from its folder.

    Raises
    ------
    BadInputError
        If the folder is not a take, a file in it is damaged, or it was written by a newer version of diag.
    """
    from diag.core.client_config import ClientConfig  # imported late: reading a recording does not need pydantic

    folder = Path(folder)
    attempted = f"Could not read the take {folder}"
    facts = _read_json(folder / "take.json", attempted, fix=_FIX_TAKE)
    try:
        clips = {}
        for name, place in facts["clips"].items():
            tap = Tap(name)
            clip = read_wav(folder / f"{tap.value}.wav") if place["frames"] else _no_frames(place)
            start_s = None if place["start_s"] is None else _time(place["start_s"])
            clips[tap] = Clip(samples=clip.samples, sample_rate_hz=clip.sample_rate_hz, start_s=start_s)
        return Take(
            # The folder's name, whatever the file says: the id is used as a path.
            id=folder.resolve().name,
            scenario=_text(facts["scenario"]),
            config=ClientConfig.model_validate(facts["config"]),
            environment=dict(facts["environment"]),
            seed=int(facts["seed"]),
            clips=clips,
            timeline=_read_timeline(folder / "timeline.jsonl", attempted),
            turns=tuple(_turn(item) for item in facts["turns"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _damaged(attempted, "take.json", str(error).splitlines()[0], fix=_FIX_TAKE) from None


def prompts_of_take(folder: str | Path) -> tuple[str, ...]:
    """Return the names of the prompts of a take, without reading its recordings.

    Raises
    ------
    BadInputError
        As `read_take`.
    """
    attempted = f"Could not read the take {folder}"
    facts = _read_json(Path(folder) / "take.json", attempted, fix=_FIX_TAKE)
    try:
        return tuple(_text(turn["prompt_name"]) for turn in facts["turns"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(attempted, "take.json", str(error), fix=_FIX_TAKE) from None


def finished_takes(run_dir: str | Path) -> tuple[str, ...]:
    """Return the ids of the takes that were written completely, sorted."""
    return tuple(sorted(folder.parent.name for folder in Path(run_dir).glob("takes/[!.]*/take.json")))


def remove_partial_takes(run_dir: str | Path) -> int:
    """Remove incomplete takes of processes that were killed, and return their number.

    Call this only while no process writes to the run.
    """
    partial = list(Path(run_dir).glob("takes/.*.partial-*"))
    for folder in partial:
        shutil.rmtree(folder, ignore_errors=True)
    return len(partial)


def remove_abandoned(out_dir: Path) -> None:
    """Remove incomplete takes and files that killed processes left in the runs of a folder and beside it."""
    for pattern in (f"{out_dir.name}/*/takes/.*", f"{out_dir.name}/*/.*", ".*"):
        for path in out_dir.absolute().parent.glob(pattern):
            owner = PARTIAL.fullmatch(path.name)
            if owner and has_ended(int(owner[1])):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def write_result(take_folder: str | Path, result: TakeResult) -> Path:
    """Write the judgement of a take into its folder, replacing an earlier one, and return the path."""
    return write_beside(take_folder, RESULT_NAME, {**_stamp(), **result.to_json()})


def read_result(take_folder: str | Path) -> dict[str, Any] | None:
    """Return the saved judgement of a take as `write_result` wrote it; None if there is none.

    Raises
    ------
    BadInputError
        If it is damaged, or was written by a newer version of diag.
    """
    path = Path(take_folder) / RESULT_NAME
    if not path.is_file():
        return None
    return _read_json(path, f"Could not read the result {path}", fix="`diag report` judges the run again")


def json_values(document: Mapping[str, Any]) -> Any:
    """Return a document as it would be read back from its file."""
    return json.loads(_document(document))


def write_beside(folder: str | Path, name: str, document: Mapping[str, Any]) -> Path:
    """Write a JSON document into the folder of a take, replacing an earlier one. Only this user can read it.

    If the folder has checksums, that of the document is written too.

    Raises
    ------
    CannotMeasureError
        If the folder is gone, or the disk is full or cannot be written.
    """
    path = Path(folder) / name
    if not path.parent.is_dir():
        raise CannotMeasureError(f"Could not save {path}", seen=_GONE, next_step=_FIX_GONE)
    with _disk(f"Could not save {path}"):
        write_whole(path, _document(document), private=True)
        if has_sums(path.parent):
            record_sums(path.parent, [name])
    return path


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document for everybody to read, replacing an earlier one. Missing folders are created.

    Raises
    ------
    CannotMeasureError
        If the disk is full or cannot be written.
    """
    with _disk(f"Could not save {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _document(document))


def _take_facts(take: Take) -> dict[str, Any]:
    return {
        **_stamp(),
        "id": take.id,
        "scenario": take.scenario,
        "seed": take.seed,
        "config": take.config.model_dump(mode="json"),
        "environment": take.environment,
        "clips": {
            tap.value: {
                "start_s": clip.start_s,
                "sample_rate_hz": clip.sample_rate_hz,
                "frames": clip.frames,
                "channels": clip.channels,
            }
            for tap, clip in take.clips.items()
        },
        "turns": [
            {
                "index": turn.index,
                "prompt_name": turn.prompt_name,
                "start_s": turn.start_s,
                "end_s": turn.end_s,
                "speech_start_s": turn.speech_start_s,
                "speech_end_s": turn.speech_end_s,
                "prompt_spans": {tap.value: list(span) for tap, span in turn.prompt_spans.items()},
                "reply_spans": {tap.value: list(span) for tap, span in turn.reply_spans.items()},
                "barge_in": turn.barge_in,
            }
            for turn in take.turns
        ],
    }


def _turn(facts: Mapping[str, Any]) -> Turn:
    def spans(table: Mapping[str, list[int]]) -> dict[Tap, Span]:
        return {Tap(name): (_frame(first), _frame(last)) for name, (first, last) in table.items()}

    speech = [None if facts[name] is None else _time(facts[name]) for name in ("speech_start_s", "speech_end_s")]
    barge_in = facts.get("barge_in", False)
    if not isinstance(barge_in, bool):
        raise TypeError("`barge_in` is not true or false")
    return Turn(
        index=_frame(facts["index"]),
        prompt_name=_text(facts["prompt_name"]),
        start_s=_time(facts["start_s"]),
        end_s=_time(facts["end_s"]),
        prompt_spans=spans(facts["prompt_spans"]),
        reply_spans=spans(facts["reply_spans"]),
        speech_start_s=speech[0],
        speech_end_s=speech[1],
        barge_in=barge_in,
    )


def _time(value: Any) -> float:
    """Return a time of a take, in seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LONGEST_S:
        raise ValueError(f"{str(value)[:40]} is not a time in seconds")
    return float(value)


def _frame(value: Any) -> int:
    """Return the number of a frame, or another count."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_FRAMES:
        raise ValueError(f"{str(value)[:40]} is not a number of frames")
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]} is not a text")
    return value


def _no_frames(place: Mapping[str, Any]) -> Clip:
    shape = (0, place["channels"]) if place["channels"] > 1 else (0,)
    return Clip(samples=np.zeros(shape, np.float32), sample_rate_hz=place["sample_rate_hz"])


def _read_timeline(path: Path, attempted: str) -> Timeline:
    events = []
    try:
        for line in filter(None, read_limited(path, LARGEST_TIMELINE_BYTES).decode("utf-8").split("\n")):
            facts = read_json(line)
            name, source = _text(facts["name"]), _text(facts["source"])
            events.append(Event(t_s=_time(facts["t_s"]), name=name, source=source, data=facts["data"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        place = f"{path.name} line {len(events) + 1}" if path.exists() else path.name
        raise _damaged(attempted, place, _words(error), fix=_FIX_TAKE) from None
    return Timeline(tuple(events))


def create_run(out_dir: str | Path, name: str, facts: Mapping[str, Any]) -> Path:
    """Create a new run folder `<time>-<name>-<random>` with its run.json, and return its path.

    Parameters
    ----------
    out_dir : str or Path
        Parent folder, usually reports/runs. It is created if it does not exist.
    name : str
        Name of the configuration. Characters that are unsuitable in a file name become "-".
    facts : mapping
        JSON-ready content of run.json: title, configuration, environment, seed, number of takes and everything that
        `--resume` needs.

    Raises
    ------
    CannotMeasureError
        If the folder cannot be created or written.
    """
    out_dir = Path(out_dir)
    now = time.gmtime()
    with _disk(f"Could not make a run folder in {out_dir}"):
        out_dir.mkdir(parents=True, exist_ok=True)
        remove_abandoned(out_dir)
        folder = out_dir / f"{time.strftime('%Y%m%d-%H%M%S', now)}-{file_name_of(name)}-{secrets.token_hex(3)}"
        folder.mkdir(mode=0o700)
        (folder / "takes").mkdir(mode=0o700)
        made = time.strftime("%Y-%m-%dT%H:%M:%SZ", now)
        write_whole(folder / "run.json", _document({**_stamp(), "name": name, "made": made, **facts}), private=True)
        record_sums(folder, ["run.json"])
    return folder


def file_name_of(name: str, *, most: int = 60) -> str:
    """Return a name of one file or folder, made of the name of a configuration, which may come from elsewhere."""
    return re.sub(r"[^\w.\-]+", "-", name).strip("-.")[:most] or "run"


@dataclass(frozen=True, kw_only=True)
class SavedRun:
    """A run folder: the content of its run.json, and access to its finished takes, which are read on demand."""

    folder: Path
    name: str
    facts: Mapping[str, Any]

    @property
    def take_ids(self) -> tuple[str, ...]:
        """Ids of the finished takes."""
        return finished_takes(self.folder)

    def take(self, take_id: str) -> Take:
        """Read one take."""
        return read_take(self.folder / "takes" / take_id)


def read_run(folder: str | Path) -> SavedRun:
    """Open a run folder.

    Raises
    ------
    BadInputError
        If it is not a run folder, run.json is damaged, or it was written by a newer version of diag.
    """
    folder = Path(folder)
    attempted = f"Could not read the run {folder}"
    facts = _read_json(folder / "run.json", attempted, fix=_FIX_RUN)
    name, environment = facts.get("name"), facts.get("environment", {})
    if not isinstance(name, str) or not name:
        raise _damaged(attempted, "run.json", "it has no name", fix=_FIX_RUN)
    if len(name) > LONGEST_NAME or on_one_line(name) != name or "/" in name or "\\" in name:
        raise _damaged(attempted, "run.json", f"`{quotable(name, 60)}` is not a name", fix=_FIX_RUN)
    if not isinstance(environment, Mapping):
        raise _damaged(attempted, "run.json", "its environment is not a table", fix=_FIX_RUN)
    home = home_folder()
    return SavedRun(folder=folder, name=facts["name"], facts=facts if home is None else _at_home(facts, home))


def _document(document: Mapping[str, Any]) -> bytes:
    """Return the content of a JSON file, without keys, and with paths below the user's home from `~` on."""
    text, home = _json(document, indent=1), home_folder()
    if home is not None and len(home.parts) > 1:
        text = text.replace(f"{json.dumps(str(home), ensure_ascii=False)[:-1]}/", '"~/')
    return (text + "\n").encode()


def _at_home(value: Any, home: Path) -> Any:
    """Return JSON data with the paths that `_document` shortened as they were."""
    if isinstance(value, str):
        return f"{home}{value[1:]}" if value.startswith("~/") else value
    if isinstance(value, Mapping):
        return {name: _at_home(inner, home) for name, inner in value.items()}
    return [_at_home(inner, home) for inner in value] if isinstance(value, list) else value


def _stamp() -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "tool_version": __version__}


def _read_json(path: Path, attempted: str, *, fix: str) -> dict[str, Any]:
    try:
        facts = read_json(read_limited(path, LARGEST_JSON_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        missing = f"there is no {path.name} in it" if path.parent.is_dir() else "no such folder"
        raise BadInputError(attempted, seen=missing, next_step="name a folder that `diag run` made") from None
    except OSError as error:
        raise BadInputError(attempted, seen=_words(error), next_step="check the path and its permissions") from None
    except ValueError as error:
        raise _damaged(attempted, path.name, str(error), fix=fix) from None
    version = facts.get("schema_version") if isinstance(facts, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise _damaged(attempted, path.name, "it has no schema_version", fix=fix)
    if version > SCHEMA_VERSION:
        raise BadInputError(
            attempted,
            seen=f"{path.name} has schema version {version}, written by diag {facts.get('tool_version', 'unknown')}",
            allowed=f"schema version {SCHEMA_VERSION} or older (this is diag {__version__})",
            next_step="update diag",
        )
    return dict(facts)


def _damaged(attempted: str, place: str, detail: str, *, fix: str) -> BadInputError:
    return BadInputError(attempted, seen=f"{place} is damaged ({detail})", next_step=fix)


def _json(document: Mapping[str, Any], indent: int | None = None) -> str:
    """Return JSON text without keys and without characters that a terminal would obey."""
    cleaned = without_secrets(document)
    return json_safe(json.dumps(cleaned, indent=indent, ensure_ascii=False, allow_nan=False, default=_plain))


def _plain(value: object) -> Any:
    """Convert types that `json` does not support: numpy numbers and arrays, read-only mappings, paths, sets."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


@contextmanager
def _disk(attempted: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise CannotMeasureError(
            attempted,
            seen="the disk is full" if full else _words(error),
            next_step="free some space and run again with `--resume`"
            if full
            else "check the folder and its permissions",
        ) from error


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
