"""The layout of the code: ten packages, imports downwards only, no circles, one importer per library with effects."""

import ast
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "diag"
SOURCES = sorted(PACKAGE.rglob("*.py"))
PACKAGES = ("core", "dsp", "files", "emulator", "record", "measure", "judge", "report", "api", "cli")
MAY_IMPORT = {
    "core": set(),
    "dsp": {"core"},
    "files": {"core", "dsp"},
    "emulator": {"core", "dsp", "files"},
    "record": {"core", "dsp", "files"},
    "measure": {"core", "dsp"},
    "judge": {"core", "dsp", "measure"},
    "report": {"core", "dsp", "files", "measure", "judge"},
    "api": {"core", "dsp", "files", "emulator", "record", "measure", "judge", "report"},
    "cli": {"core", "files", "report", "api"},
}
ONE_IMPORTER = {
    "sounddevice": "diag.record.audio.portaudio",
    "google": "diag.record.live.genai",
    "soundfile": "diag.files.audio_files",
    "av": "diag.files.containers",
    "PIL": "diag.report.plots",
    "trustme": "diag.files.certificates",
    "webrtcvad": "diag.emulator.hearing",
    "pulsectl": "diag.record.audio.pulse",
    "distributed": "diag.api.cluster",
}
CORE_LIBRARIES = {"diag.core.client_config": {"pydantic"}, "diag.core.results": {"pandas"}}
"""Libraries of `core` besides numpy: pydantic checks configurations, pandas makes frames when one is asked for."""
WORLD = {
    "asyncio", "concurrent", "multiprocessing", "random", "select", "signal", "socket", "ssl", "subprocess",
    "threading", "time", "urllib", "aiohttp", "websockets", "http", "sounddevice", "soundfile", "google", "tempfile",
}  # fmt: skip
"""Modules that reach a clock, a process, a network or a file: none of them is for measuring or judging."""
MANY_MODULES = {
    "dsp": "one module for each method of signal processing",
    "emulator": "one module for each part of the protocol",
    "api": "one module for each command, and what they share",
    "cli": "one module for each command",
    "files": "one module for each kind of file",
    "core": "one module for each term of the vocabulary",
    "report": "one module for each part of a report",
    "measure.metrics": "one module for each metric",
    "record.audio": "one module for each kind of device, and what they share",
    "judge": "one module for each question of the judgement",
    "judge.rules": "one module for each rule",
}
MOST_MODULES = 12
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imported(tree):
    """Names of the modules that a file imports anywhere in it: at the top, in a function, or for types only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                dotted = f"{node.module}.{alias.name}"
                yield dotted if dotted in MODULES else node.module


IMPORTS = {name: set(imported(tree)) for name, tree in TREES.items()}


def own(module):
    return {name for name in IMPORTS[module] if name.split(".")[0] == "diag"}


def libraries(module):
    return {name.split(".")[0] for name in IMPORTS[module]}


def package_of(module):
    """The package of a module; None for `diag` itself and its entry point."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in PACKAGES else None


def modules_in(*packages):
    return sorted(name for name in MODULES if package_of(name) in packages)


def test_the_package_consists_of_the_ten_packages_and_the_entry_point():
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()} == set(PACKAGES)
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("module", modules_in(*PACKAGES))
def test_imports_go_downwards(module):
    allowed = MAY_IMPORT[package_of(module)] | {package_of(module), None}
    upwards = sorted(name for name in own(module) if package_of(name) not in allowed)
    assert not upwards


@pytest.mark.parametrize("module", modules_in(*PACKAGES))
def test_modules_do_not_import_the_entry_point(module):
    assert "diag.__main__" not in own(module)


def circles(graph):
    """Strongly connected parts of more than one module, by Tarjan's algorithm."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on_stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            part = []
            while not part or part[-1] != node:
                part.append(stack.pop())
                on_stack.discard(part[-1])
            if len(part) > 1:
                found.append(sorted(part))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_the_search_for_circles_finds_one():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_no_modules_import_each_other_in_a_circle():
    # A package's own __init__ only names the public functions, lazily.
    graph = {name: {other for other in own(name) if other in MODULES and other != "diag"} for name in MODULES}
    assert circles(graph) == []


@pytest.mark.parametrize("module", modules_in("measure", "judge"))
def test_measuring_and_judging_reach_no_device_clock_network_or_file(module):
    assert not libraries(module) & WORLD
    assert "open" not in {node.id for node in ast.walk(TREES[module]) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("module", modules_in("dsp"))
def test_signal_processing_is_pure(module):
    assert not libraries(module) & WORLD


STAGES = [f"diag.record.client.{name}" for name in ("batcher", "impairments", "playout", "resampler", "turn")]


@pytest.mark.parametrize("module", STAGES)
def test_stages_of_the_client_know_no_clock_and_no_network(module):
    assert not libraries(module) & WORLD
    assert not [node for node in ast.walk(TREES[module]) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]


@pytest.mark.parametrize("module", modules_in("core"))
def test_the_vocabulary_needs_numpy_and_the_standard_library_only(module):
    allowed = set(sys.stdlib_module_names) | {"diag", "numpy"} | CORE_LIBRARIES.get(module, set())
    assert not libraries(module) - allowed


@pytest.mark.parametrize("module", modules_in("emulator"))
def test_the_emulator_is_not_served_by_the_library_of_its_clients(module):
    assert "websockets" not in libraries(module)


@pytest.mark.parametrize("library", sorted(ONE_IMPORTER))
def test_a_library_with_effects_has_one_importer(library):
    assert {name for name in MODULES if library in libraries(name)} == {ONE_IMPORTER[library]}


def test_a_package_of_many_modules_has_a_reason():
    counts = {}
    for name in MODULES:
        parent = name.rpartition(".")[0]
        counts[parent] = counts.get(parent, 0) + (not (PACKAGE.parent / name.replace(".", "/")).is_dir())
    crowded = {name.removeprefix("diag.") for name, count in counts.items() if count > MOST_MODULES}
    assert crowded <= set(MANY_MODULES)


def test_names_say_what_is_inside():
    assert not [name for name in MODULES if set(name.split(".")) & VAGUE_NAMES]


def test_every_package_is_in_the_page_on_architecture():
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)[: len(PACKAGES)] == list(PACKAGES)


def test_broad_handlers_are_rare():
    swallowing = []
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                kind = "" if node.type is None else ast.unparse(node.type)
                broad = kind in ("", "Exception", "BaseException")
                raises = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
                if broad and not raises:
                    swallowing.append(f"{module}:{node.lineno}")
    assert len(swallowing) <= 1, swallowing


def test_help_is_quick_and_light():
    heavy = ("numpy", "scipy", "google.genai", "PIL", "pandas", "sounddevice", "soundfile", "aiohttp")
    code = (
        "import sys; sys.argv = ['diag', '--help']\n"
        "from diag.__main__ import main\n"
        "code = main()\n"
        f"print(code, [name for name in {heavy!r} if name in sys.modules])\n"
    )
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
        )
        seconds.append(time.perf_counter() - begin)
    print(f"diag --help: {min(seconds) * 1000:.0f} ms (best of 3)")
    assert done.stdout.splitlines()[-1:] == ["0 []"], done.stdout + done.stderr
