"""Model lists and speech from text, through the SDK and by hand, on the port of the Live API."""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.error
import urllib.request

import numpy as np
import pytest
from emulator_raw import QUICK
from google import genai
from google.genai import errors, types

from diag.emulator.embedded import EmbeddedEmulator
from diag.emulator.replies import read_replies

SPOKEN = types.GenerateContentConfig(response_modalities=["AUDIO"])


@pytest.fixture
def client(emulator: EmbeddedEmulator, tls: ssl.SSLContext):
    made: list[genai.Client] = []  # a client that is let go closes itself

    def make(version: str = "v1beta", **settings) -> genai.Client:
        options = types.HttpOptions(
            base_url=emulator.register(settings), api_version=version, client_args={"verify": tls}
        )
        made.append(genai.Client(api_key="any", http_options=options))
        return made[-1]

    yield make
    for client in made:
        client.close()


def live_models(client: genai.Client) -> set[str]:
    return {model.name for model in client.models.list() if "bidiGenerateContent" in (model.supported_actions or [])}


def test_model_list_follows_date_and_version(client) -> None:
    today = live_models(client())
    seed = live_models(client(as_of="2025-09-19"))
    assert {"models/gemini-3.8-live", "models/gemini-3.1-flash-live-preview"} <= today
    assert "models/gemini-2.0-flash-exp" in seed - today
    assert "models/gemini-flash-2.0-live-001" not in seed
    assert "models/gemini-3.1-flash-live-preview" not in live_models(client("v1"))
    assert not any("live-2.5-flash-native" in name for name in today)  # Vertex alone


def test_one_model(client) -> None:
    assert client().models.get(model="gemini-3.8-live").input_token_limit == 131072
    with pytest.raises(errors.ClientError) as caught:
        client().models.get(model="gemini-0")
    assert caught.value.code == 404


def test_speech_from_text(client, bank_dir) -> None:
    reply = next(reply for reply in read_replies(bank_dir) if reply.name == "second")
    whole = client().models.generate_content(model="gemini-3.8-flash-tts", contents=reply.text, config=SPOKEN)
    old = client().models.generate_content(
        model="gemini-2.5-flash-preview-tts", contents=f"Say cheerfully: {reply.text}", config=SPOKEN
    )
    wav, raw = (answer.candidates[0].content.parts[0].inline_data for answer in (whole, old))
    assert (wav.mime_type, wav.data[:4]) == ("audio/wav", b"RIFF")
    assert raw.mime_type == "audio/L16;codec=pcm;rate=24000"
    assert wav.data[44:] == raw.data == reply.pcm.tobytes()


def test_streamed_speech_is_raw_pcm(client, bank_dir) -> None:
    reply = next(reply for reply in read_replies(bank_dir) if reply.name == "first")
    parts = client().models.generate_content_stream(model="gemini-3.8-flash-tts", contents=reply.text, config=SPOKEN)
    data = b"".join(part.candidates[0].content.parts[0].inline_data.data for part in parts)
    assert np.array_equal(np.frombuffer(data, dtype="<i2"), reply.pcm)


def test_unknown_words_get_the_same_voice_every_time(client) -> None:
    answers = [
        client()
        .models.generate_content(model="gemini-3.1-flash-tts-preview", contents=text, config=SPOKEN)
        .candidates[0]
        .content.parts[0]
        .inline_data.data
        for text in ("never recorded", "never recorded")
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("model", "config", "code"),
    [
        ("gemini-3.8-flash-tts", types.GenerateContentConfig(), 400),
        ("gemini-3.8-flash-tts", types.GenerateContentConfig(response_modalities=["AUDIO"], temperature=1.0), 400),
        ("gemini-3.8-live", SPOKEN, 404),
        ("gemini-2.5-flash", SPOKEN, 400),
    ],
)
def test_refused_calls(client, model: str, config: types.GenerateContentConfig, code: int) -> None:
    with pytest.raises(errors.ClientError) as caught:
        client().models.generate_content(model=model, contents="hello", config=config)
    assert caught.value.code == code


def test_vertex_speech(emulator, tls) -> None:
    body = {"contents": {"parts": {"text": "hello"}}, "generation_config": {"response_modalities": ["AUDIO"]}}
    path = "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash-tts:generateContent"
    url = emulator.register({}) + path
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Authorization": "Bearer t"})
    with urllib.request.urlopen(request, context=tls, timeout=5) as response:
        part = json.load(response)["candidates"][0]["content"]["parts"][0]
    assert part["inlineData"]["mimeType"] == "audio/L16;codec=pcm;rate=24000"


def test_pages_of_other_origins_may_ask_first(emulator, tls) -> None:
    request = urllib.request.Request(emulator.register({}) + "/v1beta/models", method="OPTIONS")
    with urllib.request.urlopen(request, context=tls, timeout=5) as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (204, "*")


def test_text_models_answer_in_text(client) -> None:
    assert client().models.generate_content(model="gemini-2.5-flash", contents="hello").text


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1beta/models", None, 403),
        ("/v1beta/models?key=wrong", None, 400),
        ("/v1beta/models/gemini-3.8-flash-tts:generateContent?key=right", b"{", 400),
        ("/v1beta/models/gemini-3.8-flash-tts:generateContent?key=right", b'{"contents": 3}', 400),
        ("/v1beta/models/gemini-3.8-flash-tts:embed?key=right", b"{}", 404),
        ("/v1beta/other?key=right", None, 404),
    ],
)
def test_errors_are_written_as_the_service_writes_them(emulator, tls, path: str, body: bytes | None, code: int) -> None:
    url = emulator.register({"keys": ["right"]}) + path
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, data=body), context=tls, timeout=5)
    with caught.value as response:
        assert response.status == json.load(response)["error"]["code"] == code


@pytest.mark.filterwarnings("ignore:The SDK's .* is experimental")
def test_a_minted_token_opens_a_session_and_another_does_not(emulator, tls) -> None:
    base_url = emulator.register({**QUICK, "keys": ["right"]})
    options = types.HttpOptions(base_url=base_url, api_version="v1alpha", client_args={"verify": tls})
    minter = genai.Client(api_key="right", http_options=options)
    token = minter.auth_tokens.create(config={"uses": 1}).name
    minter.close()
    assert token.startswith("auth_tokens/")

    async def opened(name: str) -> int | None:
        live = types.HttpOptions(base_url=base_url, api_version="v1alpha", async_client_args={"ssl": tls})
        client = genai.Client(api_key=name, http_options=live)
        try:
            async with client.aio.live.connect(
                model="gemini-3.8-live", config={"response_modalities": ["AUDIO"]}
            ) as session:
                assert session is not None
        except errors.APIError as error:
            return error.code
        finally:
            await client.aio.aclose()
        return None

    assert asyncio.run(opened(token)) is None
    assert asyncio.run(opened("auth_tokens/made-up")) == 1007
    opens = [line for line in emulator.truth(base_url) if line["event"] == "session_open"]
    assert all(line["constrained"] for line in opens)
