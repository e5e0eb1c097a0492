"""Import of what a run needs after its first take, done while that take is recorded."""

from __future__ import annotations

import importlib

import numpy as np

NEEDED_LATER = (
    "diag.dsp.blind_rate",
    "diag.files.saved_takes",
    "diag.report.build",
    "diag.report.exports",
    "diag.report.terminal",
    "jinja2",
    "scipy.fft",
    "soundfile",
)
"""Modules that are imported only when a function is called that needs them."""


def load_judging_and_reports() -> None:
    """Import all metrics, all rules and what writes a report; this takes about two seconds."""
    from diag.judge.registry import all_rules
    from diag.measure.registry import all_metrics
    from diag.report.plots import spectrogram_uri

    all_metrics()
    all_rules()
    for name in NEEDED_LATER:
        importlib.import_module(name)
    spectrogram_uri(np.zeros((1, 1)), 0.0)  # loads Pillow
