"""Check of the setup message's fields. Like the real service, the emulator refuses unknown fields and wrong types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from diag.core.live_setup import ALPHA_ONLY, SETUP, Field, Kind, snake
from diag.emulator.closing import CLOSES, invalid_value, list_for_one, unknown_name


def check_fields(setup: Mapping[str, Any], *, alpha: bool) -> None:
    """Check that all fields of a setup are known and have the right types.

    Parameters
    ----------
    alpha : bool
        Accept the fields of v1alpha (for v1alpha itself and for Vertex).

    Raises
    ------
    Refused
        1007 at the first unknown field or wrong value, with its place.
    """
    _check_table(setup, SETUP.fields, "setup", alpha=alpha)


def _check_table(table: Mapping[str, Any], fields: Mapping[str, Field], place: str, *, alpha: bool) -> None:
    for name, value in table.items():
        if name not in fields or (name in ALPHA_ONLY and not alpha):
            raise unknown_name(snake(str(name))[:60], place).refused()
        inner = fields[name]
        where = f"{place}.{snake(name)}"
        if isinstance(value, list) and inner.kind is not Kind.ANY:
            if not inner.many:
                raise list_for_one(snake(name), place).refused()
            for number, item in enumerate(value):
                _check_value(item, inner, f"{where}[{number}]", alpha=alpha)
        else:
            _check_value(value, inner, where, alpha=alpha)


def _check_value(value: object, field: Field, place: str, *, alpha: bool) -> None:
    if not field.accepts(value):
        if field.kind is Kind.TABLE:
            raise CLOSES["invalid_argument"].refused()
        raise invalid_value(place, field.kind.value, json.dumps(value)).refused()
    if isinstance(value, Mapping) and field.fields:
        _check_table(value, field.fields, place, alpha=alpha)
