"""Each fault does what its line in the table says, and nothing else; seen by a raw client."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest
from emulator_raw import HELLO, QUICK, SETUP, one_turn, raw
from websockets.exceptions import ConnectionClosed, InvalidStatus

from diag.emulator.closing import CLOSES, REASON_BYTES, cut


def closed(turn, *faults: dict, **settings) -> ConnectionClosed:
    with pytest.raises(ConnectionClosed) as caught:
        turn(*faults, **settings)
    return caught.value


def test_a_healthy_turn_for_comparison(turn, reply) -> None:
    got = turn()
    assert np.array_equal(got.audio, reply)
    assert {len(chunk) for chunk in got.chunks[:-1]} == {4800}
    assert got.mime_types == {"audio/pcm;rate=24000"}


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
def test_http(turn, status: int) -> None:
    with pytest.raises(InvalidStatus) as caught:
        turn({"kind": "http", "status": status})
    assert caught.value.response.status_code == status
    assert json.loads(caught.value.response.body)["error"]["code"] == status


@pytest.mark.parametrize("when", ["connect", "setup", "session", "turn"])
def test_close_at_each_moment(turn, when: str) -> None:
    named = "quota"
    error = closed(turn, {"kind": "close", "named": named, "when": when})
    assert error.rcvd.code == CLOSES[named].code
    assert error.rcvd.reason == CLOSES[named].reason.encode()[:REASON_BYTES].decode()


@pytest.mark.parametrize("named", sorted(CLOSES))
def test_every_known_close_reaches_the_client_whole(turn, named: str) -> None:
    error = closed(turn, {"kind": "close", "named": named, "when": "connect"})
    assert (error.rcvd.code, error.rcvd.reason) == (CLOSES[named].code, cut(CLOSES[named].reason).decode())


def test_close_at_a_chunk(turn, emulator, tls) -> None:
    base_url = emulator.register({**QUICK, "faults": [{"kind": "close", "code": 1011, "reason": "x", "chunk": 3}]})
    with pytest.raises(ConnectionClosed):
        one_turn(tls, base_url)
    events = [line["event"] for line in emulator.truth(base_url)]
    assert events.count("chunk_sent") == 3


def test_close_with_own_words_is_cut_at_a_whole_character(turn) -> None:
    error = closed(turn, {"kind": "close", "code": 4000, "reason": "é" * 100, "when": "setup"})
    assert (error.rcvd.code, error.rcvd.reason) == (4000, "é" * 61)


@pytest.mark.parametrize("when", ["connect", "setup", "session", "turn"])
def test_drop_has_no_close_frame(turn, when: str) -> None:
    with pytest.raises((ConnectionClosed, ConnectionError)) as caught:
        turn({"kind": "drop", "when": when})
    assert getattr(caught.value, "rcvd", None) is None


def test_only_the_named_turn_and_session_are_struck(emulator, tls) -> None:
    fault = {"kind": "silent_turn", "turns": [2], "sessions": [2]}
    base_url = emulator.register({**QUICK, "faults": [fault]})

    async def two_turns() -> list[int]:
        async with raw(tls, base_url) as client:
            await client.set_up()
            counts = []
            for _ in range(2):
                await client.say()
                counts.append(len((await client.hear("turnComplete")).chunks))
            return counts

    first, second = asyncio.run(two_turns()), asyncio.run(two_turns())
    assert min(first) > 0
    assert second[0] > 0
    assert second[1] == 0


def test_slow_first_audio(turn, emulator) -> None:
    got = turn({"kind": "slow_first_audio", "delay_s": 0.8})
    assert len(got.chunks) > 5


def test_drawn_delays_follow_the_seed(emulator, tls) -> None:
    drawn = {"distribution": "lognormal", "low_s": 0.05, "high_s": 0.15}

    def thought_s(seed: int) -> float:
        base_url = emulator.register({**QUICK, "faults": [{"kind": "slow_first_audio", "delay_s": drawn}]}, seed=seed)
        one_turn(tls, base_url)
        return next(line["think_s"] for line in emulator.truth(base_url) if line["event"] == "reply_chosen")

    assert thought_s(1) == thought_s(1) != thought_s(2)


def test_text_reply(turn) -> None:
    got = turn({"kind": "text_reply"})
    assert got.text == "This is the first of the replies."
    assert not got.chunks


def test_cut_reply_has_no_interrupted(turn, reply) -> None:
    got = turn({"kind": "cut_reply", "share": 0.5}, until="turnComplete")
    assert 0.4 < len(got.audio) / len(reply) < 0.6
    assert not got.has("interrupted")


def test_burst_comes_in_heaps(turn) -> None:
    got = turn({"kind": "burst", "chunks": 4}, pace=1.0, chunk_ms=50.0)
    gaps_s = np.diff(got.chunk_times_s)
    assert (gaps_s > 0.1).sum() >= 2
    assert (gaps_s < 0.02).sum() >= len(gaps_s) / 2


def test_pause(turn) -> None:
    got = turn({"kind": "pause", "chunk": 3, "for_s": 0.4})
    gaps_s = np.diff(got.chunk_times_s)
    assert gaps_s[2] > 0.35
    assert gaps_s.max() == gaps_s[2]


def test_jitter_keeps_the_order(turn, reply) -> None:
    got = turn({"kind": "jitter", "up_to_s": 0.15})
    assert np.array_equal(got.audio, reply)
    assert np.diff(got.chunk_times_s).max() > 0.02


def test_slow_is_slower_than_real_time(turn, reply) -> None:
    got = turn({"kind": "slow", "pace": 0.8}, chunk_ms=100.0)
    took_s = got.chunk_times_s[-1] - got.chunk_times_s[0]
    assert took_s == pytest.approx((len(got.chunks) - 1) * 0.1 / 0.8, abs=0.1)


def test_stall_is_for_good(turn) -> None:
    got = turn({"kind": "stall", "chunk": 3}, until=None, for_s=1.0)
    assert len(got.chunks) == 3
    assert not got.has("generationComplete")
    assert not got.has("turnComplete")


@pytest.mark.parametrize(
    ("kind", "generated", "completed"),
    [("missing_turn_complete", True, False), ("missing_generation_complete", False, True)],
)
def test_missing_completions(turn, kind: str, generated: bool, completed: bool) -> None:
    got = turn({"kind": kind}, until=None, for_s=0.9)
    assert got.has("generationComplete") == generated
    assert got.has("turnComplete") == completed


def test_late_turn_complete(turn) -> None:
    prompt = turn(until="turnComplete")
    late = turn({"kind": "late_turn_complete", "delay_s": 0.5}, until="turnComplete")
    spans_s = [got.times_s[-1] - got.times_s[-2] for got in (prompt, late)]
    assert spans_s[1] - spans_s[0] == pytest.approx(0.5, abs=0.1)


def test_false_interrupt(turn) -> None:
    got = turn({"kind": "false_interrupt", "chunk": 3}, until="turnComplete")
    assert len(got.chunks) == 3
    assert got.has("interrupted")
    assert not got.has("generationComplete")


def test_duplicate_drop_and_reorder_of_a_named_chunk(turn) -> None:
    chunks = turn().chunks
    assert turn({"kind": "duplicate_chunk", "chunk": 2}).chunks == [*chunks[:3], *chunks[2:]]
    assert turn({"kind": "drop_chunk", "chunk": 2}).chunks == [*chunks[:2], *chunks[3:]]
    assert turn({"kind": "reorder_chunks", "chunk": 2}).chunks == [*chunks[:2], chunks[3], chunks[2], *chunks[4:]]


def test_malformed_and_oversized_frames(turn, reply) -> None:
    got = turn({"kind": "malformed_json", "chunk": 1}, {"kind": "oversized_frame", "chunk": 2})
    assert got.malformed == 1
    assert max(len(payload) for payload in got.payloads) == 1_200_000
    assert np.array_equal(got.audio, reply)


def test_go_away_then_the_end(turn) -> None:
    fault = {"kind": "go_away", "at_s": 0.1, "time_left_s": 0.3}
    error = closed(turn, fault, until=None, for_s=2.0)
    assert error.rcvd.code == 1008
    assert error.rcvd.reason.endswith("after receiving a GoAway signal once the session durat")
    got = turn({**fault, "enforce": False}, until=None, for_s=0.8)
    assert {"goAway": {"timeLeft": "0.3s"}} in got.messages


def test_slow_pong(emulator, tls) -> None:
    async def pong_s(*faults: dict) -> float:
        async with raw(tls, emulator.register({"faults": list(faults)})) as client:
            async with asyncio.timeout(1.0):
                receiving = asyncio.create_task(client.ws.recv())
                latency_s = await (await client.ws.ping())
                receiving.cancel()
                return latency_s

    assert asyncio.run(pong_s()) < 0.2
    assert asyncio.run(pong_s({"kind": "slow_pong", "delay_s": 0.5})) >= 0.5
    with pytest.raises(TimeoutError):
        asyncio.run(pong_s({"kind": "slow_pong"}))


def test_quota_counts_open_sessions(emulator, tls) -> None:
    base_url = emulator.register({"faults": [{"kind": "quota", "at_once": 2}]})

    async def run() -> int:
        async with raw(tls, base_url) as first, raw(tls, base_url) as second:
            await first.set_up()
            await second.set_up()
            async with raw(tls, base_url) as third:
                with pytest.raises(ConnectionClosed) as caught:
                    await third.set_up()
        await asyncio.sleep(0.1)
        async with raw(tls, base_url) as fourth:
            assert "setupComplete" in await fourth.set_up()
        return caught.value.rcvd.code

    assert asyncio.run(run()) == 1011


def test_slow_setup(emulator, tls) -> None:
    base_url = emulator.register({"faults": [{"kind": "slow_setup", "delay_s": 0.5}]})

    async def early_audio_is_kept() -> bool:
        async with raw(tls, base_url) as client:
            await client.send(SETUP)
            await client.say(HELLO)
            first = json.loads(await client.ws.recv())
            got = await client.hear()
            return "setupComplete" in first and bool(got.chunks)

    assert asyncio.run(early_audio_is_kept())


def test_faults_of_chance_are_the_same_for_the_same_seed(turn) -> None:
    fault = {"kind": "drop_chunk", "share": 0.4}
    once, again, other = (turn(fault, seed=seed).chunks for seed in (5, 5, 6))
    assert once == again
    assert once != other


def test_setup_that_never_completes_holds_no_dead_session(emulator, tls) -> None:
    base_url = emulator.register({"faults": [{"kind": "slow_setup"}]})

    async def leave() -> None:
        async with raw(tls, base_url) as client:
            await client.send(SETUP)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.ws.recv(), 0.3)
            client.ws.transport.abort()
        await asyncio.sleep(1.0)

    asyncio.run(leave())
    assert [line["event"] for line in emulator.truth(base_url)][-2:] == ["fault_fired", "closed"]


def test_truth_names_the_faults_that_fired_and_no_others(emulator, tls) -> None:
    faults = [
        {"kind": "go_away", "at_s": 60},
        {"kind": "pause", "for_s": 0.1},
        {"kind": "drop", "when": "session", "at_s": 60},
    ]
    base_url = emulator.register({**QUICK, "faults": faults})
    one_turn(tls, base_url)
    assert [line["fault"] for line in emulator.truth(base_url) if line["event"] == "fault_fired"] == ["pause"]


@pytest.mark.parametrize("kind", ["stall", "pause", "cut_reply", "false_interrupt"])
def test_a_time_in_place_of_a_chunk(turn, kind: str) -> None:
    """At real time, chunks leave 0, 50, 100, … ms after the first: the third is the first at 80 ms or later."""
    extra = {"for_s": 0.3} if kind == "pause" else {}
    got = turn({"kind": kind, "at_s": 0.08, **extra}, until=None, for_s=1.0, pace=1.0, chunk_ms=50.0)
    if kind == "pause":
        gaps_s = np.diff(got.chunk_times_s)
        assert int(np.argmax(gaps_s)) == 1
    else:
        assert len(got.chunks) == 2


def test_cut_at_a_chunk(turn) -> None:
    assert len(turn({"kind": "cut_reply", "chunk": 3}, until="turnComplete").chunks) == 3


def test_thinking_grows_with_the_session(emulator, tls) -> None:
    base_url = emulator.register({**QUICK, "faults": [{"kind": "slow_first_audio", "delay_s": 0.05, "grows_s": 0.1}]})

    async def turns() -> None:
        async with raw(tls, base_url) as client:
            await client.set_up()
            for _ in range(3):
                await client.say()
                await client.hear("turnComplete")

    asyncio.run(turns())
    thought = [line["think_s"] for line in emulator.truth(base_url) if line["event"] == "reply_chosen"]
    assert thought == pytest.approx([0.05, 0.15, 0.25])


def test_silent_turn_with_a_reason(turn) -> None:
    got = turn({"kind": "silent_turn", "reason": "RESPONSE_REJECTED"}, until="turnComplete")
    assert got.contents[-1] == {"turnComplete": True, "turnCompleteReason": "RESPONSE_REJECTED"}


@pytest.mark.parametrize(("form", "keys"), [("error", {"error"}), ("flat_error", {"code", "message", "status"})])
def test_json_that_is_no_message(turn, form: str, keys: set[str]) -> None:
    got = turn({"kind": "malformed_json", "form": form, "chunk": 1})
    assert keys in [set(message) for message in got.messages]
    assert not got.malformed


def test_silence_after_go_away(turn) -> None:
    fault = {"kind": "go_away", "at_s": 0.0, "time_left_s": 0.8, "silent": True, "enforce": False}
    got = turn(fault, until=None, for_s=1.0)
    assert got.messages == [{"goAway": {"timeLeft": "0.8s"}}]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "malformed_json", "chunk": 1},
        {"kind": "oversized_frame", "chunk": 1},
        {"kind": "go_away", "at_s": 0.0},
        {"kind": "slow_pong", "delay_s": 1},
    ],
)
def test_truth_names_faults_outside_the_reply_too(emulator, tls, fault: dict) -> None:
    base_url = emulator.register({**QUICK, "faults": [fault]})
    one_turn(tls, base_url)
    assert [line["fault"] for line in emulator.truth(base_url) if line["event"] == "fault_fired"] == [fault["kind"]]


def test_truth_leaves_out_what_had_nothing_to_spoil(emulator, tls) -> None:
    faults = [{"kind": kind} for kind in ("silent_turn", "duplicate_chunk", "clip", "jitter")]
    base_url = emulator.register({**QUICK, "faults": faults})
    one_turn(tls, base_url)
    assert [line["fault"] for line in emulator.truth(base_url) if line["event"] == "fault_fired"] == ["silent_turn"]
