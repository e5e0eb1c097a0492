"""Judge saved takes. A judgement is kept with what it is based on, and used again while that is exactly the same."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import diag
from diag.core.results import TakeResult
from diag.dsp.profile import VoiceProfile
from diag.dsp.voice_text import profile_to_json
from diag.files.checksums import JUDGEMENT_NAME
from diag.files.judgements import read_judgement, write_judgement
from diag.files.run_folders import read_take
from diag.judge.engine import judge_take
from diag.judge.registry import all_rules
from diag.measure.registry import all_metrics

_LIBRARIES = ("numpy", "scipy")
"""What metrics compute with. Another version may give other digits."""
_JUDGED_FILES = ("*.wav", "take.json", "timeline.jsonl")
"""What a take is read from."""
_CODE = ("*.py", "*.json")


def judged_take(folder: Path, voice: VoiceProfile | None = None) -> TakeResult:
    """Return the judgement of a saved take: the kept one if it has the same basis, otherwise a new one, which is kept.

    The basis is everything that a judgement follows from: the content of the take's files, the profile of the voice,
    the code of diag, and the libraries that compute. If a metric or a rule is registered from elsewhere, its code is
    not known, so nothing is kept.

    Raises
    ------
    BadInputError
        If the take is damaged.
    """
    if _foreign_code():
        return judge_take(read_take(folder), voice=voice)
    basis = _basis(folder, voice)
    kept = read_judgement(folder, basis)
    if kept is not None:
        return kept
    result = judge_take(read_take(folder), voice=voice)
    write_judgement(folder, basis, result)
    return result


def kept_judgement(folder: Path, voice: VoiceProfile | None = None) -> TakeResult | None:
    """Return the judgement of a saved take if it is kept and has the same basis; otherwise None."""
    if not (folder / JUDGEMENT_NAME).exists() or _foreign_code():
        return None
    return read_judgement(folder, _basis(folder, voice))


def _basis(folder: Path, voice: VoiceProfile | None) -> str:
    digest = hashlib.sha256(_basis_of_tool().encode())
    digest.update(b"" if voice is None else profile_to_json(voice).encode())
    for path in sorted(path for pattern in _JUDGED_FILES for path in folder.glob(pattern)):
        with path.open("rb") as file:
            digest.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def _foreign_code() -> bool:
    functions = (*(metric.function for metric in all_metrics()), *(rule.function for rule in all_rules()))
    return any(function.__module__.partition(".")[0] != diag.__name__ for function in functions)


@cache
def _basis_of_tool() -> str:
    """Return what judgements of all takes follow from: the code of diag and the libraries."""
    root = Path(str(files(diag)))
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _CODE for path in root.rglob(pattern)):
        digest.update(f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    for name in _LIBRARIES:
        digest.update(f"{name} {version(name)}\n".encode())
    digest.update(f"{platform.python_version()} {platform.machine()}\n".encode())
    return digest.hexdigest()
