"""Hands takes to rigs, judges each as it comes back, and repeats those that our own harness spoiled."""

from __future__ import annotations

import collections
import contextlib
import itertools
import statistics
import time
import zlib
from collections.abc import Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diag.api.judged_takes import judged_take
from diag.api.loading import load_judging_and_reports
from diag.api.run_length import judging_s, take_s, takes_s, usual_s
from diag.api.run_plan import Planned, highest_number, rigs_for, take_name
from diag.api.take_cluster import ClusterRigs
from diag.core.errors import BadInputError
from diag.core.messages import joined, msg
from diag.core.processes import process_died
from diag.core.results import TakeResult
from diag.core.units import counted, format_minutes, format_seconds
from diag.emulator.embedded import EmbeddedEmulator
from diag.files.prompts import prompts_by_name
from diag.files.rooms import find_room
from diag.files.run_folders import read_wav, write_beside, write_result
from diag.files.scenarios import AppConfig, RoomConfig
from diag.judge.limits import SLOW_WARNING_S
from diag.record.app.command import CommandJob
from diag.record.app.page import PageJob
from diag.record.audio.rigs import Farm, open_farm
from diag.record.audio.system import PERSON
from diag.record.live.genai import Endpoint, endpoint_from_name
from diag.record.take_job import AppJob, RoomJob, TakeJob
from diag.record.take_workers import WorkerPool, load_workers

if TYPE_CHECKING:
    from diag.api.options import Options, Progress
    from diag.dsp.profile import VoiceProfile

SPARE_SHARE = 0.4
"""Takes that may be repeated because our own harness spoiled them, as a share of those asked for."""
MIN_SPARES = 4
"""So many may be repeated at least: a batch side by side may be spoiled whole before fewer are recorded at a time."""
CROWDED_WINDOW = 8
CROWDED_DISCARDS = 2
"""So many of the last so many takes spoiled by our own harness: too many takes are recorded side by side."""
FEWER_SHARE = 0.25
"""Share of the takes side by side that is given up then; at least one."""
LONGER_SHARE = 0.2
"""If a run will need longer than announced by this share, the time that is left is announced again."""
WORTH_ANNOUNCING_S = 5.0
"""Less time that is left is not announced again."""
MAX_WORKER_DEATHS = 2
HUNG_AFTER_S = 60.0
"""A take may last as long as its prompt and its patience allow, and so much more: streams that open, calibration, the
session's setup. A driver or a sound server that hangs does so without end."""
LOOK_EVERY_S = 1.0
FOLLOW_EVERY_S = 0.2
TRUTH_FILE = "truth.json"


@dataclass(frozen=True)
class _Running:
    rig_name: str
    item: Planned
    endpoint: Endpoint
    begun_s: float
    hung_at_s: float


def record_all(planned: Iterable[Planned], options: Options, progress: Progress) -> dict[Path, list[TakeResult]]:
    """Record and judge takes on as many rigs as there are.

    Returns
    -------
    dict
        Run folder to the results of its newly recorded takes, discarded ones included.

    Raises
    ------
    CannotMeasureError
        If there is no audio, no endpoint, or workers keep dying.
    """
    queue = collections.deque(planned)
    with ExitStack() as stack:
        return _Dispatcher(queue, options, progress, stack).run()


