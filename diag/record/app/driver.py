"""What a take needs of a kind of app: start it, know when it listens, end it, and say what was seen of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol


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
    folders : tuple of Path
        Folders of temporary files, which are removed with the app if diag is killed.
    """

    environment: Mapping[str, str]
    output_file: Path
    proxy_address: str
    ca_file: Path
    key_hash: str
    folders: tuple[Path, ...] = ()


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


class Fact(NamedTuple):
    """Something that was seen of an app: an event's name and data, and its time as a `time.perf_counter` reading."""

    name: str
    data: Mapping[str, Any]
    at_s: float


class Talk(NamedTuple):
    """Audio in the app's own messages so far.

    Parameters
    ----------
    sent_s : float or None
        Time from the first message with audio that was sent to the last; None if there is none.
    received : int
        Number of messages with audio that were received.
    """

    sent_s: float | None = None
    received: int = 0


@dataclass(frozen=True)
class PageMessage:
    """A message of a WebSocket of the page.

    Parameters
    ----------
    at_s : float
        When it passed, as a `time.perf_counter` reading.
    socket, url : str
        The WebSocket and its address.
    sent : bool
        The page sent it; else it received it.
    binary : bool
    payload : bytes
    """

    at_s: float
    socket: str
    url: str
    sent: bool
    binary: bool
    payload: bytes


class AppDriver(Protocol):
    """Driver of one kind of app. A take calls `start`, `ready` until it is true, `speak` before each prompt, `stop`."""

    async def start(self, setting: AppSetting) -> None:
        """Start the app; return at once."""

    def ready(self) -> bool | None:
        """Return whether the app has shown that it listens; None if only the wire can show it."""

    def stuck(self) -> bool:
        """Return whether what was seen shows that the app will not get ready, although it has not ended."""

    def talk(self) -> Talk:
        """Return what the app's own messages show of the conversation so far."""

    async def speak(self) -> None:
        """Do what a user does just before speaking, such as pressing a button."""

    def ended(self) -> AppEnd | None:
        """Return how the app ended by itself; None while it runs."""

    def last_lines(self) -> tuple[str, ...]:
        """Return the last lines of the app's output, with keys removed."""

    async def stop(self) -> None:
        """End the app and everything that it started; a second call does nothing."""

    def sounded(self) -> None:
        """Take note that the ear hears the first sound of a reply."""

    def facts(self) -> tuple[Fact, ...]:
        """Return what was seen of the app as events."""

    def messages(self) -> tuple[PageMessage, ...]:
        """Return the messages of the app's own WebSockets; call it before `stop`."""

    def connections(self) -> tuple[str, ...]:
        """Return the addresses outside of this machine to which the app is connected with TLS now."""
