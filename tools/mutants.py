"""Whether the tests notice a wrong line: seeded mutants of `diag/measure` and `diag/judge` against the nearest tests.

A mutant is the code with one small mistake: `<` for `<=`, `+` for `-`, 1001 for 1000. Cosmic Ray makes them. Places are
drawn one after the other, each with one of the mistakes that can be made there. The nearest tests of a mutant are those
that run the mutated line, the quickest first, and then others of their files, up to a limit of time; coverage of one
run of all tests says which. For a constant, the lines that use it count. A mutant is killed where one of them fails.

Not drawn are mistakes after which the code does the same: those in annotations and in `strict` of `zip`, `==` for `is`
with None or a member of an enumeration, and a cache that is left out.

    python tools/mutants.py [--count 300] [--seed 1] [--jobs 2]
"""

from __future__ import annotations

import argparse
import ast
import compileall
import concurrent.futures
import difflib
import functools
import json
import multiprocessing
import os
import py_compile
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parent.parent
MUTATED = ("diag/measure", "diag/judge")
TESTS = (
    "tests/measure", "tests/judge", "tests/report", "tests/api/test_analyze.py", "tests/api/test_analyze_long.py",
    "tests/api/test_compare_recordings.py", "tests/api/test_endurance.py", "tests/api/test_history.py",
    "tests/api/test_judged_takes.py", "tests/api/test_usual_of_a_voice.py", "tests/cli/test_analyze.py",
    "tests/cli/test_compare_recordings.py", "tests/cli/test_explain.py", "tests/cli/test_gate.py",
    "tests/cli/test_results.py", "tests/cli/test_voice.py",
)  # fmt: skip
DECLARATIONS = ("tests/judge/test_declarations.py", "tests/measure/test_declarations.py")
"""Files of tests that read what modules declare when they are loaded."""
ENOUGH = 0.9
"""The share of mutants that the tests have to kill."""
TESTS_LIMIT_S = 45.0
"""Tests of one mutant take no longer than this on the code as it is; the slowest are left out."""
NOT_RUN = 4
"""Exit code of pytest where it was asked for a test that is not there."""
HANGS_S = 300.0
"""A mutant whose tests take this long counts as killed: it never ends."""
LIBRARIES = ["__main__", "numpy", "pydantic", "pytest", "scipy.signal", "scipy.stats", "soundfile", "soxr"]
"""What the processes of tests have loaded when they begin. Nothing of the project is among them."""
OPTIONS = ("-q", "-p", "no:cacheprovider", "-m", "not slow and not live")


@dataclass(frozen=True)
class Mutant:
    """One mistake at one place."""

    path: str
    line: int
    operator: str
    occurrence: int


@dataclass(frozen=True)
class Nearest:
    """What one run of the tests shows: who runs which line, and how long each test takes."""

    tests_of_line: dict[str, dict[int, set[str]]]
    seconds: dict[str, float]

    def of(self, mutant: Mutant) -> list[str]:
        """Return the tests of a mutant: those that run it, the quickest first, then others of the same files.

        What a test keeps for the tests after it, such as a judged take, was computed by the first test
        that asked for it. The others of its file hold the result too.
        """
        run_it = self._that_run(mutant.path, mutant.line, set())
        files = {name.partition("::")[0] for name in run_it}
        beside = {name for name in self.seconds if name.partition("::")[0] in files} - run_it
        chosen: list[str] = []
        total_s = 0.0
        for test in (*self._quickest_first(run_it), *self._quickest_first(beside)):
            total_s += self.seconds.get(test, 0.0)
            if chosen and total_s > TESTS_LIMIT_S:
                break
            chosen.append(test)
        return chosen

    def _quickest_first(self, tests: set[str]) -> list[str]:
        return sorted(tests, key=lambda name: (self.seconds.get(name, 0.0), name))

    def _that_run(self, path: str, line: int, seen: set[tuple[str, int]]) -> set[str]:
        """Return the tests that run a statement.

        A statement of a module runs when the module is loaded, which no test is seen to do; so do
        functions that register what they decorate. If it is a constant, the tests that run its uses
        count; if it is a function or class, those that run its lines. The tests of declarations count
        for all of them.
        """
        if (path, line) in seen:
            return set()
        seen.add((path, line))
        place = where(path, line)
        lines = self.tests_of_line.get(path, {})
        tests = set().union(*(lines.get(number, set()) for number in place.lines))
        if place.in_function and tests:
            return tests
        for other, number in uses(path, place.names):
            tests |= self._that_run(other, number, seen)
        return tests | {name for name in self.seconds if name.partition("::")[0] in DECLARATIONS}