class _Dispatcher:
    def __init__(
        self, queue: collections.deque[Planned], options: Options, progress: Progress, stack: ExitStack
    ) -> None:
        self._begun_s = time.monotonic()
        self._options = options
        self._longer_s: dict[Path, list[float]] = {item.plan.folder: [] for item in queue}
        self._judged: list[float] = []
        self._recorded: collections.deque[tuple[Path, _Running]] = collections.deque()
        self._queue = queue
        self._progress = progress
        self._results: dict[Path, list[TakeResult]] = {}
        self._next_number = _free_numbers(queue)
        self._spares = {item.plan.folder: max(MIN_SPARES, round(SPARE_SHARE * item.plan.takes)) for item in queue}
        self._deaths = 0
        self._running: dict[Future[Path], _Running] = {}
        self._endpoint = None if options.endpoint == "emulator" else endpoint_from_name(options.endpoint)
        self._cluster: ClusterRigs | None = None
        if options.cluster is not None:
            self._cluster = stack.enter_context(_cluster_rigs(queue, options, options.cluster))
            self._farm, self._emulator = Farm(kind=options.audio, rigs=()), None
            self._pool: WorkerPool | ClusterRigs = self._cluster
            self._take_places(options)
            return
        # Both load in the background while the devices are made, which takes a while too.
        load_workers()
        self._emulator = None
        if self._endpoint is None:
            self._emulator = EmbeddedEmulator()
            stack.callback(self._emulator.close)
            self._emulator.launch()
        self._farm = stack.enter_context(
            open_farm(
                options.audio,
                rigs=rigs_for([item.plan for item in queue], len(queue), options),
                devices=options.devices,
            )
        )
        self._pool = stack.enter_context(WorkerPool(self._farm.rigs))
        if self._emulator is not None:
            self._emulator.wait()
        self._take_places(options)

    def _take_places(self, options: Options) -> None:
        self._idle = list(self._pool.rig_names)
        self._side_by_side = len(self._idle)
        self._announced_s = usual_s(tuple(self._queue), self._side_by_side, options)
        self._following = options.follow
        self._person_speaks = options.audio == "system" and options.devices.get("mouth") == PERSON
        self._shown: dict[tuple[Path, str], int] = {}
        self._recent: collections.deque[bool] = collections.deque(maxlen=CROWDED_WINDOW)

    def run(self) -> dict[Path, list[TakeResult]]:
        self._start_idle()
        load_judging_and_reports()
        every_s = FOLLOW_EVERY_S if self._following else LOOK_EVERY_S
        while self._running or self._recorded:
            # Between two takes that are judged, rigs that have become free get their next take.
            done, _ = wait(self._running, timeout=0.0 if self._recorded else every_s, return_when=FIRST_COMPLETED)
            for entry in self._running.values():
                self._follow(entry)
            self._end_hung()
            finished = [(future, self._running.pop(future)) for future in done]
            self._idle.extend(entry.rig_name for _, entry in finished)
            self._recorded += [
                (folder, entry) for future, entry in finished if (folder := self._folder_of(future, entry))
            ]
            self._start_idle()
            if self._recorded:
                folder, entry = self._recorded.popleft()
                self._follow(entry)
                self._judge(folder, entry)
                self._start_idle()
        return self._results

    def _start_idle(self) -> None:
        while self._queue and self._idle and len(self._running) < self._side_by_side:
            rig_name, item = self._idle.pop(), self._queue.popleft()
            endpoint = self._endpoint_of(item)
            if self._person_speaks:
                said = item.plan.prompts_of(item.number)[0].name
                self._progress.note(
                    msg("take {take}: in three seconds, say “{words}”", take=item.take_id, words=_words_of(said))
                )
            future = self._submitted(rig_name, item, endpoint)
            now_s = time.monotonic()
            self._running[future] = _Running(rig_name, item, endpoint, now_s, now_s + _longest_s(item))

    def _submitted(self, rig_name: str, item: Planned, endpoint: Endpoint) -> Future[Path]:
        job = self._job(item, endpoint)
        if isinstance(self._pool, WorkerPool):
            return self._pool.submit(rig_name, job)
        return self._pool.submit(rig_name, job, None if self._endpoint else item.plan.scenario.emulator)

    def _follow(self, entry: _Running) -> None:
        """Report what the app of a take has written since the last time."""
        if not self._following:
            return
        item = entry.item
        places = (
            item.plan.folder / f"app-{item.take_id}.log",
            item.plan.folder / "takes" / item.take_id / "app_output.txt",
        )
        shown = self._shown.get((item.plan.folder, item.take_id), 0)
        for place in places:
            with contextlib.suppress(OSError):
                text = place.read_bytes()
                whole = text.rfind(b"\n") + 1
                for line in text[shown:whole].decode("utf-8", "replace").splitlines():
                    self._progress.note(f"  {item.take_id} | {line}")
                self._shown[item.plan.folder, item.take_id] = max(shown, whole)
                return

    def _end_hung(self) -> None:
        for future, entry in self._running.items():
            if not future.done() and time.monotonic() > entry.hung_at_s:
                self._pool.kill(entry.rig_name)

    def _endpoint_of(self, item: Planned) -> Endpoint:
        if self._endpoint is not None:
            return self._endpoint
        if self._emulator is None:
            return Endpoint(kind="emulator", base_url="")  # the cluster's worker starts one
        base_url = self._emulator.register(item.plan.scenario.emulator, seed=_seed_of(item))
        return Endpoint(kind="emulator", base_url=base_url, ca_file=str(self._emulator.ca_file))

    def _job(self, item: Planned, endpoint: Endpoint) -> TakeJob:
        plan = item.plan
        room = _room_job(plan.scenario.room)
        return TakeJob(
            run_dir=plan.folder,
            take_id=item.take_id,
            scenario=plan.name,
            config=plan.scenario.client,
            faults=plan.scenario.faults,
            endpoint=endpoint,
            prompts=plan.prompts_of(item.number),
            script=plan.script,
            seed=_seed_of(item),
            environment={
                **plan.environment,
                "audio_server": dict(self._farm.environment),
                **({} if room is None else {"room": {**asdict(room), "path": room.path.name}}),
            },
            app=_app_job(plan.scenario.app),
            room=room,
        )

    def _folder_of(self, future: Future[Path], entry: _Running) -> Path | None:
        """The take's folder; None where the worker died and the take goes back into the queue."""
        try:
            folder = future.result()
        except BrokenProcessPool:
            self._deaths += 1
            if self._deaths > MAX_WORKER_DEATHS:
                raise process_died(
                    f"Could not record take {entry.item.take_id} of {entry.item.plan.name}",
                    times=self._deaths,
                    next_step="try `--rigs 1` or `--audio wire`",
                ) from None
            self._progress.note(
                msg("a recording process died on {rig}; its take is recorded again", rig=entry.rig_name)
            )
            self._pool.restart(entry.rig_name)
            self._queue.appendleft(entry.item)
            return None
        took_s = time.monotonic() - entry.begun_s
        self._longer_s[entry.item.plan.folder].append(took_s - take_s(entry.item, self._options))
        return folder

    def _judge(self, folder: Path, entry: _Running) -> None:
        plan = entry.item.plan
        truth = self._truth_of(entry)
        begun_s = time.monotonic()
        result = judge_saved_take(folder, truth, plan.voice)
        self._judged.append(time.monotonic() - begun_s)
        self._results.setdefault(plan.folder, []).append(result)
        self._recent.append(result.discarded is not None)
        if result.discarded is not None:
            self._repeat(entry.item)
            self._make_room()
        self._progress.take_done(
            run=plan.name, take=entry.item.take_id, line=line_of(result), discarded=result.discarded
        )
        self._renew_length()

    def _truth_of(self, entry: _Running) -> list[dict[str, Any]] | None:
        if self._emulator is None:
            return None
        lines = self._emulator.truth(entry.endpoint.base_url)
        self._emulator.forget(entry.endpoint.base_url)
        return lines

    def _make_room(self) -> None:
        """Record fewer takes side by side where the machine cannot keep time for so many."""
        if sum(self._recent) >= CROWDED_DISCARDS and self._side_by_side > 1:
            before = self._side_by_side
            self._side_by_side -= max(1, round(FEWER_SHARE * before))
            self._recent.clear()
            left_s = self._left_s()
            self._announced_s = time.monotonic() - self._begun_s + left_s
            busy = self._queue or self._running
            about = msg(", about {time} left", time=format_minutes(left_s)) if busy else ""
            self._progress.note(
                msg(
                    "this machine is busy: from now on {takes} at a time instead of {before}{about}",
                    takes=counted(self._side_by_side, "take"),
                    before=before,
                    about=about,
                )
            )

    def _renew_length(self) -> None:
        """Announce how long the rest takes, if it will be much longer than what was announced last."""
        if len(self._judged) < self._side_by_side:
            return  # the shortest takes end first
        left_s = self._left_s()
        whole_s = time.monotonic() - self._begun_s + left_s
        if left_s >= WORTH_ANNOUNCING_S and whole_s > (1 + LONGER_SHARE) * self._announced_s:
            self._announced_s = whole_s
            self._progress.note(
                msg("takes need longer here than usual: about {time} left", time=format_minutes(left_s))
            )

    def _left_s(self) -> float:
        """Return how long the takes that are left will need, if they are as long as those that are done."""
        now_s = time.monotonic()
        running = [max(0.0, entry.begun_s + self._length_s(entry.item) - now_s) for entry in self._running.values()]
        # Where fewer are recorded at a time than until now, the rigs that are free first get no other take.
        free_s = sorted([*running, *[0.0] * (self._side_by_side - len(running))])[-self._side_by_side :]
        left = [
            *(entry.item for _, entry in self._recorded),
            *(entry.item for entry in self._running.values()),
            *self._queue,
        ]
        judged_s = len(left) * statistics.fmean(self._judged) if self._judged else judging_s(left)
        return takes_s([self._length_s(item) for item in self._queue], free_s, judged_s)

    def _length_s(self, item: Planned) -> float:
        """Return how long a take will be, given those of the same run, or of all if there is none yet."""
        longer_s = self._longer_s[item.plan.folder] or [*itertools.chain.from_iterable(self._longer_s.values())]
        return take_s(item, self._options) + (statistics.median(longer_s) if longer_s else 0.0)

    def _repeat(self, item: Planned) -> None:
        folder = item.plan.folder
        if self._spares[folder] > 0:
            self._spares[folder] -= 1
            number = self._next_number[folder]
            self._next_number[folder] += 1
            self._queue.append(Planned(item.plan, item.number, take_name(number)))


