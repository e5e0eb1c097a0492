"""Certificates made at start: an authority, and server certificates signed by it, because SDKs connect only with TLS.

The emulator has one certificate for loopback names. The recording proxy makes one for each host that a client asks for.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trustme

NAMES = ("localhost", "127.0.0.1", "::1")
MOST_HOSTS = 1000
"""Most hosts for which an authority makes certificates."""


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
    return Certificates(ca_file=ca_file, context=_server_context(authority.issue_cert(*names)))


def untrusted_context() -> ssl.SSLContext:
    """Return TLS settings with a certificate of an authority that no client trusts."""
    import trustme

    return _server_context(trustme.CA().issue_cert(*NAMES))


class HostCertificates:
    """Authority whose TLS settings present a certificate for whatever host the client asks for.

    Parameters
    ----------
    names : tuple of str
        Names in the certificate that is made at once, besides localhost, 127.0.0.1 and ::1. A name may begin with `*.`.

    Attributes
    ----------
    pem : bytes
        Certificate of the authority, for clients to trust.
    key_hash : str
        SHA-256 of the public key of the first certificate, in base64, as Chromium's option
        `--ignore-certificate-errors-spki-list` expects it.
    context : ssl.SSLContext
        TLS settings of a server. The certificate follows the name that the client sends (SNI).
    """

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        import trustme

        self._authority = trustme.CA()
        self.pem: bytes = self._authority.cert_pem.bytes()
        self._names = (*NAMES, *names)
        own = self._authority.issue_cert(*self._names)
        self.key_hash = _key_hash(own.cert_chain_pems[0].bytes())
        self.context = _server_context(own)
        self.context.sni_callback = self._choose
        self._contexts: dict[str, ssl.SSLContext] = {}

    def _choose(self, connection: ssl.SSLSocket | ssl.SSLObject, host: str | None, _: ssl.SSLContext) -> None:
        if host is None or self._covered(host):
            return
        if host not in self._contexts:
            if len(self._contexts) >= MOST_HOSTS:
                return
            self._contexts[host] = _server_context(self._authority.issue_cert(host))
        connection.context = self._contexts[host]

    def _covered(self, host: str) -> bool:
        parent = f"*.{host.partition('.')[2]}"
        return host in self._names or parent in self._names


def _key_hash(pem: bytes) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_pem_x509_certificate(pem).public_key()
    return base64.b64encode(
        hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()


def _server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # WebSocket needs HTTP/1.1, so HTTP/2 is not offered.
    context.set_alpn_protocols(["http/1.1"])
    certificate.configure_cert(context)
    return context
