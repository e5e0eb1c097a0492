"""The suite of a team's repository, `diag.toml`: what `diag bench` tests, how often, and within which limits."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from diag.core.client_config import ConfigModel
from diag.core.errors import BadInputError, did_you_mean
from diag.core.release import Statistic

SUITE_FILE = "diag.toml"
MAX_TAKES = 10_000


class LimitTable(ConfigModel):
    """One `[[limits]]` table; `diag.core.release.Limit` describes its keys."""

    metric: str
    at_most: float | None = None
    at_least: float | None = None
    rise_at_most: float | None = Field(None, ge=0)
    rise_at_most_percent: float | None = Field(None, ge=0)
    statistic: Statistic = "median"
    hop: Literal["microphone", "sender", "service", "player", "speaker"] | None = None
    tap: Literal["prompt", "captured", "sent", "received", "played", "heard"] | None = None
    configuration: str | None = None
    level: Literal["error", "warning"] = "error"

    @model_validator(mode="after")
    def _limits_something(self) -> LimitTable:
        given = (self.at_most, self.at_least, self.rise_at_most, self.rise_at_most_percent)
        if all(value is None for value in given):
            raise ValueError("has no limit; allowed: at_most, at_least, rise_at_most, rise_at_most_percent")
        return self


class SuiteTable(ConfigModel):
    """The table `[suite]`.

    Parameters
    ----------
    configurations : tuple of str
        Files of the products, relative to the suite's folder, or names of built-in configurations.
    takes : int or "auto"
        Takes of each product. "auto" records until the comparison decides.
    prompts : tuple of str
        Names of recorded prompts, or files relative to the suite's folder; empty for those of the configurations.
    endpoint, audio : str
        As the options of the same names.
    fail_on : {"error", "warning", "never"}
        Lowest severity of a finding that blocks the release.
    accept : tuple of str
        Codes of findings that the team has accepted.
    baselines : str
        Folder of the baselines, relative to the suite's folder.
    """

    configurations: tuple[str, ...] = Field(min_length=1)
    takes: int | Literal["auto"] = 20
    prompts: tuple[str, ...] = ()
    endpoint: str = "emulator"
    audio: Literal["virtual", "wire", "system"] = "virtual"
    fail_on: Literal["error", "warning", "never"] = "error"
    accept: tuple[str, ...] = ()
    baselines: str = "voice_tests/baselines"

    @model_validator(mode="after")
    def _takes_are_a_number(self) -> SuiteTable:
        if self.takes != "auto" and not 1 <= self.takes <= MAX_TAKES:
            raise ValueError(f"takes = {self.takes}; allowed: 1 to {MAX_TAKES}, or 'auto'")
        return self


class Suite(ConfigModel):
    """A suite: the table `[suite]`, and one table `[[limits]]` per limit."""

    suite: SuiteTable
    limits: tuple[LimitTable, ...] = ()
    folder: Path = Path()

    @property
    def baselines(self) -> Path:
        """Folder of the baselines."""
        return self.folder / self.suite.baselines

    def paths(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return names of which those of files are made absolute; names of built-in files stay."""
        return tuple(str(self.folder / name) if (self.folder / name).is_file() else name for name in names)


def find_suite() -> Path | None:
    """Return the nearest `diag.toml`, in the working directory or above it; None if there is none."""
    here = Path.cwd()
    return next((folder / SUITE_FILE for folder in (here, *here.parents) if os.path.isfile(folder / SUITE_FILE)), None)


def read_suite(path: Path, *, metrics: Sequence[str]) -> Suite:
    """Read a suite.

    Parameters
    ----------
    path : Path
    metrics : sequence of str
        Names that `metric` of a limit may have.

    Raises
    ------
    BadInputError
        If the file is not TOML, or has a key or a value that is not allowed; with the nearest name.
    """
    attempted = f"Could not read the suite {path}"
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8"))
        suite = Suite.model_validate({**data, "folder": path.parent.resolve()})
    except OSError as error:
        raise BadInputError(attempted, seen=error.strerror or str(error), next_step="check the path") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(attempted, seen=f"not valid TOML: {error}", next_step="correct that line") from None
    except ValidationError as error:
        raise _explained(error, attempted) from None
    if "folder" in data:
        raise _unknown(attempted, "folder", tuple(name for name in Suite.model_fields if name != "folder"))
    names = {Path(name).stem for name in suite.suite.configurations}
    for limit in suite.limits:
        if limit.metric not in metrics:
            raise _unknown(attempted, limit.metric, metrics, kind="metric")
        if limit.configuration is not None and limit.configuration not in names:
            raise _unknown(attempted, limit.configuration, sorted(names), kind="configuration")
    return suite


def _explained(error: ValidationError, attempted: str) -> BadInputError:
    # A misspelt key is often the reason why another one is missing, so it comes first.
    first = min(error.errors(include_url=False), key=lambda item: item["type"] != "extra_forbidden")
    names = [part for part in first["loc"] if isinstance(part, str) and part not in ("int", "literal['auto']")]
    dotted = ".".join(names) or "the suite"
    model = _model(names)
    if first["type"] == "extra_forbidden":
        known = tuple(name for name in model.model_fields if model is not Suite or name != "folder")
        return _unknown(attempted, dotted, known)
    if first["type"] == "missing":
        return BadInputError(
            attempted, seen=f"no `{dotted}`", next_step=f"add `{dotted}`; `diag init` writes an example"
        )
    if first["type"] == "value_error":
        seen, _, allowed = str(first["msg"]).removeprefix("Value error, ").partition("; allowed: ")
        return BadInputError(attempted, seen=f"`{dotted}`: {seen}", allowed=allowed, next_step=f"correct `{dotted}`")
    return BadInputError(
        attempted, seen=f"{dotted} = {first['input']!r}", allowed=str(first["msg"]), next_step=f"correct `{dotted}`"
    )


def _model(names: Sequence[str]) -> type[BaseModel]:
    tables: Mapping[str, type[BaseModel]] = {"suite": SuiteTable, "limits": LimitTable}
    return tables[names[0]] if len(names) > 1 and names[0] in tables else Suite


def _unknown(attempted: str, dotted: str, known: Sequence[str], *, kind: str = "key") -> BadInputError:
    shown: Any = known if len(known) <= 20 else (*known[:20], "…")
    return BadInputError(
        attempted,
        seen=f"unknown {kind} `{dotted}`",
        allowed=", ".join(shown),
        next_step=did_you_mean(dotted.rpartition(".")[2], known, f"remove it, or correct the {kind}"),
    )
