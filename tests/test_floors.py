"""The shape of the code: floors, one importer per library that touches the world, small files."""

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
ONE_IMPORTER = {
    "sounddevice": {"diag.record.audio.portaudio"},
    "google": {"diag.record.live.genai"},
    "soundfile": {"diag.files.audio_files"},
    "matplotlib": {"diag.report.plots"},
    "playwright": {"diag.backends.page"},
    "trustme": {"diag.emulator.certificates"},
    "webrtcvad": {"diag.emulator.hearing"},
}
EXTRA_WORDS = {"diag.core.client_config": {"pydantic"}, "diag.core.results": {"pandas"}}
MORE_WORDS = {"diag.core.client_config": {"pydantic"}, "diag.core.results": {"pandas"}}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
CLOCKS_AND_OTHER_WORLDS = {
    "asyncio", "concurrent", "multiprocessing", "random", "select", "signal", "socket", "ssl", "subprocess",
    "threading", "time", "urllib", "aiohttp", "websockets", "http",
}  # fmt: skip


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree):
    """Names of the modules that a file imports, anywhere in it, with what is taken from packages."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                dotted = f"{node.module}.{alias.name}"
                yield dotted if dotted in MODULES else node.module


MODULES = {module_name(path) for path in SOURCES}
TREES = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
IMPORTS = {name: set(imported(tree)) for name, tree in TREES.items()}


def floors_of_the_document():
    """The table in docs/architecture.md: module or package (ending in a slash) to floor."""
    floors = {}
    for number, modules in re.findall(
        r"^\| (\d) \w+ \|(.*?)\|", (ROOT / "docs/architecture.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    ):
        for quoted in re.findall(r"`([^`]+)`", modules):
            floors.update(dict.fromkeys(quoted.split(), int(number)))
    return floors


FLOORS = floors_of_the_document()


def floor(module):
    if module == "diag":
        return 0
    top = module.split(".")[1]
    return FLOORS.get(top, FLOORS.get(f"{top}/"))


def modules_on(*numbers):
    return sorted(name for name in MODULES if floor(name) in numbers)


def roots(module):
    return {name.split(".")[0] for name in IMPORTS[module]}


def own(module):
    return {name for name in IMPORTS[module] if name.split(".")[0] == "diag"}


def test_every_module_is_on_a_floor_of_the_document():
    assert not [name for name in sorted(MODULES) if floor(name) is None]


def test_every_entry_of_the_document_exists():
    tops = {name.split(".")[1] for name in MODULES if "." in name}
    assert not [entry for entry in FLOORS if entry.rstrip("/") not in tops]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down(module):
    above = [name for name in own(module) if (floor(name) or 0) > (floor(module) or 0)]
    assert not above, f"{module} (floor {floor(module)}) imports {above}"


@pytest.mark.parametrize("module", modules_on(4))
def test_the_judging_side_knows_no_world(module):
    below = [name for name in own(module) if floor(name) in (2, 3)]
    assert not below
    assert not roots(module) & CLOCKS_AND_OTHER_WORLDS
    assert "open" not in {node.id for node in ast.walk(TREES[module]) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("module", modules_on(4))
def test_the_judging_side_does_not_read_the_scenario(module):
    attributes = {node.attr for node in ast.walk(TREES[module]) if isinstance(node, ast.Attribute)}
    assert not attributes & {"scenario", "faults", "expect"}


@pytest.mark.parametrize("module", modules_on(1, 2))
def test_science_and_stages_are_pure(module):
    assert not roots(module) & CLOCKS_AND_OTHER_WORLDS
    waits = [node for node in ast.walk(TREES[module]) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]
    assert not waits


@pytest.mark.parametrize("module", modules_on(0))
def test_words_need_numpy_and_the_standard_library_only(module):
    allowed = set(sys.stdlib_module_names) | {"diag", "numpy"} | EXTRA_WORDS.get(module, set())
    assert not roots(module) - allowed


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith("diag.emulator")))
def test_the_emulator_shares_nothing_with_the_clients(module):
    outside = [name for name in own(module) if not name.startswith("diag.emulator")]
    assert not [name for name in outside if name.startswith(("diag.backends", "diag.stages"))]
    assert "websockets" not in roots(module), "the client's own library must not serve it too"


@pytest.mark.parametrize("library", sorted(ONE_IMPORTER))
def test_a_library_that_touches_the_world_has_one_importer(library):
    importers = {name for name in MODULES if library in roots(name)}
    assert importers <= ONE_IMPORTER[library]


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_files_can_be_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_names_say_what_is_inside():
    assert not [name for name in MODULES if set(name.split(".")) & VAGUE_NAMES]


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
    heavy = ("numpy", "scipy", "google.genai", "matplotlib", "pandas", "sounddevice", "soundfile", "aiohttp")
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
