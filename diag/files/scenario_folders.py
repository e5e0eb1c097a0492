"""Folders that are searched for configurations, prompts and replies: first the user's own, then the built-in one.

Both are named `scenarios` and hold `*.toml`, `prompts/prompts.toml`, `replies/replies.toml` and `rooms/rooms.toml`. The
rule is in docs/configuration.md ("Where names are looked for").
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from diag.core.errors import BadInputError, did_you_mean
from diag.files.toml_text import read_toml
from diag.files.whole_files import read_limited

SCENARIOS = "scenarios"
PROMPTS_TABLE = Path("prompts/prompts.toml")
REPLIES_TABLE = Path("replies/replies.toml")
ROOMS_TABLE = Path("rooms/rooms.toml")
_PROJECT = "diag"
_PACKAGE = Path(__file__).resolve().parents[1]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def checkout_root() -> Path | None:
    """Return the root of the checkout of diag that the working directory lies in, or None.

    A checkout is a folder that holds a folder `scenarios` and the `pyproject.toml` of diag.
    """
    return next((folder for folder in _here_and_above() if _is_checkout(folder)), None)


def built_in_folder() -> Path:
    """Return the `scenarios` folder of diag: that of the checkout if run inside one, else the installed one.

    Raises
    ------
    BadInputError
        If the installation is incomplete.
    """
    root = checkout_root()
    if root is not None:
        return root / SCENARIOS
    # A wheel has the folder inside the package. A checkout, as used by an editable installation, has it beside the
    # package.
    for folder in (_PACKAGE / SCENARIOS, _PACKAGE.parent / SCENARIOS):
        if _is_file(folder / PROMPTS_TABLE):
            return folder
    raise BadInputError(
        "Could not find the configurations, prompts and replies of diag",
        seen=f"no {SCENARIOS}/{PROMPTS_TABLE} in {_PACKAGE}",
        next_step="install diag again",
    )


def own_folder() -> Path | None:
    """Return the user's own `scenarios` folder, or None.

    It is the nearest one, in the working directory or above it, that holds a configuration, prompts, replies or
    rooms. The search ends at a checkout of diag, whose `scenarios` folder is not a user's own.
    """
    for place in _here_and_above():
        if _is_checkout(place):
            return None
        folder = place / SCENARIOS
        tables = (PROMPTS_TABLE, REPLIES_TABLE, ROOMS_TABLE)
        if any(folder.glob("*.toml")) or any(_is_file(folder / table) for table in tables):
            return folder
    return None


def scenario_folders() -> tuple[Path, ...]:
    """Return the folders that are searched for names: the user's own, if there is one, then the built-in one."""
    own = own_folder()
    return (built_in_folder(),) if own is None else (own, built_in_folder())


def configuration_files() -> dict[str, Path]:
    """Return the path of each configuration, sorted by name. The user's own replace built-in ones of the same name."""
    files = {path.stem: path for folder in reversed(scenario_folders()) for path in folder.glob("*.toml")}
    return dict(sorted(files.items()))


def suite_files() -> tuple[Path, ...]:
    """Return the configurations that `diag bench` runs by default, sorted: the user's own, or all built-in ones."""
    every = (sorted(folder.glob("*.toml")) for folder in scenario_folders())
    return next((tuple(files) for files in every if files), ())


def group_files(name: str) -> tuple[Path, ...]:
    """Return the configuration files of one folder, sorted; an empty tuple if there is no such folder.

    Parameters
    ----------
    name : str
        Path of a folder, or the name of a folder inside a `scenarios` folder, for example "faults".
    """
    for folder in (Path(name), *(place / name for place in scenario_folders())):
        files = sorted(folder.glob("*.toml")) if folder.is_dir() else []
        if files:
            return tuple(files)
    return ()


def folders_with(table: Path) -> tuple[Path, ...]:
    """Return the folders of `scenario_folders` that hold the file `table`.

    The built-in folder is always included, so that reading it reports a missing file.
    """
    *own, built_in = scenario_folders()
    return (*(folder for folder in own if _is_file(folder / table)), built_in)


def _here_and_above() -> tuple[Path, ...]:
    here = Path.cwd()
    return here, *here.parents


def _is_file(path: Path) -> bool:
    # `Path.is_file` would raise PermissionError for an unreadable folder above the working directory.
    return os.path.isfile(path)


def _is_checkout(folder: Path) -> bool:
    if not os.path.isdir(folder / SCENARIOS):
        return False
    try:
        project = read_toml(read_limited(folder / "pyproject.toml", 1_000_000).decode("utf-8")).get("project")
    except (OSError, ValueError):
        return False
    return isinstance(project, dict) and project.get("name") == _PROJECT


def all_by_name(table: Path, load: Callable[[Path], Iterable[T]]) -> dict[str, T]:
    """Return what the tables of all folders name. The user's own come first and replace built-in ones of that name.

    `table` is `PROMPTS_TABLE` or `ROOMS_TABLE`, and `load` reads the folder of such a table.
    """
    found: dict[str, T] = {}
    for folder in folders_with(table):
        for item in load(folder / table.parent):
            found.setdefault(item.name, item)
    return found


def find_named(name_or_path: str, kind: str, known: Callable[[], Mapping[str, T]], allowed: str) -> T | Path:
    """Return what a name stands for, or the path of a user's own file, which is not read.

    `kind` and `allowed` are words for the error: "prompt", and what the file may be.

    Raises
    ------
    BadInputError
        If it is neither a known name nor a file.
    """
    path = Path(os.path.expanduser(name_or_path))
    looks_like_path = path.suffix != "" or len(path.parts) > 1
    if path.is_file() or (looks_like_path and path.exists()):
        return path
    names = known()
    if name_or_path in names:
        return names[name_or_path]
    raise BadInputError(
        f"Could not find the {kind} {name_or_path}",
        seen="no such file" if looks_like_path else f"no {kind} of that name and no such file",
        allowed=f"{allowed}, or one of {', '.join(names)}",
        next_step=did_you_mean(name_or_path, names, "check the name or the path"),
    )
