"""Causes of connection failures, derived from exceptions of the SDK, websockets, TLS and sockets."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from diag.core.timeline import NOT_TAKEN

PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "WSS_PROXY", "wss_proxy")
REFUSING_STATUSES = range(400, 500)
"""HTTP statuses with which the service refuses a session; a 5xx means that the service is unavailable."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Name and data of a timeline event, as described in docs/takes.md."""

    name: Literal["session_refused", "unreachable", "session_closed"]
    data: Mapping[str, Any]


def no_setup_complete(waited_s: float) -> Fact:
    """Return the fact that the WebSocket was opened, but the service did not answer the setup."""
    return _unreachable("setup", f"the setup was sent, but no setupComplete came within {waited_s:.0f} s")


def connect_failure(error: BaseException, *, otherwise: str = "http") -> Fact:
    """Return the fact that explains why a session could not be opened.

    A close frame or an HTTP 4xx is an answer of the service (`session_refused`). Anything else means that the service
    was not reached (`unreachable`).

    Parameters
    ----------
    error : BaseException
        What the SDK or a library below it raised.
    otherwise : str
        Step to report as failed if the exception does not show it ("proxy", "dns", "tls", "tcp", "http" or "setup").
    """
    status = _http_status(error)
    if status is not None:
        if status in REFUSING_STATUSES:
            return Fact(name="session_refused", data={"code": status, "reason": f"HTTP {status}"})
        return _unreachable("http", f"HTTP {status}")
    code, reason = close_code_and_reason(error)
    if code is not None and code != 1006:
        return Fact(name="session_refused", data={"code": code, "reason": reason})
    if code == 1006:
        return _unreachable("setup", "the connection was dropped before the session was set up")
    return _unreachable(_step(error, otherwise), _plain(error))


def close_code_and_reason(error: BaseException) -> tuple[int | None, str]:
    """Return the close code and reason of an exception of the SDK or of websockets; (None, "") if it has none.

    The SDK raises `APIError` with `.code` and `.details`. Older versions, and sends that fail, raise `ConnectionClosed`
    of websockets with the received close frame.
    """
    if hasattr(error, "rcvd"):
        received = error.rcvd
        return (1006, "no close frame") if received is None else (int(received.code), str(received.reason))
    code = getattr(error, "code", None)
    if isinstance(code, int):
        details = getattr(error, "details", None)
        return code, str(error if details is None else details)
    return None, ""


def session_end(error: BaseException) -> Fact:
    """Return the fact that explains why a running session ended.

    It is the client that ended it if its library refused a message: websockets closes with 1009 if one is larger than
    its `max_size`.
    """
    for item in _causes(error):
        sent, received = getattr(item, "sent", None), getattr(item, "rcvd", None)
        if sent is not None and received is None and int(sent.code) in NOT_TAKEN:
            return Fact(
                name="session_closed", data={"code": int(sent.code), "reason": str(sent.reason), "by": "client"}
            )
    code, reason = close_code_and_reason(error)
    data = {"code": code, "reason": reason if code else str(error), "by": "service"}
    # The SDK raises ValueError for text that is not JSON, and TypeError for JSON that is not a Live API message.
    unreadable = code is None and isinstance(error, ValueError | TypeError)
    return Fact(name="session_closed", data={**data, "unreadable": True} if unreadable else data)


def proxies_in_force() -> tuple[str, ...]:
    """Return the names of the proxy variables that are set."""
    return tuple(name for name in PROXY_VARIABLES if os.environ.get(name))


def _unreachable(step: str, detail: str) -> Fact:
    return Fact(name="unreachable", data={"step": step, "detail": detail, "proxy": list(proxies_in_force())})


def _http_status(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    return status if isinstance(status, int) and not isinstance(getattr(error, "code", None), int) else None


def _step(error: BaseException, otherwise: str) -> str:
    chain = list(_causes(error))
    # The only libraries that may be missing are those for some kinds of proxy.
    if any("proxy" in type(item).__name__.lower() or isinstance(item, ImportError) for item in chain):
        return "proxy"
    if any(isinstance(item, socket.gaierror) for item in chain):
        return "dns"
    if any(isinstance(item, ssl.SSLError) for item in chain):
        return "tls"
    if any(isinstance(item, OSError) for item in chain):
        return "tcp"
    return otherwise


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _plain(error: BaseException) -> str:
    text = str(error).strip()
    if isinstance(error, TimeoutError):
        return text or "no answer in time"
    return text or type(error).__name__
