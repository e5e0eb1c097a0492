"""Modules that a take needs, imported and warmed up once in the server process from which workers are forked.

sounddevice is not imported here. It starts PortAudio at import, and that must happen in the worker, after the
worker's environment variables are set.
"""

import scipy.fft

import diag.record.take_recorder
from diag.record.live.genai import warm_up

__all__ = ["diag", "scipy"]

warm_up()
