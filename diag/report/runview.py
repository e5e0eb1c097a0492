"""View of one run in the report, from its judgement and its representative take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.results import RunResult, SummaryRow
from diag.core.states import State
from diag.judge.comparison import badness
from diag.measure.registry import Group, Metric, MetricKind, metric_named, report_order, tiles
from diag.report.findings import FindingView, findings_of
from diag.report.lanes import Lanes, lanes_of
from diag.report.language import ntr, tr
from diag.report.page_view import PageView, page_view
from diag.report.picks import Pick, stretch
from diag.report.sentences import alike, capitalised, figure, label, of_takes, place, spread
from diag.report.shelf import EXCHANGE, Key, Player, Players, VoiceSample
from diag.report.spectra import Picture, Spectra, pictures_of, spectra_of, style_of
from diag.report.states import Check, HopState, SetupState, checks_of, hops_of, setup_of
from diag.report.waterfall import Waterfall, waterfall_of

PROMPT_SIDE = (Tap.PROMPT, Tap.CAPTURED, Tap.SENT)
REPLY_SIDE = (Tap.RECEIVED, Tap.PLAYED, Tap.HEARD)


@dataclass(frozen=True)
class Measure:
    """One line of the table of measures."""

    label: str
    metric: str
    group: str
    place: str
    words: str
    p95: str
    missing: str


@dataclass(frozen=True)
class Gap:
    """Something that was not measured, and why."""

    what: str
    often: str
    reason: str


@dataclass(frozen=True)
class TakeRow:
    """One take in the list of takes."""

    id: str
    prompts: str
    state: State
    word: str
    findings: str
    heard: str
    why_discarded: str


@dataclass(frozen=True)
class RunView:
    """Everything that the report shows of one run."""

    anchor: str
    run: RunResult
    state: State
    word: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    tiles: tuple[tuple[str, str, str], ...]
    setup: SetupState
    hops: tuple[HopState, ...]
    findings: tuple[FindingView, ...]
    checks: tuple[Check, ...]
    pick: Pick | None
    lanes: Lanes | None
    waterfall: Waterfall | None
    players: tuple[Player, ...]
    silent: tuple[str, ...]
    spectra: tuple[Spectra, ...]
    pictures: tuple[Picture, ...]
    measures: tuple[Measure, ...]
    gaps: tuple[Gap, ...]
    takes: tuple[TakeRow, ...]
    config: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    repeat: tuple[str, ...]
    page: PageView | None


def run_view(
    run: RunResult, index: int, pick: Pick | None, players: Players, voice: VoiceSample | None = None
) -> RunView:
    """Return the view of a run.

    Parameters
    ----------
    run : RunResult
    index : int
        Number of the run in the report, from 0.
    pick : Pick or None
        The take that represents the run, if one was loaded.
    players : mapping
        Result of `shelf.players_of`.
    voice : VoiceSample or None
        The voice that the replies were compared with.
    """
    findings = findings_of(run, index, players)
    checks = checks_of(run)
    state = _state(run, findings, checks)
    # The voice of the profile stands behind what was received, because both are compared.
    order: list[Tap | None] = list(Tap)
    order.insert(order.index(Tap.RECEIVED) + 1, None)
    # The exchange of a comparison is also the player of its tap, or has one of its own.
    keys: list[Key] = [(index, EXCHANGE), *((index, tap) for tap in order)]
    own = tuple({player.id: player for key in reversed(keys) if (player := players.get(key))}.values())[::-1]
    return RunView(
        anchor=f"run-{index + 1}",
        run=run,
        state=state,
        word=state.word,
        summary=_summary(run, findings),
        facts=_facts(run),
        tiles=_tiles(run),
        setup=setup_of(run),
        hops=hops_of(run),
        findings=findings,
        checks=checks,
        pick=pick,
        lanes=lanes_of(pick) if pick else None,
        waterfall=waterfall_of(run),
        players=own,
        silent=_silent(pick, own),
        spectra=_spectra(pick, voice),
        pictures=_pictures(run, pick),
        measures=tuple(_measure(row) for row in _in_order(run) if row.n),
        gaps=_gaps(run, checks),
        takes=tuple(_take_rows(run)),
        config=tuple(flat(run.config)),
        environment=(*flat(run.environment), *_devices(pick)),
        repeat=_repeat(run),
        page=page_view(run, pick),
    )


def _state(run: RunResult, findings: Sequence[FindingView], checks: Sequence[Check]) -> State:
    if not run.counted:
        return State.UNKNOWN
    states = [finding.state for finding in findings if finding.state is not State.UNKNOWN]
    if states:
        return max(states, key=lambda state: state.rank)
    return State.GOOD if any(check.state is State.GOOD for check in checks) else State.UNKNOWN


def _summary(run: RunResult, findings: Sequence[FindingView]) -> str:
    faults = [finding for finding in findings if finding.state is not State.UNKNOWN]
    if faults:
        return faults[0].title
    if not run.counted:
        return tr("Nothing was measured.")
    words = ntr("No fault found in {n} counted take.", "No fault found in {n} counted takes.", len(run.counted))
    return words.format(n=len(run.counted))


def _facts(run: RunResult) -> tuple[tuple[str, str], ...]:
    discarded = len(run.takes) - len(run.counted)
    session = run.config.get("session", {})
    wanted = {
        "takes": tr("{counted} of {takes} counted, {discarded} discarded").format(
            counted=len(run.counted), takes=len(run.takes), discarded=discarded
        ),
        "model": session.get("model"),
        "voice": session.get("voice"),
        "compared with": None if run.voice is None else tr("the profile of the voice {voice}").format(voice=run.voice),
        "endpoint": run.environment.get("endpoint"),
        "audio": run.environment.get("audio"),
    }
    return tuple((name, show(value)) for name, value in wanted.items() if value)


def _tiles(run: RunResult) -> tuple[tuple[str, str, str], ...]:
    """Return the most important figures: label, value, range and n."""
    shown = []
    for metric in tiles():
        rows = [row for row in run.summary if row.metric == metric.name]
        if metric.kind is MetricKind.SEGMENT:
            # With several turns, the row without a turn is over all of them.
            over_all = [row for row in rows if row.turn is None] or rows
            found = _segment_tile(metric, [row for row in over_all if row.segment], run)
        else:
            first = next((row for row in rows if row.turn in (None, 0)), None)
            found = _take_tile(metric, first, run) if first else None
        if found is not None:
            shown.append(found)
    return tuple(shown)


def _take_tile(metric: Metric, row: SummaryRow, run: RunResult) -> tuple[str, str, str]:
    if metric.group is not Group.ANSWER:
        return _tile(row, len(run.counted))
    # A take with several turns counts if every turn does.
    values = [
        min((item.value for item in take.measurements.find(row.metric) if isinstance(item.value, float)), default=0.0)
        for take in run.counted
    ]
    yes = sum(value > 0.5 for value in values)
    answered = tr("{k} of {n}").format(k=yes, n=len(values))
    return label(row.metric), answered, ntr("take", "takes", len(values))


_IN_THE_REPLY = {"dullness_db": "SVC005"}
"""Finding that the reply already had what a metric looks for on the segments behind the service."""


def _segment_tile(metric: Metric, rows: Sequence[SummaryRow], run: RunResult) -> tuple[str, str, str] | None:
    """Return the tile of the worst segment; None if no segment was measured.

    A good value is not shown if a segment has none, or if the reply arrived with the fault: it would pass for all.
    """
    measured = [(badness(metric.better, row.median), row) for row in rows if row.median is not None]
    if not measured:
        return None
    bad, worst = max(measured, key=lambda pair: pair[0])
    name, value, rest = _tile(worst, len(run.counted))
    missing = [row.segment.covers for row in rows if row.segment and row.segment.comparable and row.median is None]
    if bad <= metric.tolerance:
        arrived = next(
            (item.finding for item in run.findings if item.finding.code == _IN_THE_REPLY.get(metric.name)), None
        )
        if arrived is not None:
            words = tr("{title} ({code}); {value} on the way from it")
            return name, tr("by the service"), words.format(title=arrived.title, code=arrived.code, value=value)
        if missing:
            words = tr("{hops}; {value} at worst elsewhere, n {n}")
            return name, tr("not measured"), words.format(hops=", ".join(map(tr, missing)), value=value, n=worst.n)
    unknown = tr("; not measured: {hops}").format(hops=", ".join(map(tr, missing))) if missing else ""
    words = tr("{place}, the worst of {n}; {rest}").format(place=place(worst.segment, None), n=len(measured), rest=rest)
    return name, value, f"{words}{unknown}"


def _tile(row: SummaryRow, counted: int) -> tuple[str, str, str]:
    if row.median is None or row.low is None or row.high is None:
        words = ntr("in {k} of {n} take", "in {k} of {n} takes", counted)
        return label(row.metric), tr("not measured"), words.format(k=row.missing, n=counted)
    median, low, high = alike((row.median, row.low, row.high), row.unit)
    missing = tr(", {n} missing").format(n=row.missing) if row.missing else ""
    # A single value has neither a median nor a range.
    several = tr("median, {low} to {high}, n {n}").format(low=low, high=high, n=row.n)
    words = several if row.n > 1 else tr("a single value, n 1")
    return label(row.metric), median, f"{words}{missing}"


def _silent(pick: Pick | None, players: Sequence[Player]) -> tuple[str, ...]:
    """Return the taps that have nothing to listen to, with the reason."""
    if pick is None:
        return ()
    missing = [tap for tap in (Tap.PROMPT, Tap.RECEIVED, Tap.HEARD) if tap not in {player.tap for player in players}]
    reasons = {True: tr("it has no sound of this turn"), False: tr("this tap was not recorded")}
    return tuple(f"{tap.value}: {reasons[tap in pick.take.clips]}" for tap in missing)


def _clips(pick: Pick | None, taps: Sequence[Tap]) -> list[tuple[Tap, Clip]]:
    if pick is None:
        return []
    return [(tap, clip) for tap in taps if (clip := stretch(pick.take, pick.turn, tap)) is not None]


def _spectra(pick: Pick | None, voice: VoiceSample | None) -> tuple[Spectra, ...]:
    sides = {"The reply on its way out": REPLY_SIDE, "The prompt on its way in": PROMPT_SIDE}
    drawn = {
        title: [(tap.value, style_of(tap), clip) for tap, clip in _clips(pick, taps)] for title, taps in sides.items()
    }
    if voice is not None and _clips(pick, (Tap.RECEIVED,)):
        both = [
            (tr("voice {name}").format(name=voice.name), "voice", voice.clip),
            *drawn["The reply on its way out"][:1],
        ]
        drawn = {"The reply as received and the voice of the profile": both, **drawn}
    return tuple(spectra for title, curves in drawn.items() if (spectra := spectra_of(title, curves)))


def _pictures(run: RunResult, pick: Pick | None) -> tuple[Picture, ...]:
    """Return spectrograms of both ends of the worst hop, or of `received` and `heard` if no hop fails."""
    ends = next((hop.hop.ends for hop in hops_of(run) if hop.state is State.FAILS), (Tap.RECEIVED, Tap.HEARD))
    clips = _clips(pick, ends)
    if len(clips) < len(ends):
        clips = _clips(pick, (Tap.RECEIVED, Tap.HEARD))
    return pictures_of([(tap.value, clip) for tap, clip in clips])


def _measure(row: SummaryRow) -> Measure:
    missing = _not_measured(row) if row.missing else ""
    p95 = figure(row.p95, row.unit) if row.p95 is not None else ""
    where = place(row.segment, row.tap, row.turn)
    return Measure(label(row.metric), row.metric, _group(row.metric), where, spread(row), p95, missing)


def _not_measured(row: SummaryRow) -> str:
    made = row.missing + row.n
    words = ntr("not measured in {k} of {n} take", "not measured in {k} of {n} takes", made)
    return words.format(k=row.missing, n=made)


def _in_order(run: RunResult) -> list[SummaryRow]:
    """Return the rows of a run by group and order of their metrics."""
    return sorted(run.summary, key=lambda row: report_order(row.metric))


def _group(metric: str) -> str:
    known = metric_named(metric)
    return capitalised((known.group if known else Group.OTHER).value)


def _gaps(run: RunResult, checks: Sequence[Check]) -> tuple[Gap, ...]:
    gaps = [
        Gap(tr("check {code}").format(code=f"{check.code} {check.name}"), tr(check.word), check.detail)
        for check in checks
        if check.word in ("not checked", "crashed")
    ]
    for row in _in_order(run):
        if row.missing and (row.segment is None or row.segment.comparable):
            where = place(row.segment, row.tap, row.turn)
            what = f"{row.metric}, {where}" if where else row.metric
            gaps.append(Gap(what, of_takes(row.missing, row.missing + row.n), _reasons(run, row)))
    return tuple(gaps)


def _reasons(run: RunResult, row: SummaryRow) -> str:
    found = (
        item.reason
        for take in run.counted
        for item in take.measurements.find(row.metric, turn=row.turn)
        if item.reason and item.segment == row.segment and item.tap == row.tap
    )
    return "; ".join(dict.fromkeys(found))


def _take_rows(run: RunResult) -> Iterator[TakeRow]:
    for take in run.takes:
        worst = max((finding.severity.rank for finding in take.findings), default=-1)
        state = State.UNKNOWN if take.discarded else {2: State.FAILS, 1: State.WATCH}.get(worst, State.GOOD)
        yield TakeRow(
            take.id,
            ", ".join(take.prompt_names),
            state,
            "discarded" if take.discarded else "no finding" if state is State.GOOD else state.word,
            ", ".join(finding.code for finding in take.findings),
            figure(take.measurements.value("ttfa_heard_s"), "s"),
            take.discarded or "",
        )


def _devices(pick: Pick | None) -> Iterator[tuple[str, str]]:
    """Return devices, rates and latencies of the streams that were opened in the take shown."""
    opened = pick.take.timeline.first("streams_opened") if pick else None
    return flat(opened.data if opened else {}, "streams.")


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield nested settings as dotted names with values in words, in order."""
    for name, value in values.items():
        dotted = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{dotted}.")
        else:
            yield dotted, show(value)


def show(value: object) -> str:
    """Return a setting in words; None is 'not set'."""
    if value is None:
        return tr("not set")
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, (list, tuple)):
        return ", ".join(show(item) for item in value) or tr("empty")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {show(item)}" for key, item in value.items()) or tr("empty")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _repeat(run: RunResult) -> tuple[str, ...]:
    parts = ["diag run", run.name, f"--takes {len(run.takes)}"]
    audio = run.environment.get("audio")
    if isinstance(audio, str) and audio.isalpha():
        parts.append(f"--audio {audio}")
    again = f"diag run {run.folder}" if run.folder else " ".join(parts)
    judged = [f"diag report {run.folder}"] if run.folder else []
    return (again, *judged)
