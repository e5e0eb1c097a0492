"""Plugins: modules of a package that register functions on import, and the inputs that such a function needs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any


def needs_of(function: Callable[..., Any], allowed: frozenset[str], name: str) -> tuple[str, ...]:
    """Return the parameter names of a plugin function. Each names an input that the function needs.

    Raises
    ------
    TypeError
        If a parameter is not in `allowed`. The message calls the plugin `name`.
    """
    needs = tuple(inspect.signature(function).parameters)
    unknown = [need for need in needs if need not in allowed]
    if unknown:
        raise TypeError(f"{name} needs {', '.join(unknown)}; known needs here are {', '.join(sorted(allowed))}")
    return needs


def has_default(function: Callable[..., Any], parameter: str) -> bool:
    """Return whether a parameter of a function has a default value."""
    return inspect.signature(function).parameters[parameter].default is not inspect.Parameter.empty


def import_all(package_name: str) -> None:
    """Import every module of a package, so that its plugins register."""
    package = importlib.import_module(package_name)
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{package_name}.{module}")
