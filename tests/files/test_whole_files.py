import os

import pytest

from diag.files.whole_files import partial_path, write_whole


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
