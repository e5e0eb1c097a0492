"""Facts and settings of processes: cores, priority, imports of child processes, ending with the parent."""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext

NICE = -10
"""Above ordinary programs, below the audio threads: a busy machine delays the rest first."""


def keep_time() -> None:
    """Ask for this process to be served before ordinary ones."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def import_environment() -> dict[str, str]:
    """Return the environment variables with which a child Python process imports the same modules as this one.

    Python puts the working directory before all other places when it runs `-m MODULE` or `-c CODE`. A folder there that
    is named `diag` would be imported in place of the running diag, for example a checkout in its parent folder.
    `PYTHONSAFEPATH` leaves the working directory out. `PYTHONPATH` hands over the places that this process imports
    from, in their order.
    """
    places = [os.path.abspath(place) for place in sys.path if isinstance(place, str)]
    # A place with the separator in its name cannot be handed over. Of these, Python finds site-packages by itself.
    usable = [place for place in dict.fromkeys(places) if os.pathsep not in place]
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(usable)}


def start_fork_server(preload: Sequence[str]) -> ForkServerContext:
    """Start the server process that workers are forked from, and return the context that makes them.

    The server imports what this process would import (see `import_environment`): `multiprocessing` takes care of that
    for the workers only, after the server has imported `preload`. A process has one such server; where it runs already,
    it stays as it is.

    Parameters
    ----------
    preload : sequence of str
        Modules that the server imports once for all workers.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    with _environment(import_environment()):
        multiprocessing.forkserver.ensure_running()
    return context


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def end_with_parent() -> None:
    """End this process as soon as its parent process is gone, for whatever reason."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
