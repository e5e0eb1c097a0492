"""How many sessions the emulator carries, and how punctual its chunks are then.

The emulator runs in a process of its own; this one is the load: it opens sessions, speaks a recorded prompt into each
in real time, keeps the microphone open with silence, and lets replies come. Lateness is what the emulator's own truth
says: when a chunk was handed to the socket against when it was due. The limit holds for the first number of
sessions; further ones show how far it goes.

    python benchmarks/emulator_capacity.py --sessions 100 200 300 --seconds 40 --limit-ms 5
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import ssl
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import soxr

from diag.core.processes import keep_time
from diag.emulator.bank import read_bank
from diag.emulator.embedded import EmbeddedEmulator

BATCH_S = 0.1
BREATH_S = 1.5
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=load"
SETUP = {"setup": {"model": "models/gemini-3.8-live", "generationConfig": {"responseModalities": ["AUDIO"]}}}
WARM_UP_S = 3.0
NO_LIMITS = {"connection_limit_s": 86400, "session_limit_s": 86400}
SAMPLE_EVERY_S = 5.0


@dataclass
class Load:
    """What the clients saw."""

    turns: int = 0
    broken: int = 0
    late_s: list[float] = field(default_factory=list)


def batches(pcm: bytes, rate_hz: int, batch_s: float) -> list[str]:
    """Client frames that carry a prompt, ready to send."""
    size = round(rate_hz * batch_s) * 2
    return [
        json.dumps(
            {
                "realtimeInput": {
                    "audio": {
                        "data": base64.b64encode(pcm[start : start + size]).decode(),
                        "mimeType": f"audio/pcm;rate={rate_hz}",
                    }
                }
            }
        )
        for start in range(0, len(pcm), size)
    ]


async def one_session(  # noqa: PLR0917
    http: aiohttp.ClientSession, url: str, said: list[str], silence: str, until_s: float, batch_s: float, load: Load
) -> None:
    """Speak, listen, speak again, until the time is over."""
    try:
        async with http.ws_connect(url, compress=0, max_msg_size=0) as ws:
            await ws.send_str(json.dumps(SETUP))
            await ws.receive()
            waiting: list[str] = []

            async def listen() -> None:
                async for message in ws:
                    if message.type is aiohttp.WSMsgType.BINARY and b'"turnComplete"' in message.data[:64]:
                        load.turns += 1
                        waiting.extend([silence] * round(BREATH_S / batch_s) + said)

            listening = asyncio.create_task(listen())
            waiting.extend(said)
            due_s = time.perf_counter()
            while due_s < until_s:
                await ws.send_str(waiting.pop(0) if waiting else silence)
                due_s += batch_s
                await asyncio.sleep(max(due_s - time.perf_counter(), 0))
                load.late_s.append(time.perf_counter() - due_s)
            listening.cancel()
    except (aiohttp.ClientError, ConnectionError, TimeoutError, TypeError):
        load.broken += 1


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def drive(emulator: EmbeddedEmulator, base_url: str, sessions: int, seconds: float) -> tuple[Load, list[float]]:
    """Run the load; gives what was seen and the emulator's memory over time."""
    prompts = [prompt for prompt in read_bank(None).prompts if len(prompt.pcm) > 2 * prompt.sample_rate_hz]
    prompt = prompts[0]
    pcm16k = soxr.resample(prompt.pcm, prompt.sample_rate_hz, 16000).astype("<i2").tobytes()
    said = batches(pcm16k, 16000, BATCH_S)
    silence = batches(bytes(round(16000 * BATCH_S) * 2), 16000, BATCH_S)[0]
    url = base_url.replace("https://", "wss://") + PATH
    context = ssl.create_default_context(cafile=str(emulator.ca_file))
    load, memory = Load(), []
    rng, begun_s = random.Random(1), time.perf_counter()
    until_s = begun_s + WARM_UP_S + seconds
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=0)) as http:
        tasks = []
        # Users do not all speak in the same millisecond.
        for starts_s in sorted(rng.uniform(0, WARM_UP_S) for _ in range(sessions)):
            await asyncio.sleep(max(begun_s + starts_s - time.perf_counter(), 0))
            tasks.append(asyncio.create_task(one_session(http, url, said, silence, until_s, BATCH_S, load)))
        while time.perf_counter() < until_s:
            memory.append(memory_mb(emulator.pid))
            await asyncio.sleep(min(SAMPLE_EVERY_S, max(until_s - time.perf_counter(), 0.01)))
        await asyncio.gather(*tasks)
    return load, memory


