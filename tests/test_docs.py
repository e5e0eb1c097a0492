"""The documents say what is there: links lead somewhere, commands exist, metrics and rules explain themselves."""

import inspect
import re
import shlex
import tomllib
from itertools import pairwise
from typing import get_args

import click
import pytest
from documents import ROOT, command_lines
from pydantic import BaseModel

from diag.cli.root import COMMANDS, diag
from diag.core import client_config as config
from diag.files import scenarios
from diag.files.prompts import find_prompt
from diag.judge.registry import all_rules
from diag.measure.registry import all_metrics
from diag.report.manual import explain

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
USER_DOCUMENTS = [path for path in DOCUMENTS if path.name == "README.md" or path.name.startswith("getting-started")]
METRIC_HEADINGS = ("What", "Better is", "Not measured when", "Reference")
RULE_HEADINGS = ("What it shows", "Why it matters", "Evidence", "Likely causes", "Fix", "Does not prove")


def relative(path):
    return str(path.relative_to(ROOT))


def calls_of_diag():
    return [
        pytest.param(line, id=f"{path.name}: {line}")
        for path in DOCUMENTS
        for line in dict.fromkeys(command_lines(path))
        if line.startswith("diag ")
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=relative)
def test_links_of_the_site_stay_in_it(path):
    assert "](../" not in path.read_text(encoding="utf-8")


def anchors(path):
    """Anchors of the headings of a page, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_links_to_a_heading_name_a_heading_of_that_page(path):
    links = re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", path.read_text(encoding="utf-8"))
    pages = {page: path.parent / page if page else path for page, _ in links if "://" not in page}
    known = {page: anchors(place) for page, place in pages.items()}
    assert not [f"{page}#{heading}" for page, heading in links if page in known and heading not in known[page]]


@pytest.mark.parametrize("line", calls_of_diag())
def test_commands_and_options_exist(line):
    words = shlex.split(line, comments=True)[1:]
    if words[0].startswith("-"):
        assert words[0] in {option for param in diag.params for option in param.opts} | {"--help"}
        return
    assert words[0] in COMMANDS
    command = diag.get_command(None, words[0])
    if isinstance(command, click.Group):
        assert words[1] in command.commands
        command = command.commands[words[1]]
    options = {option for param in command.params for option in param.opts} | {"--help"}
    assert {word.split("=")[0] for word in words if word.startswith("--")} <= options
    for flag, value in pairwise(words):
        if flag == "--prompt" and not value.endswith(".wav"):
            find_prompt(value)
    if words[0] in ("run", "compare"):
        names = [word for word in words[1:] if re.fullmatch(r"[a-z0-9_]+", word)]
        follows_option = {value for flag, value in pairwise(words) if flag.startswith("--")}
        for name in set(names) - follows_option:
            assert (ROOT / "scenarios" / f"{name}.toml").is_file()
    if words[0] == "explain":
        asked = " ".join(word for word in words[1:] if not word.startswith("--"))
        assert not asked or explain(asked)


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_files_of_the_project_that_are_named_exist(path):
    """Paths of modules may leave out `diag/`; a path with `<…>` stands for many."""
    named = re.findall(r"`((?:\w+/)+[\w.]+\.(?:py|sh|toml|csv))`", path.read_text(encoding="utf-8"))
    places = (ROOT, ROOT / "diag", ROOT / "docs")
    examples = ("scenarios/my_app", "prompts/", "replies/")
    missing = [name for name in named if not any((place / name).is_file() for place in places)]
    assert not [name for name in missing if not name.startswith(examples)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_make_targets_exist(path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = re.findall(r"`make ([a-z-]+)", path.read_text(encoding="utf-8"))
    named += [line.split()[1] for line in command_lines(path) if line.startswith("make ")]
    assert set(named) <= targets


def test_every_command_is_in_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [name for name in COMMANDS if f"diag {name}" not in text]


def test_every_command_explains_itself():
    for name in COMMANDS:
        command = diag.get_command(None, name)
        assert command.help
        assert command.get_short_help_str(200).endswith((".", "?"))
        assert all(getattr(param, "help", "") for param in command.params if param.param_type_name == "option")


def test_every_target_of_the_makefile_explains_itself():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE).group(1).split())
    assert targets == set(re.findall(r"^([a-z-]+):.*## \w", text, flags=re.MULTILINE))


def headings_of(text):
    return {line.strip().rstrip(":") for line in text.splitlines()}


@pytest.mark.parametrize("metric", all_metrics(), ids=lambda metric: metric.name)
def test_metrics_are_documented_under_the_fixed_headings(metric):
    text = inspect.getdoc(metric.function) or ""
    assert not [heading for heading in METRIC_HEADINGS if heading not in text]


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_rules_are_documented_under_the_fixed_headings(rule):
    assert not [heading for heading in RULE_HEADINGS if heading not in headings_of(rule.documentation)]


def test_the_reference_has_every_measure_and_every_finding():
    measures, findings = ((ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("measures", "findings"))
    missing = {metric.name for metric in all_metrics() if f"\n## {metric.name}\n" not in measures}
    missing |= {rule.code for rule in all_rules() if f"\n### {rule.code} {rule.name}\n" not in findings}
    assert not missing, "run `make reference`"


@pytest.mark.parametrize("name", sorted({metric.name for metric in all_metrics()}))
def test_every_measure_shows_a_healthy_and_a_faulty_clip(name):
    """Drawn by `tools/pictures/`: whoever adds a measure adds its name to a picture there, or a new one."""
    text = (ROOT / "docs/measures.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL).group(1)
    shown = re.findall(r"!\[([^\]]+)\]\((pictures/measures/\w+\.png)\)", section)
    assert len(shown) == 1
    words, path = shown[0]
    assert len(words) > 20, "words for who cannot see it"
    data = (ROOT / "docs" / path).read_bytes()
    assert data.startswith(b"\x89PNG")
    assert 1_000 < len(data) < 40_000


def test_no_picture_of_a_measure_is_left_over():
    text = (ROOT / "docs/measures.md").read_text(encoding="utf-8")
    files = {path.name for path in (ROOT / "docs/pictures/measures").iterdir()}
    assert files == set(re.findall(r"\(pictures/measures/([^)]+)\)", text))


CONFIG_MODELS = [
    model
    for model in {**vars(config), **vars(scenarios)}.values()
    if inspect.isclass(model) and issubclass(model, BaseModel)
]
CONFIG_MODELS = [model for model in CONFIG_MODELS if model.model_fields]


def test_every_configuration_model_is_looked_at():
    assert {
        scenarios.Scenario,
        scenarios.Faults,
        *(type(table) for _, table in config.ClientConfig() if isinstance(table, BaseModel)),
    } <= set(CONFIG_MODELS)


def _kinds(annotation):
    """A type and all that it is made of, as `tuple[X, ...] | None` of X."""
    return [annotation, *(kind for inner in get_args(annotation) for kind in _kinds(inner))]


@pytest.mark.parametrize("model", CONFIG_MODELS, ids=lambda model: model.__name__)
def test_every_key_of_a_configuration_is_documented(model):
    """Keys of a table stand in that table's own section, so that one's `sample_rate_hz` does not pass for another's."""
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## `(\w+)`.*?\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL))
    tables = {
        # A table of tables, as `[[faults.planted]]`, stands in the section of the table that holds it.
        kind: name
        if parent in (scenarios.Scenario, config.ClientConfig)
        else {scenarios.AppConfig: "app", scenarios.Ready: "app", scenarios.StartStep: "app"}.get(parent, "faults")
        for parent in CONFIG_MODELS
        for name, field in parent.model_fields.items()
        for kind in _kinds(field.annotation)
    }
    place = text if model in (scenarios.Scenario, config.ClientConfig) else sections[tables[model]]
    assert not [name for name in model.model_fields if f"`{name}`" not in place]


