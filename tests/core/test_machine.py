"""What the machine lacks is told as the machine's, with what to do."""

import errno
import resource
from types import SimpleNamespace

import pytest

from diag.core import machine
from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.machine import (
    LEAST_ADDRESS_SPACE,
    LEAST_SHARED_MEMORY,
    check_address_space,
    check_shared_memory,
    trouble_of,
)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.EMFILE, "x"), CannotMeasureError, "Too many open files"),
        (OSError(errno.ENOSPC, "x", "/dev/shm/a"), CannotMeasureError, "No space left on device: /dev/shm/a"),
        (MemoryError(), CannotMeasureError, "not enough memory"),
        (RuntimeError("can't start new thread"), CannotMeasureError, "no more threads"),
        (OSError(errno.ENAMETOOLONG, "x", "y" * 5000), BadInputError, "File name too long: yyy"),
    ],
)
def test_trouble_is_one_sentence(error, kind, words):
    told = trouble_of(error)
    assert isinstance(told, kind)
    assert words in str(told)
    assert len(str(told)) < 1000
    assert "\n" not in str(told)


@pytest.mark.parametrize("error", [RuntimeError("x"), ValueError("x"), KeyError("x"), OSError("no number")])
def test_other_errors_stay_bugs(error):
    assert trouble_of(error) is None


@pytest.mark.parametrize(
    ("limit", "refused"),
    [(LEAST_ADDRESS_SPACE - 1, True), (LEAST_ADDRESS_SPACE, False), (resource.RLIM_INFINITY, False)],
)
def test_too_little_address_space_is_refused_before_anything_heavy_is_loaded(monkeypatch, limit, refused):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, resource.RLIM_INFINITY))
    if refused:
        with pytest.raises(CannotMeasureError, match="limited to 599 MB"):
            check_address_space()
    else:
        check_address_space()


@pytest.mark.parametrize(("free", "refused"), [(LEAST_SHARED_MEMORY - 1, True), (LEAST_SHARED_MEMORY, False)])
def test_too_little_shared_memory_is_refused_before_a_device_is_opened(monkeypatch, tmp_path, free, refused):
    monkeypatch.setattr(machine, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    if refused:
        with pytest.raises(CannotMeasureError, match="999 kB of shared memory are free") as seen:
            check_shared_memory()
        assert "--shm-size" in str(seen.value)
    else:
        check_shared_memory()


def test_a_system_without_shared_memory_in_that_place_is_not_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "SHARED_MEMORY", tmp_path / "none")
    check_shared_memory()
