"""`diag analyze`."""

from __future__ import annotations

from pathlib import Path

import click

from diag.cli.help_examples import Worded, use_one_thread
from diag.cli.options import Whole, fail_on_option, json_option

_PATH = click.Path(path_type=Path)


@click.command(
    "analyze",
    cls=Worded,
    short_help="Judges recordings alone: no devices, no network.",
    examples=(
        "diag analyze heard.wav --reference received.wav",
        "diag analyze replies --voice kore.voice.json",
        "diag analyze replies --table measures.csv",
        "diag analyze replies/*.wav --json",
        "diag analyze chunk.pcm --raw s16le:24000",
        "diag analyze replies --cluster tcp://scheduler.local:8786",
    ),
)
@click.argument("recordings", nargs=-1, required=True, metavar="WAV...", type=_PATH)
@click.option("--reference", type=_PATH, metavar="WAV", help="What the recordings should sound like.")
@click.option("--voice", type=_PATH, metavar="PROFILE", help="Profile of the voice that speaks (`diag voice make`).")
@click.option("--channel", type=Whole(1, 64), metavar="N",
              help="Of a recording with several channels, judge only this one.")  # fmt: skip
@click.option("--raw", metavar="FORMAT", help="Format of headerless files, as s16le:24000 or mulaw:8000:2.")
@click.option("--table", type=_PATH, metavar="FILE",
              help="Write every measurement to FILE, a row each: .csv or .parquet.")  # fmt: skip
@click.option("--cluster", metavar="ADDRESS",
              help="Use the workers of a Dask scheduler, as tcp://HOST:8786 (extra `cluster`).")  # fmt: skip
@click.option("--mos", is_flag=True, help="Show DNSMOS, PESQ and ViSQOL too, as information (extra `mos`, slow).")
@click.option("-v", "--verbose", is_flag=True, help="Show every measure, not only the findings.")
@json_option
@fail_on_option
def command(
    recordings: tuple[Path, ...],
    *,
    reference: Path | None,
    voice: Path | None,
    channel: int | None,
    raw: str | None,
    table: Path | None,
    cluster: str | None,
    mos: bool,
    verbose: bool,
    as_json: bool,
    fail_on: str,
) -> int:
    """Judge recordings alone, or against what they should sound like.

    WAV is a recording (WAV, FLAC or Ogg), a folder of recordings, or a saved take or run. With --reference, speed,
    treble, gaps and delay are measured against it: exactly. With --voice, speed and treble are measured against other
    recordings of the same voice. Without, only what a recording shows by itself. Channels that hold different sound
    are judged one by one; with --reference, the one that holds its words.

    Many files are measured in one process per core, or on a Dask cluster (--cluster). A file that cannot be read is
    reported on its own line; the other files are still judged. Of a recording of more than two minutes, the worst
    stretch is named.
    """
    use_one_thread()
    from diag.api.analyze import analyze_all
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.cli.progress import ShareDone
    from diag.report.measurement_table import check_table, write_table
    from diag.report.recording_text import exit_code, results_document, results_text

    if table is not None:
        check_table(table)
    with ShareDone("analysing") as share:
        results = analyze_all(
            recordings, reference=reference, voice=voice, raw=raw, channel=channel, mos=mos, cluster=cluster,
            progress=share.update,
        )  # fmt: skip
    code = exit_code(results, fail_on)
    if table is not None:
        write_table(table, results)
    show_text(results_text(results, code, width=terminal_width(err=as_json), verbose=verbose), err=as_json)
    if as_json:
        show_json(results_document(results))
    return int(code)
