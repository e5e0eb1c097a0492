"""A share of `make fuzz`: mutated files and messages end with a documented exit code and one sentence."""

import pytest
from fuzz import TARGETS, run

SHARES = {
    "audio": 12,
    "configurations": 30,
    "runs": 4,
    "profiles": 4,
    "baselines": 60,
    "setup frames": 30,
    "messages at the proxy": 10,
}


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_input_ends_as_documented(name, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert not run(TARGETS[name], SHARES[name], seed=1)
