"""Emulator in a child process, for takes and tests: start it, register profiles, read its events, end it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self

from diag.core.errors import BadInputError, CannotMeasureError, DiagError
from diag.core.processes import import_environment

_ERRORS: dict[str, type[DiagError]] = {"BadInputError": BadInputError, "CannotMeasureError": CannotMeasureError}
END_WITHIN_S = 5.0


class EmbeddedEmulator:
    """Emulator of the Live API over TLS, on a free loopback port and in its own process.

    It serves any number of profiles at a time. It ends when this process ends, even if this process is killed.

    Parameters
    ----------
    replies_dir : Path or None
        Folder with `replies.toml`; None for the user's own or the built-in replies.
    log_path : Path or None
        File to which the events of all profiles are appended as JSON lines; None for none.

    Examples
    --------
    >>> with EmbeddedEmulator() as emulator:                         # doctest: +SKIP
    ...     base_url = emulator.register({"think_s": 4.0}, seed=7)
    ...     emulator.ca_file, base_url
    """

    def __init__(self, *, replies_dir: Path | None = None, log_path: Path | None = None) -> None:
        self._replies_dir = replies_dir
        self._log_path = log_path
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._errors: IO[bytes] | None = None
        self._ca_file: Path | None = None

    @property
    def ca_file(self) -> Path:
        """Return the certificate (PEM) that clients must trust; the file is removed when the emulator ends."""
        if self._ca_file is None:
            raise RuntimeError("the emulator is not running")
        return self._ca_file

    @property
    def pid(self) -> int:
        """Return the process id of the child."""
        if self._process is None:
            raise RuntimeError("the emulator is not running")
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the child and wait until it listens.

        Raises
        ------
        DiagError
            If it cannot serve, for example because there are no replies.
        """
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start the child; it loads for about a second, and `wait` has to be called before it is used."""
        command = [sys.executable, "-m", "diag.emulator", "--embedded"]
        if self._replies_dir is not None:
            command += ["--replies", str(self._replies_dir)]
        if self._log_path is not None:
            command += ["--truth", str(self._log_path)]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the child)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, encoding="utf-8",
            env={**os.environ, **import_environment()},
        )  # fmt: skip

    def wait(self) -> None:
        """Wait until the child that was launched listens.

        Raises
        ------
        DiagError
            If it cannot serve, for example because there are no replies.
        """
        try:
            self._ca_file = Path(str(self._answer()["ca_file"]))
        except DiagError:
            self.close()
            raise

    def close(self) -> None:
        """End the child; a second call does nothing."""
        process, self._process, self._ca_file = self._process, None, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # the child has ended already
            process.stdin.close()
        try:
            process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        if self._errors is not None:
            self._errors.close()

    def register(self, settings: Mapping[str, Any], *, seed: int = 0) -> str:
        """Create a profile for a take.

        Parameters
        ----------
        settings : mapping
            Settings as in a scenario's `[emulator]` table.
        seed : int
            Seed of all random choices of the profile.

        Returns
        -------
        str
            Base URL for `HttpOptions(base_url=…)`; with the setting `down`, one at which connecting fails.

        Raises
        ------
        BadInputError
            If a setting is not allowed.
        """
        return str(self._ask({"do": "register", "settings": dict(settings), "seed": seed})["base_url"])

    def truth(self, base_url: str) -> list[dict[str, Any]]:
        """Return the events of a profile so far, oldest first, with times on the `time.perf_counter` clock."""
        lines: list[dict[str, Any]] = self._ask({"do": "truth", "profile": profile_of(base_url)})["truth"]
        return lines

    def forget(self, base_url: str) -> None:
        """Remove a profile and its events; open sessions continue."""
        self._ask({"do": "forget", "profile": profile_of(base_url)})

    def _ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            if self._process is None or self._process.stdin is None:
                raise RuntimeError("the emulator is not running")
            try:
                self._process.stdin.write(json.dumps(command, default=str) + "\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                raise self._ended() from None
            return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            details = answer["error"]
            raise _ERRORS.get(details.pop("kind"), CannotMeasureError)(details.pop("attempted"), **details)
        return answer

    def _ended(self) -> CannotMeasureError:
        code = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(END_WITHIN_S)
        last = self._last_error()
        return CannotMeasureError(
            "Could not talk to the embedded emulator",
            seen=f"its process has ended with code {code}{f' ({last})' if last else ''}",
            next_step="check free memory and the limits of this shell (`ulimit -a`), or run `python -m diag.emulator` "
            "to see its error message",
        )

    def _last_error(self) -> str:
        """Return the last line that the child wrote to standard error; empty if it wrote none."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def profile_of(base_url: str) -> str:
    """Return the name of the profile in a base URL."""
    return base_url.rstrip("/").rpartition("/profile/")[2].partition("/")[0]
