"""Judgements of takes, kept beside the recordings so that a report of a saved run need not judge them again.

A kept judgement is a cache: it can be deleted at any time. It is used only if its basis is the same, see
`diag.api.judged_takes`. Unlike result.json it holds everything of a `TakeResult`, also the templates of messages, from
which other languages are made.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from diag.core.chain import Hop, Segment, Tap
from diag.core.keys import without_secrets
from diag.core.measurement import Evidence, Measurement, Measurements, Severity, SoundEvent, Spot, Status, Tier
from diag.core.messages import Message, restored
from diag.core.missing import Missing, MissingCode
from diag.core.results import Finding, NotShown, RuleOutcome, TakeResult
from diag.files.checksums import JUDGEMENT_NAME, has_sums, record_sums
from diag.files.whole_files import read_limited, write_whole

LARGEST_BYTES = 50_000_000
_RECORDS = {
    kind.__name__: kind
    for kind in (
        *(Evidence, Finding, Measurement, Measurements, Missing, NotShown, RuleOutcome, Segment, SoundEvent, Spot),
        TakeResult,
    )
}
_ENUMS = {kind.__name__: kind for kind in (Hop, MissingCode, Severity, Status, Tap, Tier)}


def write_judgement(take_folder: Path, basis: str, result: TakeResult) -> None:
    """Keep the judgement of a take in its folder, unless that cannot be written."""
    document = without_secrets({"basis": basis, "result": _packed(result)})
    content = gzip.compress(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(), 3, mtime=0)
    try:
        write_whole(take_folder / JUDGEMENT_NAME, content, private=True)
        if has_sums(take_folder):
            record_sums(take_folder, [JUDGEMENT_NAME])
    except OSError:
        return  # a run on a medium that is full or cannot be written is judged again each time


def read_judgement(take_folder: Path, basis: str) -> TakeResult | None:
    """Return the judgement that is kept in a take's folder.

    It is None if there is none, if it is damaged, or if it has another basis.
    """
    try:
        unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # with the header of gzip
        text = unpacking.decompress(read_limited(take_folder / JUDGEMENT_NAME, LARGEST_BYTES), LARGEST_BYTES)
        document = json.loads(text) if unpacking.eof else {}
        if document.get("basis") != basis:
            return None
        result = _unpacked(document["result"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zlib.error):
        return None
    return result if isinstance(result, TakeResult) else None


def _packed(value: object) -> object:
    """Return a value as JSON data: a tuple as an array, and everything else that JSON has no form for as an object.

    Such an object has one name, which says what it is.
    """
    packed = value
    if isinstance(value, Message):
        packed = {"message": [str(value), value.template, _packed(dict(value.values))]}
    elif isinstance(value, Enum):
        packed = {"enum": [type(value).__name__, value.value]}
    elif type(value).__name__ in _RECORDS:
        packed = {"record": [type(value).__name__, {name: _packed(inner) for name, inner in vars(value).items()}]}
    elif isinstance(value, tuple):
        packed = [_packed(item) for item in value]
    elif isinstance(value, list):
        packed = {"list": [_packed(item) for item in value]}
    elif isinstance(value, Mapping):
        packed = {"table": {name: _packed(item) for name, item in value.items()}}
    elif isinstance(value, np.generic):
        packed = value.item()
    return packed


def _unpacked(data: Any) -> Any:  # noqa: ANN401 - any value of a judgement
    if isinstance(data, list):
        return tuple(_unpacked(item) for item in data)
    if not isinstance(data, dict):
        return data
    ((form, content),) = data.items()
    return _FORMS[form](content)


_FORMS: dict[str, Callable[[Any], object]] = {
    "record": lambda content: _RECORDS[content[0]](**{name: _unpacked(item) for name, item in content[1].items()}),
    "enum": lambda content: _ENUMS[content[0]](content[1]),
    "message": lambda content: restored(content[0], content[1], _unpacked(content[2])),
    "list": lambda content: [_unpacked(item) for item in content],
    "table": lambda content: {name: _unpacked(item) for name, item in content.items()},
}
