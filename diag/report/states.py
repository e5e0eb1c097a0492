"""State of each hop and each check of a run, from its findings and check outcomes alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from diag.core.chain import Hop
from diag.core.results import BenchRow, RuleOutcome, RunFinding, RunResult, Severity, Status
from diag.core.states import State
from diag.judge.proof import by_reason
from diag.report.language import ntr, tr
from diag.report.sentences import figure, outcomes_of, state_of, times_found

FAMILIES = {
    "MIC": Hop.MICROPHONE,
    "SND": Hop.SENDER,
    "SVC": Hop.SERVICE,
    "PLY": Hop.PLAYER,
    "SPK": Hop.SPEAKER,
}
"""Hop that the checks of a family are about. ENV checks have no hop, and CFG checks are about the setup."""

_SETUP_FAMILY = "CFG"
_NOT_SHOWN = "not shown"


@dataclass(frozen=True)
class Check:
    """One rule over the takes of a run."""

    code: str
    name: str
    state: State
    word: str
    detail: str


@dataclass(frozen=True)
class SetupState:
    """State of the session setup. It comes before the chain and is not a hop."""

    state: State
    word: str
    detail: str


@dataclass(frozen=True)
class HopState:
    """One hop in the drawing of the chain."""

    hop: Hop
    state: State
    word: str
    detail: str
    findings: tuple[RunFinding, ...]
    figures: tuple[tuple[str, str], ...]


def checks_of(run: RunResult) -> tuple[Check, ...]:
    """Return every check of a run, worst first: raised, crashed, not checked, clear.

    A check is good only if it was clear in at least one counted take and raised in none. One that does not apply to
    the run is left out.
    """
    seen: dict[str, list[RuleOutcome]] = {}
    for outcome in outcomes_of(run):
        if not outcome.applies:
            continue
        seen.setdefault(outcome.code, []).append(outcome)
    found = {item.finding.code: item for item in run.findings}
    checks = [_check(code, outcomes, found.get(code)) for code, outcomes in sorted(seen.items())]
    return tuple(sorted(checks, key=lambda check: -check.state.rank))


def _check(code: str, outcomes: list[RuleOutcome], found: RunFinding | None) -> Check:
    name = outcomes[0].name
    if found is not None:
        state = state_of(found.finding.severity)
        return Check(code, name, state, "found", times_found(found))
    crashed = [outcome for outcome in outcomes if outcome.status is Status.CRASHED]
    if crashed:
        return Check(code, name, State.UNKNOWN, "crashed", crashed[0].reason or tr("the check itself failed"))
    clear = sum(outcome.status is Status.CLEAR for outcome in outcomes)
    reasons = Counter(outcome.reason for outcome in outcomes if outcome.status is Status.NOT_CHECKED and outcome.reason)
    why = "; ".join(reason for reason, _ in reasons.most_common(2))
    if not clear:
        return Check(code, name, State.UNKNOWN, "not checked", why)
    looked = ntr("clear in {k} of {n} time", "clear in {k} of {n} takes", len(outcomes)).format(
        k=clear, n=len(outcomes)
    )
    if why:
        looked = tr("{looked}; otherwise {why}").format(looked=looked, why=why)
    return Check(code, name, State.GOOD, "clear", looked)


def row_state(row: BenchRow) -> tuple[State, str]:
    """Return state and word of one row of a bench."""
    if row.passed:
        return State.GOOD, "as expected"
    if row.too_short:
        return State.UNKNOWN, "too few takes" if row.takes else "not measured"
    return State.FAILS, "not as expected"


def row_takes(row: BenchRow) -> str:
    """Return the number of counted takes of a bench row, with the number asked for if some are missing."""
    return tr("{k} of {n}").format(k=row.takes, n=row.asked) if row.takes < row.asked else str(row.takes)


def setup_of(run: RunResult) -> SetupState:
    """Return the state of the setup of a run's sessions."""
    found = [
        item
        for item in run.findings
        if item.finding.code.startswith(_SETUP_FAMILY) and item.finding.severity is not Severity.INFO
    ]
    if found:
        worst = max(found, key=_weight)
        state = state_of(worst.finding.severity)
        return SetupState(state, state.word, f"{worst.finding.code} {worst.finding.name}")
    own = [check for check in checks_of(run) if check.code.startswith(_SETUP_FAMILY)]
    fine = sum(check.state is State.GOOD for check in own)
    if fine:
        return SetupState(State.GOOD, State.GOOD.word, _checks_clear(fine, len(own)))
    return SetupState(State.UNKNOWN, State.UNKNOWN.word, tr("no check was made on the setup"))


