"""TOML from anywhere: tables, or one reason."""

import pytest

from diag.files.toml_text import DEEPEST, read_toml


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a=" + "[" * 100_000, "nested deeper"),
        ("a=" + "[" * (DEEPEST + 2) + "]" * (DEEPEST + 2), "nested deeper"),
        ("x=" + "1" * 5000, "64 bits"),
        ("x=" + "1" * 40, "64 bits"),
        ("x=", "not valid TOML"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(text, reason):
    with pytest.raises(ValueError, match=reason):
        read_toml(text)


def test_tables_are_read():
    assert read_toml("[a]\nb = [1, 2.5]") == {"a": {"b": [1, 2.5]}}
