"""The take that a report shows is loaded when it is needed, and not kept for every run."""

import gc

from builders import Story, build

from diag.core.take import Take
from diag.files.run_folders import create_run, write_take
from diag.files.saved_takes import SavedTakes
from diag.judge.engine import judge_run, judge_take
from diag.report.picks import pick


def test_the_picks_of_many_runs_hold_at_most_two_takes_in_memory(tmp_path):
    given = build(Story(prompt_s=0.6, reply_s=0.6))
    result = judge_take(given, metrics=(), rules=())
    run = judge_run("x", "x", [result], given.config, {}, rules=())
    folders = [create_run(tmp_path, "x", {}) for _ in range(6)]
    for folder in folders:
        write_take(folder, given)
    gc.collect()
    before = sum(isinstance(item, Take) for item in gc.get_objects())
    picks = [pick(run, SavedTakes(folder, [given.id])) for folder in folders]
    assert [chosen.take.id for chosen in picks] == [given.id] * 6
    gc.collect()
    assert sum(isinstance(item, Take) for item in gc.get_objects()) - before <= 2
