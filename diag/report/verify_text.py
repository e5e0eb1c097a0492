"""Terminal text of `diag verify RUN`."""

from __future__ import annotations

from collections.abc import Sequence

from diag.core.states import State
from diag.core.units import counted
from diag.report.wrapping import wrapped

MAX_SHOWN = 20
"""More problems are counted: a damaged recording changes most numbers of its take."""


def verification_text(
    folder: str,
    *,
    takes: int,
    files: int,
    numbers: int,
    problems: Sequence[tuple[str, str]],
    unproven: Sequence[str],
    width: int = 80,
) -> str:
    """Return the text: one sentence, then each disagreement with its place, then what could not be verified."""
    lines = []
    if problems:
        lines += wrapped(f"{State.FAILS.shape} {folder} does not agree with its files:", width, later="  ")
        for place, text in problems[:MAX_SHOWN]:
            lines += wrapped(f"  {place}: {text}", width, later="    ")
        if len(problems) > MAX_SHOWN:
            lines.append(f"  and {len(problems) - MAX_SHOWN} more; `--json` lists them all")
    elif not unproven:
        lines += wrapped(f"{State.GOOD.shape} {folder} agrees with its recordings and events", width, later="  ")
    for text in unproven:
        lines += wrapped(f"{State.UNKNOWN.shape} {text}", width, later="  ")
    lines.append(
        f"  {counted(files, 'file')} as saved, {counted(takes, 'take')} judged again, "
        f"{counted(numbers, 'number')} derived as saved"
    )
    return "\n".join(lines)