def test_the_example_of_a_configuration_can_be_read_and_has_every_key():
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    data = tomllib.loads(re.search(r"```toml\n(.*?)```", text, flags=re.DOTALL).group(1))
    scenario = scenarios.scenario_from_mapping("example", data, attempted="Could not read the example")
    for table, model in config.ClientConfig():
        if isinstance(model, BaseModel):
            assert set(data[table]) == set(type(model).model_fields)
    assert scenario.client.session.extra


def test_the_changelog_opens_with_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (\S+)", text, flags=re.MULTILINE)
    assert next(heading for heading in headings if heading != "Unreleased") == version


def test_every_dependency_is_accounted_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.match(r"[\w-]+", line).group() for line in project["dependencies"]]
    extras = project["optional-dependencies"]
    names += [re.match(r"[\w-]+", line).group() for name in extras if name != "test" for line in extras[name]]
    text = (ROOT / "docs/decisions.md").read_text(encoding="utf-8")
    assert not [name for name in names if name not in text]


def test_no_event_is_missing_from_the_vocabulary():
    """Events are told apart by name, so a name that the document lacks is a slip of somebody's."""
    vocabulary = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs/takes.md").read_text(encoding="utf-8")))
    used = set()
    for path in (ROOT / "diag").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"timeline\.(?:named|first)\(\s*\"([a-z_]+)\"", text))
        used |= set(re.findall(r"\bEvent\([^()]*?name=\"([a-z_]+)\"", text))
    assert used <= vocabulary


def test_the_menu_of_the_site_lists_every_page_once():
    listed = re.findall(r"[\w.-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))