def lateness_ms(log: Path) -> list[float]:
    """How late each chunk was handed to the socket."""
    with log.open(encoding="utf-8") as file:
        lines = (json.loads(line) for line in file if '"chunk_sent"' in line)
        return [1000 * (line["t_s"] - line["scheduled_t_s"]) for line in lines]


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


@dataclass(frozen=True)
class Figures:
    """What one number of sessions came to; lateness in ms, memory in MB at the start, each quarter and the end."""

    sessions: int
    chunks: int
    turns: int
    broken: int
    late_ms: tuple[float, float, float, float]
    load_late_ms: float
    cpu_share: float
    memory_mb: tuple[float, ...]


HEADINGS = (
    "sessions   chunks  turns  broken | late p50     p95     p99     max ms | load p99 ms | CPU cores | memory MB"
)


def row(figures: Figures) -> str:
    """A line of the table."""
    late = "  ".join(f"{value:6.1f}" for value in figures.late_ms)
    memory = " ".join(f"{value:.0f}" for value in figures.memory_mb)
    return (
        f"{figures.sessions:8d} {figures.chunks:8d} {figures.turns:6d} {figures.broken:7d} |   {late}    | "
        f"{figures.load_late_ms:11.1f} | {figures.cpu_share:9.2f} | {memory}"
    )


def measured(sessions: int, seconds: float, settings: dict[str, float]) -> Figures | None:
    """Run the load on an emulator of its own; None where no chunk was sent."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedEmulator(log_path=Path(folder) / "truth.jsonl") as emulator:
        base_url = emulator.register({**settings, **NO_LIMITS})
        begun_s = cpu_s(emulator.pid)
        load, memory = asyncio.run(drive(emulator, base_url, sessions, seconds))
        spent_s = cpu_s(emulator.pid) - begun_s
        emulator.truth(base_url)  # everything before this answer is in the log
        late_ms = lateness_ms(Path(folder) / "truth.jsonl")
    if not late_ms:
        return None
    return Figures(
        sessions=sessions,
        chunks=len(late_ms),
        turns=load.turns,
        broken=load.broken,
        late_ms=(percentile(late_ms, 0.5), percentile(late_ms, 0.95), percentile(late_ms, 0.99), max(late_ms)),
        load_late_ms=1000 * percentile(load.late_s, 0.99),
        cpu_share=spent_s / (seconds + WARM_UP_S),
        # Flat once sessions are open and the kept truth is full.
        memory_mb=tuple(memory[place * (len(memory) - 1) // 4] for place in range(5)),
    )


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    ticks = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Print the table; 1 where the first row misses the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, nargs="+", default=[100])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each row")
    parser.add_argument("--chunk-ms", type=float, default=200.0)
    parser.add_argument("--pace", type=float, default=1.0)
    parser.add_argument(
        "--limit-ms", type=float, default=5.0, help="p99 of lateness that is still good in the first row"
    )
    chosen = parser.parse_args()
    keep_time()  # clients have machines of their own: what else runs here must not make them late
    print(f"Emulator: chunks of {chosen.chunk_ms:g} ms at {chosen.pace:g} of real time, {chosen.seconds:g} s each")
    print(HEADINGS, flush=True)
    rows = []
    for sessions in chosen.sessions:
        figures = measured(sessions, chosen.seconds, {"chunk_ms": chosen.chunk_ms, "pace": chosen.pace})
        if figures is None:
            print(f"{sessions} sessions: no chunk was sent", file=sys.stderr)
            return 1
        print(row(figures), flush=True)
        rows.append(figures)
    if any(figures.load_late_ms > chosen.limit_ms for figures in rows):
        print("Where the load itself ran late, this machine was too busy to tell.")
    first = rows[0]
    held = first.late_ms[2] <= chosen.limit_ms and not first.broken
    print(
        f"{first.sessions} sessions: p99 {first.late_ms[2]:.1f} ms, limit {chosen.limit_ms:g} ms: "
        + ("held" if held else "MISSED")
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
