"""Public names of the package."""

import subprocess
import sys

import pytest

import diag


@pytest.mark.parametrize("name", [name for name in diag.__all__ if name != "__version__"])
def test_public_names_stay_what_they_are_whatever_is_imported(name):
    code = (
        "import importlib, diag; "
        "[importlib.import_module(name) for name in ('diag.api.analyze', 'diag.api.bench', 'diag.api.compare')]; "
        f"assert callable(diag.{name}), diag.{name}; from diag import {name}; assert {name} is diag.{name}"
    )
    subprocess.run([sys.executable, "-W", "error::ImportWarning", "-c", code], check=True)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = diag.nothing
