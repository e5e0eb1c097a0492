"""What a release is held against: a baseline that was kept, or fresh takes of an earlier version."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from diag.api.run import is_saved_run
from diag.core.errors import BadInputError
from diag.core.messages import msg
from diag.core.processes import cores
from diag.core.release import Earlier
from diag.core.results import Measurements, RunResult
from diag.files.baselines import Baseline, read_baseline, write_baseline
from diag.files.scenarios import Scenario, read_scenario
from diag.measure.registry import all_metrics

if TYPE_CHECKING:
    from diag.api.run_plan import RunPlan

MARK = "@"
"""Between the name of a product and the version of it, in the name of a run of an earlier version."""
DECIDING = ("audio", "endpoint", "device")
"""Facts that must be equal for figures to be comparable, besides the prompts."""
_GIT_S = 120


@dataclass(frozen=True)
class Held:
    """What a product is held against, and its takes; the takes are None if they must not be compared."""

    earlier: Earlier
    before: RunResult


def versions_of_metrics() -> dict[str, int]:
    """Return the version of each metric that a comparison judges."""
    return {item.name: item.version for item in all_metrics() if item.better != "none"}


def surroundings_of(plan: RunPlan, devices: Mapping[str, str]) -> dict[str, str]:
    """Return the facts that the figures of a run depend on, by name in words."""
    facts = {
        "audio": str(plan.environment["audio"]),
        "endpoint": str(plan.environment["endpoint"]),
        "model": plan.scenario.client.asked_model,
        "machine": f"{_processor()}, {cores()} cores",
        "version of diag": str(plan.environment["tool_version"]),
        "version of google-genai": str(plan.environment["packages"]["google-genai"]),
    }
    if devices:
        facts["device"] = ", ".join(f"{port} {name}" for port, name in sorted(devices.items()))
    for prompt in plan.prompts:
        facts[f"prompt {prompt.name}"] = hashlib.sha256(prompt.path.read_bytes()).hexdigest()[:12]
    return facts


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def held_against(baseline: Baseline, now: Mapping[str, str]) -> Held:
    """Return a baseline as what a product is held against, with the differences of the environment by name."""
    then = baseline.surroundings
    # Prompts that only one side has do not pair, so they change nothing.
    common = [
        name for name in dict.fromkeys([*then, *now]) if not name.startswith("prompt ") or {name} <= {*then} & {*now}
    ]
    unlike = [(name, then.get(name, "not known"), now.get(name, "not known")) for name in common]
    unlike = [item for item in unlike if item[1] != item[2]]
    refused = tuple(item for item in unlike if item[0] in DECIDING or item[0].startswith("prompt "))
    current = versions_of_metrics()
    changed = sorted(name for name, version in baseline.versions.items() if current.get(name) != version)
    flagged = [item for item in unlike if item not in refused]
    flagged += [(f"version of the measure {name}", str(baseline.versions[name]), str(current.get(name, "none")))
                for name in changed]  # fmt: skip
    earlier = Earlier(
        what=msg("the baseline of {day}", day=baseline.made[:10]),
        takes=len(baseline.run.counted),
        tool_version=baseline.run.tool_version,
        refused=refused,
        flagged=tuple(flagged),
    )
    return Held(earlier, _without(baseline.run, changed))


def _without(run: RunResult, metrics: Collection[str]) -> RunResult:
    """Return a run without the measures that are measured in another way now."""
    if not metrics:
        return run
    takes = tuple(
        replace(take, measurements=Measurements(tuple(x for x in take.measurements if x.metric not in metrics)))
        for take in run.takes
    )
    return replace(run, takes=takes)


def baseline_of(folder: Path, name: str) -> Baseline | None:
    """Return the baseline of a product; None if there is none."""
    return read_baseline(folder / f"{name}.json")


def keep_baseline(folder: Path, run: RunResult, surroundings: Mapping[str, str]) -> Path:
    """Write the baseline of a product, and return its path."""
    versions = versions_of_metrics()
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    path = folder / f"{run.name}.json"
    baseline = Baseline(run=run, made=made, surroundings=surroundings, versions=versions)
    write_baseline(path, baseline, metrics=versions)
    return path


@contextmanager
def earlier_versions(against: str, scenarios: Sequence[tuple[Scenario, Path | None]]) -> Iterator[list[Scenario]]:
    """Give the configurations of an earlier version, for takes that are recorded now.

    Parameters
    ----------
    against : str
        A revision of the repository that holds the configurations, or the folder of a saved run.
    scenarios : sequence of (Scenario, Path or None)
        The products and their files.

    Raises
    ------
    BadInputError
        If there is no such revision or run, or the revision does not have the files.
    """
    attempted = f"Could not compare with {against}"
    if is_saved_run(against):
        yield [_of_run(against, scenarios, attempted)]
        return
    files = [path for _, path in scenarios if path is not None]
    if len(files) < len(scenarios):
        raise BadInputError(
            attempted,
            seen="a built-in configuration, which has no earlier version in a repository",
            allowed="configurations that are files of a git repository, or the folder of a saved run",
            next_step="name your own configuration",
        )
    root = Path(_git(["rev-parse", "--show-toplevel"], files[0].parent, attempted))
    revision = _git(["rev-parse", "--verify", f"{against}^{{commit}}"], root, attempted)
    with tempfile.TemporaryDirectory(prefix="diag-") as scratch:
        tree = Path(scratch) / "tree"
        _git(["worktree", "add", "--detach", str(tree), revision], root, attempted)
        try:
            yield [_renamed(read_scenario(tree / path.resolve().relative_to(root)), against) for path in files]
        finally:
            _git(["worktree", "remove", "--force", str(tree)], root, attempted)


def _of_run(against: str, scenarios: Sequence[tuple[Scenario, Path | None]], attempted: str) -> Scenario:
    from diag.api.run_plan import scenario_of
    from diag.files.run_folders import read_run

    if len(scenarios) != 1:
        raise BadInputError(
            attempted,
            seen=f"{len(scenarios)} configurations",
            allowed="one configuration with the folder of a run",
            next_step="name the configuration that the run is an earlier version of",
        )
    old = scenario_of(read_run(Path(against)), attempted=attempted)
    name = scenarios[0][0].name
    return _renamed(old.model_copy(update={"name": name}), Path(against).resolve().name)


def _renamed(scenario: Scenario, version: str) -> Scenario:
    return scenario.model_copy(update={"name": f"{scenario.name}{MARK}{version.replace('/', '-')}"})


def _git(words: Sequence[str], folder: Path, attempted: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=_GIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInputError(attempted, seen=f"git: {error}", next_step="install git") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["git failed"])[-1].removeprefix("fatal: ")
        raise BadInputError(
            attempted,
            seen=f"git says: {last}",
            allowed="a commit, tag or branch of the repository of the configuration, or the folder of a saved run",
            next_step="check the name with `git log`",
        )
    return done.stdout.strip()
