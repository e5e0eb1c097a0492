"""Imported once by the server process that workers are forked from: all that a take needs, warmed up.

sounddevice is left out: it starts PortAudio at import, which must happen in the worker, after its environment is set.
"""

import scipy.fft

import diag.record.take_recorder
from diag.record.live.genai import warm_up

__all__ = ["diag", "scipy"]

warm_up()
