"""Which configurations, prompts and replies are found from which folder: docs/configuration.md has the rule."""

import pytest

from diag.core.errors import BadInputError
from diag.emulator.bank import read_bank
from diag.files import scenario_folders
from diag.files.prompts import find_prompt, prompts_by_name, recorded_prompts
from diag.files.scenario_folders import (
    checkout_root,
    configuration_files,
    own_folder,
    suite_files,
)
from diag.files.scenario_folders import (
    scenario_folders as folders_in_order,
)
from diag.files.scenarios import find_scenario

PROMPT = """
[[prompt]]
name = "{name}"
file = "{name}.wav"
text = "{text}"
language = "en-US"
speech_start_s = 0.1
speech_end_s = 0.5
"""


def make_scenarios(place, *, title, names=(), prompts=()):
    """Make `scenarios/` in a folder: configurations with that title, prompts with that text."""
    folder = place / "scenarios"
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.toml").write_text(f'title = "{title}"\n', encoding="utf-8")
    if prompts:
        (folder / "prompts").mkdir()
        table = "".join(PROMPT.format(name=name, text=title) for name in prompts)
        (folder / "prompts/prompts.toml").write_text(table, encoding="utf-8")
        for name in prompts:
            (folder / f"prompts/{name}.wav").write_bytes(b"RIFF")
    return folder


def make_checkout(place, **content):
    folder = make_scenarios(place, title="checkout", **content)
    (place / "pyproject.toml").write_text('[project]\nname = "diag"\n', encoding="utf-8")
    return folder


@pytest.fixture
def built_in(tmp_path, monkeypatch):
    """An installed diag with its own folder, and an empty working directory elsewhere."""
    package = tmp_path / "site-packages/diag"
    folder = make_scenarios(package, title="built in", names=("healthy", "quiet"), prompts=("yes", "no"))
    monkeypatch.setattr(scenario_folders, "_PACKAGE", package)
    (tmp_path / "work/deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work/deep")
    return folder


def test_an_installed_diag_uses_its_own_folder(built_in):
    assert (checkout_root(), own_folder()) == (None, None)
    assert folders_in_order() == (built_in,)
    assert list(configuration_files()) == ["healthy", "quiet"]
    assert find_scenario("healthy").title == "built in"
    assert [prompt.name for prompt in recorded_prompts()] == ["yes", "no"]


def test_the_users_own_configurations_win_and_built_in_ones_stay_reachable(built_in, tmp_path):
    own = make_scenarios(tmp_path / "work", title="own", names=("healthy", "my_app"))
    assert folders_in_order() == (own, built_in)
    titles = {name: find_scenario(name).title for name in configuration_files()}
    assert titles == {"healthy": "own", "my_app": "own", "quiet": "built in"}


def test_the_users_own_prompts_win_and_built_in_ones_stay_reachable(built_in, tmp_path):
    make_scenarios(tmp_path / "work", title="own", prompts=("yes", "question"))
    assert [prompt.name for prompt in recorded_prompts()] == ["yes", "question"]
    assert {name: prompt.text for name, prompt in prompts_by_name().items()} == {
        "yes": "own", "question": "own", "no": "built in",
    }  # fmt: skip
    assert find_prompt("no").path == built_in / "prompts/no.wav"


def test_a_folder_without_prompts_leaves_the_built_in_ones(built_in, tmp_path):
    make_scenarios(tmp_path / "work", title="own", names=("my_app",))
    assert [prompt.name for prompt in recorded_prompts()] == ["yes", "no"]


def test_the_nearest_own_folder_counts(built_in, tmp_path):
    make_scenarios(tmp_path, title="far", names=("far",))
    near = make_scenarios(tmp_path / "work", title="near", names=("near",))
    assert own_folder() == near
    assert "far" not in configuration_files()


def test_a_folder_that_only_has_the_name_is_passed_over(built_in, tmp_path):
    (tmp_path / "work/scenarios/prompts").mkdir(parents=True)
    far = make_scenarios(tmp_path, title="far", names=("far",))
    assert own_folder() == far


