"""Options of a run, and whom its progress is reported to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

REPORTS = Path("reports")
RUNS = "runs"
"""Folder of the run folders, below that of the reports."""
MAX_TAKES = 10_000
"""Of one run."""
AUTO_TAKES = (10, 20, 40)
"""Numbers of takes at which `--takes auto` looks. The probability of a false alarm is divided among the looks."""
RIGS_PER_CORE = 4
"""A take mostly waits. With four per core no take was discarded, even on a machine with other work; with six, 4 of 59
were. If takes are discarded, fewer are recorded at a time (`diag.api.take_dispatch`)."""
MAX_USUAL_RIGS = 16
"""Takes are judged by one process, about two per second: more rigs would wait for it."""
RIGS_PER_CORE_IN_A_ROOM = 2
"""In a room, the sound server also convolves: 9 % of a core for each take with the built-in rooms, and 13 % with
responses of one second. Judging takes twice as long. On two cores, of which other programs used a quarter to
a half, 3 to 8 of 24 takes were discarded with three per core, and none or one with two."""
CORES_PER_APP = 2
"""An app that starts loads one core for a second or two."""
SESSIONS_AT_A_REAL_SERVICE = 1
"""Low tiers allow about three sessions at once, and those that others hold open count."""


class Progress(Protocol):
    """Told by conductors what happens; a terminal shows it."""

    def started(self, *, title: str, takes: int, about_s: float | None) -> None:
        """Takes are about to be recorded."""

    def take_done(self, *, run: str, take: str, line: str, discarded: str | None) -> None:
        """A take was recorded and judged; `line` is one plain sentence."""

    def note(self, text: str) -> None:
        """Something worth knowing."""


class Quiet:
    """A progress that shows nothing, for use from Python."""

    def started(self, *, title: str, takes: int, about_s: float | None) -> None: ...

    def take_done(self, *, run: str, take: str, line: str, discarded: str | None) -> None: ...

    def note(self, text: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to run, on what, and where the results go.

    Parameters
    ----------
    takes : int
        Takes of each configuration, >= 1.
    auto : bool
        Whether a comparison or a bench goes on, beyond `takes`, until it decides or its budget ends.
    prompts : tuple of str
        Names or paths; empty for the configuration's own, else all.
    audio : str
        "virtual", "wire" or "system".
    endpoint : str
        "emulator", "gemini" or a URL.
    out : Path or None
        Folder for runs and reports; None for `reports/`.
    seed : int
        Seed of all random choices.
    rigs : int or None
        How many takes are recorded side by side; None to choose by cores, one at a time at a real service.
    devices : mapping
        Port to device name, for "system".
    embed : str
        How much audio the report holds: "evidence", "all" or "none".
    resume : Path or None
        A run folder to go on with.
    app : str or None
        Command of the user's own app, which is the client of all takes; it replaces `[app]` of the configurations.
    follow : bool
        Report the app's output while it runs.
    as_of : str or None
        Day whose models the emulator serves, as "2025-09-19"; None for that of each configuration, else today.
    voice : Path or None
        Profile of a voice that replies are compared with; None for the configuration's own, if it names one.
    formats : tuple of str
        Formats that the report is exported to besides HTML, as "junit" (`diag.report.exports`).
    link : str or None
        Where the HTML report will be found, for exports that link to it; None for its path.
    fail_on : str
        Lowest severity that fails, for exports that say what failed.
    room : str or None
        Room whose acoustics virtual rigs get: a name or a file; None for the configuration's own, if it names one.
    turns : Path or None
        TOML file with the script of a conversation, which replaces that of the configurations.
    cluster : str or None
        Address of a Dask scheduler on whose workers the takes are recorded; None for this machine.
    """

    takes: int = 5
    auto: bool = False
    prompts: tuple[str, ...] = ()
    audio: str = "virtual"
    endpoint: str = "emulator"
    out: Path | None = None
    seed: int = 0
    rigs: int | None = None
    devices: Mapping[str, str] = field(default_factory=dict)
    embed: Literal["evidence", "all", "none"] = "evidence"
    resume: Path | None = None
    app: str | None = None
    follow: bool = False
    as_of: str | None = None
    voice: Path | None = None
    formats: tuple[str, ...] = ()
    link: str | None = None
    fail_on: str = "error"
    room: str | None = None
    turns: Path | None = None
    cluster: str | None = None

    def rig_count(self, takes: int, *, with_app: bool = False, in_room: bool = False, alone: bool = False) -> int:
        """How many rigs serve a number of takes.

        Parameters
        ----------
        takes : int
        with_app : bool
            Apps run beside the recorders, so there are fewer.
        in_room : bool
            The sound server also convolves, so there are fewer.
        alone : bool
            Takes cannot run side by side.
        """
        if self.audio == "system" or alone:
            return 1
        from diag.core.processes import cores  # multiprocessing takes time to load, and `--help` does without it

        per_core = RIGS_PER_CORE_IN_A_ROOM if in_room else RIGS_PER_CORE
        usual = min(per_core * cores(), MAX_USUAL_RIGS) if self.endpoint == "emulator" else SESSIONS_AT_A_REAL_SERVICE
        if with_app and self.endpoint == "emulator":
            usual = max(1, cores() // CORES_PER_APP)
        wanted = self.rigs or usual
        return max(1, min(wanted, takes))

    @property
    def reports_dir(self) -> Path:
        """Folder of the reports."""
        return self.out or REPORTS

    @property
    def runs_dir(self) -> Path:
        """Folder of the run folders."""
        return self.reports_dir / RUNS