@dataclass(frozen=True)
class Place:
    """The statement around a line: its lines, and the names that it defines where it is one of a module."""

    lines: range
    in_function: bool
    names: frozenset[str]


def _modules() -> list[str]:
    return sorted(item.relative_to(ROOT).as_posix() for name in MUTATED for item in (ROOT / name).rglob("*.py"))


@functools.cache
def _tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


@functools.cache
def where(path: str, line: int) -> Place:
    """Return the smallest statement around a line; without its body, where it is one of a function."""
    place = Place(range(line, line + 1), in_function=False, names=frozenset())
    body: list[ast.stmt] = _tree(path).body
    in_function = False
    while body:
        node = next((item for item in body if line in _extent(item)), None)
        if node is None:
            return place
        inner = [item for item in ast.walk(node) if isinstance(item, ast.stmt) and item is not node]
        lines = _extent(node)
        if in_function and inner:
            lines = range(lines.start, min(_extent(item).start for item in inner))
        names = frozenset() if in_function else place.names | _defined(node)
        place = Place(lines, in_function, names)
        in_function = in_function or (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and line >= _extent(node.body[0]).start
        )
        body = [item for item in inner if line in _extent(item)][:1]
    return place


def _extent(node: ast.stmt) -> range:
    decorators = getattr(node, "decorator_list", [])
    return range(min([node.lineno, *(item.lineno for item in decorators)]), (node.end_lineno or node.lineno) + 1)


def _defined(node: ast.stmt) -> frozenset[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    parts = [part for target in targets if target is not None for part in ast.walk(target)]
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return frozenset(names | ({node.name} if isinstance(node, ast.ClassDef) else set()))


@functools.cache
def uses(path: str, names: frozenset[str]) -> list[tuple[str, int]]:
    """Return the places (path, line) that use names which a module defines, in it and in modules that import them."""
    module = path.removesuffix(".py").replace("/", ".")
    places: list[tuple[str, int]] = []
    for other in _modules():
        tree = _tree(other)
        imports = [item for item in ast.walk(tree) if isinstance(item, ast.ImportFrom)]
        known = {item.name for node in imports if node.module == module for item in node.names} & names
        folder, _, last = module.rpartition(".")
        whole = any(node.module == folder and last in {item.name for item in node.names} for node in imports)
        for item in ast.walk(tree):
            match item:
                case ast.Name(id=name) if name in (names if other == path else known):
                    places.append((other, item.lineno))
                case ast.Attribute(attr=name) if whole and name in names:
                    places.append((other, item.lineno))
    return places


def copy_of_checkout(folder: Path) -> Path:
    """Copy the files under version control as they are now; return the copy."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


def environment_of(folder: Path) -> dict[str, str]:
    """Return the environment of tests of a copy of the checkout."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "PYTHONPATH": str(folder),
        "OPENBLAS_NUM_THREADS": "1",
    }


def pytest_in(folder: Path, *arguments: str) -> int:
    """Run the tests of a mutant on a copy of the checkout; return pytest's exit code, or 1 where it did not end."""
    process = multiprocessing.get_context("forkserver").Process(target=_run_pytest, args=(folder, arguments))
    process.start()
    process.join(HANGS_S)
    if process.is_alive():
        process.kill()
        process.join()
        return 1
    # A mistake can take away a case of a test that runs for each thing that is registered. That alone fails no test.
    told = (folder / "pytest.log").read_text(errors="replace")
    gone = set(re.findall(rf"^ERROR: not found: {re.escape(str(folder))}/(.+)$", told, re.MULTILINE))
    left = [name for name in arguments if name not in gone]
    if process.exitcode == NOT_RUN and len(left) < len(arguments):
        return pytest_in(folder, *left) if any("::" in name for name in left) else 0
    return process.exitcode or 0


