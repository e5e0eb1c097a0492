"""`diag doctor --setup`: judge a setup frame without connecting."""

from __future__ import annotations

import datetime
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diag.core.errors import BadInputError, ExitCode
from diag.core.located_json import read_located_json
from diag.judge.setup_frame import FrameVerdict, NotAFrameError, judge_frame

MAX_FRAME_BYTES = 1_000_000
_SHAPE = '{"setup": {"model": "models/…", "generationConfig": {"responseModalities": ["AUDIO"]}}}'


@dataclass(frozen=True, kw_only=True)
class SetupCheck:
    """Judgement of one setup frame.

    Parameters
    ----------
    source : str
        Path of the file, or "standard input".
    api_version : str
        API version of the address that the frame is meant for, or "vertex".
    day : datetime.date
        Day whose models are served.
    """

    source: str
    api_version: str
    day: datetime.date
    verdict: FrameVerdict

    @property
    def exit_code(self) -> ExitCode:
        """GOOD if the frame has no faults, else FAILED."""
        return ExitCode.GOOD if self.verdict.right else ExitCode.FAILED

    def to_json(self) -> dict[str, Any]:
        """Return the JSON document of `diag doctor --setup --json`."""
        return {
            "schema_version": 1,
            "source": self.source,
            "api_version": self.api_version,
            "as_of": self.day.isoformat(),
            "right": self.verdict.right,
            "faults": [fault.to_json() for fault in self.verdict.faults],
            "notes": [note.to_json() for note in self.verdict.notes],
            "corrected": self.verdict.corrected,
        }


def check_setup(path: str | Path, *, as_of: str | None = None, api_version: str = "v1beta") -> SetupCheck:
    """Judge the setup frame in a file.

    Parameters
    ----------
    path : str or Path
        A JSON file; "-" reads standard input.
    as_of : str, optional
        Day whose models are served, as "2025-09-19"; today if left out.
    api_version : {"v1", "v1beta", "v1alpha", "vertex"}
        The address that the frame is meant for.

    Raises
    ------
    BadInputError
        If the file cannot be read or holds no setup frame, or the day is not a date.
    """
    source = "standard input" if str(path) == "-" else str(path)
    attempted = f"Could not read a setup frame from {source}"
    day = _day(as_of)
    text = _read(str(path), attempted)
    try:
        frame = read_located_json(text)
    except json.JSONDecodeError as error:
        raise BadInputError(
            attempted,
            seen=f"not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})",
            allowed=f"JSON such as {_SHAPE}",
            next_step="correct that place; names and texts are written in double quotes",
        ) from None
    except ValueError as error:
        raise BadInputError(attempted, seen=str(error), next_step="write it as one JSON object") from None
    vertex = api_version == "vertex"
    try:
        verdict = judge_frame(frame, day=day, version="v1beta1" if vertex else api_version, vertex=vertex)
    except NotAFrameError as error:
        raise BadInputError(
            attempted,
            seen=str(error),
            allowed=f"the first message of a session, {_SHAPE}",
            next_step="name another file",
        ) from None
    return SetupCheck(source=source, api_version=api_version, day=day, verdict=verdict)


def _day(as_of: str | None) -> datetime.date:
    try:
        return datetime.date.fromisoformat(as_of) if as_of else datetime.datetime.now(datetime.UTC).date()
    except ValueError:
        raise BadInputError(
            f"Could not use --as-of {as_of}",
            seen=repr(as_of),
            allowed="a date such as 2025-09-19",
            next_step="write it as YYYY-MM-DD",
        ) from None


def _read(path: str, attempted: str) -> str:
    try:
        data = sys.stdin.buffer.read(MAX_FRAME_BYTES + 1) if path == "-" else _first_bytes(Path(path))
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(
            attempted, seen=str(error), allowed="a UTF-8 text file, or - for standard input", next_step="check the path"
        ) from None
    if len(data) > MAX_FRAME_BYTES:
        raise BadInputError(
            attempted, seen=f"more than {MAX_FRAME_BYTES} bytes", next_step="name a file that holds only the frame"
        )
    return text


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_FRAME_BYTES + 1)