def _cluster_rigs(queue: Iterable[Planned], options: Options, address: str) -> ClusterRigs:
    """Return the rigs of a cluster.

    Raises
    ------
    BadInputError
        If a take needs something that only this machine has.
    """
    app = next((item.plan.name for item in queue if item.plan.scenario.app is not None), None)
    if app is not None or options.devices:
        raise BadInputError(
            f"Could not record takes on the cluster {address}",
            seen="--device" if options.devices else f"{app}, whose client is an app",
            allowed="diag's own client, on the workers' own devices",
            next_step="leave out --cluster",
        )
    return ClusterRigs(address, options.audio)


def judge_saved_take(folder: Path, truth: list[dict[str, Any]] | None, voice: VoiceProfile | None = None) -> TakeResult:
    """Judge a take folder; the verdict is written beside it, and the emulator's truth, which the judge never sees."""
    if truth is not None:
        write_beside(folder, TRUTH_FILE, {"lines": truth})
    result = judged_take(folder, voice)
    write_result(folder, result)
    return result


def _app_job(app: AppConfig | None) -> AppJob | None:
    if app is None:
        return None
    directory = app.directory or Path.cwd()
    if app.url is None:
        command = CommandJob(command=app.words, directory=directory, ready_output=app.ready.output)
        return AppJob(client=command, ready_within_s=app.ready_within_s)
    start = None if app.start is None else tuple(step.model_dump(exclude_none=True) for step in app.start)
    page = PageJob(
        url=app.url, directory=directory, serve=app.serve, start=start, ready_text=app.ready.text, hosts=app.hosts
    )
    return AppJob(client=page, ready_within_s=app.ready_within_s)


