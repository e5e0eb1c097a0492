"""Recordings judged on a Dask cluster: a real scheduler and two real workers."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import distributed
import numpy as np
import pytest
import soundfile
from builders import speech

from diag.__main__ import call
from diag.api import analyze as judging
from diag.api import cluster
from diag.api.analyze import analyze_all
from diag.api.cluster import ClusterWorkers, FarFile, far_file, open_cluster, why_not_seen
from diag.api.options import Options, Quiet
from diag.api.process_pool import run_all
from diag.api.run import run
from diag.api.take_cluster import ClusterRigs, unpacked
from diag.core.errors import CannotMeasureError
from diag.files.checksums import check_sums, record_sums

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 24000
VOICE = speech(1.5, 3, RATE_HZ)
STARTED_WITHIN_S = 60.0
FILES = 24


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """Address of a scheduler with two workers, and of one without workers."""
    folder = tmp_path_factory.mktemp("dask")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        "OPENBLAS_NUM_THREADS": "1",
    }
    started = []

    def start(kind, *words):
        with (folder / f"{len(started)}.log").open("w") as log:
            command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *words]
            started.append(
                subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
            )

    files = [folder / "scheduler.json", folder / "empty.json"]
    try:
        for file in files:
            start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        start("worker", "--scheduler-file", str(files[0]), "--nworkers", "2", "--nthreads", "1", "--no-dashboard",
              "--resources", "rig=1")  # fmt: skip
        until_s = time.monotonic() + STARTED_WITHIN_S
        while not all(file.is_file() and file.stat().st_size for file in files):
            assert time.monotonic() < until_s, [log.read_text() for log in folder.glob("*.log")]
            time.sleep(0.05)
        found = [json.loads(file.read_text())["address"] for file in files]
        with distributed.Client(found[0], set_as_default=False) as client:
            client.wait_for_workers(2, timeout=STARTED_WITHIN_S)
        yield found
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
        for process in started:
            process.wait(timeout=30)


@pytest.fixture
def address(addresses):
    return addresses[0]


@pytest.fixture
def diag(capsys, monkeypatch, tmp_path):
    """Call the command line in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def called(*words):
        code = call(words)
        return SimpleNamespace(code=code, **capsys.readouterr()._asdict())

    return called


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "replies"
    path.mkdir()
    for index in range(FILES):
        soundfile.write(path / f"{index:02d}.wav", np.roll(VOICE, 100 * index), RATE_HZ)
    return Path("replies")


def test_a_worker_that_is_killed_in_mid_work_costs_no_result(address, folder):
    with distributed.Client(address, set_as_default=False) as client:
        before = client.run(os.getpid)
        reported = []

        def progress(done, total):
            reported.append((done, total))
            if len(reported) == 3:
                os.kill(min(before.values()), signal.SIGKILL)

        found = analyze_all([folder], cluster=address, progress=progress)
        assert min(before.values()) not in client.run(os.getpid).values()
    here = analyze_all([folder], workers=1)
    assert [result.to_json() for result in found] == [result.to_json() for result in here]
    assert reported[-1] == (FILES, FILES)


def test_a_worker_that_is_lost_costs_its_take_which_is_recorded_elsewhere(address, tmp_path):
    notes = []

    class Killing(Quiet):
        def take_done(self, **given):
            # The other worker is in the middle of its take, or waits for the next.
            if not notes:
                notes.append(given)
                with distributed.Client(address, set_as_default=False) as client:
                    busy = next((worker for worker, tasks in client.processing().items() if tasks), None)
                    pids = client.run(os.getpid)
                    os.kill(pids.get(busy, min(pids.values())), signal.SIGKILL)

    options = Options(takes=2, prompts=("yes",), audio="wire", out=tmp_path, cluster=address)
    report = run("healthy", options, Killing())
    assert notes
    (result,) = report.runs
    assert len(result.counted) == 2
    for take in result.takes:
        folder = Path(result.folder) / "takes" / take.id
        assert check_sums(folder).problems == ()
        assert (folder / "truth.json").is_file()
        assert "machine" in json.loads((folder / "take.json").read_text(encoding="utf-8"))["environment"]


def test_a_take_that_was_damaged_on_its_way_is_not_taken_over(tmp_path):
    folder = tmp_path / "0001"
    folder.mkdir()
    (folder / "take.json").write_text("{}")
    record_sums(folder, ["take.json"])
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(CannotMeasureError, match=r"take.json differs from its checksum"):
        unpacked({**files, "take.json": b"[]"}, tmp_path / "run" / "0001")
    assert not any((tmp_path / "run").iterdir())
    assert (unpacked(files, tmp_path / "run" / "0001") / "take.json").read_text() == "{}"


def test_a_cluster_whose_workers_offer_no_rig_is_refused_with_the_command(address, monkeypatch):
    monkeypatch.setattr(ClusterWorkers, "resource", lambda _self, _name: 0)
    with pytest.raises(CannotMeasureError, match="--resources"):
        ClusterRigs(address, "wire")


