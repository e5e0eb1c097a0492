"""The recorded prompts: their names, files and texts, and where the speech begins and ends in each file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from diag.core.errors import BadInputError
from diag.files.scenario_folders import PROMPTS_TABLE, all_by_name, find_named, folders_with
from diag.files.toml_text import read_toml
from diag.files.whole_files import read_limited

MAX_TABLE_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A recording that is played into the microphone.

    Parameters
    ----------
    name : str
        Name in prompts.toml, or the stem of the user's own file.
    path : Path
        The recording.
    text : str
        What is said; empty if unknown.
    language : str
        BCP 47 code, for example "ko-KR"; empty if unknown.
    speech_start_s, speech_end_s : float or None
        Time of the first audible sample and of the end of the last one, in seconds from the start of the file; None
        for a user's own file, in which they have to be detected.
    back_channel : bool
        It is a sound such as "mm-hmm", which asks for no answer. It is only played where it is named.
    """

    name: str
    path: Path
    text: str = ""
    language: str = ""
    speech_start_s: float | None = None
    speech_end_s: float | None = None
    back_channel: bool = False


def load_prompts(folder: Path) -> tuple[Prompt, ...]:
    """Return the prompts of a folder with a prompts.toml, in the order of that file.

    Raises
    ------
    BadInputError
        If prompts.toml is missing or damaged, or names a file that does not exist.
    """
    table = folder / PROMPTS_TABLE.name
    attempted = f"Could not read the prompts in {table}"
    try:
        table_of_prompts = read_toml(read_limited(table, MAX_TABLE_BYTES).decode("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(attempted, seen=str(error), next_step="restore the file") from None
    try:
        prompts = tuple(_prompt(entry, folder) for entry in table_of_prompts["prompt"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            attempted,
            seen=f"a missing or wrong field: {error}",
            allowed="[[prompt]] tables with name, file, text, language, speech_start_s, speech_end_s",
            next_step="compare with the other entries",
        ) from None
    for prompt in prompts:
        if not prompt.path.is_file():
            raise BadInputError(
                attempted,
                seen=f"no file {prompt.path} for `{prompt.name}`",
                next_step="restore the file or remove its entry",
            )
    return prompts


def _prompt(entry: dict[str, object], folder: Path) -> Prompt:
    start_s, end_s = float(str(entry["speech_start_s"])), float(str(entry["speech_end_s"]))
    if not 0 <= start_s < end_s:
        raise ValueError(f"speech_start_s = {start_s}, speech_end_s = {end_s}")
    return Prompt(
        name=str(entry["name"]),
        path=folder / str(entry["file"]),
        text=str(entry["text"]),
        language=str(entry["language"]),
        speech_start_s=start_s,
        speech_end_s=end_s,
        back_channel=bool(entry.get("back_channel", False)),
    )


def recorded_prompts() -> tuple[Prompt, ...]:
    """Return the prompts that a run plays if none is named: the user's own, or else the built-in ones.

    Raises
    ------
    BadInputError
        As `load_prompts`.
    """
    folder = folders_with(PROMPTS_TABLE)[0] / PROMPTS_TABLE.parent
    return tuple(prompt for prompt in load_prompts(folder) if not prompt.back_channel)


def prompts_by_name() -> dict[str, Prompt]:
    """Return all prompts by name. The user's own come first and replace built-in ones of the same name.

    Raises
    ------
    BadInputError
        As `load_prompts`.
    """
    return all_by_name(PROMPTS_TABLE, load_prompts)


def find_prompt(name_or_path: str) -> Prompt:
    """Return a prompt by its name (see `prompts_by_name`), or a user's own recording by its path.

    The recording is not read here, so it may turn out to be unusable later.

    Raises
    ------
    BadInputError
        If it is neither a known name nor a file.
    """
    found = find_named(name_or_path, "prompt", prompts_by_name, "a WAV file")
    if isinstance(found, Prompt):
        return found
    # The name of a file may be no text in the encoding of this shell.
    return Prompt(name=os.fsencode(found.stem).decode("utf-8", "replace"), path=found)
