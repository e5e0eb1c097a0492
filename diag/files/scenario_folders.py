"""Where configurations, prompts and replies are looked for: first in the user's own folder, then in the built-in one.

Both are folders named `scenarios`, with `*.toml`, `prompts/prompts.toml` and `replies/replies.toml` in them. The rule
is in docs/configuration.md ("Where names are looked for").
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from diag.core.errors import BadInputError

SCENARIOS = "scenarios"
PROMPTS_TABLE = Path("prompts/prompts.toml")
REPLIES_TABLE = Path("replies/replies.toml")
_PROJECT = "diag"
_PACKAGE = Path(__file__).resolve().parents[1]


def checkout_root() -> Path | None:
    """Return the root of the checkout of diag that the working directory lies in, or None.

    A checkout is a folder with a `pyproject.toml` of the project diag and a folder `scenarios` beside it.
    """
    return next((folder for folder in _here_and_above() if _is_checkout(folder)), None)


def built_in_folder() -> Path:
    """Return the `scenarios` folder that comes with diag: the checkout's inside a checkout, else the installed one.

    Raises
    ------
    BadInputError
        If the installation is incomplete.
    """
    root = checkout_root()
    if root is not None:
        return root / SCENARIOS
    # A wheel holds the folder inside the package. In a checkout, which an editable installation runs from, it lies
    # beside the package.
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

    It is the nearest one, in the working directory or above it, that holds a configuration, prompts or replies. The one
    of a checkout of diag is no user's own, and nothing above a checkout is looked at.
    """
    for place in _here_and_above():
        if _is_checkout(place):
            return None
        folder = place / SCENARIOS
        if any(folder.glob("*.toml")) or _is_file(folder / PROMPTS_TABLE) or _is_file(folder / REPLIES_TABLE):
            return folder
    return None


def scenario_folders() -> tuple[Path, ...]:
    """Return the folders in which names are looked for: the user's own, if there is one, before the built-in one."""
    own = own_folder()
    return (built_in_folder(),) if own is None else (own, built_in_folder())


def configuration_files() -> dict[str, Path]:
    """Return the path of each configuration by its name, sorted by name; the user's own win over built-in ones."""
    files = {path.stem: path for folder in reversed(scenario_folders()) for path in folder.glob("*.toml")}
    return dict(sorted(files.items()))


def suite_files() -> tuple[Path, ...]:
    """Return the configurations that `diag bench` runs by default, sorted: the user's own, or all built-in ones."""
    every = (sorted(folder.glob("*.toml")) for folder in scenario_folders())
    return next((tuple(files) for files in every if files), ())


def group_files(name: str) -> tuple[Path, ...]:
    """Return the configurations of a folder of its own, sorted; none where there is no such folder.

    Parameters
    ----------
    name : str
        Path of a folder, or the name of one inside a folder `scenarios`, as "faults".
    """
    for folder in (Path(name), *(place / name for place in scenario_folders())):
        files = sorted(folder.glob("*.toml")) if folder.is_dir() else []
        if files:
            return tuple(files)
    return ()


def folders_with(table: Path) -> tuple[Path, ...]:
    """Return those of `scenario_folders` that hold a table; the built-in one always, so that its loss is reported."""
    *own, built_in = scenario_folders()
    return (*(folder for folder in own if _is_file(folder / table)), built_in)


def _here_and_above() -> tuple[Path, ...]:
    here = Path.cwd()
    return here, *here.parents


def _is_file(path: Path) -> bool:
    # pathlib would raise PermissionError for a folder of somebody else above the working directory.
    return os.path.isfile(path)


def _is_checkout(folder: Path) -> bool:
    if not os.path.isdir(folder / SCENARIOS):
        return False
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    return isinstance(project, dict) and project.get("name") == _PROJECT
