"""`diag voice`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diag.api.speech_defaults import SPEECH_MODEL
from diag.cli.help_examples import Worded, use_one_thread, write_examples
from diag.cli.options import endpoint_option, json_option

if TYPE_CHECKING:
    from diag.api.voice import MadeVoice

_PATH = click.Path(path_type=Path)
_EXAMPLES = (
    "diag voice make good/*.wav --name Kore -o kore.voice.json",
    "diag voice make --tts Kore",
    "diag voice make --tts Kore --endpoint gemini",
    "diag voice show kore.voice.json",
    "diag run healthy --voice kore.voice.json",
    "diag analyze heard.wav --voice kore.voice.json",
)


class _Group(click.Group):
    """Command group whose help ends with examples."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, _EXAMPLES)


@click.group(
    "voice",
    cls=_Group,
    invoke_without_command=True,
    short_help="Create a profile of a voice, to judge other recordings of it.",
)
@click.pass_context
def command(ctx: click.Context, /, **_options: Any) -> None:
    """Create and show profiles of voices.

    A profile is a small file that describes how a voice sounds in good recordings. With it, `diag run --voice` finds
    out whether replies are dull for this voice or spoken by another one, and `diag analyze --voice` whether a
    recording of the voice is dull, slow or fast. The words can differ, and no reference is needed.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command(
    "make",
    cls=Worded,
    examples=_EXAMPLES[:3],
    short_help="Create a profile from good recordings, or from a speech service.",
)
@click.argument("recordings", nargs=-1, metavar="[RECORDING]...", type=_PATH)
@click.option(
    "--tts", metavar="VOICE", help="Ask a speech service for this voice, such as Kore, in place of recordings."
)
@endpoint_option
@click.option("--model", metavar="MODEL", help=f"With --tts: the speech model.  [default: {SPEECH_MODEL}]")
@click.option(
    "--text",
    type=_PATH,
    metavar="FILE",
    help="With --tts: what the voice speaks, one sentence a line.  [default: six sentences in English and Korean]",
)
@click.option(
    "--name",
    metavar="NAME",
    help="Name of the voice.  [default: VOICE of --tts, or the name of the first recording]",
)
@click.option("-o", "--out", type=_PATH, metavar="FILE", help="File of the profile.  [default: NAME.voice.json]")
@json_option
def make(
    recordings: tuple[Path, ...],
    *,
    tts: str | None,
    endpoint: str,
    model: str | None,
    text: Path | None,
    name: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Create the profile of one voice from recordings that are known to be good, or from a speech service.

    RECORDING is an audio file, a folder of audio files, or the folder of a saved take or run. Of a take, the audio
    that was received is used. 30 seconds of speech are enough. Recordings that do not fit the others are listed and
    left out.

    With --tts, a speech service speaks the recordings, one request for each sentence. By default that is the emulator
    in diag. Its voices are not those of the real service, so use the profile with the endpoint that it was made with.
    """
    if bool(recordings) == (tts is not None):
        raise click.UsageError("give either recordings or --tts VOICE")
    if tts is None and (model is not None or text is not None):
        raise click.UsageError("--model and --text are for --tts VOICE")
    use_one_thread()
    from diag.api.voice import default_path, make_voice, save_voice
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.report.voice_text import made_document, made_text

    made = make_voice(recordings, name=name) if tts is None else _spoken(tts, endpoint, model, text, name)
    path = save_voice(made.profile, out or default_path(made.profile.name))
    show_text(made_text(made, path, width=terminal_width(err=as_json)), err=as_json)
    if as_json:
        show_json(made_document(made, path))
    return 0


def _spoken(voice: str, endpoint: str, model: str | None, text: Path | None, name: str | None) -> MadeVoice:
    from diag.api.speech_defaults import SENTENCES
    from diag.api.voice import read_sentences, speak_voice
    from diag.cli.progress import TerminalProgress

    sentences = SENTENCES if text is None else read_sentences(text)
    with TerminalProgress() as progress:
        return speak_voice(
            voice, endpoint=endpoint, model=model or SPEECH_MODEL, sentences=sentences, name=name, progress=progress
        )


@command.command("show", cls=Worded, examples=_EXAMPLES[3:4], short_help="Show what a profile contains.")
@click.argument("profile", type=_PATH)
def show(profile: Path) -> int:
    """Show what a profile contains, and how precise its measures are."""
    from diag.api.voice import load_voice
    from diag.cli.output import show_text, terminal_width
    from diag.report.voice_text import profile_text

    show_text(profile_text(load_voice(profile), width=terminal_width()))
    return 0
