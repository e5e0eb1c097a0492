"""Names that a CONFIG or a `--prompt` may have."""

from __future__ import annotations

from diag.core.errors import BadInputError
from diag.files.prompts import prompts_by_name
from diag.files.scenario_folders import configuration_files


def configuration_names() -> tuple[str, ...]:
    """Return the names of the configurations that can be named, sorted; none where they cannot be found."""
    try:
        return tuple(configuration_files())
    except BadInputError:
        return ()


def prompt_names() -> tuple[str, ...]:
    """Return the names of the recorded prompts, in the order of their tables; none where a table cannot be read.

    The command that needs a prompt reports what is wrong with a table. Help does not fail because of it.
    """
    try:
        return tuple(prompts_by_name())
    except BadInputError:
        return ()
