"""Child processes import what their parent imports, whatever lies in the working directory."""

import os
import subprocess
import sys

import pytest

import diag
from diag.core.processes import import_environment

WORKER = """
import os
from pathlib import Path


def tell(connection):
    import sys
    import diag
    connection.send((diag.__file__, "diag.core.units" in sys.modules))


if __name__ == "__main__":
    import diag.core.processes as processes

    os.chdir(os.environ["PLACE"])
    before = dict(os.environ)
    context = processes.start_fork_server(["diag.core.units"])
    assert dict(os.environ) == before
    reading, writing = context.Pipe()
    process = context.Process(target=tell, args=(writing,))
    process.start()
    print(*reading.recv())
    process.join()
"""


@pytest.fixture(params=["package", "folder"])
def place(request, tmp_path):
    """A folder with another `diag` in it: a package, or a folder of that name as a checkout is."""
    folder = tmp_path / "place"
    (folder / "diag").mkdir(parents=True)
    if request.param == "package":
        (folder / "diag/__init__.py").write_text("raise RuntimeError('another diag')", encoding="utf-8")
    return folder


def test_a_child_imports_the_running_diag(place):
    done = subprocess.run(
        [sys.executable, "-c", "import diag; print(diag.__file__)"],
        cwd=place, env={**os.environ, **import_environment()}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == diag.__file__


def test_without_these_variables_it_would_import_another_one(tmp_path):
    (tmp_path / "diag.py").write_text("", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "import diag; print(diag.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str(tmp_path / "diag.py")


def test_the_fork_server_and_its_workers_import_the_running_diag(place, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(WORKER, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, **import_environment(), "PLACE": str(place)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [diag.__file__, "True"]


def test_a_folder_whose_name_cannot_be_handed_over_is_left_out(monkeypatch):
    monkeypatch.setattr(sys, "path", ["", f"/a{os.pathsep}b", "/c", "/c"])
    assert import_environment()["PYTHONPATH"].split(os.pathsep) == [os.getcwd(), "/c"]
