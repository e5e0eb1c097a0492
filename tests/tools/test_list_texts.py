"""The list of texts has what a user can see, and leaves out what only a reader of the code sees."""

import list_texts

CODE = '''"""Words of the module."""

def shown(name):
    """Return what is seen."""
    raise ValueError(f"no file named {name} is here", "key")


def _hidden():
    """Return what is not seen."""
'''


def found(*, shown):
    return [text for _, text in list_texts.texts_of_code(CODE, shown=shown)]


def test_values_in_a_text_are_left_out_and_single_words_are_not_listed():
    assert found(shown=False) == ["no file named {…} is here"]


def test_docstrings_are_listed_only_where_they_are_shown():
    assert found(shown=True) == ["Return what is seen.", "no file named {…} is here"]


def test_help_findings_measures_errors_and_the_report_are_listed():
    places = {place for place, _, _ in list_texts.texts()}
    assert {"diag/cli/run.py", "diag/judge/rules/cfg001.py", "diag/measure/metrics/speed.py", "diag/files/scenarios.py",
            "diag/report/templates/run.html.j2"} <= places  # fmt: skip
