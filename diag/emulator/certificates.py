"""An authority and a server certificate made at start, for clients that insist on TLS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trustme

NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Certificates:
    """TLS for the server and the file that its clients must trust.

    Parameters
    ----------
    ca_file : Path
        The authority's certificate (PEM).
    context : ssl.SSLContext
        For the server.
    """

    ca_file: Path
    context: ssl.SSLContext


def make_certificates(folder: Path, hosts: tuple[str, ...] = ()) -> Certificates:
    """Make an authority and a certificate for localhost, 127.0.0.1, ::1 and `hosts`; keep the authority in `folder`.

    The private key never reaches a file that stays.
    """
    import trustme

    authority = trustme.CA()
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    names = (*NAMES, *(host for host in hosts if host not in NAMES))
    return Certificates(ca_file=ca_file, context=_server_context(authority, names))


def untrusted_context() -> ssl.SSLContext:
    """A server context whose certificate no client has reason to trust."""
    import trustme

    return _server_context(trustme.CA(), NAMES)


def _server_context(authority: trustme.CA, names: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Clients that look for HTTP/2 would find none; WebSocket is HTTP/1.1.
    context.set_alpn_protocols(["http/1.1"])
    authority.issue_cert(*names).configure_cert(context)
    return context
