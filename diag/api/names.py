"""Names that a CONFIG or a `--prompt` may have."""

from __future__ import annotations

from diag.files.prompts import PROMPTS_FOLDER, PROMPTS_TABLE, load_prompts, project_folder


def configuration_names() -> tuple[str, ...]:
    """Return the names of the configurations in `scenarios/`, sorted."""
    return tuple(sorted(path.stem for path in project_folder().glob("*.toml")))


def prompt_names() -> tuple[str, ...]:
    """Return the names of the recorded prompts, in the order of their table; empty where there is no table."""
    folder = project_folder() / PROMPTS_FOLDER
    return tuple(prompt.name for prompt in load_prompts(folder)) if (folder / PROMPTS_TABLE).is_file() else ()
