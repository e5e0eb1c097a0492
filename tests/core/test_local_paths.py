import os
from pathlib import Path

import pytest

from diag.core.local_paths import shortened_paths

APP = Path("/tmp/some app")
LIBRARY = str(Path(os.__file__).parent)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('  File "/tmp/some app/client/main.py", line 3, in <module>', '  File "client/main.py", line 3, in <module>'),
        ("imported from file:///tmp/some app/app.mjs", "imported from app.mjs"),
        ('  File "/usr/lib/python3.11/asyncio/runners.py", line 9', '  File "…/asyncio/runners.py", line 9'),
        ("    at load (/usr/lib/node/loader/load.js:12:3)", "    at load (…/loader/load.js:12:3)"),
        ("file:///usr/lib/node/loader/load.js:12", "…/loader/load.js:12"),
        ('reads "/usr/share/my files/voice.wav"', 'reads "…/my files/voice.wav"'),
        ("PYTHONPATH=/usr/lib/a/b:/usr/lib/c/d", "PYTHONPATH=…/a/b:…/c/d"),
    ],
)
def test_paths_of_files_begin_at_the_app_or_near_their_end(line, shown):
    assert shortened_paths(line, APP) == shown


@pytest.mark.parametrize(
    "line",
    [
        "GET /gemini/continuous_voice/ 200",
        "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta",
        "http://127.0.0.1:8003/usr/share/page/index.html",
        "models/gemini-3.8-live, 24/7, 1/2",
        "writes to ./usr/share/page/index.html",
    ],
)
def test_addresses_and_relative_paths_stay(line):
    assert shortened_paths(line, APP) == line


def test_a_program_in_the_root_folder_keeps_the_last_parts():
    assert shortened_paths(f"{LIBRARY}/asyncio/runners.py", Path("/")) == "…/asyncio/runners.py"
