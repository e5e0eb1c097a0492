"""The clips at the top of a comparison: the same turn of A and of B, from the end of the prompt on.

Both begin at the same moment of the conversation. One can switch between them while they play, and hear how long each
side waits and how its reply sounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from diag.core.chain import HEARD_REPLY_CHANNEL, Tap
from diag.core.clip import Clip
from diag.core.results import RunComparison, RunResult
from diag.core.take import Take, Turn
from diag.files.audio_files import encode_flac
from diag.report.language import tr
from diag.report.picks import Pick
from diag.report.shelf import EXCHANGE, Piece, part_note, spots_of

CLIP_S: Final = 15.0
BEFORE_S: Final = 1.0
"""How much of the prompt is heard before its end."""
AFTER_S: Final = 0.5
LEAD_S: Final = 2.0
"""How long before the place of a finding a clip begins that would not reach it from the end of the prompt."""
LEAST_S: Final = 4.0
TAPS: Final = (Tap.HEARD, Tap.PLAYED, Tap.RECEIVED)
"""In this order: the first one that both sides have is played."""
COLUMNS: Final = 300


@dataclass(frozen=True)
class _Side:
    """One side: its take and turn, and the shared moment, as a time of the recording of the tap (in s).

    `clocked` says that this moment is the end of the prompt's speech, and not the start of the reply.
    """

    index: int
    run: RunResult
    take: Take
    turn: Turn
    moment_s: float
    clocked: bool

    def end_s(self, tap: Tap) -> float:
        """Return how long after the shared moment the reply ends."""
        clip = self.take.clips[tap]
        return self.turn.reply_spans[tap][1] / clip.sample_rate_hz - self.moment_s


def sides_of(comparison: RunComparison, runs: Sequence[RunResult]) -> tuple[int, int]:
    """Return the indices of the two runs, -1 if absent. If both have the same name, the first is A and the second B."""
    names = [run.name for run in runs]
    a = names.index(comparison.a) if comparison.a in names else -1
    rest = [number for number, name in enumerate(names) if name == comparison.b and number != a]
    return a, rest[0] if rest else -1


def exchanges_of(
    comparisons: Sequence[RunComparison], runs: Sequence[RunResult], picks: Mapping[int, Pick], room: float
) -> list[Piece]:
    """Return the clips of the comparisons, A before B; none for a comparison whose sides share no turn.

    Parameters
    ----------
    comparisons : sequence of RunComparison
    runs : sequence of RunResult
    picks : mapping of int to Pick
        The take that represents each run.
    room : float
        Bytes for the two clips of a comparison, as base64 in the page. Both are shortened until they fit.
    """
    pieces: dict[tuple[int, object], Piece] = {}
    for comparison in comparisons:
        a, b = sides_of(comparison, runs)
        if a not in picks or b not in picks:
            continue
        found = _pieces((a, runs[a], picks[a]), (b, runs[b], picks[b]), room)
        if not any(piece.key in pieces for piece in found):
            pieces |= {piece.key: piece for piece in found}
    return list(pieces.values())


def _pieces(a: tuple[int, RunResult, Pick], b: tuple[int, RunResult, Pick], room: float) -> list[Piece]:
    """Return the clip of each side; an empty list if no turn with the same prompt was recorded on one tap of both."""
    takes = (a[2].take, b[2].take)
    for turns in _shared_turns(takes, a[2].turn):
        for tap in TAPS:
            if not all(tap in take.clips and tap in turn.reply_spans for take, turn in zip(takes, turns, strict=True)):
                continue
            moments_s, clocked = _moments_s(takes, turns, tap)
            sides = [
                _Side(index, run, take, turn, moment_s, clocked)
                for (index, run, _), take, turn, moment_s in zip((a, b), takes, turns, moments_s, strict=True)
            ]
            return _cut(sides, tap, room)
    return []


def _shared_turns(takes: tuple[Take, Take], wanted: Turn | None) -> list[tuple[Turn, Turn]]:
    """Return turns that have the same place and the same prompt in both takes, the wanted one first."""
    pairs = [
        (one, other)
        for one, other in zip(takes[0].turns, takes[1].turns, strict=False)
        if one.prompt_name == other.prompt_name
    ]
    return sorted(pairs, key=lambda pair: wanted is None or pair[0].index != wanted.index)


def _moments_s(takes: tuple[Take, Take], turns: tuple[Turn, Turn], tap: Tap) -> tuple[list[float], bool]:
    """Return the shared moment of both, and whether it is the end of the prompt's speech.

    It is the start of the reply where the end of the prompt has no place on the clock of the tap.
    """
    ends_s = [
        turn.speech_end_s - start_s
        for take, turn in zip(takes, turns, strict=True)
        if tap is not Tap.RECEIVED
        and turn.speech_end_s is not None
        and (start_s := take.clips[tap].start_s) is not None
    ]
    if len(ends_s) == len(takes):
        return ends_s, True
    starts_s = [
        turn.reply_spans[tap][0] / take.clips[tap].sample_rate_hz for take, turn in zip(takes, turns, strict=True)
    ]
    return starts_s, False


def _cut(sides: Sequence[_Side], tap: Tap, room: float) -> list[Piece]:
    """Return the clips, both from the same moment on and short enough for the page."""
    end_s = max(side.end_s(tap) for side in sides) + AFTER_S
    first_s = -min(BEFORE_S, *(side.moment_s for side in sides)) if sides[0].clocked else 0.0
    for side in sides:
        spots = spots_of(side.run, tap)
        at_s = spots[0].start_s - side.moment_s if spots else 0.0
        if at_s > CLIP_S + first_s:
            first_s = min(at_s - LEAD_S, end_s - CLIP_S)
            break
    length_s = min(CLIP_S, end_s - first_s)
    pieces = [_piece(side, tap, first_s, length_s, end_s) for side in sides]
    size = sum(len(encode_flac(piece.clip)) for piece in pieces) * 4 // 3
    if size > room:
        # Without loss and without another rate, because either would change what is compared.
        length_s = max(length_s * room / size, LEAST_S)
        pieces = [_piece(side, tap, first_s, length_s, end_s) for side in sides]
    return pieces


def _piece(side: _Side, tap: Tap, first_s: float, length_s: float, end_s: float) -> Piece:
    """Return the clip of one side from `first_s` to `first_s + length_s`, in seconds after the shared moment."""
    clip = side.take.clips[tap]
    rate_hz = clip.sample_rate_hz
    start, moment = round((side.moment_s + first_s) * rate_hz), round(side.moment_s * rate_hz)
    part = clip.slice(start, start + round(length_s * rate_hz))
    # Level and first sound are those of the reply, which has a channel of its own where the ear has two.
    reply = part.channel(min(HEARD_REPLY_CHANNEL if tap is Tap.HEARD else 0, part.channels - 1)).samples.copy()
    reply[: max(moment - start, 0)] = 0.0
    taken = tr("take {take}").format(take=side.take.id)
    return Piece(
        key=(side.index, EXCHANGE),
        clip=_mixed(part),
        reply=replace(part, samples=reply),
        title=tap.value,
        detail=f"{taken}, {side.turn.prompt_name}",
        label=tr("{what} of {run}, {detail}").format(what=tap.value, run=side.run.name, detail=taken),
        tap=tap,
        note=_from_where(first_s) if side.clocked else part_note(first_s, part.duration_s, end_s),
        offset_s=start / rate_hz,
        from_s=first_s,
        columns=COLUMNS,
    )


def _from_where(first_s: float) -> str:
    if first_s > 0:
        return tr("from {seconds:.1f} s after the end of the prompt").format(seconds=first_s)
    return tr("from {seconds:.1f} s before the end of the prompt").format(seconds=-first_s)


def _mixed(clip: Clip) -> Clip:
    """Return what a person hears of both channels, turned down where the sum would be clipped."""
    if clip.channels == 1:
        return clip.channel(0)
    both = clip.samples.sum(axis=1)
    loudest = float(np.abs(both).max()) if both.size else 0.0
    return replace(clip, samples=both / max(loudest, 1.0))
