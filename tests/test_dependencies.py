"""What diag imports is declared, what is required is imported, and every package of diag goes into the wheel."""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DISTRIBUTIONS = {"PIL": "pillow", "google": "google-genai", "webrtcvad": "webrtcvad-wheels"}
"""Distributions that are named differently from the module that they hold."""
TOOLS = {"test"}
"""Extras of what is run and not imported by diag."""


def declared(requirements):
    return {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements}


HOSTS = {"pytest": "diag/api/pytest_plugin.py"}
"""Programs that load a plugin of diag, so that they are there when it is imported."""


REQUIRED = declared(PROJECT["project"]["dependencies"])
OPTIONAL = {
    name
    for extra, requirements in PROJECT["project"]["optional-dependencies"].items()
    for name in declared(requirements)
    if extra not in TOOLS
}


def imported():
    """Distributions that modules of diag import, anywhere in a file, with one of the files of each."""
    found = {}
    for path in sorted((ROOT / "diag").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            for name in names:
                top = name.split(".")[0]
                if top not in sys.stdlib_module_names and top != "diag":
                    found.setdefault(DISTRIBUTIONS.get(top, top), str(path.relative_to(ROOT)))
    return found


def test_every_import_is_declared():
    missing = {name: place for name, place in imported().items() if name not in REQUIRED | OPTIONAL}
    assert missing == HOSTS


def test_everything_required_is_imported():
    assert not REQUIRED - set(imported())


def test_every_package_goes_into_the_wheel():
    folders = {path.parent for path in (ROOT / "diag").rglob("*.py")}
    packages = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages | {"diag.scenarios"}
