"""`diag doctor --setup`: what it prints and returns, and what does not go together with it."""

import io
import json
import sys

import pytest

RIGHT = {"setup": {"model": "models/gemini-3.8-live", "generationConfig": {"responseModalities": ["AUDIO"]}}}
SEEDS = '{\n  "setup": {\n    "model": "models/gemini-2.0-flash-exp"\n  }\n}\n'


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "frame.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def test_a_right_frame_needs_no_correction(diag, file):
    done = diag("doctor", "--setup", file(RIGHT))
    assert done.code == 0
    assert "the setup frame is right" in " ".join(done.out.split())
    assert "corrected" not in done.out


def test_the_missing_modality_of_the_report_is_named_with_line_fix_and_frame(diag, file):
    done = diag("doctor", "--setup", file(SEEDS), "--as-of", "2025-09-19")
    assert done.code == 1
    assert "1 fault in the setup frame" in " ".join(done.out.split())
    assert "line 2, /setup" in done.out
    assert 'add `responseModalities`: ["AUDIO"] to generationConfig' in done.out
    corrected = json.loads(done.out.partition("The corrected frame:\n")[2])
    assert corrected["setup"]["generationConfig"] == {"responseModalities": ["AUDIO"]}


def test_json_has_the_judgement_and_standard_error_the_text(diag, file):
    done = diag("doctor", "--setup", file(SEEDS), "--json", "--as-of", "2026-11-26")
    document = json.loads(done.out)
    assert (document["schema_version"], document["right"], document["as_of"]) == (1, False, "2026-11-26")
    assert [fault["problem"] for fault in document["faults"]] == ["missing_modality", "model"]
    assert {"pointer", "line", "seen", "why", "fix"} <= set(document["faults"][0])
    assert "2 faults" in done.err


def test_the_api_version_decides_which_fields_are_known(diag, file):
    frame = json.loads(json.dumps(RIGHT))
    frame["setup"]["proactivity"] = {"proactiveAudio": True}
    assert diag("doctor", "--setup", file(frame)).code == 1
    assert diag("doctor", "--setup", file(frame), "--api-version", "v1alpha").code == 0


def test_a_vertex_frame_is_judged_for_vertex(diag, file):
    frame = json.loads(json.dumps(RIGHT))
    frame["setup"]["model"] = "projects/p/locations/l/publishers/google/models/gemini-live-2.5-flash-native-audio"
    assert diag("doctor", "--setup", file(frame), "--api-version", "vertex").code == 0
    done = diag("doctor", "--setup", file(frame))
    assert done.code == 1
    assert "Vertex AI name" in done.out


def test_a_frame_from_standard_input(diag, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(RIGHT).encode())))
    done = diag("doctor", "--setup", "-")
    assert done.code == 0
    assert "standard input" in done.out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{'setup': {}}", "not valid JSON: Expecting property name enclosed in double quotes (line 1, column 2)"),
        ("[1, 2]", "it is a list, not an object"),
        ('{"realtimeInput": {}}', "it is a `realtimeInput` message, not the setup"),
        ("", "not valid JSON"),
        ('{"a": 1}', "it has no `setup`"),
    ],
)
def test_what_is_no_frame_is_wrong_use(diag, file, content, words):
    done = diag("doctor", "--setup", file(content))
    assert (done.code, done.out) == (2, "")
    assert words in done.err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("healthy",), "Could not use --setup"),
        (("--audio", "wire"), "--audio together with it"),
        (("--as-of", "yesterday"), "a date such as 2025-09-19"),
        (("--api-version", "v2"), "v1, v1beta, v1alpha, vertex"),
    ],
)
def test_what_does_not_go_together_is_refused(diag, file, more, words):
    done = diag("doctor", "--setup", file(RIGHT), *more)
    assert done.code == 2
    assert words in done.err


def test_an_api_version_alone_is_refused(diag):
    done = diag("doctor", "healthy", "--api-version", "v1")
    assert done.code == 2
    assert "without --setup" in done.err


def test_a_missing_file_is_said(diag, tmp_path):
    done = diag("doctor", "--setup", str(tmp_path / "none.json"))
    assert done.code == 2
    assert "No such file" in done.err


def test_a_key_in_a_frame_is_not_shown(diag, file):
    key = "AIza" + "x" * 35
    done = diag("doctor", "--setup", file({**RIGHT, "apiKey": key}), "--json")
    assert done.code == 1
    assert key not in done.out + done.err
