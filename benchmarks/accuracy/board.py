"""The rows of the accuracy table: what was tried, what came out and what was to be reached, by half of the voices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from .voices import HALVES, Voice


@dataclass(frozen=True)
class Row:
    """One condition of one measure on one half of the voices.

    Parameters
    ----------
    measure : str
        Name of the metric.
    tier : str
        `waveform`, `profile` or `blind`.
    condition, half : str
    trials : int
        How many there were; minutes of sound for rates of false alarms.
    found : str
        The figure in words, as "99.2 %" or "median 0.01, p95 0.2, worst 0.3 dB".
    goal : str
        What it must reach; empty for information.
    reached : bool or None
        None for information.
    outside : tuple of str
        Some of the trials that missed.
    """

    measure: str
    tier: str
    condition: str
    half: str
    trials: int
    found: str
    goal: str
    reached: bool | None
    outside: tuple[str, ...] = ()


@dataclass
class Board:
    """Collects rows and prints each as it comes.

    Every method takes trials of both halves at once, each with its voice, and makes one row a half.
    """

    rows: list[Row] = field(default_factory=list)
    quiet: bool = False

    def errors(
        self,
        measure: str,
        tier: str,
        condition: str,
        trials: Iterable[tuple[Voice, float | None]],
        *,
        unit: str,
        limit: float,
        share: float = 1.0,
        label: Sequence[str] | None = None,
    ) -> None:
        """How far off a figure was, of which a share must lie within a limit.

        None is a trial without a figure: it lies outside of every limit. `label` names the trials.
        """
        listed = list(trials)
        names = label or [voice.name for voice, _ in listed]
        for half in HALVES:
            mine = [(name, error) for name, (voice, error) in zip(names, listed, strict=True) if voice.half == half]
            if not mine:
                continue
            seen = np.abs([error for _, error in mine if error is not None])
            outside = [name for name, error in mine if error is None or abs(error) > limit]
            within = 1 - len(outside) / len(mine)
            figures = (
                f"median {np.median(seen):.2g}, p95 {np.percentile(seen, 95):.2g}, worst {seen.max():.2g} {unit}"
                if seen.size
                else "no figure"
            )
            found = f"{100 * within:.1f} % within {limit:g} {unit} ({figures})"
            goal = f"{100 * share:g} % within {limit:g} {unit}"
            self._add(Row(measure, tier, condition, half, len(mine), found, goal, within >= share, tuple(outside[:6])))

    def found(
        self,
        measure: str,
        tier: str,
        condition: str,
        trials: Iterable[tuple[Voice, bool]],
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Share of trials in which something was reported: of faults `at_least`, of healthy ones `at_most`.

        Neither: a point of a curve, for information.
        """
        listed = list(trials)
        for half in HALVES:
            mine = [(voice.name, hit) for voice, hit in listed if voice.half == half]
            if not mine:
                continue
            hits = sum(hit for _, hit in mine)
            share = hits / len(mine)
            goal, reached, missed = "", None, False
            if at_least is not None:
                goal, reached, missed = f"at least {100 * at_least:g} %", share >= at_least, False
            if at_most is not None:
                goal, reached, missed = f"at most {100 * at_most:g} %", share <= at_most, True
            outside = tuple(name for name, hit in mine if hit is missed)[:6] if reached is not None else ()
            found = f"{100 * share:.1f} % ({hits} of {len(mine)})"
            self._add(Row(measure, tier, condition, half, len(mine), found, goal, reached, outside))

    def per_minute(
        self, measure: str, tier: str, condition: str, trials: Iterable[tuple[Voice, float, float]], *, at_most: float
    ) -> None:
        """False alarms a minute: (voice, alarms, seconds of sound) of each trial."""
        listed = list(trials)
        for half in HALVES:
            mine = [trial for trial in listed if trial[0].half == half]
            if not mine:
                continue
            minutes = sum(seconds for _, _, seconds in mine) / 60
            rate = sum(alarms for _, alarms, _ in mine) / minutes
            outside = tuple(voice.name for voice, alarms, _ in mine if alarms)[:6]
            found = f"{rate:.2f} a minute in {minutes:.1f} minutes"
            goal = f"at most {at_most:g} a minute"
            self._add(Row(measure, tier, condition, half, len(mine), found, goal, rate <= at_most, outside))

    def figure(
        self, measure: str, tier: str, condition: str, *, half: str, trials: int, found: str, goal: str = "",
        reached: bool | None = None,
    ) -> None:  # fmt: skip
        """A row whose figure was worked out elsewhere, as an area under a curve."""
        self._add(Row(measure, tier, condition, half, trials, found, goal, reached))

    def to_json(self) -> list[dict[str, object]]:
        """The rows."""
        return [asdict(row) for row in self.rows]

    def _add(self, row: Row) -> None:
        if row.reached is not None:
            row = replace(row, reached=bool(row.reached))  # numpy's truth does not go into JSON
        self.rows.append(row)
        state = {True: "reached", False: "MISSED", None: ""}[row.reached]
        print(
            f"{row.measure:<22}{row.tier:<10}{row.condition:<44}{row.half:<12}{row.trials:>6}  {row.found}"
            f"{f'; goal {row.goal}' if row.goal else ''}  {state}",
            flush=True,
        )
        if row.outside:
            print(f"{'':<32}{'not' if row.reached else 'outside'}: {', '.join(row.outside)}", flush=True)
