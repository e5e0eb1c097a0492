"""JSON from anywhere: a value of a usual size, or one reason."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diag.core.json_reading import DEEPEST, read_json

_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(value=_PLAIN)
def test_plain_data_is_read_as_it_was_written(value):
    assert read_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested deeper"),
        ('{"a":' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1), "nested deeper"),
        ("1" * 5000, "5000 digits"),
        ("1" * 400, "400 digits"),
        ("1e999", "too large"),
        ("Infinity", "not a number in JSON"),
        ('{"a": NaN}', "not a number in JSON"),
        ('"\\ud800"', "half of a character"),
        (b"\xff\xfe", "not text in UTF-8"),
        ("{", "Expecting"),
    ],
)
def test_what_is_not_plain_data_is_refused_with_its_reason(text, reason):
    with pytest.raises(ValueError, match=reason):
        read_json(text)


def test_brackets_in_texts_do_not_count_as_nesting():
    assert read_json(json.dumps({"a": "[" * 500})) == {"a": "[" * 500}
