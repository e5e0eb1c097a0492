"""`diag verify RUN`: check the files of a saved run, and derive all of its numbers again."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from diag import __version__
from diag.api.options import RUNS, Progress, Quiet
from diag.core.errors import BadInputError, ExitCode
from diag.core.results import TakeResult
from diag.core.take import Take
from diag.dsp.profile import VoiceProfile
from diag.files.checksums import JUDGEMENT_NAME, FolderCheck, check_sums, has_sums
from diag.files.run_folders import RESULT_NAME, SavedRun, json_values, read_result, read_run, read_take
from diag.files.run_shelf import PRUNED_NAME

RELATIVE_TOLERANCE = 1e-6
"""Numbers that differ by less agree. Other processors add in another order; differences of 1e-9 were seen."""
_KEYS = ("id", "metric", "code", "hop", "segment", "tap", "turn", "what")
"""What identifies the members of a list, in this order."""


@dataclass(frozen=True)
class Problem:
    """Something that does not agree: where it is, and what is wrong in one sentence without a full stop."""

    place: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Result of `verify_run`.

    Parameters
    ----------
    folder : str
    takes : int
        Number of takes whose judgement was derived again.
    files : int
        Number of files whose content has its checksum.
    numbers : int
        Number of saved numbers that agree with the derived ones.
    problems : tuple of Problem
        Everything that does not agree.
    unproven : tuple of str
        What could not be verified, one sentence each.
    """

    folder: str
    takes: int
    files: int
    numbers: int
    problems: tuple[Problem, ...]
    unproven: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """FAILED if something does not agree, TOO_LITTLE_EVIDENCE if something could not be verified."""
        if self.problems:
            return ExitCode.FAILED
        return ExitCode.TOO_LITTLE_EVIDENCE if self.unproven else ExitCode.GOOD

    def to_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            "folder": self.folder,
            "takes": self.takes,
            "files": self.files,
            "numbers": self.numbers,
            "problems": [vars(item) for item in self.problems],
            "unproven": list(self.unproven),
            "verified": self.exit_code is ExitCode.GOOD,
        }


def check_run_files(folder: str | Path) -> tuple[FolderCheck, tuple[str, ...]]:
    """Compare all files of a run with their checksums, without judging anything.

    Returns
    -------
    FolderCheck
        Of all folders of the run together.
    tuple of str
        Names of the takes without checksums. They were recorded by a version of diag that wrote none.
    """
    folder = Path(folder)
    takes = sorted(path for path in folder.glob("takes/[!.]*") if path.is_dir())
    kept = has_sums(folder)
    if not kept and not any(map(has_sums, takes)):
        return FolderCheck(0, ()), tuple(path.name for path in takes)
    # A run that was begun with checksums has them in every take; one that was resumed later has them in later takes.
    checks = [check_sums(path) for path in ([folder, *takes] if kept else filter(has_sums, takes))]
    problems = tuple(problem for check in checks for problem in check.problems)
    without = () if kept else tuple(path.name for path in takes if not has_sums(path))
    return FolderCheck(sum(check.files for check in checks), problems), without