def _run_pytest(folder: Path, arguments: tuple[str, ...]) -> None:
    """Run pytest in this process, which was made for it, as `python -B -m pytest` would in a new one."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment_of(folder), PYTHONDONTWRITEBYTECODE="1")
    sys.dont_write_bytecode = True
    own = (str(ROOT), str(ROOT / "tools"))
    sys.path[:] = [str(folder), *(entry for entry in sys.path if entry not in own)]
    with (folder / "pytest.log").open("wb") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    sys.exit(pytest.main([*OPTIONS, *arguments]))


def nearest_tests(folder: Path) -> Nearest:
    """Run all tests once and return which of them run which line."""
    sources = [f"--cov={name}" for name in MUTATED]
    # The bytecode is kept. That of the project is valid for one source only, however quickly a source changes.
    compileall.compile_dir(folder / "diag", quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, *TESTS, *sources, "--cov-context=test", "--cov-report=",
         "--junit-xml=times.xml"], cwd=folder, env=environment_of(folder), capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"mutants: the tests of {' and '.join(TESTS)} fail on the code as it is; run them first")
    subprocess.run(
        [sys.executable, "-m", "coverage", "json", "--show-contexts", "-q", "-o", "lines.json"], cwd=folder, check=True
    )
    files = json.loads((folder / "lines.json").read_text())["files"]
    tests = {
        path: {
            int(line): {context.partition("|")[0] for context in contexts if context}
            for line, contexts in facts["contexts"].items()
            if any(contexts)
        }
        for path, facts in files.items()
    }
    seconds: dict[str, float] = {}
    for case in ET.parse(folder / "times.xml").getroot().iter("testcase"):
        name = f"{case.attrib['classname'].replace('.', '/')}.py::{case.attrib['name']}"
        seconds[name] = float(case.attrib["time"])
    return Nearest(tests, seconds)


def _never_run(tree: ast.Module) -> set[tuple[int, int]]:
    """Return the places (line, column) that do nothing while the code is right.

    Annotations and tests of `TYPE_CHECKING` serve type checkers; `strict` of `zip` says that lengths are equal.
    """
    parts: list[ast.expr | None] = []
    for node in ast.walk(tree):
        parts += [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            parts.append(node.test)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "zip":
            parts += [keyword.value for keyword in node.keywords if keyword.arg == "strict"]
    places: set[tuple[int, int]] = set()
    for part in filter(None, parts):
        for inner in ast.walk(part):
            if isinstance(inner, ast.expr):
                first, last = inner.lineno, inner.end_lineno or inner.lineno
                for line in range(first, last + 1):
                    start = inner.col_offset if line == first else 0
                    end = inner.end_col_offset or start if line == last else 200
                    places |= {(line, column) for column in range(start, end + 1)}
    return places


def _without_effect(tree: ast.Module) -> set[tuple[str, int]]:
    """Return the mistakes (operator, line) after which a module does the same.

    Nothing but identity makes something equal to None or to a member of an enumeration, so `==` there is
    `is`. A line with another comparison is not among them. Without its cache, a function returns the same later.
    """
    same: set[tuple[str, int]] = set()
    compared: dict[int, list[ast.Compare]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            compared.setdefault(node.lineno, []).append(node)
        for decorator in getattr(node, "decorator_list", []):
            if ast.unparse(decorator) in ("cache", "functools.cache"):
                same.add(("core/RemoveDecorator", decorator.lineno))
    for line, nodes in compared.items():
        if all(_of_single_objects(node) for node in nodes):
            pairs = ("Is_Eq", "Eq_Is", "IsNot_NotEq", "NotEq_IsNot")
            same |= {(f"core/ReplaceComparisonOperator_{pair}", line) for pair in pairs}
    return same


def _of_single_objects(node: ast.Compare) -> bool:
    """Return whether a comparison is one with None, a truth value or a member of an enumeration (`Hop.PLAYER`)."""
    last = node.comparators[-1]
    if isinstance(last, ast.Attribute):
        return last.attr.isupper() and isinstance(last.value, ast.Name) and last.value.id[0].isupper()
    return isinstance(last, ast.Constant) and (last.value is None or isinstance(last.value, bool))


def drawn(count: int, seed: int) -> list[Mutant]:
    """Return mutants of places drawn without replacement, each with one of the mistakes that can be made there."""
    places: dict[tuple[str, int, int], list[Mutant]] = {}
    names_of_operators = [name for name in operator_names() if not get_operator(name).arguments()]
    for name in _modules():
        never_run, without_effect = _never_run(_tree(name)), _without_effect(_tree(name))
        tree = get_ast_from_path(ROOT / name)
        for operator in names_of_operators:
            mistakes = get_operator(operator)()
            starts = [start for node in ast_nodes(tree) for start, _ in mistakes.mutation_positions(node)]
            for occurrence, start in enumerate(starts):
                if start not in never_run and (operator, start[0]) not in without_effect:
                    places.setdefault((name, *start), []).append(Mutant(name, start[0], operator, occurrence))
    chance = random.Random(seed)
    chosen = chance.sample(sorted(places), min(count, len(places)))
    return [chance.choice(places[place]) for place in chosen]


def mutated(source: str, mutant: Mutant) -> str:
    """Return the source with the mistake in it."""
    return str(mutate_code(source, get_operator(mutant.operator)(), mutant.occurrence))


def survives(mutant: Mutant, tests: list[str], folder: Path) -> bool:
    """Whether no test notices the mistake."""
    path = folder / mutant.path
    source = path.read_text()
    path.write_text(mutated(source, mutant))
    try:
        return not tests or pytest_in(folder, "-x", *tests) == 0
    finally:
        path.write_text(source)


def told(mutant: Mutant, tests: list[str]) -> str:
    """Return the mistake as a difference of lines, and how many tests ran it."""
    source = (ROOT / mutant.path).read_text()
    lines = difflib.unified_diff(source.splitlines(), mutated(source, mutant).splitlines(), n=0, lineterm="")
    changes = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    return "\n".join([f"{mutant.path}:{mutant.line} survived {len(tests)} tests", *(f"    {line}" for line in changes)])


def main() -> int:
    """Print what survived and the share that was killed; 1 where that is too little."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300, help="mutants to draw (default: 300)")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws others (default: 1)")
    parser.add_argument("--jobs", type=int, default=2, help="mutants tested at a time (default: 2)")
    asked = parser.parse_args()
    multiprocessing.get_context("forkserver").set_forkserver_preload(LIBRARIES)
    started_s = time.monotonic()
    mutants = drawn(asked.count, asked.seed)
    with tempfile.TemporaryDirectory(prefix="diag-mutants-") as temporary:
        copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
        first = copy_of_checkout(Path(temporary) / "0")
        nearest = nearest_tests(first)
        print(f"{len(nearest.seconds)} tests ran once in {time.monotonic() - started_s:.0f} s", flush=True)
        copies.put(first)
        for number in range(1, asked.jobs):
            copies.put(Path(shutil.copytree(first, Path(temporary) / str(number))))

        def tried(mutant: Mutant) -> bool:
            folder = copies.get()
            try:
                return survives(mutant, nearest.of(mutant), folder)
            finally:
                copies.put(folder)

        survivors = 0
        with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
            for number, (mutant, alive) in enumerate(zip(mutants, pool.map(tried, mutants), strict=True), 1):
                if alive:
                    survivors += 1
                    print(told(mutant, nearest.of(mutant)), flush=True)
                if number % 25 == 0:
                    took_s = time.monotonic() - started_s
                    print(f"{number} of {len(mutants)} mutants, {took_s:.0f} s", file=sys.stderr, flush=True)
    killed = len(mutants) - survivors
    print(f"{killed} of {len(mutants)} mutants killed ({killed / len(mutants):.1%}; at least {ENOUGH:.0%} asked)")
    return int(killed < ENOUGH * len(mutants))


if __name__ == "__main__":
    raise SystemExit(main())
