"""What is said of the name of a model that was not found, and which models are suggested, against approved texts."""

from pathlib import Path

import pytest
from approved import check

from diag.core.live_catalogue import MODELS
from diag.judge.live_models import end_of_turn_advice, nearest, right_spelling, what_is_known

APPROVED = Path(__file__).with_name("approved_models.txt")
SERVED = ("models/gemini-2.0-flash-exp", "models/gemini-3.1-flash-live-preview", "models/gemini-3.8-live",
          "models/gemini-3.8-live-translate")  # fmt: skip
NAMES = (
    *(model.name for model in MODELS), "gemini-2.5-pro", "gemini-flash-2.0-live-001", "live-gemini-3.8",
    "publishers/google/models/x", "gemini-2.5-flash-preview-tts", "text-embedding-004", "imagen-3", "gemini-3.9-live",
    "gemini-live-translate", "x", "",
)  # fmt: skip


@pytest.mark.parametrize("version", ["v1beta", "v1", ""])
@pytest.mark.parametrize("served", [SERVED, (), None], ids=["a list", "an empty list", "no list"])
def test_what_is_known_of_a_name_is_as_approved(version, served):
    texts = [f"{name}: {what_is_known(f'models/{name}', served, version)}" for name in NAMES]
    kind = "no list" if served is None else f"a list of {len(served)}"
    check(APPROVED, f"{version or 'no version'}, {kind}", "\n".join(texts), exact=True)


def test_the_nearest_names_are_as_approved():
    texts = [f"{name}: {' '.join(nearest(name, SERVED))}; {' '.join(nearest(name, SERVED, 1))}" for name in NAMES]
    check(APPROVED, "nearest", "\n".join(texts), exact=True)


@pytest.mark.parametrize(
    ("name", "version", "right"),
    [
        ("gemini-3.8-live", "v1beta", "models/gemini-3.8-live"),
        ("models/models/gemini-3.8-live", "v1", "models/gemini-3.8-live"),
        ("models/Gemini-3.8-Live ", "v1beta", "models/gemini-3.8-live"),
        ("models/publishers/google/models/gemini-3.8-live", "v1beta", "models/gemini-3.8-live"),
        ("models/gemini-3.8-live", "v1beta", None),
        ("gemini-3.1-flash-live-preview", "v1", None),
        ("gemini-3.8-lives", "v1beta", None),
        ("gemini-live-2.5-flash-native-audio", "v1beta", None),
    ],
)
def test_a_served_model_in_a_wrong_form_is_written_right(name, version, right):
    assert right_spelling(name, [], version) == right
    listed = [f"models/{model}" for model in ("gemini-3.8-live", "gemini-2.5-flash-native-audio-latest")]
    assert right_spelling(name, listed, version) == right


def test_how_a_turn_ends_depends_on_the_model():
    names = (None, "", "models/gemini-3.8-live", "models/gemini-3.1-flash-live-preview", "gemini-2.0-flash-exp")
    check(APPROVED, "end of turn", "\n".join(f"{name}: {end_of_turn_advice(name)}" for name in names), exact=True)
