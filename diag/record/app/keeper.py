"""Parent process of an app: ends the app and everything that it started as soon as diag is gone.

It runs as a script without diag's modules, so that it starts fast. Standard input is the lifeline: when it closes, for
whatever reason, the app ends. Processes that left the app's process group or whose parent ended are found too, because
this process adopts them. If the lifeline closes without a word, diag was killed, and temporary files are removed here.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

POLITE_S = 2.0
"""Time that the app has to end after SIGTERM."""
LOOK_EVERY_MS = 20
THREADS_EVERY_S = 0.5
"""Interval at which the app's processes and threads are looked at: with a browser a look takes 8 ms of a core."""
SESSION_NICE = b"-10"
"""Nice value of the app's sessions, that of diag's own (`diag.core.processes.NICE`)."""
LEAST_WAIT_S = 0.005
"""Shorter waits of a thread for a core are not reported. A browser's sound is made in blocks of about 10 ms."""
LARGEST_SHARE = 0.5
"""If the app itself used more than this share of the time that the cores were busy, it waited for itself."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def main(arguments: list[str]) -> int:
    """Run a command below this process.

    Parameters
    ----------
    arguments : list of str
        File descriptor to which lines are written, folders to remove if diag was killed (separated by colons), and
        the command with its arguments. The lines are `ended CODE`, and `waited START END SECONDS` for a period
        (`time.perf_counter`) in which a thread of the app waited so long for a core that other programs used.
    """
    status, folders = int(arguments[0]), arguments[1]
    os.set_inheritable(status, False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    app = os.fork()
    if app == 0:
        _become_app(libc, arguments[2:])
    lifeline = select.poll()
    lifeline.register(0, select.POLLIN | select.POLLHUP)
    running = True
    stopped = False
    raised: set[int] = set()
    next_s = time.monotonic()
    waits = Waits()
    while True:
        if time.monotonic() >= next_s:
            next_s = time.monotonic() + THREADS_EVERY_S
            processes = descendants(os.getpid())
            raised = keep_time_of_sessions(processes, raised)
            line = waits.line(processes)
            if line:
                with contextlib.suppress(OSError):
                    os.write(status, line)
        if lifeline.poll(LOOK_EVERY_MS):
            if not os.read(0, 64):
                break
            stopped = True
        running = not _reaped(app, status) and running
    _end_all(app if running else None, status)
    if not stopped:
        import shutil  # takes time to load, and is needed only here

        for folder in filter(None, folders.split(":")):
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _become_app(libc: ctypes.CDLL, command: list[str]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(127)


class Waits:
    """How long the app's threads wait for a core, from one look to the next."""

    def __init__(self) -> None:
        self._threads: dict[str, tuple[int, int]] = {}
        self._busy_s = busy_s()
        self._at_s = time.perf_counter()

    def line(self, processes: list[int]) -> bytes | None:
        """Return a line about the longest wait since the last look; None if it was short or the app's own doing."""
        threads, busy, at_s = thread_times(processes), busy_s(), time.perf_counter()
        known = [(new, self._threads[name]) for name, new in threads.items() if name in self._threads]
        used_s = sum(new[0] - old[0] for new, old in known) / 1e9
        waited_s = max((new[1] - old[1] for new, old in known), default=0) / 1e9
        by_others = used_s <= LARGEST_SHARE * (busy - self._busy_s)
        begun_s = self._at_s
        self._threads, self._busy_s, self._at_s = threads, busy, at_s
        return f"waited {begun_s} {at_s} {waited_s}\n".encode() if by_others and waited_s >= LEAST_WAIT_S else None


def thread_times(processes: list[int]) -> dict[str, tuple[int, int]]:
    """Return the time on a core and the time of waiting for one, in ns, of each thread of some processes.

    Linux alone tells it (`/proc/PID/task/TID/schedstat`).
    """
    found = {}
    for process in processes:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{process}/task"):
                with contextlib.suppress(OSError, ValueError):
                    with open(f"/proc/{process}/task/{thread}/schedstat", encoding="ascii") as file:
                        used, waited, _ = file.read().split()
                    found[thread] = int(used), int(waited)
    return found


def busy_s() -> float:
    """Return the time that the cores of this machine were busy since it started; 0 where the system does not tell."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _idle, _disk, *others = map(int, file.readline().split()[1:8])
    except (OSError, ValueError):
        return 0.0
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


def keep_time_of_sessions(processes: list[int], raised: set[int]) -> set[int]:
    """Let the app's sessions keep time as diag's own do, where the system allows it; return the sessions that do.

    An app inherits the priority of diag. But Linux shares a core among sessions first, and programs such as browsers
    start sessions of their own: they waited for the work of other terminals, and their sound had gaps.

    Parameters
    ----------
    processes : list of int
        The processes of the app.
    raised : set of int
        Sessions for which this was done before.
    """
    own = os.getsid(0)
    sessions = set()
    for pid in processes:
        with contextlib.suppress(OSError):
            sessions.add(os.getsid(pid))
    for session in sessions - raised - {own}:
        with contextlib.suppress(OSError), open(f"/proc/{session}/autogroup", "wb", buffering=0) as file:
            file.write(SESSION_NICE)
    return sessions


def _reaped(app: int, status: int) -> bool:
    """Collect processes that ended; return whether the app is one of them."""
    found = False
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, code = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == app:
                found = True
                with contextlib.suppress(OSError):
                    os.write(status, f"ended {os.waitstatus_to_exitcode(code)}\n".encode())
    return found


def _end_all(app: int | None, status: int) -> None:
    """End the app and all processes that descend from this one."""
    _signal_all(signal.SIGTERM)
    until_s = time.monotonic() + POLITE_S
    while descendants(os.getpid()) and time.monotonic() < until_s:
        if app is not None:
            _reaped(app, status)
        else:
            _reaped(-1, status)
        time.sleep(LOOK_EVERY_MS / 1000)
    for _ in range(50):
        if not descendants(os.getpid()):
            return
        _signal_all(signal.SIGKILL)
        _reaped(-1, status)
        time.sleep(LOOK_EVERY_MS / 1000)


def _signal_all(number: int) -> None:
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def descendants(pid: int) -> list[int]:
    """Return the ids of all running processes that descend from one."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                state, parent, *_ = file.read().rpartition(")")[2].split()
            if state != "Z":
                children.setdefault(int(parent), []).append(int(name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
