"""The plugin of pytest, in a pytest of its own, and the examples of the page on Python."""

import re
from pathlib import Path

import pytest
from builders import Story, build

from diag.files.run_folders import create_run, write_take

pytest_plugins = ["pytester"]
PAGE = Path(__file__).resolve().parent.parent.parent / "docs/python.md"
RECORDED = """
    import pytest
    import diag.api.run
    from diag.core.results import Report
    from diag.api.analyze import analyze_run

    def run(config, options):
        if config == "absent":
            from diag.core.errors import CannotMeasureError
            raise CannotMeasureError("Could not record", seen="no device", next_step="plug one in")
        print("recorded", config, options.takes, options.out)
        return Report(runs=(analyze_run({folder!r}),), report="reports/page.html")

    diag.api.run.run = run
"""


@pytest.fixture
def run_tests(pytester, pytestconfig, tmp_path):
    """Run test functions in a pytest of their own, in which every configuration gives one take of a slow service."""
    folder = create_run(tmp_path, "slow", {"title": ""})
    write_take(folder, build(Story(service_delay_s=6.0, reply_s=1.0)))
    plugin = [] if pytestconfig.pluginmanager.has_plugin("diag") else ["-p", "diag.api.pytest_plugin"]

    def call(tests, *words):
        pytester.makeconftest(RECORDED.format(folder=str(folder)))
        pytester.makepyfile(tests)
        return pytester.runpytest_subprocess(*plugin, "-p", "no:cacheprovider", *words)

    return call


def test_findings_and_limits_are_asserted_and_the_report_is_attached(run_tests, pytester):
    result = run_tests(
        """
        import pytest

        pytestmark = pytest.mark.diag("my_app.toml", takes=7)

        def test_findings(diag):
            assert "SVC001" in diag.findings

        def test_limit(diag):
            assert diag.value("ttfa_heard_s") < 1.2

        def test_check(diag):
            diag.check()
        """,
        "--junit-xml=out.xml", "-rA", "-s", "--diag-out", "elsewhere",
    )  # fmt: skip
    result.assert_outcomes(passed=1, failed=2)
    assert result.stdout.str().count("recorded my_app.toml 7 elsewhere") == 1, "one recording for all three"
    text = (pytester.path / "out.xml").read_text()
    assert text.count('name="diag_report" value="reports/page.html"') == 3
    result.stdout.fnmatch_lines(["*AssertionError: NOT READY*exit code 1; reports/page.html*"])


def test_a_value_that_was_not_measured_or_is_not_unique_fails(run_tests):
    result = run_tests(
        """
        import pytest

        @pytest.mark.diag("a")
        @pytest.mark.parametrize("given", [{"statistic": "p95"}, {"metric": "nothing"}, {"metric": "rate_ratio"}])
        def test_missing(diag, given):
            with pytest.raises(AssertionError, match="has no p95|no such measure|several places"):
                diag.value(**{"metric": "ttfa_heard_s", **given})

        @pytest.mark.diag("a")
        def test_place(diag):
            assert diag.value("rate_ratio", hop="player") == pytest.approx(1, abs=0.01)
        """
    )
    result.assert_outcomes(passed=4)


def test_what_could_not_be_recorded_is_an_error_in_one_sentence(run_tests):
    result = run_tests(
        """
        import pytest

        @pytest.mark.diag("absent")
        def test_absent(diag): ...

        def test_unmarked(diag): ...
        """
    )
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["Could not record: no device; plug one in.", "*mark it with the configuration*"])


def test_the_examples_of_the_page_run(tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    folder = create_run(tmp_path / "reports" / "runs", "monday", {"title": ""})
    write_take(folder, build(Story()))
    folder.rename(folder.with_name("monday"))
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    ran = [block for block in blocks if "diag.run(" not in block and "pytest" not in block]
    for block in ran:
        exec(block, names)
    assert len(ran) == len(blocks) - 2, "all but the two that record"
    assert len(names["frame"]) > 100
    assert names["arrivals_s"]
    assert capsys.readouterr().out.count("\n") == len(ran)
