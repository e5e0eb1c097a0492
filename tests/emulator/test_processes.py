"""The emulator as a process: started, stopped, left behind by a killed parent; served by hand in both schemes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from emulator_raw import HELLO, QUICK, raw
from websockets.exceptions import ConnectionClosed

from diag.core.errors import BadInputError, CannotMeasureError
from diag.emulator.__main__ import main
from diag.emulator.embedded import EmbeddedEmulator, profile_of


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_within(pid: int, seconds: float) -> bool:
    until_s = time.perf_counter() + seconds
    while alive(pid) and time.perf_counter() < until_s:
        time.sleep(0.02)
    return not alive(pid)


def test_start_is_quick_and_close_leaves_nothing(bank_dir: Path) -> None:
    begin_s = time.perf_counter()
    emulator = EmbeddedEmulator(replies_dir=bank_dir)
    emulator.start()
    took_s = time.perf_counter() - begin_s
    pid, ca_file = emulator.pid, emulator.ca_file
    assert ca_file.is_file()
    emulator.close()
    emulator.close()
    assert not alive(pid)
    assert not ca_file.exists()
    assert took_s < 5  # under 1 s on an idle machine
    with pytest.raises(RuntimeError):
        _ = emulator.ca_file


def test_a_killed_parent_leaves_nothing(bank_dir: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from diag.emulator.embedded import EmbeddedEmulator\n"
        "emulator = EmbeddedEmulator(replies_dir=Path(sys.argv[1])); emulator.start()\n"
        "print(emulator.pid, emulator.ca_file, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(bank_dir)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, ca_file = parent.stdout.readline().split()
        parent.kill()
    assert gone_within(int(pid), 5)
    assert not Path(ca_file).exists()


def test_a_dead_child_is_told_in_one_sentence(bank_dir: Path) -> None:
    with EmbeddedEmulator(replies_dir=bank_dir) as emulator:
        os.kill(emulator.pid, signal.SIGTERM)
        assert gone_within(emulator.pid, 5)
        with pytest.raises(CannotMeasureError, match="its process has ended"):
            emulator.register({})


def test_no_replies_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"replies\.toml"):
        EmbeddedEmulator(replies_dir=tmp_path).start()


def test_profiles_are_apart_and_can_be_forgotten(emulator: EmbeddedEmulator, tls: ssl.SSLContext) -> None:
    first, second = emulator.register(QUICK), emulator.register({**QUICK, "silent_turn": True})
    assert profile_of(first) != profile_of(second)

    async def talk(base_url: str) -> int:
        async with raw(tls, base_url) as client:
            await client.set_up()
            await client.say()
            return len((await client.hear()).chunks)

    async def both() -> tuple[int, int]:
        return await asyncio.gather(talk(first), talk(second))

    spoken, silent = asyncio.run(both())
    assert spoken > 0
    assert silent == 0
    assert {line["profile"] for line in emulator.truth(first)} == {profile_of(first)}
    emulator.forget(first)
    assert emulator.truth(first) == []


def test_the_log_is_the_truth(bank_dir: Path, tmp_path: Path) -> None:
    log = tmp_path / "truth.jsonl"
    with EmbeddedEmulator(replies_dir=bank_dir, log_path=log) as emulator:
        tls = ssl.create_default_context(cafile=str(emulator.ca_file))
        base_url = emulator.register(QUICK)

        async def talk() -> None:
            async with raw(tls, base_url) as client:
                await client.set_up()

        asyncio.run(talk())
        lines = emulator.truth(base_url)
    kept = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert kept[: len(lines)] == lines
    assert [line["event"] for line in kept] == ["session_open", "setup", "setup_complete", "closed"]


def test_certificate_is_one_that_strict_clients_take(emulator: EmbeddedEmulator) -> None:
    port = int(emulator.register({}).split(":")[2].partition("/")[0])
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    extensions = x509.load_pem_x509_certificate(pem.encode()).extensions
    extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}


@contextmanager
def served(bank_dir: Path, *arguments: str) -> Iterator[tuple[str, str, subprocess.Popen]]:
    """`python -m diag.emulator` with arguments; its base URL, what it said, and the process."""
    command = [sys.executable, "-m", "diag.emulator", "--replies", str(bank_dir), *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        base_url = said.split()[-1]
        yield base_url, said, process
        process.terminate()
        assert process.wait(5) == 0


def one_answer(base_url: str, tls: ssl.SSLContext | None) -> int:
    async def talk() -> int:
        async with raw(tls, base_url.replace("http://", "ws://")) as client:
            await client.set_up()
            await client.say()
            return len((await client.hear()).chunks)

    return asyncio.run(talk())


def test_served_plain_with_truth_and_transcript(bank_dir: Path, tmp_path: Path) -> None:
    truth, kept = tmp_path / "truth.jsonl", tmp_path / "kept"
    options = ("--plain", "--truth", str(truth), "--transcript", str(kept), "--fault", "cut_reply,share=0.5")
    with served(bank_dir, *options) as (base_url, _, _process):
        assert base_url.startswith("http://127.0.0.1:")
        chunks = one_answer(base_url, None)
    assert chunks >= 1
    events = [json.loads(line)["event"] for line in truth.read_text(encoding="utf-8").splitlines()]
    assert {"session_open", "turn_ended", "fault_fired", "chunk_sent", "closed"} <= set(events)
    (folder,) = kept.iterdir()
    frames = [json.loads(line) for line in (folder / "frames.jsonl").read_text(encoding="utf-8").splitlines()]
    assert frames[0]["from"] == "client"
    assert "setup" in json.loads(frames[0]["frame"])
    with wave.open(str(folder / "heard_16000.wav")) as heard, wave.open(str(folder / "spoken.wav")) as spoken:
        assert heard.getnframes() == len(HELLO) + 11200
        assert heard.readframes(len(HELLO)) == HELLO.astype("<i2").tobytes()
        assert spoken.getframerate() == 24000


def test_served_over_tls_on_a_chosen_day(bank_dir: Path, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    with served(bank_dir, "--ca", str(ca_file), "--as-of", "2026-10-01") as (base_url, _, _process):
        assert one_answer(base_url, ssl.create_default_context(cafile=str(ca_file))) > 0


def test_a_taken_port_is_told_in_one_sentence(bank_dir: Path) -> None:
    with served(bank_dir, "--plain") as (base_url, _, _process):
        port = base_url.rpartition(":")[2]
        command = [sys.executable, "-m", "diag.emulator", "--replies", str(bank_dir), "--plain", "--port", port]
        second = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert second.returncode == CannotMeasureError.exit_code
    assert second.stderr.startswith(f"Could not listen on 127.0.0.1:{port}")
    assert second.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("down", "error"),
    [
        ("tcp", ConnectionRefusedError),
        ("tls", ssl.SSLError),
    ],
)
def test_served_down(bank_dir: Path, tmp_path: Path, down: str, error: type[OSError]) -> None:
    ca_file = tmp_path / "ca.pem"
    options = ("--ca", str(ca_file), "--set", f"down={down}")
    with served(bank_dir, *options) as (base_url, _, _process), pytest.raises(error):
        one_answer(base_url, ssl.create_default_context(cafile=str(ca_file)))


def test_served_with_settings_of_the_command_line(bank_dir: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    options = ("--plain", "--truth", str(truth), "--set", "think_s=uniform:0.1:0.2", "--set", "chunk_ms=40")
    with served(bank_dir, *options) as (base_url, _, _process):
        assert one_answer(base_url, None) >= 10
    lines = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    assert 0.1 <= next(line["think_s"] for line in lines if line["event"] == "reply_chosen") <= 0.2


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        (("--set", "think_s"), "Could not read the setting `think_s`"),
        (("--set", "think=1"), "Could not use the emulator's settings"),
        (("--ca", "/no/such/folder/ca.pem"), "Could not write the certificate to /no/such/folder/ca.pem"),
    ],
)
def test_bad_options_are_told_in_one_sentence(
    bank_dir: Path, capsys: pytest.CaptureFixture, options: tuple[str, ...], seen: str
) -> None:
    assert main(["--replies", str(bank_dir), *options]) != 0
    assert capsys.readouterr().err.startswith(seen)


def test_open_sessions_are_told_when_the_server_stops(bank_dir: Path) -> None:
    with served(bank_dir, "--plain") as (base_url, _, process):

        async def talk() -> int:
            async with raw(None, base_url.replace("http://", "ws://")) as client:
                await client.set_up()
                process.send_signal(signal.SIGINT)
                with pytest.raises(ConnectionClosed) as caught:
                    await client.hear(None, for_s=5)
                return caught.value.rcvd.code

        assert asyncio.run(talk()) == 1001
        assert process.wait(3) == 0