def _checks_clear(k: int, n: int) -> str:
    return ntr("{k} of {n} check clear", "{k} of {n} checks clear", n).format(k=k, n=n)


def _weight(item: RunFinding) -> tuple[bool, int]:
    return item.finding.consequence_of is None, item.finding.severity.rank


def hops_of(run: RunResult) -> tuple[HopState, ...]:
    """Return the state of the five hops of a run, in order of the chain."""
    checks = checks_of(run)
    return tuple(_hop(run, hop, checks) for hop in Hop)


def _hop(run: RunResult, hop: Hop, checks: tuple[Check, ...]) -> HopState:
    findings = tuple(
        item for item in run.findings if _hop_of(item) is hop and item.finding.severity is not Severity.INFO
    )
    figures = _figures(run, hop)
    if findings:
        worst = max(findings, key=_weight)
        state = state_of(worst.finding.severity)
        cause = worst.finding.consequence_of
        if cause is not None and cause.startswith(_SETUP_FAMILY):
            # The setup caused this, so the hop is neither at fault nor shown to be healthy.
            return HopState(
                hop,
                State.UNKNOWN,
                _NOT_SHOWN,
                tr("follows from {cause}, the setup").format(cause=cause),
                findings,
                figures,
            )
        detail = (
            tr("follows from {cause}").format(cause=cause) if cause else f"{worst.finding.code} {worst.finding.name}"
        )
        return HopState(hop, state, state.word, detail, findings, figures)
    state, word, detail = _unfaulted(run, hop, checks, measured=bool(figures))
    return HopState(hop, state, word, detail, (), figures)


def _unfaulted(run: RunResult, hop: Hop, checks: tuple[Check, ...], *, measured: bool) -> tuple[State, str, str]:
    """Return state, word and detail of a hop without a finding. It is good only if the checks show that it is."""
    own = [check for check in checks if FAMILIES.get(check.code[:3]) is hop]
    fine = [check for check in own if check.state is State.GOOD]
    missing = by_reason(entry.item for entry in run.not_shown if entry.item.hop is hop)
    if run.counted and fine and not missing:
        return State.GOOD, State.GOOD.word, _checks_clear(len(fine), len(own))
    if not run.counted:
        detail = tr("no take was counted")
    elif missing:
        detail = missing[0].reason
    elif own:
        detail = next((check.detail for check in own if check.state is State.UNKNOWN and check.detail), "")
    else:
        detail = tr("measured, but no check judges this hop") if measured else tr("no check was made on this hop")
    return State.UNKNOWN, _NOT_SHOWN, detail


def _hop_of(item: RunFinding) -> Hop | None:
    """Return the hop at which the drawing shows a fault."""
    if item.finding.code.startswith(_SETUP_FAMILY):
        return None
    return item.finding.hop or FAMILIES.get(item.finding.code[:3])


_HOP_FIGURES = (("rate_ratio", "speed"), ("dullness_db", "treble lost"), ("hop_delay_s", "delay"))


def _figures(run: RunResult, hop: Hop) -> tuple[tuple[str, str], ...]:
    rows = {row.metric: row for row in run.summary if row.hop is hop and row.median is not None}
    return tuple(
        (tr(words), figure(rows[metric].median, rows[metric].unit)) for metric, words in _HOP_FIGURES if metric in rows
    )
