#!/usr/bin/env python3
"""Draw the set-ups of docs/devices.md as SVG files: which device is which port, and what hears what."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from html import escape
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
WIDTH, HEIGHT = 760, 250
INK, QUIET, LINE, BLUE, RED = "#1a1d21", "#545b66", "#cfd4dc", "#0b57b0", "#b3261e"
BOX_WIDTH, BOX_HEIGHT = 150, 54
PLACES = {"mouth": (24, 32), "microphone": (304, 32), "speaker": (304, 164), "ear": (584, 164), "client": (584, 32)}


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One set-up: what each port is, and the paths between them.

    Parameters
    ----------
    ports : dict
        Port to the words for its device; a port without one is not there.
    paths : tuple of (from, to, words, wanted)
        What hears what. A path that is not wanted is drawn in red.
    """

    name: str
    title: str
    ports: dict[str, str]
    paths: tuple[tuple[str, str, str, bool], ...]


SETUPS = (
    Setup(
        name="laptop",
        title="A laptop: its own loudspeaker and microphone, and a second loudspeaker for the prompts",
        ports={"mouth": "a small loudspeaker", "microphone": "the laptop's", "speaker": "the laptop's",
               "ear": "a USB microphone"},
        paths=(("mouth", "microphone", "prompt", True), ("speaker", "ear", "reply", True),
               ("speaker", "microphone", "echo", False)),
    ),
    Setup(
        name="headset",
        title="A headset: its earpiece lies on a USB microphone",
        ports={"mouth": "a small loudspeaker", "microphone": "the headset's", "speaker": "the headset's",
               "ear": "a USB microphone"},
        paths=(("mouth", "microphone", "prompt", True), ("speaker", "ear", "reply, on the cushion", True)),
    ),
    Setup(
        name="interface",
        title="A USB audio interface with two loopback cables: no air, no noise",
        ports={"mouth": "output 1", "microphone": "input 1", "speaker": "output 2", "ear": "input 2"},
        paths=(("mouth", "microphone", "cable", True), ("speaker", "ear", "cable", True)),
    ),
    Setup(
        name="phone",
        title="A phone on a table: it runs the app, and the computer speaks and listens",
        ports={"mouth": "the computer's loudspeaker", "microphone": "the phone's", "speaker": "the phone's",
               "ear": "the computer's microphone"},
        paths=(("mouth", "microphone", "prompt", True), ("speaker", "ear", "reply", True),
               ("speaker", "microphone", "echo", False)),
    ),
)  # fmt: skip


def _box(port: str, words: str) -> str:
    x, y = PLACES[port]
    return (
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8" fill="#f4f7fb" stroke="{LINE}"/>'
        f'<text x="{x + BOX_WIDTH / 2}" y="{y + 23}" font-size="15" font-weight="bold" fill="{INK}">{port}</text>'
        f'<text x="{x + BOX_WIDTH / 2}" y="{y + 42}" font-size="12" fill="{QUIET}">{escape(words)}</text>'
    )


def _path(first: str, last: str, words: str, *, wanted: bool) -> str:
    (x1, y1), (x2, y2) = PLACES[first], PLACES[last]
    colour = BLUE if wanted else RED
    dashes = "" if wanted else ' stroke-dasharray="6 4"'
    if x1 == x2:  # straight up
        start, end = (x1 + BOX_WIDTH / 2, y1), (x2 + BOX_WIDTH / 2, y2 + BOX_HEIGHT)
        words_at = start[0] + 30, (start[1] + end[1]) / 2 + 4
    else:
        start, end = (x1 + BOX_WIDTH, y1 + BOX_HEIGHT / 2), (x2, y2 + BOX_HEIGHT / 2)
        words_at = (start[0] + end[0]) / 2, start[1] + (18 if first == "speaker" else -9)
    return (
        f'<line x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}" stroke="{colour}" stroke-width="2"{dashes} '
        f'marker-end="url(#{"wanted" if wanted else "leak"})"/>'
        f'<text x="{words_at[0]}" y="{words_at[1]}" font-size="12" fill="{colour}">{escape(words)}</text>'
    )


def _client() -> str:
    """Return the app between microphone and speaker."""
    x, y = PLACES["client"]
    microphone, speaker = PLACES["microphone"], PLACES["speaker"]
    middle = x + BOX_WIDTH / 2
    right = speaker[0] + BOX_WIDTH
    bend = right + 55
    return (
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8" fill="#fff" stroke="{QUIET}"/>'
        f'<text x="{middle}" y="{y + 23}" font-size="15" fill="{INK}">the app</text>'
        f'<text x="{middle}" y="{y + 42}" font-size="12" fill="{QUIET}">and the Live API</text>'
        f'<line x1="{microphone[0] + BOX_WIDTH}" y1="{y + 20}" x2="{x}" y2="{y + 20}" stroke="{QUIET}" '
        'stroke-width="1.6" marker-end="url(#app)"/>'
        f'<path d="M{x} {y + 38} H{bend} V{speaker[1] + 12} H{right}" fill="none" stroke="{QUIET}" stroke-width="1.6" '
        'marker-end="url(#app)"/>'
    )


def picture(setup: Setup) -> str:
    """Return a set-up as SVG."""
    heads = "".join(
        f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L10 5L0 10z" fill="{colour}"/></marker>'
        for name, colour in (("wanted", BLUE), ("leak", RED), ("app", QUIET))
    )
    body = "\n".join(
        [
            _client(),
            *(_path(first, last, words, wanted=wanted) for first, last, words, wanted in setup.paths),
            *(_box(port, words) for port, words in setup.ports.items()),
        ]
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" text-anchor="middle" font-family="DejaVu Sans, Helvetica, Arial, sans-serif">\n'
        f"<title>{escape(setup.title)}</title>\n<defs>{heads}</defs>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n{body}\n</svg>\n'
    )


def main() -> None:
    """Write one picture for each set-up."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    for setup in SETUPS:
        (FOLDER / f"devices_{setup.name}.svg").write_text(picture(setup), encoding="utf-8")


if __name__ == "__main__":
    main()
