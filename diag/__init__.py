"""Diagnostics and benchmarks for voice conversations on the Gemini Live API.

The command line calls these functions. Modules are imported only when they are used.

>>> import diag
>>> report = diag.run("healthy", diag.Options(takes=3, audio="wire"))
>>> report.to_frame()
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.2.0"
__all__ = [
    "Options", "Report", "__version__", "analyze", "analyze_all", "analyze_run", "bench", "compare",
    "compare_recordings", "run",
]  # fmt: skip

_HOMES = {
    "Options": "diag.api.options",
    "Report": "diag.core.results",
    "analyze": "diag.api.analyze",
    "analyze_all": "diag.api.analyze",
    "analyze_run": "diag.api.analyze",
    "bench": "diag.api.bench",
    "compare": "diag.api.compare",
    "compare_recordings": "diag.api.compare_recordings",
    "run": "diag.api.run",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: `diag --help` must not pay for numpy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'diag' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
