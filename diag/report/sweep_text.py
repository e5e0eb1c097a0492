"""Terminal text of `diag sweep`."""

from __future__ import annotations

from diag.core.states import State
from diag.core.sweep import Sweep, SweepRow
from diag.core.units import counted, format_seconds
from diag.report.wrapping import wrapped

MOST_ROWS = 40


def sweep_text(sweep: Sweep, *, width: int = 80) -> str:
    """Return the text: the best settings, how they were checked, and a line per combination."""
    best = sweep.best
    if best is None:
        takes = sum(row.takes for row in sweep.rows)
        seen = "no take counts" if takes == 0 else "every one has underruns, or takes without a reply"
        lines = wrapped(
            f"{State.FAILS.shape} No setting of {sweep.name} can be recommended: {seen}.", width, later="  "
        )
    else:
        assert best.heard_s is not None
        how = "forecast from the arrival times of" if best.forecast else "recorded in"
        sentence = (
            f"{State.GOOD.shape} {settings_words(best)}: first sound heard after {format_seconds(best.heard_s)},"
            f" no underrun ({how} {counted(best.takes, 'take')})."
        )
        lines = wrapped(sentence, width, later="  ")
        # The upper limit of the 95 % interval of a share of which nothing was seen is three divided by n.
        share = f"up to {3 / best.takes:.0%} of takes may still underrun" if best.takes > 3 else "more takes say more"
        lines.append(f"  {counted(best.takes, 'take')} without an underrun: {share}.")
    if sweep.check is not None:
        lines += wrapped(_check_words(sweep.check, best), width, later="  ")
    lines += ["", f"  {'heard after':>11}  {'underruns':>9}  settings"]
    for row in sweep.rows[:MOST_ROWS]:
        mark = State.GOOD.shape if row is best else " "
        heard = "no reply" if row.heard_s is None else format_seconds(row.heard_s)
        lines.append(f"{mark} {heard:>11}  {row.underruns:>9}  {settings_words(row)}")
    if len(sweep.rows) > MOST_ROWS:
        lines.append(f"  {len(sweep.rows) - MOST_ROWS} more; `--json` lists them all")
    return "\n".join(lines)


def _check_words(check: SweepRow, best: SweepRow | None) -> str:
    if not check.takes or check.heard_s is None or best is None or best.heard_s is None:
        return f"{State.UNKNOWN.shape} Not checked: no take with these settings counts."
    state = State.GOOD if check.underruns == 0 else State.FAILS
    return (
        f"{state.shape} Checked in {counted(check.takes, 'take')} with these settings: first sound heard after"
        f" {format_seconds(check.heard_s)}, {counted(check.underruns, 'underrun')}."
    )


def settings_words(row: SweepRow) -> str:
    """Return the settings of a row as they are written in a configuration."""
    return ", ".join(
        f"{key} = {value:g}" if isinstance(value, float) else f"{key} = {value}" for key, value in row.settings.items()
    )
