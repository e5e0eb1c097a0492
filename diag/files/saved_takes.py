"""Takes of a run, each read from disk when it is accessed, because all together may not fit into memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import overload

from diag.core.take import Take
from diag.files.run_folders import read_take


class SavedTakes(Sequence[Take]):
    """Read-only sequence of the takes in a run folder.

    Parameters
    ----------
    folder : Path
        The run folder.
    take_ids : sequence of str
        Ids of the takes in the sequence, in this order.
    """

    def __init__(self, folder: Path, take_ids: Sequence[str]) -> None:
        self._folder = folder
        self._take_ids = tuple(take_ids)

    def __len__(self) -> int:
        return len(self._take_ids)

    @overload
    def __getitem__(self, index: int) -> Take: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Take]: ...
    def __getitem__(self, index: int | slice) -> Take | Sequence[Take]:
        if isinstance(index, slice):
            return SavedTakes(self._folder, self._take_ids[index])
        folder = self._folder / "takes" / self._take_ids[index]
        return _read(folder, _stamp(folder))


@lru_cache(maxsize=2)
def _read(folder: Path, stamp: int) -> Take:
    """Return a take; the last two are kept, because several parts of a report show the same one."""
    return read_take(folder)


def _stamp(folder: Path) -> int:
    try:
        return (folder / "take.json").stat().st_mtime_ns
    except OSError:
        return 0
