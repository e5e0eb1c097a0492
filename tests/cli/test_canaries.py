"""Keys in every place where one can be given, and a search of everything that is written and shown."""

import asyncio
import base64
import gzip
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

from diag.record.app.command import CommandDriver, CommandJob
from diag.record.app.driver import AppSetting

LONG = "AIza" + "Sy0{:02d}" + "x" * 30
SHORT = "c4n{:02d}ry"


def canaries(first, count, form=SHORT):
    return [form.format(number) for number in range(first, first + count)]


def everything_below(folder):
    """Text of all files, with the documents that HTML pages hold."""
    for path in Path(folder).rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            yield path, data.decode("utf-8", "replace")
            for packed in re.findall(rb"data:application/gzip;base64,([A-Za-z0-9+/=]+)", data):
                yield path, gzip.decompress(base64.b64decode(packed)).decode()


def test_no_artefact_of_a_comparison_holds_a_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    named, formed = canaries(0, 15), canaries(20, 10, LONG)
    held = [f"held-{number}-{'v' * 12}" for number in range(4)]
    for name, value in zip(("GEMINI_API_KEY", "GOOGLE_API_KEY", "MY_TOKEN", "MY_PASSWORD"), held, strict=True):
        monkeypatch.setenv(name, value)
    Path("sdk.toml").write_text(f"""
        title = "with {formed[0]} and {held[0]}"
        [session]
        response_modalities = ["AUDIO"]
        system_instruction = "use {formed[1]}; x-goog-api-key: {named[0]}; {held[2]}"
        [session.extra.http_options.headers]
        x-goog-api-key = "{named[1]}"
        authorization = "Bearer {named[2]}"
        cookie = "session={named[3]}"
        x-other = "{formed[2]}"
        proxy-authorization = "Basic {named[12]}"
        x-session-token = "{named[13]}"
        x-list = "a, {formed[8]}; b"
        [session.extra.session_resumption]
        handle = "{named[4]}"
        [emulator]
        keys = ["no-key-needed-here", "{named[5]}"]
        [[emulator.faults]]
        kind = "close"
        when = "turn"
        chunk = 2
        code = 4001
        reason = "key {formed[3]}, api_key={named[6]}"
        """)
    Path("raw.toml").write_text(f"""
        title = "https://user:{named[7]}@host/?key={named[8]}"
        [setup]
        model = "models/gemini-3.8-live"
        apiKey = "{named[9]}"
        note = "{formed[4]} {held[1]} {held[3]}"
        headers = [["x-goog-api-key", "{named[10]}"], ["x-a", "{formed[5]}"]]
        nested = {{ list = [{{ client_secret = "{named[14]}" }}], address = "wss://host/ws?alt=json&key={formed[9]}" }}
        [setup.systemInstruction]
        parts = [{{ text = "{formed[6]}" }}, {{ text = "curl -H 'x-api-key: {named[11]}' {formed[7]}" }}]
        [setup.generationConfig]
        responseModalities = ["AUDIO"]
        """)
    seen, stop = set(), threading.Event()
    watching = threading.Thread(target=_watch_processes, args=(seen, stop))
    watching.start()
    words = ("compare", "sdk.toml", "raw.toml", "--audio", "wire", "--takes", "1", "--json", "--out", "out")
    for name in ("junit", "markdown", "csv", "perfetto", "prometheus"):
        words += ("--format", name)
    done = subprocess.run([sys.executable, "-m", "diag", *words], capture_output=True, text=True, check=False)
    stop.set()
    watching.join()
    assert done.returncode in (0, 1, 4), done.stderr
    texts = [("output", done.stdout), ("errors", done.stderr), *everything_below("out"), *everything_below("state")]
    texts += [("process list", text) for text in seen]
    assert len(texts) > 20
    assert any("(key hidden)" in text for _, text in texts)
    leaks = {(key, str(place)) for key in [*named, *formed, *held] for place, text in texts if key in text}
    assert not leaks


def _watch_processes(seen, stop):
    while not stop.wait(0.2):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.add(path.read_bytes().decode("utf-8", "replace"))
            except OSError:
                continue


def test_no_key_in_what_is_kept_of_an_app(tmp_path, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "held-in-a-variable-0")
    named, formed = canaries(40, 6), canaries(50, 4, LONG)
    lines = [
        f"x-goog-api-key: {named[0]}", f"{{'api_key': '{named[1]}'}}", f"Authorization: Bearer {named[2]}",
        f"wss://host/ws?key={named[3]}", f"GET https://u:{named[4]}@host/ {formed[0]}", f"--api-key {named[5]}",
        f"plain {formed[1]}", f'"\\"{formed[2]}\\""', f"[{formed[3]}]", os.environ["GEMINI_API_KEY"],
    ]  # fmt: skip
    script = tmp_path / "app.py"
    script.write_text("\n".join(f"print({line!r})" for line in lines))
    output = tmp_path / "output.txt"

    async def run():
        driver = CommandDriver(CommandJob(command=(sys.executable, str(script)), directory=tmp_path))
        await driver.start(AppSetting(environment=dict(os.environ), output_file=output, proxy_address="127.0.0.1:1",
                                      ca_file=tmp_path / "ca.pem", key_hash=""))  # fmt: skip
        while driver.ended() is None:
            await asyncio.sleep(0.02)
        await driver.stop()
        return driver.last_lines()

    kept = output, "\n".join(asyncio.run(run())), output.read_text()
    assert kept[2].count("(key hidden)") >= len(lines)
    assert not [key for key in [*named, *formed, "held-in-a-variable-0"] if key in kept[1] + kept[2]]
