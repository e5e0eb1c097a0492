"""Checksums of saved runs: a file `SHA256SUMS` in each folder, in the format of the program `sha256sum`.

`sha256sum -c SHA256SUMS` in a take's folder checks it without diag. Checksums show damage and later changes. They are
not a signature: who changes a file can also write its new checksum.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from diag.files.whole_files import write_whole

SUMS_NAME = "SHA256SUMS"
JUDGEMENT_NAME = "judgement.json.gz"
"""A cache in the folder of a take, see `diag.files.judgements`. It has a checksum, but may be deleted."""
_LINE = re.compile(r"([0-9a-f]{64})  ([^/\n]+)\n")
_CHECKED_SUFFIXES = (".wav", ".json", ".jsonl")
"""Files that diag reads to judge a run again. Other files without a checksum, such as a user's notes, do not matter."""


def sums_text(digests: Mapping[str, str]) -> bytes:
    """Return the content of `SHA256SUMS` for digests by file name."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())).encode()


def digest_of(data: bytes) -> str:
    """Return the SHA-256 digest of a file's content, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def record_sums(folder: Path, names: Iterable[str]) -> None:
    """Write the checksums of files in a folder; those of other files are kept.

    Raises
    ------
    OSError
        If a file cannot be read, or the checksums cannot be written.
    """
    path = folder / SUMS_NAME
    kept = _parsed(path.read_bytes()) if path.is_file() else {}
    fresh = {name: digest_of((folder / name).read_bytes()) for name in names}
    write_whole(path, sums_text({**(kept or {}), **fresh}), private=True)


def has_sums(folder: Path) -> bool:
    """Return whether a folder has checksums."""
    return (folder / SUMS_NAME).is_file()


@dataclass(frozen=True)
class FolderCheck:
    """The files of a folder against its checksums.

    Parameters
    ----------
    files : int
        Number of files whose content has its checksum.
    problems : tuple of (str, str)
        Path of a file and what is wrong with it.
    """

    files: int
    problems: tuple[tuple[Path, str], ...]


def check_sums(folder: Path) -> FolderCheck:
    """Compare the files of a folder with its `SHA256SUMS`. Every change of a bit in either is reported."""
    path = folder / SUMS_NAME
    try:
        digests = _parsed(path.read_bytes())
    except OSError as error:
        return FolderCheck(0, ((path, error.strerror or "cannot be read"),))
    if digests is None:
        return FolderCheck(0, ((path, "is damaged: not lines of a digest and a file name"),))
    problems, files = [], 0
    for name, digest in digests.items():
        try:
            seen = digest_of((folder / name).read_bytes())
        except FileNotFoundError:
            if name == JUDGEMENT_NAME:
                continue
            problems.append((folder / name, "is missing"))
            continue
        except OSError as error:
            problems.append((folder / name, f"cannot be read ({error.strerror})"))
            continue
        if seen == digest:
            files += 1
        else:
            problems.append((folder / name, "differs from its checksum: it was changed or damaged after it was saved"))
    unlisted = sorted(
        item for item in folder.iterdir() if item.suffix in _CHECKED_SUFFIXES and item.is_file()
        and not item.name.startswith(".") and item.name not in digests
    )  # fmt: skip
    problems += [(item, f"has no checksum in {SUMS_NAME}") for item in unlisted]
    return FolderCheck(files, tuple(problems))


def _parsed(data: bytes) -> dict[str, str] | None:
    """Return the digests by file name; None unless the content is exactly as `sums_text` writes it."""
    text = data.decode("utf-8", "replace")
    digests = {name: digest for digest, name in _LINE.findall(text)}
    return digests if sums_text(digests) == data else None
