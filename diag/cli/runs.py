"""`diag runs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diag.cli.help_examples import Worded, write_examples
from diag.cli.options import Whole, json_option
from diag.core.units import counted

if TYPE_CHECKING:
    from diag.files.run_shelf import ShelvedRun

_EXAMPLES = (
    "diag runs list",
    "diag runs keep reports/runs/20261122-140500-healthy-7f3a",
    "diag runs prune --older-than 30",
    "diag runs prune --keep-last 5 --yes",
)
_RUNS = Path("reports/runs")
_folder = click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=_RUNS)


class _Group(click.Group):
    """Command group whose help ends with examples."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, _EXAMPLES)


@click.group(
    "runs", cls=_Group, invoke_without_command=True, short_help="List saved runs, and remove old ones by rule."
)
@click.pass_context
def command(ctx: click.Context, /, **_options: Any) -> None:
    """List saved runs, and remove old ones by rule.

    A take of ten seconds takes about 5 MB, and a self-check by scenarios about 500 MB.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command(
    "list", cls=Worded, examples=_EXAMPLES[:1], short_help="List saved runs with the space that they take."
)
@_folder
@json_option
def list_command(folder: Path, *, as_json: bool) -> int:
    """List saved runs with the space that they take, oldest first.

    DIR is the folder of run folders, reports/runs by default.
    """
    from diag.api.saved_runs import list_runs
    from diag.cli.output import show_json, show_text

    runs = list_runs(folder)
    lines = [f"  {_size(run.size_bytes):>9}  {counted(run.takes, 'take'):>9}  {_line(run)}" for run in runs]
    total = sum(run.size_bytes for run in runs)
    show_text("\n".join([f"{counted(len(runs), 'run')} in {folder}, {_size(total)}", *lines]), err=as_json)
    if as_json:
        show_json({"total_bytes": total, "runs": [{**vars(run), "folder": str(run.folder)} for run in runs]})
    return 0


@command.command("keep", cls=Worded, examples=_EXAMPLES[1:2], short_help="Protect runs from `diag runs prune`.")
@click.argument("folders", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option("--undo", is_flag=True, help="End the protection.")
def keep_command(folders: tuple[Path, ...], *, undo: bool) -> int:
    """Protect runs from `diag runs prune`. RUN is the folder of a saved run."""
    from diag.cli.output import show_text
    from diag.files.run_shelf import set_kept

    for folder in folders:
        set_kept(folder, not undo)
        show_text(f"{folder}: {'may be pruned again' if undo else 'is kept'}")
    return 0


@command.command("prune", cls=Worded, examples=_EXAMPLES[2:], short_help="Remove recordings of old runs by rule.")
@_folder
@click.option("--keep-last", type=Whole(0, 1_000_000), default=10, show_default=True, metavar="N",
              help="Keep the newest N runs of each configuration.")  # fmt: skip
@click.option("--older-than", type=Whole(0, 100_000), default=None, metavar="DAYS", help="Only runs that are older.")
@click.option("--everything", is_flag=True, help="Remove whole runs. They are then missing in `diag history` too.")
@click.option("--yes", is_flag=True, help="Remove them. Without it, only list what would be removed.")
def prune_command(folder: Path, *, keep_last: int, older_than: int | None, everything: bool, yes: bool) -> int:
    """Remove recordings of old runs by rule. Without --yes, nothing is removed.

    Measurements, findings and events stay, so that `diag history` still shows the runs. They can no longer be judged
    again. Runs that `diag runs keep` protects, and runs in which something changed in the last ten minutes, stay.
    """
    import datetime

    from diag.api.saved_runs import PruneRule, freed_bytes, list_runs, prune, runs_to_prune
    from diag.cli.output import show_text

    rule = PruneRule(keep_last=keep_last, older_than_days=older_than, everything=everything)
    runs = list_runs(folder)
    going = runs_to_prune(runs, rule, datetime.datetime.now(datetime.UTC))
    what = f"{len(going)} of {counted(len(runs), 'run')}"
    if yes:
        prune(going, rule)
    done = "removed" if yes else "would be removed"
    lines = [f"{what if everything else f'recordings of {what}'} {done}, {_size(freed_bytes(going, rule))}"]
    lines += [f"  {_line(run)}" for run in going]
    if going and not yes:
        lines.append("`--yes` removes them")
    show_text("\n".join(lines))
    return 0


def _line(run: ShelvedRun) -> str:
    marks = ", ".join(word for word, on in (("kept", run.kept), ("recordings removed", run.pruned)) if on)
    return f"{run.folder.name}  ({marks})" if marks else run.folder.name


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"
