"""The wheel works where there is no checkout: built, installed in a clean environment, used from three kinds of folder.

Its dependencies come from the environment of the tests; tests/test_dependencies.py holds that they are declared.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from diag.cli.root import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("diag", "scenarios", "pyproject.toml", "README.md", "LICENSE")
MAX_WHEEL_BYTES = 8_500_000
"""Prompts and replies in eight voices are most of it."""
PLACES = ("empty", "above_a_checkout", "beside_another_diag")
COMMAND_S = 240
"""Longest time for one command: a take takes 15 s on a machine at rest."""

GOOD, CANNOT_MEASURE, FEW_TAKES, STOPPED = 0, 3, 4, 130
HELP = [("--help",), *((name, "--help") for name in COMMANDS), ("voice", "make", "--help"), ("voice", "show", "--help")]
CALLS = {
    ("--version",): {GOOD},
    **{words: {GOOD} for words in HELP},
    ("explain", "CFG001"): {GOOD},
    ("devices",): {GOOD},
    ("doctor", "--audio", "wire"): {GOOD},
    # On a busy machine takes are discarded as disturbed. They are recorded and judged all the same.
    ("run", "healthy", "--audio", "wire", "--takes", "1", "--prompt", "yes"): {GOOD, FEW_TAKES},
    ("verify", "--self", "wrong_model", "--audio", "wire", "--takes", "1"): {GOOD, FEW_TAKES},
    ("report", "reports/runs/RUN"): {GOOD, FEW_TAKES},
}
"""Calls in their order, and the exit codes that each may have. RUN stands for the run that `diag run` recorded."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("wheel")


@pytest.fixture(scope="module")
def wheel(folder):
    """The wheel, built from a copy: a build folder left in the checkout could add files that are gone."""
    sources = folder / "sources"
    sources.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, sources / name)
    pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(sources))
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(folder, wheel):
    """The `bin` folder of an environment with the wheel in it."""
    environment = folder / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin/python"
    pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    # Places of a .pth file come after the environment's own packages, and .pth files in them, as that of an editable
    # installation, are not followed.
    others = [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]
    (next(environment.glob("lib/python*/site-packages")) / "dependencies.pth").write_text("\n".join(others))
    return environment / "bin"


@pytest.fixture(scope="module")
def places(folder):
    """Working directories without a checkout in or above them."""
    found = {name: folder / name for name in PLACES}
    for place in found.values():
        place.mkdir()
    checkout = found["above_a_checkout"] / "diag"
    shutil.copytree(folder / "sources", checkout)
    (checkout / "scenarios/only_in_the_checkout.toml").touch()
    other = found["beside_another_diag"] / "diag"
    other.mkdir()
    (other / "__init__.py").write_text("raise RuntimeError('another package of that name')", encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def calls(installed, places):
    """Exit code and output of every call in every place; the places are worked through side by side."""

    def work_through(name):
        return {(name, words): call(installed, places[name], *with_run(words, places[name])) for words in CALLS}

    with ThreadPoolExecutor() as pool:
        return {key: done for found in pool.map(work_through, PLACES) for key, done in found.items()}


def pip(*words):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    subprocess.run(command, check=True, capture_output=True)


def with_run(words, place):
    """Words of a call, with the name of the recorded run in place of RUN."""
    recorded = next(place.glob("reports/runs/*-healthy-*"), None)
    return [word.replace("RUN", recorded.name) if recorded else word for word in words]


def environment_in(place):
    """Variables without any that lead to the checkout, and with a log file of the place's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DIAG_"))}
    return {**kept, "XDG_STATE_HOME": str(place / "state")}


def call(installed, place, *words, program="diag"):
    return subprocess.run(
        [installed / program, *words], cwd=place, env=environment_in(place), timeout=COMMAND_S, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def assert_no_bug(place, output):
    assert "Traceback" not in output
    assert "This is a bug in diag" not in output
    logs = [path.read_text(encoding="utf-8") for path in place.glob("state/diag/*.log")]
    assert not [log for log in logs if "Traceback" in log], logs


def test_the_wheel_holds_every_module_and_every_recording_once(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    code = {str(path.relative_to(ROOT)) for path in ROOT.glob("diag/**/*") if path.suffix in (".py", ".json", ".j2")}
    data = {f"diag/{path.relative_to(ROOT)}" for path in ROOT.glob("scenarios/**/*") if path.is_file()}
    assert code | data <= set(names)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"diag"}


def test_the_wheel_stays_small(wheel):
    size = wheel.stat().st_size
    print(f"wheel: {size / 1e6:.1f} MB")
    assert size < MAX_WHEEL_BYTES


@pytest.mark.parametrize("place", PLACES)
def test_the_installed_diag_is_the_one_that_runs(installed, places, place):
    done = call(installed, places[place], "-P", "-c", "import diag; print(diag.__file__)", program="python")
    assert Path(done.stdout.strip()).is_relative_to(installed.parent)


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
@pytest.mark.parametrize("place", PLACES)
def test_a_command_works_without_a_checkout(calls, places, place, words):
    done = calls[place, words]
    assert done.returncode in CALLS[words], done.stdout
    assert_no_bug(places[place], done.stdout)


@pytest.mark.parametrize("place", PLACES)
def test_help_lists_the_built_in_names(calls, place):
    output = calls[place, ("run", "--help")].stdout
    names = {word.strip(",") for word in output.split()}
    assert {path.stem for path in ROOT.glob("scenarios/*.toml")} <= names
    assert {path.stem for path in ROOT.glob("scenarios/prompts/*.wav")} <= names


@pytest.mark.parametrize("place", PLACES)
def test_a_run_is_recorded_where_the_command_was_given(calls, places, place):
    assert calls[place, ("--version",)].returncode == GOOD
    (run,) = places[place].glob("reports/runs/*-healthy-*")
    assert (run / "takes/0001/heard.wav").is_file()


@pytest.mark.parametrize("place", PLACES)
def test_the_bench_shows_what_the_scenario_must_show(calls, place):
    output = calls[place, ("verify", "--self", "wrong_model", "--audio", "wire", "--takes", "1")].stdout
    assert re.search(r"wrong_model +CFG002", output), output


@pytest.mark.parametrize("place", PLACES)
def test_the_server_starts_answers_and_stops(installed, places, place):
    server = subprocess.Popen(
        [installed / "diag", "serve", "--plain"], cwd=places[place], env=environment_in(places[place]),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        first = server.stdout.readline()
        (address,) = re.findall(r"http://\S+", first)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{address}/v1beta/models?key=any", timeout=30) as answer:
            assert b"models/gemini" in answer.read()
        server.send_signal(signal.SIGINT)
        rest, _ = server.communicate(timeout=30)
    finally:
        server.kill()
        server.wait()
    assert server.returncode == STOPPED
    assert_no_bug(places[place], first + rest)


def test_the_doctor_examines_virtual_devices(installed, places):
    done = call(installed, places["empty"], "doctor")
    # What the machine lacks for them is reported; where nothing is lacking, all is good.
    assert done.returncode in (GOOD, CANNOT_MEASURE), done.stdout
    assert_no_bug(places["empty"], done.stdout)


def test_inside_a_checkout_its_configurations_are_used(calls, installed, places):
    above = places["above_a_checkout"]
    assert "only_in_the_checkout" not in calls["above_a_checkout", ("run", "--help")].stdout
    for inside in (above / "diag", above / "diag/diag/api"):
        assert "only_in_the_checkout" in call(installed, inside, "run", "--help").stdout
