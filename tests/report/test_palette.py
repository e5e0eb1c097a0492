"""Contrast of every text colour on every ground it stands on, in light and in dark, worked out from the style sheet."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

STYLE = files("diag.report").joinpath("templates", "style.css").read_text(encoding="utf-8")
GROUNDS = ("ground", "panel")
TEXTS = ("text", "quiet", "link", "fails", "watch", "good", "unknown", "prompt", "captured", "sent", "received",
         "played", "heard", "voice")  # fmt: skip


def palette(theme: str) -> dict[str, str]:
    """The custom properties of one theme."""
    light, dark = (block[1] for block in re.finditer(r":root \{(.*?)\}", STYLE, re.S))
    named = dict(re.findall(r"--([\w-]+): (#\w{6});", light))
    return named if theme == "light" else named | dict(re.findall(r"--([\w-]+): (#\w{6});", dark))


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_known_colours():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme):
    colours = palette(theme)
    weak = {
        (text, ground): round(contrast(colours[text], colours[ground]), 2)
        for text in TEXTS
        for ground in (*GROUNDS, *(("shade",) if text == "text" else ()))
        if contrast(colours[text], colours[ground]) < 4.5
    }
    assert weak == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_stages_can_be_told_from_the_ground(theme):
    colours = palette(theme)
    assert all(contrast(colours[f"stage-{n}"], colours["panel"]) >= 3.0 for n in range(1, 7))


def test_dark_has_every_colour_of_light():
    light, dark = palette("light"), dict(re.findall(r"--([\w-]+): (#\w{6});", STYLE.split("@media")[1]))
    assert set(light) == set(dark)


def test_every_colour_that_is_used_is_named():
    assert set(re.findall(r"var\(--([\w-]+)\)", STYLE)) <= set(palette("light"))
