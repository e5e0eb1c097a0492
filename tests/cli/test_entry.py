"""Start-up, first steps, and how every kind of ending is told."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from diag import __version__
from diag.core.errors import BadInputError, CannotMeasureError

HEAVY = ("numpy", "scipy", "pandas", "PIL", "google.genai", "pydantic", "rich", "sounddevice", "soundfile")


@pytest.fixture
def ends_with(diag, monkeypatch):
    """Call `diag explain X` whose manual raises an error."""

    def call(error):
        def explain(code, width):
            raise error

        monkeypatch.setattr("diag.report.manual.explain", explain)
        return diag("explain", "X")

    return call


@pytest.mark.parametrize("words", [[], ["--help"], ["--version"], ["run", "--help"], ["bench", "--help"]])
def test_start_imports_nothing_heavy(words):
    code = (
        "import sys; from diag.__main__ import call; code = call(sys.argv[1:]); "
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]; "
        "assert not heavy, heavy; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_starts_fast():
    # Processor time, which is the wall's on an idle machine: other programs must not fail this test.
    def once():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "diag", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(once() for _ in range(5)) < 0.2


def test_bare_call_tells_four_first_steps(diag):
    done = diag()
    assert done.code == 0
    assert len(done.out.splitlines()) == 4
    assert all("diag " in line and len(line) <= 110 for line in done.out.splitlines())
    assert done.out.splitlines()[0].startswith("diag doctor")


def test_version(diag):
    assert diag("--version").out == f"diag {__version__}\n"


def test_every_command_has_help_with_examples(diag):
    from diag.cli.root import COMMANDS

    for name in COMMANDS:
        done = diag(name, "--help")
        assert done.code == 0
        assert "Examples:" in done.out
        assert f"  diag {name}" in done.out


@pytest.mark.parametrize(("name", "line"), [
    ("--help", "  0    measured, and no error found"),
    ("analyze", "With neither      only faults are found that a recording shows by itself."),
])  # fmt: skip
def test_lists_in_help_keep_their_lines(diag, name, line):
    text = diag(*(["--help"] if name == "--help" else [name, "--help"])).out
    assert "\\b" not in text
    assert line in text


def test_list_of_commands_is_not_cut(diag):
    assert "..." not in diag("--help").out.split("Commands:")[1]


def test_wrong_command_names_the_nearest(diag):
    done = diag("comapre")
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("Could not run `diag comapre`: there is no such command; allowed: ")
    assert done.err.endswith("did you mean `diag compare`?\n")


def test_wrong_option_names_the_nearest(diag):
    done = diag("run", "healthy", "--take", "3")
    assert done.code == 2
    assert "--takes" in done.err
    assert "see `diag run --help`." in done.err


@pytest.mark.parametrize(("kind", "code"), [(BadInputError, 2), (CannotMeasureError, 3)])
def test_our_errors_are_one_sentence_and_a_code(ends_with, kind, code):
    done = ends_with(kind("Could not do it", seen="this", allowed="that", next_step="do so"))
    assert (done.code, done.out) == (code, "")
    assert done.err == "Could not do it: this; allowed: that; do so.\n"


def test_a_bug_is_one_sentence_and_a_log_file_without_the_key(ends_with, monkeypatch, tmp_path):
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-very-secret-0123456789")
    done = ends_with(ZeroDivisionError("with AIza-very-secret-0123456789 inside"))
    assert done.code == 70
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("This is a bug in diag (ZeroDivisionError)")
    log = tmp_path / "state" / "diag" / "diag.log"
    assert str(log) in done.err
    text = log.read_text()
    assert "Traceback" in text
    assert "very-secret" not in text + done.err


def test_no_key_reaches_the_terminal_even_inside_somebody_elses_words(ends_with, monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", 'quo"ted-secret-key')
    looks_like_one = "AIza" + "x" * 35
    seen = f'wss://host/?key=quo"ted-secret-key and {looks_like_one}'
    done = ends_with(CannotMeasureError("Could not connect", seen=seen, next_step="check it"))
    assert done.err == "Could not connect: wss://host/?key=(key hidden) and (key hidden); check it.\n"


def test_bug_is_told_even_where_the_log_cannot_be_written(ends_with, monkeypatch):
    monkeypatch.setattr("diag.files.log.log_path", lambda: Path("/proc/nowhere/diag.log"))
    done = ends_with(ZeroDivisionError("x"))
    assert done.code == 70
    assert "could not be written" in done.err


@pytest.mark.parametrize("error", [KeyboardInterrupt("2 takes are kept."), KeyboardInterrupt()])
def test_stopped_by_the_user(ends_with, error):
    done = ends_with(error)
    assert done.code == 130
    assert done.err.strip() == f"Stopped. {error}".strip()


def test_usage_error_of_click(ends_with):
    done = ends_with(click.UsageError("no such thing"))
    assert done.code == 2
    assert done.err == "Could not run `diag explain`: no such thing; see `diag explain --help`.\n"


def test_reader_who_leaves_early_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "diag", "explain"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        process.stdout.close()
        assert (process.stderr.read(), process.wait(timeout=20)) == ("", 0)


@pytest.mark.parametrize("within_exec", [False, True])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_each_request_to_end_is_a_stop_with_its_exit_code(tmp_path, name, within_exec):
    """Also while a module is being made: dataclasses are compiled with `exec`, which `python -m` treats differently."""
    waiting = "print('ready', flush=True); time.sleep(20)"
    (tmp_path / "slow_explain.py").write_text(
        "import signal, sys, time; import diag.report.manual as manual\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"def explain(code, width): {f'exec({waiting!r})' if within_exec else waiting}\n"
        "manual.explain = explain\n"
        "from diag.__main__ import main; sys.argv = ['diag', 'explain', 'X']; sys.exit(main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "slow_explain"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err.strip()) == (130, "Stopped.")


def test_odd_encoding_of_the_terminal_does_not_break_output():
    done = subprocess.run(
        [sys.executable, "-m", "diag", "explain"],
        capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
