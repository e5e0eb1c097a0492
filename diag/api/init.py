"""`diag init`: the files with which a team's repository is tested before a release."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from diag import __version__
from diag.core.errors import BadInputError, CannotMeasureError
from diag.files.scenarios import read_scenario
from diag.files.suite_template import CI_PATHS, FOLDER, configuration_text, suite_text, workflow_text
from diag.files.suites import SUITE_FILE
from diag.files.whole_files import write_whole


def init(
    folder: Path,
    *,
    name: str = "app",
    page: str | None = None,
    program: str | None = None,
    serve: str | None = None,
    takes: int = 20,
    ci: str = "github",
    replace: bool = False,
) -> tuple[Path, ...]:
    """Write a suite, one configuration, a folder for baselines and a workflow file; return the paths written.

    Parameters
    ----------
    folder : Path
        Root of the repository.
    name : str
        Name of the configuration.
    page, program : str or None
        Address of the page, or command of the program, that is tested. Without both, the configuration has settings for
        diag's own client.
    serve : str or None
        Command that serves the page.
    takes : int
        Takes of each bench.
    ci : {"github", "gitlab", "none"}
        CI system of the workflow file.
    replace : bool
        Replace files that exist.

    Raises
    ------
    BadInputError
        If a file exists, or the page or the program cannot be used. Nothing is written then.
    CannotMeasureError
        If a file cannot be written.
    """
    attempted = f"Could not write a suite into {folder}"
    if not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
        raise BadInputError(attempted, seen=f"--name {name}", allowed="letters, digits, `-`, `_` and `.`",
                            next_step="write for example --name app")  # fmt: skip
    if page is not None and program is not None:
        raise BadInputError(attempted, seen="--page and --program", allowed="one of them", next_step="leave one out")
    texts = {
        SUITE_FILE: suite_text(name, takes),
        f"{FOLDER}/{name}.toml": configuration_text(page=page, program=program, serve=serve),
        f"{FOLDER}/baselines/.gitkeep": "",
    }
    if ci in CI_PATHS:
        texts[CI_PATHS[ci]] = workflow_text(ci, page=page is not None, version=__version__)
    there = [path for path in texts if (folder / path).exists() and not path.endswith(".gitkeep")]
    if there and not replace:
        raise BadInputError(attempted, seen=f"{', '.join(there)} exists already",
                            next_step="add `--replace` to overwrite, or edit the file")  # fmt: skip
    return _written(folder, texts, f"{FOLDER}/{name}.toml", attempted)


def _written(folder: Path, texts: Mapping[str, str], configuration: str, attempted: str) -> tuple[Path, ...]:
    """Write files; the configuration comes first and is taken back if it cannot be read."""
    order = sorted(texts, key=lambda path: path != configuration)
    paths = []
    for name in order:
        path = folder / name
        old = path.read_bytes() if path.is_file() else None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, texts[name].encode())
        except OSError as error:
            raise CannotMeasureError(
                attempted, seen=f"{path}: {error.strerror or error}", next_step="check the folder and its permissions"
            ) from None
        paths.append(path)
        if name == configuration:
            try:
                read_scenario(path)
            except BadInputError:
                path.unlink() if old is None else write_whole(path, old)
                raise
    return tuple(paths)
