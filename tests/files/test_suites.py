"""Suites: found from below, read strictly, and a typo is answered with the nearest name."""

import pytest

from diag.core.errors import BadInputError
from diag.files.suites import find_suite, read_suite

METRICS = ("ttfa_heard_s", "answered", "dullness_db")
GOOD = """
[suite]
configurations = ["voice_tests/app.toml", "healthy"]

[[limits]]
metric = "ttfa_heard_s"
at_most = 1.5
configuration = "app"
"""


def read(tmp_path, text):
    path = tmp_path / "diag.toml"
    path.write_text(text, encoding="utf-8")
    return read_suite(path, metrics=METRICS)


def test_a_suite_has_defaults_and_its_paths_are_those_of_its_folder(tmp_path):
    (tmp_path / "voice_tests").mkdir()
    (tmp_path / "voice_tests/app.toml").touch()
    suite = read(tmp_path, GOOD)
    assert (suite.suite.takes, suite.suite.audio, suite.suite.fail_on) == (20, "virtual", "error")
    assert suite.paths(suite.suite.configurations) == (str(tmp_path / "voice_tests/app.toml"), "healthy")
    assert suite.baselines == tmp_path / "voice_tests/baselines"


def test_a_suite_is_found_from_any_folder_below(tmp_path, monkeypatch):
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a/b")
    assert find_suite() is None
    (tmp_path / "diag.toml").touch()
    assert find_suite() == tmp_path / "diag.toml"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[suite]", "[siute]", "did you mean `suite`"),
        ("configurations", "configuration", "did you mean `configurations`"),
        ("at_most", "at_mots", "did you mean `at_most`"),
        ('metric = "ttfa_heard_s"', 'metric = "ttfa_herd_s"', "unknown metric .*did you mean `ttfa_heard_s`"),
        ('configuration = "app"', 'configuration = "ap"', "unknown configuration .*did you mean `app`"),
        ("at_most = 1.5", "", "has no limit; allowed: at_most"),
        ('[suite]', '[suite]\ntakes = "many"', "takes"),
        ('[suite]', '[suite]\ntakes = 0', "allowed: 1 to"),
        ('[suite]', '[suite]\nfolder = "x"', "unknown key `suite.folder`"),
        ("[suite]", 'folder = "x"\n[suite]', "unknown key `folder`"),
        ('"healthy"]', '"healthy"', "not valid TOML"),
        ('["voice_tests/app.toml", "healthy"]', "[]", "configurations"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_what_is_meant(tmp_path, old, new, words):
    assert old in GOOD
    with pytest.raises(BadInputError, match=f"Could not read the suite .*{words}"):
        read(tmp_path, GOOD.replace(old, new, 1))


def test_takes_may_be_auto(tmp_path):
    assert read(tmp_path, GOOD.replace("[suite]", '[suite]\ntakes = "auto"')).suite.takes == "auto"
