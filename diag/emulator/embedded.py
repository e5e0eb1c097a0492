"""An emulator in a child process, for takes and tests: started, given profiles, asked for its truth, ended."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from diag.core.errors import BadInputError, CannotMeasureError, DiagError
from diag.core.processes import import_environment

_ERRORS: dict[str, type[DiagError]] = {"BadInputError": BadInputError, "CannotMeasureError": CannotMeasureError}
END_WITHIN_S = 5.0


class EmbeddedEmulator:
    """A Live API emulator over TLS on a free loopback port, in a process of its own.

    It serves any number of profiles at a time and ends with this process, however that ends.

    Parameters
    ----------
    replies_dir : Path or None
        Folder with `replies.toml`; None for the user's own or the built-in ones.
    log_path : Path or None
        File to which the truth of all profiles is appended as JSON lines.

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
        self._ca_file: Path | None = None

    @property
    def ca_file(self) -> Path:
        """Certificate (PEM) that clients must trust; gone when the emulator ends."""
        if self._ca_file is None:
            raise RuntimeError("the emulator is not running")
        return self._ca_file

    @property
    def pid(self) -> int:
        """Of the child."""
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
            If it cannot serve: no replies, no port.
        """
        command = [sys.executable, "-m", "diag.emulator", "--embedded"]
        if self._replies_dir is not None:
            command += ["--replies", str(self._replies_dir)]
        if self._log_path is not None:
            command += ["--truth", str(self._log_path)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
            env={**os.environ, **import_environment()},
        )  # fmt: skip
        try:
            self._ca_file = Path(str(self._answer()["ca_file"]))
        except DiagError:
            self.close()
            raise

    def close(self) -> None:
        """End the child; harmless when called twice."""
        process, self._process, self._ca_file = self._process, None, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            process.stdin.close()
        try:
            process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def register(self, settings: Mapping[str, Any], *, seed: int = 0) -> str:
        """Make a profile of its own for a take.

        Parameters
        ----------
        settings : mapping
            As of a scenario's `[emulator]` table.
        seed : int
            Of all its draws.

        Returns
        -------
        str
            Base URL for `HttpOptions(base_url=…)`; with `down` one at which nothing answers.

        Raises
        ------
        BadInputError
            If a setting is not allowed.
        """
        return str(self._ask({"do": "register", "settings": dict(settings), "seed": seed})["base_url"])

    def truth(self, base_url: str) -> list[dict[str, Any]]:
        """What the emulator did under a profile so far, oldest first; times on `time.perf_counter`."""
        lines: list[dict[str, Any]] = self._ask({"do": "truth", "profile": profile_of(base_url)})["truth"]
        return lines

    def forget(self, base_url: str) -> None:
        """Drop a profile and its truth; open sessions go on."""
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
            told = answer["error"]
            raise _ERRORS.get(told.pop("kind"), CannotMeasureError)(told.pop("attempted"), **told)
        return answer

    def _ended(self) -> CannotMeasureError:
        code = self._process.poll() if self._process is not None else None
        return CannotMeasureError(
            "Could not talk to the embedded emulator",
            seen=f"its process has ended with code {code}",
            next_step="run `python -m diag.emulator` by hand to see why",
        )


def profile_of(base_url: str) -> str:
    """Name of the profile in a base URL."""
    return base_url.rstrip("/").rpartition("/profile/")[2].partition("/")[0]
