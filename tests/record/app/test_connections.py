"""Connections of a program, read from the tables of the kernel."""

import os
import socket
import subprocess
import sys

from diag.record.app import connections
from diag.record.app.connections import outgoing, remote_addresses

LINES = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 0200A8C0:D431 5F01FA8E:01BB 01 00000000:00000000 00:00000000 00000000     0        0 22 1 0 20 4 30 10 -1
   2: 0200A8C0:D432 5F01FA8E:0050 01 00000000:00000000 00:00000000 00000000     0        0 33 1 0 20 4 30 10 -1
   3: 0100007F:D433 0100007F:01BB 01 00000000:00000000 00:00000000 00000000     0        0 44 1 0 20 4 30 10 -1
   4: 0200A8C0:D434 6001FA8E:01BB 06 00000000:00000000 00:00000000 00000000     0        0 55 1 0 20 4 30 10 -1
""".splitlines()
SIXES = ["0: 0:0 00450120080B0A0000000000AE5F0100:01BB 02 0:0 00:0 0 0 0 66 1"]


def test_open_tls_connections_to_other_machines_are_named(monkeypatch):
    monkeypatch.setattr(connections, "_is_little_endian", lambda: True)
    assert list(remote_addresses(LINES, {11, 22, 33, 44, 55}, {443})) == ["142.250.1.95:443"]
    assert list(remote_addresses(LINES, {11, 44}, {443})) == []
    assert list(remote_addresses(SIXES, {66}, {443})) == ["[2001:4500:a:b08::1:5fae]:443"]


def test_the_sockets_of_all_descendants_are_looked_at(monkeypatch):
    monkeypatch.setattr("ipaddress.IPv4Address.is_loopback", property(lambda address: False))
    code = "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); s.recv(1)"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        child = subprocess.Popen([sys.executable, "-c", code, str(port)])
        accepted, _ = server.accept()
        with accepted:
            found = outgoing(os.getpid(), {port})
        child.wait()
    assert found == (f"127.0.0.1:{port}",)
