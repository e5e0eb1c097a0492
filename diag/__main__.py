"""Entry point of `diag` and `python -m diag`: turns every ending into one sentence and an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType, TracebackType

import click

from diag.core.errors import DiagError, ExitCode
from diag.core.keys import without_keys
from diag.core.plain_text import on_one_line

BISECT = "--bisect"
SKIP_COMMIT = 125
"""What `git bisect run` takes for a commit that cannot be tested (git-bisect(1))."""


class Ending:
    """Context in which a command runs; afterwards `exit_code` is set and what went wrong has been told.

    No exception but `SystemExit` leaves it. This is the only place where an unforeseen one is caught on the command
    line: its traceback goes to the log file.
    """

    def __init__(self) -> None:
        self.exit_code = int(ExitCode.GOOD)

    def __enter__(self) -> Ending:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or isinstance(error, SystemExit):
            return False
        self.exit_code = int(_told(error))
        return True


def _told(error: BaseException) -> ExitCode:
    if isinstance(error, DiagError):
        _say(str(error))
        return error.exit_code
    if isinstance(error, click.Abort | KeyboardInterrupt):
        kept = error.__cause__ if isinstance(error, click.Abort) else error
        _say(f"Stopped. {kept}" if kept is not None and str(kept) else "Stopped.")
        return ExitCode.STOPPED
    if isinstance(error, click.ClickException):
        _say(_usage_sentence(error))
        return ExitCode.USAGE
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has had enough.
        _discard_output()
        return ExitCode.GOOD
    from diag.core.machine import trouble_of
    from diag.files import log as logbook

    trouble = trouble_of(error)
    if trouble is not None:
        logbook.write_bug(error)
        _say(str(trouble))
        if isinstance(error, OSError) and error.filename is None:
            _discard_output()  # it may be the output that cannot be written
        return trouble.exit_code
    _say(
        f"This is a bug in diag ({type(error).__name__}), not in what you measure: {logbook.write_bug(error)}; "
        "please report it with that file (it contains no key)."
    )
    return ExitCode.BUG


def _discard_output() -> None:
    """Send further output nowhere, so that Python does not complain about it while it shuts down."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _usage_sentence(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "diag"
    message = " ".join(error.format_message().split()).rstrip(".")
    return f"Could not run `{path}`: {message}; see `{path} --help`."


def _say(sentence: str) -> None:
    with suppress(OSError):
        click.echo(on_one_line(without_keys(sentence)), err=True)


def _log_stray(stray: sys.UnraisableHookArgs | threading.ExceptHookArgs) -> None:
    """What goes wrong in a thread or while an object dies is for the log file."""
    from diag.files import log as logbook

    if stray.exc_value is not None:
        logbook.write_bug(stray.exc_value)


class _StopRequest(KeyboardInterrupt):
    """The process was asked to end.

    Once an `exec`, as that of a dataclass, was left with `KeyboardInterrupt` itself, Python ends the process with
    SIGINT instead of its exit code.
    """


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _StopRequest


def call(arguments: Sequence[str]) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str
        Words after `diag`.

    Returns
    -------
    int
        An `ExitCode`.
    """
    ending = Ending()
    with ending:
        from diag.core.machine import check_address_space, check_threads

        check_address_space()
        check_threads(os.cpu_count() or 1)
        from diag.cli.root import diag

        result = diag.main(args=list(arguments), prog_name="diag", standalone_mode=False)
        ending.exit_code = result if isinstance(result, int) else int(ExitCode.GOOD)
        if sys.stdout is not None:
            sys.stdout.flush()
    return bisect_code(ending.exit_code) if BISECT in arguments else ending.exit_code


def bisect_code(code: int) -> int:
    """Return the exit code for `git bisect run`: 0 good, 1 bad, 125 skip this commit.

    Only a measured failure may blame a commit. A code from 128 on ends the bisection, as when the user stops it.
    """
    return code if code in (ExitCode.GOOD, ExitCode.FAILED, ExitCode.STOPPED) else SKIP_COMMIT


def main() -> int:
    """Run the command line of this process, and return its exit code."""
    # A polite kill and a closed terminal are stops as Ctrl-C is: devices are given back, what was kept is told.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # `nohup` ignores SIGHUP, so that a command outlives its terminal; a shell ignores SIGINT for a job that it
        # starts in the background.
        if signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
            signal.signal(getattr(signal, name), _stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.unraisablehook = _log_stray
    threading.excepthook = _log_stray
    return call(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
