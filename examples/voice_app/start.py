"""Start the voice app: `make voice-app`. Without a key and an address, the Live API is diag's emulator.

The log of the conversations can be followed: `tail -f examples/voice_app/logs/conversation_*.log`.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PORT = os.environ.get("PORT", "8003")
OF_THE_SERVICE = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL")


def main() -> int:
    """Run the server until Ctrl-C; return its exit code."""
    with contextlib.ExitStack() as stack:
        environment = dict(os.environ)
        if not any(os.environ.get(name) for name in OF_THE_SERVICE):
            from diag.emulator.embedded import EmbeddedEmulator

            emulator = stack.enter_context(EmbeddedEmulator())
            environment["GOOGLE_GEMINI_BASE_URL"] = emulator.register({})
            environment["SSL_CERT_FILE"] = str(emulator.ca_file)
            print("The Live API is diag's emulator. For the real service: export GEMINI_API_KEY=…")
        for page in ("continuous_voice/", "", "?fault=playback_16k"):
            print(f"http://127.0.0.1:{PORT}/gemini/{page}")
        command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", PORT, "backend.asgi:application"]
        server = stack.enter_context(subprocess.Popen(command, cwd=FOLDER, env=environment))
        with contextlib.suppress(KeyboardInterrupt):
            server.wait()
        server.terminate()
        return server.wait()


if __name__ == "__main__":
    sys.exit(main())
