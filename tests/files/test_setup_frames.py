"""Setup frames in configurations: a table, a file, or a text; and what does not go together with them."""

import json

import pytest

from diag.core.errors import BadInputError
from diag.files.scenarios import read_scenario

FRAME = '{"setup": {\n  "model": "models/x"}}\n'


def read(tmp_path, text, *, frame=FRAME):
    (tmp_path / "frame.json").write_text(frame)
    path = tmp_path / "app.toml"
    path.write_text(text)
    return read_scenario(path).client


def test_a_table_is_the_content_of_the_setup(tmp_path):
    client = read(tmp_path, '[setup]\nmodel = "models/x"\n[setup.generation_config]\nresponse_modalities = ["AUDIO"]\n')
    assert json.loads(client.raw_frame) == {
        "setup": {"model": "models/x", "generation_config": {"response_modalities": ["AUDIO"]}}
    }


def test_a_file_is_the_whole_message_as_it_is(tmp_path):
    client = read(tmp_path, 'setup_file = "frame.json"\n[session]\napi_version = "v1alpha"\n')
    assert client.raw_frame == FRAME
    assert (client.asked_model, client.session.api_version) == ("models/x", "v1alpha")


def test_a_frame_is_saved_with_the_settings_and_read_again(tmp_path):
    client = read(tmp_path, 'setup_file = "frame.json"')
    assert type(client).model_validate(client.model_dump(mode="json")) == client


@pytest.mark.parametrize(
    ("text", "frame", "words"),
    [
        ('setup_file = "none.json"', FRAME, "No such file"),
        ('setup_file = "frame.json"', "{", "not JSON"),
        ('setup_file = "frame.json"', "[]", "not a JSON object"),
        ('setup_file = "frame.json"\n[setup]\nmodel = "x"', FRAME, "`setup` and `setup_file`"),
        ("setup_frame = '{}'\n[setup]\nmodel = \"x\"", FRAME, "`setup` and `setup_frame`"),
        ('[session]\nmodel = "x"\n[setup]\nmodel = "x"', FRAME, "`session.model` together with `setup`"),
        ("[setup]\nmodel = 2025-09-19", FRAME, "not JSON"),
        ("setup = 3", FRAME, "setup"),
    ],
)
def test_what_cannot_be_used_is_explained(tmp_path, text, frame, words):
    with pytest.raises(BadInputError) as error:
        read(tmp_path, text, frame=frame)
    assert words in str(error.value)
