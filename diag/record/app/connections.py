"""Connections of a program and all that it started, read from the kernel's tables."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from diag.record.app.keeper import descendants

TLS_PORTS = frozenset({443})
_ESTABLISHED, _SYN_SENT = "01", "02"


def outgoing(pid: int, ports: Collection[int] = TLS_PORTS) -> tuple[str, ...]:
    """Return the addresses outside of this machine to which the descendants of a process are connected.

    Parameters
    ----------
    pid : int
    ports : collection of int
        Only connections to these ports count.

    Returns
    -------
    tuple of str
        `address:port`, sorted.
    """
    found: set[str] = set()
    for child in descendants(pid):
        inodes = set(_sockets(child))
        for table in ("tcp", "tcp6"):
            with contextlib.suppress(OSError):
                found |= set(
                    remote_addresses(Path(f"/proc/{child}/net/{table}").read_text().splitlines(), inodes, ports)
                )
    return tuple(sorted(found))


def remote_addresses(lines: Iterable[str], inodes: Collection[int], ports: Collection[int]) -> Iterator[str]:
    """Yield the remote addresses of open sockets in the lines of `/proc/net/tcp`, without those of this machine."""
    for line in lines:
        fields = line.split()
        if len(fields) < 10 or fields[3] not in (_ESTABLISHED, _SYN_SENT) or int(fields[9]) not in inodes:
            continue
        number, _, port = fields[2].partition(":")
        address = _address(bytes.fromhex(number))
        if int(port, 16) in ports and not address.is_loopback:
            host = f"[{address}]" if address.version == 6 else str(address)
            yield f"{host}:{int(port, 16)}"


def _address(data: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the address in bytes of a table, whose words of 4 bytes have the order of the machine."""
    words = b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4)) if _is_little_endian() else data
    address = ipaddress.ip_address(words)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_little_endian() -> bool:
    return socket.htons(1) != 1


def _sockets(pid: int) -> Iterator[int]:
    """Yield the inodes of the sockets that a process holds."""
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{name}")
                if target.startswith("socket:["):
                    yield int(target[8:-1])
