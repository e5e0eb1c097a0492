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
from xml.etree import ElementTree

import pytest
import yaml

from diag.cli.root import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("diag", "scenarios", "pyproject.toml", "README.md", "LICENSE")
MAX_WHEEL_BYTES = 8_500_000
"""Prompts and replies in eight voices are most of it."""
PLACES = ("empty", "above_a_checkout", "beside_another_diag")
MOST_RESUMED = 3
COMMAND_S = 240
"""Longest time for one command: a take takes 15 s on a machine at rest."""

GOOD, FAILED, CANNOT_MEASURE, FEW_TAKES, STOPPED = 0, 1, 3, 4, 130
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
    kinds = (".py", ".json", ".j2", ".mo")
    code = {str(path.relative_to(ROOT)) for path in ROOT.glob("diag/**/*") if path.suffix in kinds}
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


# --- a team's first gate, in an empty repository

SUITE = ["--settings", "--name", "app"]
SUMMARY = "summary.md"


@pytest.fixture(scope="module")
def repository(folder, installed):
    """A repository with nothing in it but what `diag init` writes; takes go through no devices, one prompt, 3 takes."""
    place = folder / "repository"
    place.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    done = call(installed, place, "init", *SUITE)
    assert done.returncode == GOOD, done.stdout
    change(
        place / "diag.toml",
        'audio = "virtual"',
        'audio = "wire"',
        "takes = 20 ",
        "takes = 3 ",
        "prompts = []",
        'prompts = ["yes"]',
    )
    return place


def change(path, *words):
    """Replace words in a file, given as old, new, old, new; each must be there."""
    text = path.read_text(encoding="utf-8")
    for old, new in zip(words[::2], words[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def steps_of(place):
    """The commands of the workflow file that `diag init` wrote, by the name of their step, and the paths it keeps."""
    (job,) = yaml.safe_load((place / ".github/workflows/voice.yml").read_text(encoding="utf-8"))["jobs"].values()
    kept = next(step["with"]["path"] for step in job["steps"] if step.get("uses", "").startswith("actions/upload"))
    return {step["name"]: step["run"] for step in job["steps"] if "run" in step}, kept.split()


def run_step(installed, place, command, **more):
    """Run a step as GitHub's runner does."""
    path = f"{installed}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command], cwd=place, check=False, text=True,
        env={**environment_in(place), "PATH": path, "GITHUB_STEP_SUMMARY": str(place / SUMMARY), **more},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=COMMAND_S,
    )  # fmt: skip


def resumed(done):
    """Where a busy machine spoiled too many takes, the run that the output says to go on with."""
    return re.search(r"`diag bench --resume (\S+)`", " ".join(done.stdout.split()))[1]


def keep_baseline(installed, place, *words):
    done = call(installed, place, "bench", "--update-baseline", *words)
    for _ in range(MOST_RESUMED):
        if done.returncode == FEW_TAKES:
            done = call(installed, place, "bench", "--update-baseline", *words, "--resume", resumed(done))
    assert done.returncode == GOOD, done.stdout
    return done


def decision(done):
    return re.search(r"^\S (SHIP|DO NOT SHIP|TOO LITTLE EVIDENCE)\b", done.stdout, re.MULTILINE)[1]


def run_workflow(installed, place):
    """Run the steps after the installation; return the result of the bench."""
    steps, kept = steps_of(place)
    for name in kept:
        (place / name).unlink(missing_ok=True)
    done = run_step(installed, place, steps["Bench"])
    for _ in range(MOST_RESUMED):
        if done.returncode == FEW_TAKES:
            done = run_step(installed, place, f"{steps['Bench']} --resume {resumed(done)}")
    assert run_step(installed, place, steps["Summary"]).returncode == 0
    assert [name for name in kept if not (place / name).is_file()] == []
    ElementTree.parse(place / "reports/bench.junit.xml")
    return done


def test_a_first_gate_accepts_its_own_baseline_and_blocks_playback_at_16_khz(installed, repository):
    keep_baseline(installed, repository, "--no-self-check")
    (baseline,) = (repository / "voice_tests/baselines").glob("app*")
    assert baseline.stat().st_size > 0
    change(repository / "voice_tests/app.toml", "sample_rate_hz = 24000", "sample_rate_hz = 16000\nresample = false")
    done = run_workflow(installed, repository)
    assert done.returncode == FAILED, done.stdout
    assert decision(done) == "DO NOT SHIP"
    assert "PLY001" in done.stdout
    assert "24000 Hz audio was played as 16000 Hz" in " ".join(done.stdout.split())
    assert "DO NOT SHIP" in (repository / SUMMARY).read_text(encoding="utf-8")
    assert_no_bug(repository, done.stdout)


def test_the_workflow_installs_diag_from_an_index(installed, repository, wheel):
    """System packages are there already; a stand-in for `sudo` notes which ones would be installed."""
    install = steps_of(repository)[0]["Install"]
    stand_ins = repository / "stand_ins"
    stand_ins.mkdir()
    for name, words in (("sudo", 'echo "$@"'), ("python", f'exec {installed}/python "$@"')):
        (stand_ins / name).write_text(f"#!/bin/sh\n{words}\n", encoding="utf-8")
        (stand_ins / name).chmod(0o755)
    done = run_step(
        installed,
        repository,
        f'PATH="{stand_ins}:$PATH"\n{install}',
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(wheel.parent),
    )
    assert done.returncode == 0, done.stdout
    assert "apt-get install --yes --no-install-recommends pulseaudio libportaudio2" in done.stdout


@pytest.mark.slow
def test_a_first_gate_ships_and_blocks_a_regression_of_100_ms(installed, folder):
    place = folder / "first_gate"
    place.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    assert call(installed, place, "init", *SUITE).returncode == GOOD
    kept = keep_baseline(installed, place)
    assert decision(kept) == "SHIP"
    same = run_workflow(installed, place)
    assert same.returncode == GOOD, same.stdout
    assert decision(same) == "SHIP"
    with (place / "voice_tests/app.toml").open("a", encoding="utf-8") as configuration:
        configuration.write("\n[emulator]\nthink_s = 0.35   # 0.1 s more than before\n")
    later = run_workflow(installed, place)
    assert later.returncode == FAILED, later.stdout
    assert decision(later) == "DO NOT SHIP"
    assert "First audio heard is worse" in " ".join(later.stdout.split())
