"""The clock comes first: a crowd that speaks in the same moment delays nothing by more than a few messages."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from diag.emulator.fairness import AT_ONCE, Turns, run

CROWD = 23


@pytest.fixture
def crowd() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    pairs = [socket.socketpair() for _ in range(CROWD)]
    for near, far in pairs:
        near.setblocking(False)
        far.send(b"x")
    yield pairs
    for near, far in pairs:
        near.close()
        far.close()


def test_everybody_gets_a_turn(crowd) -> None:
    with Turns() as turns:
        for near, _ in crowd:
            turns.register(near, 1)
        rounds = [turns.select(0) for _ in range(-(-CROWD // AT_ONCE))]
    assert all(len(ready) == AT_ONCE for ready in rounds)
    assert {key.fd for ready in rounds for key, _ in ready} == {near.fileno() for near, _ in crowd}


def test_few_are_given_at_once(crowd) -> None:
    with Turns() as turns:
        for near, _ in crowd[:AT_ONCE]:
            turns.register(near, 1)
        assert len(turns.select(0)) == AT_ONCE


def test_what_is_due_does_not_wait_for_the_crowd(crowd) -> None:
    """Each message takes 10 ms; what is due 5 ms after the first comes before all have been heard."""
    heard: list[int] = []
    due_after: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        everybody = asyncio.Event()

        def hear(near: socket.socket) -> None:
            near.recv(1)
            until_s = time.perf_counter() + 0.01
            while time.perf_counter() < until_s:
                pass
            heard.append(near.fileno())
            if len(heard) == CROWD:
                everybody.set()

        for near, _ in crowd:
            loop.add_reader(near, hear, near)
        loop.call_later(0.005, lambda: due_after.append(len(heard)))
        await everybody.wait()
        for near, _ in crowd:
            loop.remove_reader(near)

    run(main())
    assert len(set(heard)) == CROWD
    assert due_after[0] <= 2 * AT_ONCE
