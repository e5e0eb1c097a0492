"""Write docs/mos.md and its picture: `make mos`. Needs the extra `mos` (`make peers`)."""

from __future__ import annotations

import importlib.util
import io
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.accuracy.voices import voices
from benchmarks.mos import AGAINST, ALONE, NONE, OPINIONS, OURS, PACKAGES, Row, rows_of

DOCS = Path(__file__).resolve().parents[1] / "docs"
PICTURE = "pictures/mos.png"
SURE, HINT = 0.95, 0.8
"""Areas under the curve from which a score is said to tell a fault, or to hint at it."""
NAMES = {
    "dnsmos_sig": "DNSMOS SIG",
    "dnsmos_ovrl": "DNSMOS OVRL",
    "dnsmos_p808": "DNSMOS P.808",
    "pesq_wb": "PESQ-WB",
    "visqol": "ViSQOL",
}
THE_SLOW_ONE = "played at 2/3"
THE_DULL_ONES = ("low-pass 3.4 kHz", "low-pass 8 kHz", "shelf -12 dB from 3 kHz")
Table = Mapping[tuple[str, str], str]


def table_of(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """What was found, by measure and fault."""
    return {(row.measure, row.fault): row.found for row in rows}


def number(found: Table, measure: str, fault: str, pattern: str) -> float | None:
    """The figure after a word of a cell."""
    match = re.search(pattern, found.get((measure, fault), ""))
    return float(match[1]) if match else None


def area(found: Table, measure: str, fault: str) -> float | None:
    """Area under the curve of a model's score."""
    return number(found, measure, fault, r"AUC ([\d.]+)")


def mean(found: Table, measure: str, fault: str) -> float | None:
    """Mean of a model's score."""
    return number(found, measure, fault, r"mean ([\d.]+)")


def share(found: Table, measure: str, fault: str) -> float | None:
    """Share of the clips in which one of our measures, or `diag analyze`, found something."""
    percent = number(found, measure, fault, r"found in ([\d.]+) %")
    return None if percent is None else percent / 100


def faults_of(found: Table) -> list[str]:
    """Faults in the order of the rows, without the healthy way."""
    return list(dict.fromkeys(fault for _, fault in found if fault != NONE))


def written(rows: Sequence[Row]) -> str:
    """The page, in Markdown."""
    found = table_of(rows)
    faults, all_of_ours = faults_of(found), (*OURS, ALONE, AGAINST)
    trials = {row.measure: row.trials for row in rows if row.fault != NONE}
    lines = [
        "# Which faults opinion scores show",
        "",
        "`make mos` writes this page if the extra `mos` is installed (`make peers`). Do not edit it.",
        "",
        "`diag analyze --mos` shows these scores beside the measures of diag. They are information only: no rule, no "
        "verdict and no exit code uses them. This page shows why.",
        "",
        "## Would they have shown a slow, dull voice?",
        "",
        "AUC is the share of all pairs of a faulty and a healthy clip in which the faulty one scores lower. 0.5 is a "
        f"guess. From {SURE:g} on, a score is said to show the fault. From {HINT:g} on, it is said to hint at it.",
        "",
        *_in_words(found, faults),
        "",
        f"![{_picture_words()}]({PICTURE})",
        "",
        "## How well a score distinguishes a fault from a healthy clip",
        "",
        "AUC as above. Below 0.50, the faulty clips score higher. DNSMOS uses the recording alone. PESQ and ViSQOL "
        "also need what was received. Healthy clips differ in voice, level (0 to -9 dB) and noise (-60 dB).",
        "",
        _row("fault", [NAMES[item] for item in OPINIONS]),
        _rule(len(OPINIONS)),
        *(_row(fault, [_area_cell(found, item, fault) for item in OPINIONS]) for fault in faults),
        "",
        "## The scores themselves",
        "",
        "Mean scores. The scales end at 5, at 4.64 (PESQ) and at 4.73 (ViSQOL).",
        "",
        _row("fault", [NAMES[item] for item in OPINIONS]),
        _rule(len(OPINIONS)),
        *(_row(fault, [_mean_cell(found, item, fault) for item in OPINIONS]) for fault in (NONE, *faults)),
        "",
        "## What the measures of diag find in the same clips",
        "",
        "Share of the clips in which a measure is beyond the limit for a warning. The first row is the share of false "
        "alarms. The last two columns are what a user sees: the warnings of `diag analyze` without and with "
        "`--reference`.",
        "",
        _row("fault", [*(f"`{item}`" if "," not in item else item for item in OURS), ALONE, AGAINST]),
        _rule(len(all_of_ours)),
        *(_row(fault, [_share_cell(found, item, fault) for item in all_of_ours]) for fault in (NONE, *faults)),
        "",
        "The voices are held-out speakers only, with one recording each of at most 3 s that reaches 10 kHz. There are "
        f"{trials.get('dnsmos_sig', 0)} clips per fault ({trials.get('visqol', 0)} for ViSQOL, which takes longest). "
        "Faults are seeded and digital. `echo_db` looks for the reply in the microphone, so it is not in this table.",
    ]
    return "\n".join(lines) + "\n"


def _in_words(found: Table, faults: Sequence[str]) -> list[str]:
    lines = []
    for item in OPINIONS:
        healthy, slow = mean(found, item, NONE), mean(found, item, THE_SLOW_ONE)
        auc = area(found, item, THE_SLOW_ONE)
        if healthy is None or slow is None or auc is None:
            continue
        verdict = "shows it" if auc >= SURE else "hints at it" if auc >= HINT else "does not show it"
        dull = [fault for fault in THE_DULL_ONES if (area(found, item, fault) or 0.0) >= SURE]
        blind = [fault for fault in THE_DULL_ONES if fault not in dull]
        rest = (
            "It does not show a voice that is only dull"
            if not dull
            else f"Of voices that are only dull, it shows {'; '.join(dull)}"
            + (f", but not {'; '.join(blind)}" if blind else "")
        )
        seen = [fault for fault in faults if (area(found, item, fault) or 0.0) >= SURE]
        lines.append(
            f"- **{NAMES[item]}** {verdict}: {healthy:.2f} healthy, {slow:.2f} when 24 kHz audio is played as 16 kHz "
            f"(AUC {auc:.2f}). {rest}. In total, it shows {len(seen)} of {len(faults)} faults."
        )
    ours = [fault for fault in faults if (share(found, AGAINST, fault) or 0.0) >= SURE]
    missed = [fault for fault in faults if (share(found, AGAINST, fault) or 0.0) < SURE]
    caught = 100 * (share(found, AGAINST, THE_SLOW_ONE) or 0.0)
    false_alarms = 100 * (share(found, AGAINST, NONE) or 0.0)
    rest = f". It misses, at least sometimes: {'; '.join(missed)}" if missed else ""
    lines.append(
        f"- **`diag analyze --reference`** warns in {caught:.0f} % of the clips and names the fault: *24000 Hz audio "
        f"was played as 16000 Hz*. In total, it shows {len(ours)} of {len(faults)} faults, "
        f"with {false_alarms:.0f} % false alarms{rest}."
    )
    lines += ["", "None of the scores says what is wrong. A score is lower, or it is not."]
    return lines


def _row(first: str, cells: Sequence[str]) -> str:
    return f"| {first} | {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|---|" + "---:|" * columns


def _area_cell(found: Table, measure: str, fault: str) -> str:
    value = area(found, measure, fault)
    return "–" if value is None else f"**{value:.2f}**" if value >= SURE else f"{value:.2f}"


def _mean_cell(found: Table, measure: str, fault: str) -> str:
    value = mean(found, measure, fault)
    return "–" if value is None else f"{value:.2f}"


def _share_cell(found: Table, measure: str, fault: str) -> str:
    value = share(found, measure, fault)
    if not value:
        return "–" if value is None else "·"
    return f"**{100 * value:.0f} %**" if value >= SURE else f"{100 * value:.0f} %"


def _picture_words() -> str:
    return "A table of faults by scores and measures. The darker a field, the more surely the fault is shown"


def draw(rows: Sequence[Row], path: Path) -> None:
    """Faults by scores and measures; the darker, the surer."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Rectangle
    from PIL import Image

    found = table_of(rows)
    faults = faults_of(found)
    columns = [*OPINIONS, *OURS, ALONE, AGAINST]
    labels = [*NAMES.values(), *OURS, "diag analyze", "diag analyze\n--reference"]
    figure, place = plt.subplots(figsize=(9.6, 8.2), layout="constrained", facecolor="white")
    for x, item in enumerate(columns):
        for y, fault in enumerate(faults):
            value = area(found, item, fault) if item in OPINIONS else share(found, item, fault)
            shade = 0.0 if value is None else max(0.0, 2 * value - 1) if item in OPINIONS else value
            base = "#855400" if item in OPINIONS else "#0b57b0"
            colour = [1 - shade * (1 - part) for part in mpl.colors.to_rgb(base)]
            place.add_patch(Rectangle((x, y), 0.96, 0.92, color=colour, lw=0))
            words = "" if value is None or (item not in OPINIONS and value == 0) else f"{value:.2f}"
            place.text(x + 0.48, y + 0.47, words, ha="center", va="center", fontsize=7.5,
                       color="white" if shade > 0.55 else "#545b66")  # fmt: skip
    place.set_xlim(0, len(columns))
    place.set_ylim(len(faults), 0)
    place.xaxis.tick_top()
    place.set_xticks([x + 0.48 for x in range(len(columns))], labels, rotation=50, ha="left", fontsize=8)
    place.set_yticks([y + 0.46 for y in range(len(faults))], faults, fontsize=8)
    place.tick_params(length=0, colors="#1a1d21")
    for spine in place.spines.values():
        spine.set_visible(False)
    place.axvline(len(OPINIONS) - 0.02, color="#1a1d21", lw=1.2)
    place.axvline(len(OPINIONS) + len(OURS) - 0.02, color="#1a1d21", lw=1.2)
    place.set_xlabel("left: area under the curve of the opinion score (0.5 tells nothing); "
                     "right: share of the clips that is found", fontsize=8, color="#545b66")  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    figure.savefig(file, dpi=96)
    plt.close(figure)
    file.seek(0)
    Image.open(file).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> int:
    """Write the page and its picture; 1 where the scores are not installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        print(f"mos: not run: the extra `mos` is not installed ({', '.join(missing)}); `make peers` installs it")
        return 1
    rows = rows_of(voices(), np.random.default_rng(0))
    (DOCS / "mos.md").write_text(written(rows), encoding="utf-8")
    draw(rows, DOCS / PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
