"""The files of scenarios/faults are those of the table."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_files_are_in_step_with_the_table():
    done = subprocess.run([sys.executable, ROOT / "tools/make_fault_scenarios.py", "--check"], check=False)
    assert done.returncode == 0, "run tools/make_fault_scenarios.py"
