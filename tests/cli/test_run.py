"""Options of `diag run`."""

import pytest


@pytest.fixture
def asked(diag, monkeypatch, make):
    """Call `diag run`, and return the options that the run was given."""
    given = []

    def run(config, options, progress):
        given.append(options)
        return make.report(make.run())

    monkeypatch.setattr("diag.api.run.run", run)

    def call(*words):
        given.clear()
        done = diag("run", *words)
        return (given[0] if given else None), done

    return call


def test_quick_is_one_take_with_one_short_prompt(asked):
    options, _ = asked("healthy", "--quick")
    assert (options.takes, options.prompts) == (1, ("thanks",))


def test_quick_keeps_a_prompt_that_is_named(asked):
    options, _ = asked("healthy", "--quick", "--prompt", "weather_in_seoul")
    assert (options.takes, options.prompts) == (1, ("weather_in_seoul",))


@pytest.mark.parametrize("other", [("--takes", "3"), ("--resume", "reports")])
def test_quick_excludes_what_contradicts_it(asked, other):
    options, done = asked("healthy", "--quick", *other)
    assert options is None
    assert done.code == 2
    assert f"--quick and {other[0]} exclude each other" in done.err