def _words_of(name: str) -> str:
    """Return the words of a recorded prompt; its name if they are not known."""
    known = prompts_by_name().get(name)
    return known.text if known is not None and known.text else name


def _room_job(room: RoomConfig | None) -> RoomJob | None:
    if room is None:
        return None
    found = find_room(room.name)
    noise_dbfs = found.noise_dbfs if room.noise_dbfs is None else room.noise_dbfs
    return RoomJob(path=found.path, echo_db=room.echo_db, noise_dbfs=noise_dbfs)


def _longest_s(item: Planned) -> float:
    """How long a take may be recorded."""
    patience, scenario = item.plan.scenario.client.turn, item.plan.scenario
    app_s = scenario.app.ready_within_s if scenario.app is not None else 0.0
    turns_s = sum(
        read_wav(prompt.path).duration_s + patience.reply_timeout_s + patience.reply_max_s
        for prompt in item.plan.prompts_of(item.number)
    )
    between_s = sum(step.after_s + (step.for_s or 0.0) for step in scenario.turns)
    return turns_s + between_s + app_s + HUNG_AFTER_S


def _free_numbers(queue: Collection[Planned]) -> dict[Path, int]:
    """The first number for repeated takes of each run; a run that is gone on with may have some already."""
    plans = {item.plan.folder: item.plan for item in queue}
    taken = {folder: highest_number(plan) for folder, plan in plans.items()}
    for item in queue:
        taken[item.plan.folder] = max(taken[item.plan.folder], int(item.take_id))
    return {folder: number + 1 for folder, number in taken.items()}


def _seed_of(item: Planned) -> int:
    """A take's own seed: repeatable, and different from take to take and run to run."""
    return zlib.crc32(f"{item.plan.seed}/{item.plan.name}/{item.take_id}".encode())


def line_of(result: TakeResult) -> str:
    """One plain sentence about a take."""
    prompts = ", ".join(result.prompt_names)
    roots = [finding for finding in result.findings if finding.consequence_of is None]
    if roots:
        told = [msg("{code} {title}", code=finding.code, title=finding.title) for finding in roots]
        return msg("{prompts}: {findings}", prompts=prompts, findings=joined(told))
    for metric, words in (
        ("ttfa_heard_s", msg("first audio heard")),
        ("ttfa_received_s", msg("first audio received")),
    ):
        value = result.measurements.value(metric)
        if value is not None:
            slow = (
                msg(" (above {limit}; SVC001 judges the median of all takes)", limit=format_seconds(SLOW_WARNING_S))
                if value > SLOW_WARNING_S
                else ""
            )
            return msg(
                "{prompts}: answered, {first} after {time}{slow}",
                prompts=prompts,
                first=words,
                time=format_seconds(value),
                slow=slow,
            )
    return msg("{prompts}: no reply", prompts=prompts)
