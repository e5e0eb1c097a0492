"""What the machine lacks is told as the machine's, with what to do."""

import errno
import resource

import pytest

from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.machine import LEAST_ADDRESS_SPACE, check_address_space, trouble_of


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
