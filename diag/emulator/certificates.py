"""Certificates made at start, an authority and a server certificate, because SDKs connect only with TLS."""

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
    """TLS settings of the server, and the certificate that its clients must trust.

    Parameters
    ----------
    ca_file : Path
        Certificate of the authority (PEM).
    context : ssl.SSLContext
        TLS settings of the server.
    """

    ca_file: Path
    context: ssl.SSLContext


def make_certificates(folder: Path, hosts: tuple[str, ...] = ()) -> Certificates:
    """Return a new authority and server certificate for localhost, 127.0.0.1, ::1 and `hosts`.

    The authority's certificate is written to `folder`. No private key is kept in a file.
    """
    import trustme

    authority = trustme.CA()
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    names = (*NAMES, *(host for host in hosts if host not in NAMES))
    return Certificates(ca_file=ca_file, context=_server_context(authority, names))


def untrusted_context() -> ssl.SSLContext:
    """Return TLS settings with a certificate of an authority that no client trusts."""
    import trustme

    return _server_context(trustme.CA(), NAMES)


def _server_context(authority: trustme.CA, names: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # WebSocket needs HTTP/1.1, so HTTP/2 is not offered.
    context.set_alpn_protocols(["http/1.1"])
    authority.issue_cert(*names).configure_cert(context)
    return context