def test_the_suite_is_the_users_own_if_there_is_one(built_in, tmp_path):
    assert [path.stem for path in suite_files()] == ["healthy", "quiet"]
    own = make_scenarios(tmp_path / "work", title="own", prompts=("question",))
    assert [path.stem for path in suite_files()] == ["healthy", "quiet"]
    (own / "my_app.toml").write_text("", encoding="utf-8")
    assert suite_files() == (own / "my_app.toml",)


def test_inside_a_checkout_its_folder_replaces_the_built_in_one(built_in, tmp_path):
    folder = make_checkout(tmp_path / "work", names=("healthy", "new"), prompts=("yes",))
    assert (checkout_root(), own_folder()) == (tmp_path / "work", None)
    assert folders_in_order() == (folder,)
    assert list(configuration_files()) == ["healthy", "new"]


def test_above_a_checkout_its_folder_is_not_used(built_in, tmp_path):
    make_checkout(tmp_path / "work/deep/diag", names=("new",), prompts=("yes",))
    assert folders_in_order() == (built_in,)


def test_an_own_folder_inside_a_checkout_comes_before_the_checkouts(built_in, tmp_path):
    folder = make_checkout(tmp_path / "work", names=("healthy",), prompts=("yes",))
    own = make_scenarios(tmp_path / "work/deep", title="own", names=("my_app",))
    assert folders_in_order() == (own, folder)


def test_nothing_above_a_checkout_is_used(built_in, tmp_path):
    folder = make_checkout(tmp_path / "work", names=("healthy",), prompts=("yes",))
    make_scenarios(tmp_path, title="far", names=("far",))
    assert folders_in_order() == (folder,)


@pytest.mark.parametrize("text", ['[project]\nname = "other"\n', "[tool.x]\n", "project = 1\n", "[project", "\udcff"])
def test_another_project_is_no_checkout(built_in, tmp_path, text):
    own = make_checkout(tmp_path / "work", names=("my_app",))
    (tmp_path / "work/pyproject.toml").write_bytes(text.encode(errors="surrogateescape"))
    assert checkout_root() is None
    assert folders_in_order() == (own, built_in)


def test_an_incomplete_installation_is_reported(built_in):
    (built_in / "prompts/prompts.toml").unlink()
    with pytest.raises(BadInputError, match="install diag again"):
        find_scenario("healthy")


def test_lost_prompts_of_a_checkout_are_reported(built_in, tmp_path):
    make_checkout(tmp_path / "work", names=("healthy",))
    with pytest.raises(BadInputError, match="restore the file"):
        recorded_prompts()


@pytest.fixture
def own_sounds(tmp_path, monkeypatch, scenarios):
    """A working directory with a recorded prompt and a recorded reply of the user's own; the real ones are built in."""
    prompts, replies = tmp_path / "scenarios/prompts", tmp_path / "scenarios/replies"
    prompts.mkdir(parents=True)
    replies.mkdir()
    (prompts / "prompts.toml").write_text(PROMPT.format(name="question", text="Own question?"), encoding="utf-8")
    (prompts / "question.wav").write_bytes((scenarios / "prompts/yes.wav").read_bytes())
    (replies / "answer.wav").write_bytes((scenarios / "replies/so_be_it.wav").read_bytes())
    monkeypatch.chdir(tmp_path)
    return replies / "replies.toml"


def test_the_emulator_recognises_the_users_own_prompts_and_the_built_in_ones(own_sounds):
    bank = read_bank(None)
    assert bank.prompts[0].text == "Own question?"
    assert {"question", "yes", "weather_in_seoul"} <= {prompt.name for prompt in bank.prompts}


def test_the_emulator_gives_the_users_own_replies_if_there_are_any(own_sounds):
    assert "so_be_it" in {reply.name for reply in read_bank(None).replies}
    own_sounds.write_text('[[reply]]\nname = "answer"\n', encoding="utf-8")
    assert [reply.name for reply in read_bank(None).replies] == ["answer"]
