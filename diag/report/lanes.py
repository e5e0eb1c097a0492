"""Time line of a take: who spoke when, when chunks arrived, and how long the person waited."""

from __future__ import annotations

from dataclasses import dataclass

from diag.core.chain import HEARD_PROMPT_CHANNEL, HEARD_REPLY_CHANNEL, Tap
from diag.core.clip import Clip
from diag.core.take import Turn
from diag.report.language import tr
from diag.report.picks import Pick
from diag.report.sentences import figure
from diag.report.svg import envelope, number, peaks, ticks

WIDTH = 1000.0
HEIGHT = 60.0
_COLUMNS = 220
_LEAD_S = 0.3


@dataclass(frozen=True)
class Lane:
    """One row: a waveform as an SVG path in a box of WIDTH by HEIGHT, or marks where chunks arrived."""

    name: str
    words: str
    tap: Tap
    path: str
    marks: bool = False


@dataclass(frozen=True)
class Wait:
    """The shaded wait of one turn; positions in percent of the axis. `length` is how long it was, `words` says so."""

    left: float
    width: float
    words: str
    length: str
    answered: bool


@dataclass(frozen=True)
class Lanes:
    """Rows, waits and ticks on one time axis, and a summary in words."""

    rows: tuple[Lane, ...]
    waits: tuple[Wait, ...]
    axis: tuple[tuple[float, str], ...]
    summary: str


def lanes_of(pick: Pick, *, span_s: tuple[float, float] | None = None) -> Lanes | None:
    """Return the time line of a take, over its own length or over `span_s`; None if no recording has a start time."""
    take = pick.take
    start_s, end_s = span_s or span_of(pick)
    if not end_s > start_s:
        return None
    rows = [row for row in (_prompt_row(pick, start_s, end_s), _chunk_row(pick, start_s, end_s)) if row]
    reply = _side(take.clips.get(Tap.HEARD), HEARD_REPLY_CHANNEL)
    words, tap = (
        ("what came out", Tap.HEARD) if reply is not None else ("what the player sent to the device", Tap.PLAYED)
    )
    reply = reply if reply is not None else _side(take.clips.get(Tap.PLAYED), 0)
    if reply is not None:
        rows.append(Lane(tap.value, words, tap, _wave(reply, start_s, end_s)))
    if not rows:
        return None
    waits = tuple(wait for turn in take.turns if (wait := _wait(pick, turn, start_s, end_s)))
    origin_s = origin_of(pick)
    axis = tuple(
        (round((tick + origin_s - start_s) / (end_s - start_s) * 100, 2), f"{tick:g} s")
        for tick in ticks(start_s - origin_s, end_s - origin_s, most=8)
    )
    return Lanes(tuple(rows), waits, axis, _in_words(pick, waits))


def origin_of(pick: Pick) -> float:
    """Return the zero of the axis: the end of the prompt's speech for a single turn, else the start of the take."""
    turns = pick.take.turns
    return turns[0].speech_end_s or 0.0 if len(turns) == 1 else 0.0


def span_of(pick: Pick) -> tuple[float, float]:
    """Return the span to draw: from just before the first prompt to the end of the last turn."""
    take = pick.take
    if not take.turns:
        return (0.0, 0.0)
    first, last = take.turns[0], take.turns[-1]
    start_s = max(0.0, (first.speech_start_s if first.speech_start_s is not None else first.start_s) - _LEAD_S)
    ends = [_end_of_reply(pick, last), last.speech_end_s]
    known = [end for end in ends if end is not None]
    end_s = max(known) + _LEAD_S if known and _end_of_reply(pick, last) is not None else last.end_s
    return (start_s, max(end_s, start_s))


def _end_of_reply(pick: Pick, turn: Turn) -> float | None:
    ends = []
    for tap, span in turn.reply_spans.items():
        clip = pick.take.clips.get(tap)
        if clip is not None and clip.start_s is not None and tap in (Tap.PLAYED, Tap.HEARD):
            ends.append(clip.start_s + span[1] / clip.sample_rate_hz)
    return max(ends) if ends else None


def _side(clip: Clip | None, channel: int) -> Clip | None:
    if clip is None or clip.start_s is None or clip.frames == 0:
        return None
    return clip.channel(min(channel, clip.channels - 1))


def _prompt_row(pick: Pick, start_s: float, end_s: float) -> Lane | None:
    heard = pick.take.clips.get(Tap.HEARD)
    both = heard is not None and heard.channels > 1
    clip = _side(heard, HEARD_PROMPT_CHANNEL) if both else _side(pick.take.clips.get(Tap.PROMPT), 0)
    if clip is None:
        return None
    return Lane("prompt", "what was said", Tap.PROMPT, _wave(clip, start_s, end_s))


def _wave(clip: Clip, start_s: float, end_s: float) -> str:
    """Return the clip's waveform on the axis, scaled to its loudest sample; a clip below -40 dBFS is drawn small."""
    cut = clip.slice(clip.frame_at(start_s), clip.frame_at(end_s))
    if cut.frames == 0 or cut.start_s is None:
        return ""
    loudest = max(float(abs(cut.samples).max()), 0.01)
    x = (cut.start_s - start_s) / (end_s - start_s) * WIDTH
    width = cut.duration_s / (end_s - start_s) * WIDTH
    columns = max(1, round(_COLUMNS * width / WIDTH))
    return envelope(peaks(cut.samples, columns), x=x, width=width, middle=HEIGHT / 2, half=(HEIGHT / 2 - 2) / loudest)


def _chunk_row(pick: Pick, start_s: float, end_s: float) -> Lane | None:
    chunks = pick.take.timeline.named("chunk_received", start_s=start_s, end_s=end_s)
    if not chunks:
        return None
    places = [(event.t_s - start_s) / (end_s - start_s) * WIDTH for event in chunks]
    path = "".join(f"M{number(x)} 12V{number(HEIGHT - 12)}" for x in places)
    return Lane("received", tr("{n} chunks as they arrived").format(n=len(chunks)), Tap.RECEIVED, path, marks=True)


def _wait(pick: Pick, turn: Turn, start_s: float, end_s: float) -> Wait | None:
    if turn.speech_end_s is None:
        return None
    value = pick.result.measurements.value("ttfa_heard_s", turn=turn.index)
    until = turn.speech_end_s + value if value is not None else turn.end_s
    left, right = sorted((turn.speech_end_s, until))
    share = 100.0 / (end_s - start_s)
    clipped_left, clipped_right = max(left, start_s), min(right, end_s)
    length = tr("nothing heard") if value is None else figure(value, "s")
    words = length if value is None else tr("{time} wait").format(time=length)
    return Wait(
        round((clipped_left - start_s) * share, 2),
        round(max(clipped_right - clipped_left, 0.0) * share, 2),
        words,
        length,
        value is not None,
    )


def _in_words(pick: Pick, waits: tuple[Wait, ...]) -> str:
    lengths = [wait.length for wait in waits]
    numbered = [tr("turn {number}").format(number=n) + f": {length}" for n, length in enumerate(lengths, start=1)]
    said = "; ".join(lengths if len(waits) == 1 else numbered) or tr("no prompt was spoken")
    words = tr("Take {take}. Wait from the end of the prompt's speech to the first audio heard: {waits}.")
    return words.format(take=pick.take.id, waits=said)
