"""What a take needs of a kind of app: start it, know when it listens, end it, and say what was seen of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class AppSetting:
    """Where an app runs: its audio devices and the way to the service.

    Parameters
    ----------
    environment : mapping of str to str
        Environment variables of the app: all of diag's own, those of the rig's devices, and those that send its
        traffic through the recording proxy.
    output_file : Path
        File to which the app's output is appended as it comes, with keys removed.
    proxy_address : str
        `host:port` of the recording proxy.
    ca_file : Path
        Certificate that the app must trust.
    key_hash : str
        Hash of the public key of that certificate's server certificate (`HostCertificates.key_hash`).
    """

    environment: Mapping[str, str]
    output_file: Path
    proxy_address: str
    ca_file: Path
    key_hash: str


@dataclass(frozen=True, kw_only=True)
class AppEnd:
    """How an app ended by itself.

    Parameters
    ----------
    code : int or None
        Exit code; None if a signal ended it, or if it could not be started.
    detail : str
        How it ended in words, for example "exit code 1".
    """

    code: int | None
    detail: str


class AppDriver(Protocol):
    """Driver of one kind of app. A take calls `start`, `ready` until it is true, `speak` before each prompt, `stop`."""

    async def start(self, setting: AppSetting) -> None:
        """Start the app; return at once."""

    def ready(self) -> bool | None:
        """Return whether the app has shown that it listens; None if only the wire can show it."""

    async def speak(self) -> None:
        """Do what a user does just before speaking, such as pressing a button."""

    def ended(self) -> AppEnd | None:
        """Return how the app ended by itself; None while it runs."""

    def last_lines(self) -> tuple[str, ...]:
        """Return the last lines of the app's output, with keys removed."""

    async def stop(self) -> None:
        """End the app and everything that it started; a second call does nothing."""

    def facts(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """Return what was seen of the app as names and data of events."""
