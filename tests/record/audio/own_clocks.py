"""Devices of PulseAudio that each have a clock of their own, and the air between them.

Every device is a named pipe. One thread reads what the outputs play, each at the speed of its own clock, converts it to
the clock of the air, mixes for each input what is heard there, converts it to the clock of that input and writes it.
A server takes a pipe for a device of 48000 Hz, whatever the speed at which its samples pass.
"""

import fcntl
import os
import threading
import time
from contextlib import contextmanager

import numpy as np
import soxr

RATE_HZ = 48000
TICK_S = 0.01
PIPE_BYTES = 16384
"""The buffer of a device: 85 ms. A late thread loses nothing within it."""
CUSHION_S = 0.05
"""What an output played waits so long for the air: the converter holds back some milliseconds."""
FORMAT = f"format=float32le rate={RATE_HZ} channels=1 channel_map=mono"


def modules_of_pipes(folder, outputs, inputs):
    """Return the modules for outputs and inputs of these names, which are the names that people see too."""
    sinks = [
        f"module-pipe-sink sink_name=out_{name} file={folder}/out_{name} {FORMAT}"
        f" sink_properties=device.description={name}"
        for name in outputs
    ]
    sources = [
        f"module-pipe-source source_name=in_{name} file={folder}/in_{name} {FORMAT}"
        f" source_properties=device.description={name}"
        for name in inputs
    ]
    return sinks + sources


class Air:
    """What was played into the air: blocks of shape (frames, outputs) from `began_s` on (`time.perf_counter`)."""

    def __init__(self):
        self.began_s = time.perf_counter()
        self.blocks = []
        self.over = threading.Event()

    def samples(self):
        return np.concatenate(self.blocks)


@contextmanager
def air(folder, outputs, inputs, heard):
    """Carry sound between the pipes of a folder until the end.

    Parameters
    ----------
    folder : Path
    outputs, inputs : mapping
        Name of a device to how much faster than the air its clock runs, in ppm.
    heard : mapping
        Name of an input to the names of the outputs that it hears.
    """
    pipes = {
        f"{way}_{name}": _opened(folder / f"{way}_{name}")
        for way, names in (("out", outputs), ("in", inputs))
        for name in names
    }
    carried = Air()
    thread = threading.Thread(target=_carry, args=(pipes, outputs, inputs, heard, carried), daemon=True)
    thread.start()
    try:
        yield carried
    finally:
        carried.over.set()
        thread.join(5)
        for pipe in pipes.values():
            os.close(pipe)


def _opened(path):
    end_s = time.monotonic() + 5
    while not path.exists():
        assert time.monotonic() < end_s, f"the server made no {path.name}"
        time.sleep(0.02)
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return pipe


def _carry(pipes, outputs, inputs, heard, carried):
    hz = {name: RATE_HZ * (1 + ppm * 1e-6) for name, ppm in (outputs | inputs).items()}
    to_air = {name: soxr.ResampleStream(hz[name], RATE_HZ, 1, dtype="float32") for name in outputs}
    from_air = {name: soxr.ResampleStream(RATE_HZ, hz[name], 1, dtype="float32") for name in inputs}
    waiting = {name: np.zeros(round(CUSHION_S * RATE_HZ), dtype=np.float32) for name in outputs}
    taken = dict.fromkeys(outputs, 0)
    done = 0
    while not carried.over.wait(TICK_S):
        frames = int((time.perf_counter() - carried.began_s) * RATE_HZ) - done
        done += frames
        now = {}
        for name in outputs:
            due = int(done * hz[name] / RATE_HZ) - taken[name]
            taken[name] += due
            played = _read(pipes[f"out_{name}"], due)
            played = np.concatenate((played, np.zeros(due - len(played), dtype=np.float32)))
            joined = np.concatenate((waiting[name], to_air[name].resample_chunk(played)))
            now[name], waiting[name] = joined[:frames], joined[frames:]
        carried.blocks.append(np.stack([now[name] for name in outputs], axis=1))
        for name in inputs:
            mixed = sum((now[output] for output in heard[name]), np.zeros(frames, dtype=np.float32))
            _write(pipes[f"in_{name}"], from_air[name].resample_chunk(mixed))


def _read(pipe, frames):
    """Return up to so many samples."""
    try:
        return np.frombuffer(os.read(pipe, 4 * frames), dtype=np.float32)
    except BlockingIOError:
        return np.zeros(0, dtype=np.float32)


def _write(pipe, samples):
    """Write samples; what does not fit is lost, as at a device that nobody records from."""
    data = samples.tobytes()
    try:
        for first in range(0, len(data), 4096):
            os.write(pipe, data[first : first + 4096])
    except BlockingIOError:
        return