def give_up_at_once(dask_scheduler):
    """Fail an item when one worker died with it, not after several: starting them again takes seconds."""
    dask_scheduler.allowed_failures = 0


def die(_given):
    def work(item):
        if item == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.02)
        return 2 * item

    return work


def failed(item, reason):
    return f"{item}: {reason}"


def test_an_item_that_kills_its_workers_is_reported_and_the_rest_is_done(address):
    items = [*range(10), "kill", *range(10, 20)]
    with distributed.Client(address, set_as_default=False) as client:
        client.run_on_scheduler(give_up_at_once)
    with open_cluster(address) as workers:
        done = run_all(die, None, items, workers, failed=failed)
    assert [item for item in done if isinstance(item, int)] == list(range(0, 40, 2))
    assert done[10].startswith("kill: every worker of the cluster that measured it died; ")


def test_a_file_that_workers_do_not_see_is_named_and_the_others_are_judged(address, folder, monkeypatch):
    def elsewhere(path):
        file = far_file(path)
        return dataclasses.replace(file, path=Path("/elsewhere") / file.path.name) if file.path.stem == "07" else file

    monkeypatch.setattr(judging, "far_file", elsewhere)
    found = analyze_all([folder], cluster=address)
    assert [result.name for result in found if result.refused is not None] == ["07.wav"]
    assert "Could not analyse the recording /elsewhere/07.wav: the cluster's worker on " in found[7].refused
    assert "sees no file at the path /elsewhere/07.wav" in found[7].refused


def test_a_reference_is_read_by_the_workers(address, folder):
    found = analyze_all([folder / "00.wav", folder / "01.wav"], reference=folder / "00.wav", cluster=address)
    assert [result.reference for result in found] == ["00.wav", "00.wav"]
    assert found[0].measurements.value("rate_ratio") == pytest.approx(1.0, abs=0.001)


def test_a_bad_file_costs_its_line(diag, address, folder):
    (folder / "07.wav").write_bytes(b"RIFFxxxx")
    done = diag("analyze", "replies", "--cluster", address)
    assert done.code == 2
    assert "23 where not everything could be checked, 1 that could not be read" in done.out
    assert done.err == ""


def test_a_cluster_without_workers_is_refused(addresses, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_WITHIN_S", 1.0)
    with pytest.raises(CannotMeasureError, match="it has no worker; start it with `dask scheduler` and `dask worker"):
        analyze_all([ROOT / "scenarios" / "replies"], cluster=addresses[1])


def test_workers_with_another_version_are_refused(address, monkeypatch):
    monkeypatch.setattr(cluster, "__version__", "9.9.9")
    with pytest.raises(CannotMeasureError, match=r"has diag [\d.]+; allowed: diag 9\.9\.9 on every worker"):
        analyze_all([ROOT / "scenarios" / "replies"], cluster=address)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "127.0.0.1:1", "nonsense://here", "no.such.host.invalid:8786"]
)
def test_an_address_that_cannot_be_reached_is_one_sentence(diag, folder, monkeypatch, address):
    monkeypatch.setattr(cluster, "CONNECT_WITHIN_S", 0.3)
    done = diag("analyze", "replies", "--cluster", address)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"Could not use the cluster {address}: no scheduler answers there (")
    assert len(done.err.splitlines()) == 1


def test_a_missing_extra_is_one_sentence_with_the_command(diag, folder, monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    done = diag("analyze", "replies", "--cluster", "tcp://127.0.0.1:1")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "Could not use the cluster tcp://127.0.0.1:1: `dask.distributed` is not installed; "
        "`pip install 'diag[cluster]'`.\n"
    )


def test_a_worker_tells_a_file_from_another_one_under_its_path(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"12345")
    assert far_file(path) == FarFile(path, 5)
    assert why_not_seen(FarFile(path, 5)) is None
    assert "sees another file (5 bytes, not 6)" in why_not_seen(FarFile(path, 6))
    assert "sees no file" in why_not_seen(FarFile(tmp_path / "b.wav", 5))
    assert why_not_seen(FarFile(tmp_path / "b.wav", None)) is None


def unreachable():
    raise ConnectionError


def test_a_cluster_is_given_up_when_its_scheduler_or_all_workers_are_gone(monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    client = SimpleNamespace(status="running", nthreads=lambda: {"tcp://a": 1})
    workers = ClusterWorkers(client, "tcp://s")
    assert workers.gone() is None
    client.nthreads = dict
    assert workers.gone() is None
    now_s[0] = cluster.WORKERS_BACK_WITHIN_S - 1
    assert workers.gone() is None
    now_s[0] += 1
    assert "has had no worker for 30 s" in workers.gone()
    client.nthreads = lambda: {"tcp://a": 1}
    assert workers.gone() is None
    client.nthreads = unreachable
    assert "the connection to the scheduler tcp://s was lost" in workers.gone()
    client.status = "connecting"
    assert "the connection to the scheduler tcp://s was lost" in workers.gone()
