"""Commands that measure, over conductors of cardboard: options handed on, documents, endings."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from diag.core.results import Change


@pytest.fixture
def asked(monkeypatch, make):
    """Replaces the conductors; tells what they were asked for, and gives back `asked.report`."""

    class Asked:
        report = make.report(make.run(), report="reports/x.html")
        configs = ()
        options = None
        more = None

        def answer(self, *configs, options, progress, **more):
            self.configs, self.options, self.more = configs, options, more
            progress.started(title="healthy", takes=2, about_s=75)
            progress.take_done(run="healthy", take="0001", line="yes: answered", discarded=None)
            progress.take_done(run="healthy", take="0002", line="yes: answered", discarded="our loop was late")
            progress.note("a note")
            return self.report

    record = Asked()

    def run(config, options, progress):
        return record.answer(config, options=options, progress=progress)

    def compare(a, b, options, progress):
        return record.answer(a, b, options=options, progress=progress)

    def bench(options, progress, **more):
        return record.answer(options=options, progress=progress, **more)

    monkeypatch.setattr("diag.api.run.run", run)
    monkeypatch.setattr("diag.api.compare.compare", compare)
    monkeypatch.setattr(importlib.import_module("diag.api.bench"), "bench", bench)
    return record


def test_defaults(diag, asked):
    assert diag("run", "healthy").code == 0
    options = asked.options
    assert asked.configs == ("healthy",)
    assert (options.takes, options.prompts, options.audio, options.endpoint) == (5, (), "virtual", "emulator")
    assert (options.out, options.seed, options.rigs, options.embed, options.resume) == (None, 0, None, "evidence", None)
    assert dict(options.devices) == {}


def test_every_option_reaches_the_conductor(diag, asked):
    words = (
        "--takes 7 --prompt yes --prompt my.wav --audio system --endpoint https://localhost:1 --out there --seed 3 "
        "--rigs 2 --embed all --device ear=3 --device speaker=USB=1"
    )
    assert diag("run", "healthy", *words.split()).code == 0
    options = asked.options
    assert (options.takes, options.prompts, options.audio) == (7, ("yes", "my.wav"), "system")
    assert (options.endpoint, options.out, options.seed) == ("https://localhost:1", Path("there"), 3)
    assert (options.rigs, options.embed) == (2, "all")
    assert dict(options.devices) == {"ear": "3", "speaker": "USB=1"}


def test_resume_needs_no_configuration(diag, asked):
    assert diag("run", "--resume", "reports/runs/x").code == 0
    assert asked.options.resume == Path("reports/runs/x")


def test_what_belongs_to_the_run_is_not_given_beside_resume(diag, asked):
    done = diag("run", "healthy", "--resume", "reports/runs/x", "--takes", "9", "--seed", "0", "--embed", "all")
    assert done.code == 2
    assert "Could not use --resume: --takes and --seed together with it; allowed:" in done.err
    assert asked.options is None


def test_compare_and_bench_hand_on_what_they_got(diag, asked):
    diag("compare", "a", "b", "--takes", "9")
    assert (asked.configs, asked.options.takes) == (("a", "b"), 9)
    diag("bench", "healthy", "playback_16k", "--update-baseline", "--takes", "9")
    given = asked.more.pop("given")
    assert {"takes", "update_baseline"} <= given
    assert "audio" not in given
    assert asked.more == {"configurations": ("healthy", "playback_16k"), "update_baseline": True, "against": None,
                          "fail_on": None, "self_check": True}  # fmt: skip


def test_text_on_standard_output_progress_on_standard_error(diag, asked):
    done = diag("run", "healthy")
    assert done.out.startswith("● READY")
    assert done.err.splitlines() == [
        "healthy: 2 takes, about 1 min 15 s",
        "  healthy take 0001  yes: answered",
        "  healthy take 0002  discarded: our loop was late",
        "a note",
    ]


@pytest.mark.parametrize("command", [("run", "healthy"), ("compare", "a", "b"), ("bench",)])
def test_json_is_one_document_and_nothing_else(diag, asked, make, command):
    row = {"as_expected": False, "found": ("PLY001",)}
    asked.report = make.report(make.run("a", make.finding()), bench=make.bench(row))
    done = diag(*command, "--json")
    document = json.loads(done.out)
    assert document == asked.report.to_json()
    assert document["schema_version"] == 1
    assert "NOT AS EXPECTED" in done.err
    assert done.code == 1


def test_colour_only_for_a_person(diag, asked):
    assert "\x1b" not in diag("run", "healthy").out


def test_findings_fail_unless_told_otherwise(diag, asked, make):
    asked.report = make.report(make.run("a", make.finding()))
    assert diag("run", "a").code == 1
    assert diag("run", "a", "--fail-on", "never").code == 0


def test_too_few_takes_to_decide(diag, asked, make):
    asked.report = make.report(make.run(), make.run("b"), comparisons=(make.comparison(Change.TOO_FEW),))
    done = diag("compare", "a", "b")
    assert done.code == 4
    assert done.out.startswith("○ TOO FEW TAKES")


def test_nothing_measured_is_never_good(diag, asked, make):
    asked.report = make.report(make.run(takes=0, discarded=2))
    done = diag("run", "a", "--fail-on", "never")
    assert done.code == 3
    assert done.out.startswith("○ NOTHING MEASURED")


def test_stopped_before_any_take_was_planned(diag, monkeypatch):
    def run(config, options, progress):
        progress.started(title="healthy", takes=5, about_s=None)
        raise KeyboardInterrupt

    monkeypatch.setattr("diag.api.run.run", run)
    done = diag("run", "healthy")
    assert done.code == 130
    assert done.err.endswith("Stopped.\n")


def test_a_reader_who_leaves_does_not_hide_the_verdict(make, tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import conftest as made; import diag.api.run as conduct\n"
        "conduct.run = lambda *_: made.Report(runs=(made.make_run('a', made.make_finding()),))\n"
        "from diag.__main__ import call; sys.stdin.readline(); sys.exit(call(['run', 'healthy']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        process.stdout.close()
        process.stdin.write("\n")
        process.stdin.close()
        assert (process.stderr.read(), process.wait(timeout=20)) == ("", 1)
