"""Text of others is shown without what a terminal or a browser would obey."""

import json

from hypothesis import given
from hypothesis import strategies as st

from diag.core.plain_text import json_safe, on_one_line, quotable, visible

UNSAFE = [*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u061c\u200b\u200e\u200f\u2028\u2029\ufeff",
          *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\ud800", "\U000e0041"]  # fmt: skip


@given(text=st.text(st.one_of(st.sampled_from(UNSAFE), st.characters()), max_size=60))
def test_no_control_is_left_but_line_feeds_and_tabs(text):
    assert not set(visible(text)) & (set(UNSAFE) - set("\n\t"))
    assert not set(on_one_line(text)) & set(UNSAFE)
    visible(text).encode()


@given(text=st.text(st.one_of(st.sampled_from(UNSAFE), st.characters(exclude_categories=["Cs"])), max_size=60))
def test_json_keeps_its_meaning(text):
    safe = json_safe(json.dumps({"a": text}, ensure_ascii=False))
    assert json.loads(safe) == {"a": text}
    assert not set(safe) & (set(UNSAFE) - set("\n\t"))


def test_a_window_title_and_reordered_text_are_shown_escaped():
    assert visible("\x1b]0;p\x07\u202e") == "\\x1b]0;p\\x07\\u202e"
    assert visible("한국어 äöü 👍") == "한국어 äöü 👍"


def test_a_long_text_is_cut_with_its_length():
    assert quotable("a" * 1000, 10) == "aaaaaaaaaa… (1000 characters)"
    assert quotable("a\nb") == "a\\nb"
