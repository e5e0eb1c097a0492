"""`diag analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from diag.cli.help_examples import Worded, use_one_thread
from diag.cli.options import Whole, embed_option, fail_on_option, json_option, lang_option

if TYPE_CHECKING:
    from diag.report.shelf import Embed

_PATH = click.Path(path_type=Path)


@click.command(
    "analyze",
    cls=Worded,
    short_help="Judge recordings. Needs no device and no network.",
    examples=(
        "diag analyze heard.wav --reference received.wav",
        "diag analyze heard.wav --reference received.wav --html heard.html",
        "diag analyze replies --voice kore.voice.json",
        "diag analyze replies --table measures.csv",
        "diag analyze replies/*.wav --json",
        "diag analyze chunk.pcm --raw s16le:24000",
        "diag analyze replies --cluster tcp://scheduler.local:8786",
    ),
)
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING...", type=_PATH)
@click.option(
    "--reference",
    type=_PATH,
    metavar="FILE",
    help="The sound that the recordings should be a copy of, as what the app received.",
)
@click.option(
    "--voice", type=_PATH, metavar="PROFILE", help="Profile of the voice that speaks. `diag voice make` creates it."
)
@click.option("--channel", type=Whole(1, 64), metavar="N",
              help="Judge only this channel, counted from 1.")  # fmt: skip
@click.option(
    "--raw",
    metavar="FORMAT",
    help="Sample format of files without a header: encoding, rate and channels, as s16le:24000 or mulaw:8000:2.",
)
@click.option("--table", type=_PATH, metavar="FILE",
              help="Write all measurements to FILE, one row each. FILE ends in .csv or .parquet.")  # fmt: skip
@click.option(
    "--html",
    "page",
    type=_PATH,
    metavar="PAGE",
    help="Write a report to PAGE: verdict, audio to listen to, and the places of each fault. PAGE ends in .html.",
)
@embed_option
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Judge the files on the workers of a Dask scheduler, as tcp://HOST:8786. Needs the extra `cluster`.",
)
@click.option(
    "--mos",
    is_flag=True,
    help="Show DNSMOS, PESQ and ViSQOL scores too. They do not affect the verdict. Slow; needs the extra `mos`.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show all measures, not only the findings.")
@json_option
@fail_on_option
@lang_option
def command(
    recordings: tuple[Path, ...],
    *,
    reference: Path | None,
    voice: Path | None,
    channel: int | None,
    raw: str | None,
    table: Path | None,
    page: Path | None,
    embed: Embed,
    cluster: str | None,
    mos: bool,
    verbose: bool,
    as_json: bool,
    fail_on: str,
) -> int:
    """Judge recordings by themselves, or against the sound that they should be a copy of.

    RECORDING is an audio file, a folder of audio files, or the folder of a saved take or run. diag reads WAV, FLAC,
    Ogg, MP3 and more. It reads WebM and M4A where ffmpeg or PyAV is installed.

    \b
    With --reference  each recording is compared with the reference: speed,
                      treble, level, delay, and lost, repeated or added sound.
    With --voice      speed and treble are compared with other recordings of
                      the same voice. The words can differ.
    With neither      only faults are found that a recording shows by itself.
                      This cannot prove that a recording is right.

    Channels with different sound are judged separately. With --reference, only the channel with the words of the
    reference is judged.

    A file that cannot be read is reported on its own line, and the other files are still judged. Many files are
    judged in several processes.

    With --reference, exit code 4 means that no error was found, but that the recording was not shown to be a faithful
    copy.
    """  # noqa: D301 - click needs the backspace itself: it keeps the lines of the list as they are
    use_one_thread()
    from diag.api.analyze import analyze_all
    from diag.api.recording_report import check_page, write_report
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.cli.progress import ShareDone
    from diag.report.measurement_table import check_table, write_table
    from diag.report.recording_text import exit_code, results_document, results_text

    if table is not None:
        check_table(table)
    if page is not None:
        check_page(page)
    with ShareDone("analysing") as share:
        results = analyze_all(
            recordings, reference=reference, voice=voice, raw=raw, channel=channel, mos=mos, cluster=cluster,
            progress=share.update,
        )  # fmt: skip
    code = exit_code(results, fail_on)
    if table is not None:
        write_table(table, results)
    if page is not None:
        write_report(results, page, reference=reference, raw=raw, embed=embed)
    show_text(results_text(results, code, width=terminal_width(err=as_json), verbose=verbose, page=page), err=as_json)
    if as_json:
        show_json(results_document(results, str(page) if page else None))
    return int(code)