def verify_run(folder: str | Path, progress: Progress | None = None, *, page: Path | None = None) -> Verification:
    """Check the files of a run, judge its takes again, and compare every saved number with the derived one.

    Parameters
    ----------
    folder : str or Path
        A run folder.
    progress : Progress, optional
    page : Path, optional
        A report that shows this run. By default the one beside the folder of runs that has the run's name, if it is
        there. The numbers of its JSON document are compared too.

    Raises
    ------
    BadInputError
        If it is not a run folder, has no take, or `page` is not a report of this run.
    """
    from diag.files.voice_profiles import voice_of_run
    from diag.judge.engine import judge_take

    progress, folder = progress or Quiet(), Path(folder)
    if (folder / PRUNED_NAME).is_file():
        gone = "its recordings were removed by `diag runs prune`, so nothing can be derived again"
        return Verification(folder=str(folder), takes=0, files=0, numbers=0, problems=(), unproven=(gone,))
    files, without = check_run_files(folder)
    problems = [Problem(str(path.relative_to(folder)), text) for path, text in files.problems]
    try:
        run = read_run(folder)
        voice = voice_of_run(folder)
    except BadInputError:
        if not problems:
            raise
        return Verification(folder=str(folder), takes=0, files=files.files, numbers=0, problems=tuple(problems))
    if not run.take_ids:
        raise BadInputError(
            f"Could not verify the run {folder}",
            seen="it has no finished take",
            next_step=f"record it with `diag run --resume {folder}`",
        )
    unproven = []
    if without:
        which = "this run was" if len(without) == len(run.take_ids) else f"takes {', '.join(without)} were"
        unproven.append(f"{which} recorded without checksums, so changed recordings and events are not noticed")
    progress.started(title=run.name, takes=len(run.take_ids), about_s=None)
    derived: list[tuple[Take, TakeResult]] = []
    numbers = 0
    for take_id in run.take_ids:
        place = f"takes/{take_id}"
        try:
            take = read_take(folder / place)
            result = judge_take(take, voice=voice)
            agreeing, differing, note = _compared_take(folder, place, result, voice)
        except BadInputError as error:
            problems.append(Problem(place, f"cannot be read ({error.seen})"))
            continue
        derived.append((replace(take, clips={}), result))
        numbers, problems = numbers + agreeing, problems + differing
        unproven += [note] if note else []
        progress.take_done(run=run.name, take=take_id, line=f"{agreeing} numbers agree", discarded=None)
    shown = _report_beside(folder) if page is None else page
    if shown is not None and len(derived) == len(run.take_ids):
        agreeing, differing, note = _compared_page(shown, run, derived, named=page is not None)
        numbers, problems = numbers + agreeing, problems + differing
        unproven += [note] if note else []
    return Verification(
        folder=str(folder), takes=len(derived), files=files.files, numbers=numbers,
        problems=tuple(problems), unproven=tuple(unproven),
    )  # fmt: skip


def _compared_take(
    folder: Path, place: str, derived: TakeResult, voice: VoiceProfile | None
) -> tuple[int, list[Problem], str]:
    """Return how many saved numbers of a take agree with the derived ones, what does not, and a note."""
    from diag.api.judged_takes import kept_judgement

    saved, problems = read_result(folder / place), list[Problem]()
    if saved is None:
        agreeing, note = 0, f"{place}: it has no {RESULT_NAME}, so there is no number to compare"
    else:
        agreeing, problems, note = _compared(saved, json_values(derived.to_json()), f"{place}/{RESULT_NAME}")
    kept = kept_judgement(folder / place, voice)
    if kept is not None:
        problems += _differences(
            json_values(kept.to_json()), json_values(derived.to_json()), f"{place}/{JUDGEMENT_NAME}"
        )[1]
    return agreeing, problems, note


def _compared(saved: Mapping[str, Any], derived: Mapping[str, Any], place: str) -> tuple[int, list[Problem], str]:
    """Return how many numbers agree, what does not, and a note if the saved document is of another version."""
    own = saved.get("tool_version", __version__)
    if own == __version__:
        return *_differences(saved, derived, place), ""
    # Another version measures by other methods, so a difference is no sign of a change.
    old, new = _values(saved), _values(derived)
    shared = [key for key in old if key in new]
    agreeing, differing = _differences({key: old[key] for key in shared}, {key: new[key] for key in shared}, place)
    note = (
        f"{place}: made by diag {own}, and this is diag {__version__}: {len(differing)} of"
        f" {len(shared)} measures have other values now, which may be due to other methods"
    )
    return agreeing, [], note


def _values(document: Mapping[str, Any]) -> dict[str, Any]:
    items = document.get("measurements")
    return {
        _identity(item): item.get("value")
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, dict)
    }


