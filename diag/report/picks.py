"""Choose the take of a run that the report shows and plays, and the span of each tap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from diag.core.chain import HEARD_PROMPT_CHANNEL, HEARD_REPLY_CHANNEL, Tap
from diag.core.clip import Clip
from diag.core.results import RunFinding, RunResult, TakeResult
from diag.core.take import Span, Take, Turn
from diag.report.language import tr


@dataclass(frozen=True)
class Pick:
    """The take that represents a run, its judgement, the turn shown, and why it was chosen.

    The take is loaded when it is accessed, because the takes of many runs do not fit into memory together.
    """

    load: Callable[[], Take]
    result: TakeResult
    turn: Turn | None
    why: str

    @property
    def take(self) -> Take:
        """The take."""
        return self.load()


def pick(run: RunResult, takes: Sequence[Take], like: Pick | None = None) -> Pick | None:
    """Return the take with the worst finding, or the one with the median time to first audio; None without takes.

    `takes` may load its members lazily; only the chosen take is loaded. With `like`, the take of another run, takes of
    the same prompts are preferred, so that answers to the same question are compared.
    """
    wanted = like.result.prompt_names if like else ()
    for result, why, turn in sorted(
        _preferred(run), key=lambda found: bool(wanted) and found[0].prompt_names != wanted
    ):
        index = _index_of(run, takes, result.id)
        if index is not None:
            return Pick(partial(takes.__getitem__, index), result, _turn(takes[index], turn), why)
    return None


def _preferred(run: RunResult) -> Iterator[tuple[TakeResult, str, int | None]]:
    """Yield results of a run in order of preference, with the reason and the turn concerned."""
    counted = {result.id: result for result in run.counted}
    for found in sorted(run.findings, key=lambda item: (item.finding.consequence_of is not None, -_rank(item))):
        named = next((item.turn for item in found.finding.evidence if item.turn is not None), None)
        for take_id in found.take_ids:
            if take_id in counted:
                yield counted[take_id], tr("shows {code}").format(code=found.finding.code), named
    timed = [
        (value, result.id)
        for result in counted.values()
        if (value := result.measurements.value("ttfa_heard_s")) is not None
    ]
    if timed:
        yield counted[sorted(timed)[(len(timed) - 1) // 2][1]], tr("median time to first audio"), None
    for result in counted.values():
        yield result, tr("first counted take"), None
    for result in run.takes:
        yield result, tr("discarded; no other take to show"), None


def _index_of(run: RunResult, takes: Sequence[Take], take_id: str) -> int | None:
    index = [result.id for result in run.takes].index(take_id)
    if index < len(takes) and takes[index].id == take_id:
        return index
    return next((index for index, take in enumerate(takes) if take.id == take_id), None)


def _rank(item: RunFinding) -> int:
    return item.finding.severity.rank


def _turn(take: Take, index: int | None) -> Turn | None:
    named = next((turn for turn in take.turns if turn.index == index), None)
    return named or next(iter(take.turns), None)


def stretch(take: Take, turn: Turn | None, tap: Tap) -> Clip | None:
    """Return the prompt on the taps before the service, and the reply on the taps after it, as a mono clip.

    If the take has no turns, return the whole clip. Return None if the tap was not recorded or holds nothing of this
    turn.
    """
    clip, span = take.clips.get(tap), span_of(take, turn, tap)
    if clip is None or span is None:
        return None
    side = HEARD_REPLY_CHANNEL if tap is Tap.HEARD else HEARD_PROMPT_CHANNEL
    cut = clip.channel(min(side, clip.channels - 1)).slice(*span)
    return cut if cut.frames else None


def span_of(take: Take, turn: Turn | None, tap: Tap) -> Span | None:
    """Return the first frame of that clip in the tap's recording, and the one after its last."""
    if turn is None:
        return (0, take.clips[tap].frames) if tap in take.clips else None
    before = tap in (Tap.PROMPT, Tap.CAPTURED, Tap.SENT)
    return (turn.prompt_spans if before else turn.reply_spans).get(tap)
