"""`diag soak` and `diag load` against the emulator, shortened to seconds."""

import pytest
from click.testing import CliRunner

from diag.api.load import load
from diag.api.options import Options
from diag.api.soak import soak
from diag.cli.root import diag
from diag.core.errors import BadInputError

SHORT = """
prompts = ["yes"]
[session]
response_modalities = ["AUDIO"]
[emulator]
pace = 100.0
think_s = 0.05
silence_ms = 100
"""


def configuration(tmp_path, more=""):
    path = tmp_path / "short.toml"
    path.write_text(SHORT + more)
    return str(path)


def test_a_session_survives_go_away(tmp_path):
    config = configuration(tmp_path, "connection_limit_s = 30.0\ngo_away_notice_s = 29.0\n")
    result, summary, page = soak(config, 0.12, Options(audio="wire", out=tmp_path))
    first, second, *_ = result.connections
    assert (first.ended, first.resumed) == ("goAway", True)
    assert second.start_s > first.end_s
    assert result.stopped is None
    assert summary.lost == 0
    assert {turn.connection for turn in result.turns} >= {1, 2}
    assert all(turn.first_byte_s is not None and turn.first_played_s > turn.first_byte_s for turn in result.turns)
    assert "<svg" in page.read_text(encoding="utf-8")


def test_sessions_at_once_are_slower_if_the_service_is(tmp_path):
    config = configuration(tmp_path, '[[emulator.faults]]\nkind = "slow_under_load"\nper_session_s = 0.4\n')
    result, summary, page = load(config, (1, 3), Options(out=tmp_path))
    assert [len(step.results) for step in result.steps] == [1, 3]
    assert all(item.failed is None for step in result.steps for item in step.results)
    assert summary.growth_s is None or summary.growth_s > 0.5
    assert "<svg" in page.read_text(encoding="utf-8")


def test_sessions_that_are_refused_are_counted_as_failed(tmp_path):
    config = configuration(tmp_path, '[[emulator.faults]]\nkind = "quota"\nat_once = 1\n')
    _, summary, _ = load(config, (3,), Options(out=tmp_path))
    assert summary.rows[0].failed >= 2
    assert "quota" in summary.problems[0]


def test_a_real_service_needs_a_budget(tmp_path):
    with pytest.raises(BadInputError, match="--budget"):
        load(configuration(tmp_path), (1, 5), Options(endpoint="gemini"))
    with pytest.raises(BadInputError, match="--budget 4"):
        load(configuration(tmp_path), (1, 5), Options(endpoint="gemini"), budget=4)


@pytest.mark.parametrize("words", ["0", "1,x", "1;5", ""])
def test_numbers_of_sessions_that_make_no_sense_are_refused(words):
    result = CliRunner().invoke(diag, ["load", "healthy", "--sessions", words])
    assert isinstance(result.exception, BadInputError)
    assert "1,5,20" in str(result.exception)
