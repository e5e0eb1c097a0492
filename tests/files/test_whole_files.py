import os
from pathlib import Path

import pytest

from diag.files.whole_files import partial_path, read_limited, write_whole


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, b"first and longer")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fails_in_mid_file_leaves_the_earlier_one(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_whole(path, b"first")

    def fails(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_half_written_is_hidden_and_named_afresh(tmp_path):
    first, second = partial_path(tmp_path / "0001"), partial_path(tmp_path / "0001")
    assert first != second
    assert first.parent == tmp_path
    assert first.name.startswith(".0001.partial-")


def test_a_file_of_the_most_bytes_is_read_and_a_larger_one_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_limited(path, 5) == read_limited(path, 6) == b"12345"
    with pytest.raises(ValueError, match="more than 4 bytes"):
        read_limited(path, 4)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="files whose size the system does not know")
def test_a_file_that_has_more_than_its_size_says_is_read_up_to_the_limit():
    status = Path("/proc/self/status")
    assert status.stat().st_size == 0
    assert read_limited(status, 1_000_000).startswith(b"Name:")
    with pytest.raises(ValueError, match="more than 9 bytes"):
        read_limited(status, 9)
