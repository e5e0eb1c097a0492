"""`diag sweep`: the settings of a client with the least heard latency that do not underrun."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from diag.api.options import Options, Progress, Quiet
from diag.api.run import execute, is_saved_run, planned_or_resumed
from diag.core.client_config import ClientConfig
from diag.core.errors import BadInputError, ExitCode, did_you_mean
from diag.core.results import RunResult
from diag.core.sweep import Sweep, SweepRow, Value
from diag.files.run_folders import read_run
from diag.files.scenarios import Scenario, find_scenario, first_problem
from diag.record.client.playout_forecast import forecast_playback, recorded_playback

BUFFER = "playback.prebuffer_ms"
"""The one setting whose effect is forecast: the service does not see it."""
BUFFER_STEP_MS = 20.0
MOST_COMBINATIONS = 64
"""Combinations that are recorded. More take hours."""
HEARD = "ttfa_heard_s"
_TABLES = ("session", "capture", "send", "playback", "turn")


def parse_vary(text: str) -> tuple[str, tuple[Value, ...]]:
    """Return the key and the values of `KEY=A,B,C` or `KEY=LOW..HIGH` or `KEY=LOW..HIGH:STEP`.

    Raises
    ------
    BadInputError
        If it is written in another way, the key is not a setting of the client, or a value is not allowed.
    """
    attempted = f"Could not use --vary {text}"
    key, equals, given = text.partition("=")
    known = _known_keys()
    if not equals or not given:
        raise BadInputError(
            attempted, seen="no values", allowed="KEY=10,20,50, or KEY=20..400 for the player's buffer",
            next_step="write for example --vary send.batch_ms=20,50",
        )  # fmt: skip
    if key not in known:
        raise BadInputError(
            attempted, seen=f"there is no setting `{key}`", allowed=", ".join(known),
            next_step=did_you_mean(key, known, "choose one of them"),
        )  # fmt: skip
    values = _range(key, given, attempted) if ".." in given else tuple(_value(part) for part in given.split(","))
    for value in values:
        _with_settings(ClientConfig(), {key: value}, attempted)
    return key, values


def _known_keys() -> list[str]:
    return [
        f"{table}.{name}"
        for table in _TABLES
        for name in type(getattr(ClientConfig(), table)).model_fields
        if name != "extra"
    ]


def _range(key: str, given: str, attempted: str) -> tuple[Value, ...]:
    span, _, step_text = given.partition(":")
    low_text, _, high_text = span.partition("..")
    try:
        low, high = float(low_text), float(high_text)
        step = float(step_text) if step_text else BUFFER_STEP_MS
    except ValueError:
        low, high, step = math.nan, math.nan, math.nan
    if not (low < high and step > 0 and (high - low) / step <= 1000):
        raise BadInputError(
            attempted, seen=f"`{given}` is not a range", allowed="LOW..HIGH or LOW..HIGH:STEP, at most 1000 steps",
            next_step=f"write for example --vary {BUFFER}=20..400",
        )  # fmt: skip
    if key != BUFFER:
        raise BadInputError(
            attempted,
            seen=f"a range of {key}, and each of its values needs takes",
            allowed=f"a range of {BUFFER}, which is forecast without takes",
            next_step=f"list the values, as --vary {key}={low_text},{high_text}",
        )
    return tuple(low + index * step for index in range(math.floor((high - low) / step + 1e-9) + 1))


def _value(text: str) -> Value:
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def _with_settings(config: ClientConfig, settings: Mapping[str, Value], attempted: str) -> ClientConfig:
    document: dict[str, Any] = config.model_dump()
    for key, value in settings.items():
        table, name = key.split(".")
        document[table] = {**document[table], name: value}
    try:
        return ClientConfig.model_validate(document)
    except ValidationError as error:
        raise BadInputError(
            attempted, seen=first_problem(error), next_step="see docs/configuration.md for the allowed values"
        ) from None


def sweep(
    config: str,
    vary: Sequence[str],
    options: Options | None = None,
    progress: Progress | None = None,
    *,
    check: bool = True,
) -> Sweep:
    """Find the settings with the least heard latency that do not underrun.

    Takes are recorded for each combination of the varied settings except the player's buffer. For each buffer,
    underruns and latency are forecast from the arrival times of these takes. Then takes with the best settings are
    recorded to check the forecast.

    Parameters
    ----------
    config : str
        Path of a TOML file, name of one in `scenarios/`, or a saved run. Of a saved run, only the buffer can be
        varied, and no takes are recorded.
    vary : sequence of str
        As `parse_vary` reads them.
    check : bool
        Whether to record takes with the best settings, if they were forecast. Never done for a saved run.

    Raises
    ------
    BadInputError
        If an option, the configuration or a take cannot be used.
    CannotMeasureError
        If there is no audio or no connection.
    """
    options, progress = options or Options(), progress or Quiet()
    varied = dict(parse_vary(text) for text in vary)
    attempted = f"Could not sweep {config}"
    if not varied:
        raise BadInputError(attempted, seen="nothing to vary", next_step=f"add --vary {BUFFER}=20..400")
    buffers = tuple(value for value in varied.pop(BUFFER, ()) if isinstance(value, float))
    combinations = [dict(zip(varied, values, strict=True)) for values in itertools.product(*varied.values())]
    if len(combinations) > MOST_COMBINATIONS:
        raise BadInputError(
            attempted, seen=f"{len(combinations)} combinations to record", allowed=f"at most {MOST_COMBINATIONS}",
            next_step="vary fewer values at a time",
        )  # fmt: skip
    if is_saved_run(config):
        return _of_saved_run(config, varied, buffers, attempted)
    scenario = find_scenario(config)
    if scenario.app is not None or options.app is not None:
        raise BadInputError(
            attempted, seen="the client is an app, whose settings diag does not know",
            allowed="configurations of diag's own client",
            next_step="set the values in the app, and use `diag compare`",
        )  # fmt: skip
    variants = [_variant(scenario, settings, attempted) for settings in combinations]
    results = _recorded(variants, options, progress)
    rows = [
        row for settings, result in zip(combinations, results, strict=True) for row in _rows(settings, result, buffers)
    ]
    best = best_of(rows)
    found = Sweep(name=scenario.name, rows=tuple(rows), best=best)
    if best is None or not check or not best.forecast:
        return found
    (checked,) = _recorded([_variant(scenario, best.settings, attempted)], options, progress)
    return replace(found, check=_measured(best.settings, checked))


def exit_code(found: Sweep) -> ExitCode:
    """Return GOOD if settings without underruns were found and takes with them had none either.

    Returns
    -------
    ExitCode
        FAILED if every combination underran, or the takes of the check did. CANNOT_MEASURE without a counted take.
    """
    if not any(row.takes for row in found.rows):
        return ExitCode.CANNOT_MEASURE
    if found.best is None or (found.check is not None and found.check.underruns > 0):
        return ExitCode.FAILED
    return ExitCode.GOOD if found.check is None or found.check.takes else ExitCode.TOO_LITTLE_EVIDENCE


def best_of(rows: Sequence[SweepRow]) -> SweepRow | None:
    """Return the row with the least heard latency without an underrun; of equal ones, the one with the largest buffer.

    Latencies within a millisecond are equal: a larger buffer that costs nothing is safer.
    """

    def rank(row: SweepRow) -> tuple[int, float]:
        buffer = row.settings.get(BUFFER, 0.0)
        return round((row.heard_s or 0.0) * 1000), -float(buffer)

    return min((row for row in rows if row.sound), key=rank, default=None)


def _variant(scenario: Scenario, settings: Mapping[str, Value], attempted: str) -> Scenario:
    """Return the scenario with other settings, and a name that tells them."""
    words = "-".join(f"{key.split('.')[1]}-{_shown(value)}" for key, value in settings.items())
    client = _with_settings(scenario.client, settings, attempted)
    return scenario.model_copy(
        update={"client": client, "name": f"{scenario.name}-{words}" if words else scenario.name}
    )


def _shown(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _recorded(variants: Sequence[Scenario], options: Options, progress: Progress) -> list[RunResult]:
    plans, options = planned_or_resumed(variants, options, progress, command="sweep")
    return execute(plans, options, progress)


def _of_saved_run(config: str, varied: Mapping[str, Any], buffers: Sequence[float], attempted: str) -> Sweep:
    from diag.api.analyze import analyze_run

    if varied:
        raise BadInputError(
            attempted, seen=f"{', '.join(varied)} for a saved run", allowed=f"{BUFFER}, which needs no new takes",
            next_step="name the configuration instead of the run",
        )  # fmt: skip
    result = analyze_run(config)
    rows = _rows({}, result, buffers)
    return Sweep(name=result.name, rows=tuple(rows), best=best_of(rows))


def _rows(settings: Mapping[str, Value], result: RunResult, buffers: Sequence[float]) -> list[SweepRow]:
    return [_forecast(settings, result, buffer) for buffer in buffers] if buffers else [_measured(settings, result)]


def _measured(settings: Mapping[str, Value], result: RunResult) -> SweepRow:
    return _row(settings, result, None)


def _forecast(settings: Mapping[str, Value], result: RunResult, buffer_ms: float) -> SweepRow:
    return _row({**settings, BUFFER: buffer_ms}, result, buffer_ms)


def _row(settings: Mapping[str, Value], result: RunResult, buffer_ms: float | None) -> SweepRow:
    assert result.folder is not None
    run = read_run(result.folder)
    heard: list[float | None] = []
    underruns: list[int] = []
    for judged in result.counted:
        take = run.take(judged.id)
        real = recorded_playback(take)
        shown = real if buffer_ms is None else forecast_playback(take, buffer_ms)
        value = judged.measurements.value(HEARD)
        if value is None or real.start_s is None or shown.start_s is None:
            heard.append(None)
        else:
            heard.append(value + shown.start_s - real.start_s)
        underruns.append(shown.underruns)
    known = [value for value in heard if value is not None]
    return SweepRow(
        settings=dict(settings), takes=len(heard),
        heard_s=statistics.median(known) if known and len(known) == len(heard) else None,
        underruns=sum(underruns), takes_with_underruns=sum(count > 0 for count in underruns),
        forecast=buffer_ms is not None, folder=result.folder,
    )  # fmt: skip
