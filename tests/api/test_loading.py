"""What a run needs after its first take is loaded during that take."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import sys
from pathlib import Path
from builders import Story, build
import diag.api.run, diag.api.take_dispatch
from diag.api.loading import load_judging_and_reports
from diag.api.options import Options
from diag.core.results import Report
from diag.judge.engine import judge_run, judge_take
from diag.report.build import build_report
load_judging_and_reports()
before = set(sys.modules)
take = build(Story())
run = judge_run("healthy", "Healthy", [judge_take(take)], take.config, {})
build_report(Report(runs=(run,)), {"healthy": [take]}, Path(sys.argv[1]) / "page.html")
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))
"""


def test_judging_and_a_report_load_nothing_more(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stdout.split() == []
