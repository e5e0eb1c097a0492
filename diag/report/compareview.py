"""View of the comparison of two runs in the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.results import Change, Comparison, RunComparison, RunResult, Severity
from diag.core.states import State
from diag.report.exchange import sides_of
from diag.report.lanes import Lanes, lanes_of, origin_of, span_of
from diag.report.language import tr
from diag.report.picks import Pick, stretch
from diag.report.runview import show
from diag.report.sentences import call_of, capitalised, figure, label, place, signed
from diag.report.shelf import EXCHANGE, Pair, Players, exchange_pair, pair_of
from diag.report.spectra import Picture, Spectra, pictures_of, spectra_of


@dataclass(frozen=True)
class Line:
    """One measure in both runs."""

    label: str
    metric: str
    place: str
    a: str
    b: str
    change: str
    interval: str
    pairs: int
    state: State
    shape: str
    call: str
    reason: str


@dataclass(frozen=True)
class CompareView:
    """Everything that the report shows of a comparison."""

    anchor: str
    comparison: RunComparison
    state: State
    word: str
    sentence: str
    setup: tuple[tuple[str, str, str], ...]
    settings: tuple[tuple[str, str, str], ...]
    surroundings: tuple[tuple[str, str, str], ...]
    blame: str
    changed: tuple[Line, ...]
    unchanged: tuple[Line, ...]
    undecided: tuple[Line, ...]
    a_lanes: Lanes | None
    b_lanes: Lanes | None
    pairs: tuple[Pair, ...]
    spectra: Spectra | None
    pictures: tuple[Picture, ...]


def compare_view(
    comparison: RunComparison, index: int, runs: Sequence[RunResult], picks: Mapping[int, Pick], players: Players
) -> CompareView:
    """Return the view of a comparison of two runs of the report."""
    a, b = sides_of(comparison, runs)
    state, word = call_of(comparison.verdict)
    order = {Change.WORSE: 0, Change.BETTER: 1}
    lines = sorted(comparison.comparisons, key=lambda item: order.get(item.verdict, 2))
    a_lanes, b_lanes = _lanes(picks.get(a), picks.get(b))
    return CompareView(
        anchor=f"compare-{index + 1}",
        comparison=comparison,
        state=state,
        word=word,
        sentence=capitalised(comparison.sentence),
        setup=tuple((name, show(one), show(other)) for name, one, other in comparison.setup_diff),
        settings=tuple((name, show(one), show(other)) for name, one, other in comparison.config_diff),
        surroundings=tuple((name, show(one), show(other)) for name, one, other in comparison.environment_diff),
        blame=_blame(comparison, [runs[side] for side in (a, b) if side >= 0]),
        changed=tuple(_line(item) for item in lines if item.verdict in order),
        unchanged=tuple(_line(item) for item in lines if item.verdict is Change.NONE_SHOWN),
        undecided=tuple(_line(item) for item in lines if item.verdict is Change.TOO_FEW),
        a_lanes=a_lanes,
        b_lanes=b_lanes,
        pairs=_pairs(a, b, players),
        spectra=_spectra(picks.get(a), picks.get(b)),
        pictures=pictures_of(_heard(picks.get(a), picks.get(b))),
    )


def _blame(comparison: RunComparison, sides: Sequence[RunResult]) -> str:
    """Return whether findings or figures show which of the differing settings is the cause."""
    roots = [[item.finding for item in run.findings if item.finding.consequence_of is None] for run in sides]
    codes = [{finding.code for finding in found if finding.severity is not Severity.INFO} for found in roots]
    if len(codes) == 2 and codes[0] ^ codes[1]:
        named = ", ".join(sorted(codes[0] ^ codes[1]))
        return tr("see {codes} below for what is wrong and how to fix it").format(codes=named)
    # Fields of the setup message that differ come from settings that differ, so they do not count again.
    differing = max(len(comparison.config_diff), len(comparison.setup_diff)) + len(comparison.environment_diff)
    if differing > 1:
        return tr("the figures alone cannot show which of these is the cause")
    return ""


def _line(item: Comparison) -> Line:
    state, call = call_of(item.verdict)
    measured = item.a is not None and item.b is not None
    if not measured:
        state, call = State.UNKNOWN, "not measured"
    shape = state.shape
    if measured and item.verdict is Change.NONE_SHOWN:
        state, shape = State.UNKNOWN, "~"
    interval = ""
    if item.interval is not None:
        interval = tr("{low} to {high}").format(
            low=signed(item.interval[0], item.unit), high=signed(item.interval[1], item.unit)
        )
    return Line(
        label(item.metric),
        item.metric,
        place(item.segment, item.tap),
        figure(item.a, item.unit),
        figure(item.b, item.unit),
        signed(item.difference, item.unit) if item.difference is not None else "",
        interval,
        item.n_pairs,
        state,
        shape,
        call,
        item.reason or "",
    )


def _lanes(a: Pick | None, b: Pick | None) -> tuple[Lanes | None, Lanes | None]:
    """Return both time lines on the same axis, aligned at the end of the prompt's speech."""
    if a is None or b is None:
        return (lanes_of(a) if a else None), (lanes_of(b) if b else None)
    spans = [(pick, origin_of(pick), span_of(pick)) for pick in (a, b)]
    before_s = max(origin - span[0] for _, origin, span in spans)
    after_s = max(span[1] - origin for _, origin, span in spans)
    first, second = (lanes_of(pick, span_s=(origin - before_s, origin + after_s)) for pick, origin, _ in spans)
    return first, second


def _pairs(a: int, b: int, players: Players) -> tuple[Pair, ...]:
    """Return what one can switch between: the exchange, or else what was heard, and what came from the service."""
    found: list[Pair | None] = []
    first, second = players.get((a, EXCHANGE)), players.get((b, EXCHANGE))
    if first and second:
        title = tr("{tap}: the end of the prompt, the wait and the reply").format(tap=first.title)
        found.append(exchange_pair(title, first, second))
    for tap in (Tap.HEARD, Tap.RECEIVED):
        one, other = players.get((a, tap)), players.get((b, tap))
        # Parts of different places of the reply cannot be compared.
        if one and other and not (first and second and tap is first.tap) and one.from_s == other.from_s:
            found.append(pair_of(tap.value, one, other))
    return tuple(pair for pair in found if pair)


def _heard(a: Pick | None, b: Pick | None) -> list[tuple[str, Clip]]:
    sides = (("A heard", a), ("B heard", b))
    return [
        (name, clip)
        for name, pick in sides
        if pick is not None and (clip := stretch(pick.take, pick.turn, Tap.HEARD)) is not None
    ]


def _spectra(a: Pick | None, b: Pick | None) -> Spectra | None:
    styles = {"A heard": "side-a", "B heard": "side-b"}
    return spectra_of("What was heard", [(name, styles[name], clip) for name, clip in _heard(a, b)])