def _differences(saved: Any, derived: Any, place: str) -> tuple[int, list[Problem]]:
    """Return how many numbers of two documents agree, and what differs."""
    agreeing, problems = 0, []
    for where, a, b in _pairs(saved, derived, place):
        if _same(a, b):
            agreeing += isinstance(a, int | float) and not isinstance(a, bool)
        else:
            problems.append(Problem(where, f"{_told(a)} is saved, and {_told(b)} is derived"))
    return agreeing, problems


_ABSENT = object()
_STAMPS = ("schema_version", "tool_version", "folder")


def _pairs(saved: Any, derived: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the place and both values of everything that two documents hold."""
    if isinstance(saved, dict) and isinstance(derived, dict):
        for key in dict.fromkeys((*saved, *derived)):
            if key not in _STAMPS:
                yield from _pairs(saved.get(key, _ABSENT), derived.get(key, _ABSENT), f"{place} {key}")
    elif isinstance(saved, list) and isinstance(derived, list):
        a, b = _named(saved), _named(derived)
        for name in dict.fromkeys((*a, *b)):
            yield from _pairs(a.get(name, _ABSENT), b.get(name, _ABSENT), f"{place} {name}")
    else:
        yield place, saved, derived


def _named(items: list[Any]) -> dict[str, Any]:
    """Return the members of a list by what identifies them, or by their number, so that one that is missing is one."""
    names = [_identity(item) if isinstance(item, dict) else "" for item in items]
    unique = len(set(names)) == len(names) and "" not in names
    return {
        name if unique else str(number): item for number, (name, item) in enumerate(zip(names, items, strict=True), 1)
    }


def _identity(item: Mapping[str, Any]) -> str:
    """Return the name of a member of a list: its metric or code with its place; empty if it has none."""
    given = [item[key] for key in _KEYS if item.get(key) not in (None, "")]
    return " ".join("–".join(map(str, part)) if isinstance(part, list) else str(part) for part in given)


def _same(a: Any, b: Any) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (a, b))
    return math.isclose(a, b, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-9) if numbers else bool(a == b)


def _told(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _report_beside(folder: Path) -> Path | None:
    runs = folder.resolve().parent
    page = (runs.parent if runs.name == RUNS else runs) / f"{folder.resolve().name}.html"
    return page if page.is_file() else None


def _compared_page(
    page: Path, run: SavedRun, takes: Sequence[tuple[Take, TakeResult]], *, named: bool
) -> tuple[int, list[Problem], str]:
    """Compare the document in a report with what is derived from the run's takes."""
    from diag.judge.engine import judge_run
    from diag.report.page import document_of, document_text

    attempted = f"Could not compare the report {page}"
    try:
        document = document_of(page.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise BadInputError(attempted, seen=error.strerror or "it cannot be read", next_step="check its path") from None
    if document is None:
        return 0, [Problem(page.name, "its JSON document is missing or damaged")], ""
    shown_runs = document.get("runs")
    shown = next(
        (
            item
            for item in (shown_runs if isinstance(shown_runs, list) else ())
            if isinstance(item, dict) and Path(str(item.get("folder") or "")).name == run.folder.name
        ),
        None,
    )
    if shown is None:
        if named:
            raise BadInputError(
                attempted, seen=f"it does not show {run.folder.name}", next_step="name another --report"
            )
        return 0, [], ""
    voice = shown.get("voice")
    if voice != run.facts.get("voice"):
        return 0, [], f"{page.name}: made against the voice {voice}, so its numbers were not compared"
    last, title = takes[-1][0], str(run.facts.get("title", ""))
    environment = run.facts.get("environment") or last.environment
    result = judge_run(run.name, title, [judged for _, judged in takes], last.config, environment)
    plain = json_values(replace(result, voice=voice).to_json())
    return _compared(shown, json.loads(document_text(plain, page.parent)), page.name)
