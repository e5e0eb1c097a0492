import asyncio
import gc
import os
import socket
import time

import pytest

from diag.core.client_config import SessionConfig
from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.keys import KEY_VARIABLES, LOCAL_KEY
from diag.emulator.embedded import EmbeddedEmulator
from diag.record.live import genai
from diag.record.live.genai import (
    Endpoint,
    LiveConnection,
    connecting_data,
    endpoint_from_name,
    live_models,
    make_client,
    setup_fields,
)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def emulator():
    with EmbeddedEmulator() as emulator:
        yield emulator


def endpoint_of(emulator, **settings):
    return Endpoint(kind="emulator", base_url=emulator.register(settings), ca_file=str(emulator.ca_file))


class Log:
    def __init__(self):
        self.events = []

    def __call__(self, name, data):
        self.events.append((name, dict(data)))

    def data(self, name):
        return next(data for event, data in self.events if event == name)


def connected(endpoint, session, *, meanwhile=None):
    log, chunks = Log(), []

    async def scenario():
        connection = LiveConnection(log, lambda pcm, mime: chunks.append((pcm, mime)))
        opened = await connection.connect(session, endpoint)
        if opened and meanwhile is not None:
            await meanwhile(connection)
        await connection.close()
        return opened

    return asyncio.run(scenario()), log, chunks


def test_an_omitted_modality_is_really_left_out():
    assert setup_fields(SessionConfig()) == {}
    assert setup_fields(SessionConfig(response_modalities=("AUDIO",))) == {"response_modalities": ["AUDIO"]}


def test_every_setting_reaches_the_setup():
    session = SessionConfig(
        voice="Kore", language_code="ko-KR", system_instruction="Be brief.", input_transcription=True,
        output_transcription=True, extra={"temperature": 0.5},
    )  # fmt: skip
    assert setup_fields(session) == {
        "temperature": 0.5,
        "speech_config": {
            "voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}},
            "language_code": "ko-KR",
        },
        "system_instruction": "Be brief.",
        "input_audio_transcription": {},
        "output_audio_transcription": {},
    }


def test_a_session_opens_and_closes(emulator):
    opened, log, _ = connected(endpoint_of(emulator), SessionConfig(response_modalities=("AUDIO",)))
    assert opened
    assert [name for name, _ in log.events] == ["session_connecting", "setup_sent", "session_open", "session_closed"]
    assert log.data("session_open")["connect_s"] > 0
    assert log.data("session_closed") == {"code": 1000, "reason": "", "by": "client"}


def test_a_model_that_is_not_served_is_a_refusal_with_its_reason(emulator):
    opened, log, _ = connected(endpoint_of(emulator), SessionConfig(model="models/gemini-flash-2.0-live-001"))
    assert not opened
    refusal = log.data("session_refused")
    assert refusal["code"] == 1008
    assert refusal["reason"].startswith("models/gemini-flash-2.0-live-001 is not found for API version v1beta")
    assert len(refusal["reason"].encode()) <= 123


def test_nothing_listening_is_unreachable_at_the_tcp_step(emulator):
    opened, log, _ = connected(endpoint_of(emulator, down="tcp"), SessionConfig())
    assert not opened
    assert log.data("unreachable")["step"] == "tcp"


def test_an_untrusted_certificate_is_unreachable_at_the_tls_step(emulator):
    trusted = endpoint_of(emulator)
    untrusting = Endpoint(kind="emulator", base_url=trusted.base_url)
    opened, log, _ = connected(untrusting, SessionConfig())
    assert not opened
    assert log.data("unreachable")["step"] == "tls"


def test_text_in_place_of_a_prompt_is_answered_with_audio_and_the_end_of_the_turn_is_told(emulator):
    async def ask(connection):
        receive = asyncio.create_task(connection.receive())
        await connection._session.send_client_content(turns={"role": "user", "parts": [{"text": "hello"}]})
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if any(name == "generation_complete" for name, _ in connection._emit.events):
                break
        receive.cancel()

    session = SessionConfig(response_modalities=("AUDIO",))
    _, log, chunks = connected(endpoint_of(emulator, pace=20.0), session, meanwhile=ask)
    assert chunks
    assert {mime for _, mime in chunks} == {"audio/pcm;rate=24000"}
    assert "generation_complete" in [name for name, _ in log.events]


def test_settings_that_the_sdk_refuses_are_bad_input(emulator):
    session = SessionConfig(extra={"no_such_field": 1})
    with pytest.raises(
        BadInputError, match=r"Could not build the Live API setup from \[session\]: unknown field `no_such_field`;"
    ):
        connected(endpoint_of(emulator), session)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:secret@live.test:8443/x?key=secret", "live.test:8443"),
        ("https://live.test", "live.test"),
        ("https://[::1]:8443", "[::1]:8443"),
    ],
)
def test_the_host_that_is_noted_never_holds_credentials(url, host):
    data = connecting_data("models/x", "v1beta", Endpoint(kind="url", base_url=url))
    assert data["host"] == host


def test_the_model_list_names_only_live_models(emulator):
    data = asyncio.run(live_models(endpoint_of(emulator), "v1beta"))
    assert "models/gemini-3.8-live" in data["models"]
    assert "models/gemini-2.5-flash" not in data["models"]


def test_a_model_list_that_cannot_be_had_says_why(emulator):
    data = asyncio.run(live_models(endpoint_of(emulator, down="tcp"), "v1beta"))
    assert data["models"] == []
    assert data["error"]


def test_the_real_service_must_be_asked_for_and_needs_a_key(monkeypatch):
    with pytest.raises(CannotMeasureError, match="no key in GEMINI_API_KEY or GOOGLE_API_KEY"):
        endpoint_from_name("gemini")
    monkeypatch.setenv("GOOGLE_API_KEY", "AIza-not-a-real-key")
    endpoint = endpoint_from_name("gemini")
    assert endpoint.kind == "gemini"
    assert "AIza" not in repr(endpoint)


@pytest.mark.parametrize(
    "name",
    ["", "gemeni", "http://127.0.0.1:1", "ws://127.0.0.1", "https://", "file:///etc/passwd", "https://[::1",
     "https://127.0.0.1:99999", "https://me:secret@127.0.0.1", "https://127.0.0.1/?key=secret"],
)  # fmt: skip
def test_other_endpoints_are_refused(name):
    with pytest.raises(BadInputError, match="Could not use the endpoint") as caught:
        endpoint_from_name(name)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["https://127.0.0.1:8443/x", "wss://127.0.0.1:8443/x"])
def test_a_url_is_an_endpoint(name):
    assert endpoint_from_name(name).base_url == "https://127.0.0.1:8443/x"


def test_a_real_key_never_goes_to_a_local_server(monkeypatch, emulator):
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-not-a-real-key")
    for endpoint in (endpoint_of(emulator), Endpoint(kind="url", base_url="https://localhost:1")):
        assert make_client(endpoint, "v1beta")._api_client.api_key == LOCAL_KEY


@pytest.mark.parametrize(
    "variable", ["ALL_PROXY=socks5://127.0.0.1:1", "HTTPS_PROXY=foo://nowhere", "HTTPS_PROXY=http://127.0.0.1:1"]
)
@pytest.mark.parametrize("exception", ["NO_PROXY", "no_proxy"])
def test_a_proxy_is_not_used_for_a_local_session(monkeypatch, emulator, variable, exception):
    monkeypatch.setenv(*variable.split("="))
    monkeypatch.setenv(exception, "elsewhere.invalid")
    before = dict(os.environ)
    for _ in range(2):
        opened, _, _ = connected(endpoint_of(emulator), SessionConfig(response_modalities=("AUDIO",)))
        assert opened
    assert "error" not in asyncio.run(live_models(endpoint_of(emulator), "v1beta"))
    assert dict(os.environ) == before


def test_warming_up_goes_through_the_sdk_as_a_session_does(monkeypatch):
    from google.genai import types

    parsed = []
    real = types.LiveServerMessage.model_validate

    def validate(data):
        parsed.append(real(data))
        return parsed[-1]

    monkeypatch.setattr(types.LiveServerMessage, "model_validate", validate)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    genai.warm_up()
    assert {message.data for message in parsed} == {b"\0\0\0"}


@pytest.mark.parametrize("variable", ["ALL_PROXY=socks5://127.0.0.1:1", "HTTPS_PROXY=foo://nowhere"])
def test_a_proxy_that_cannot_be_used_is_unreachable_at_the_proxy_step(monkeypatch, variable):
    monkeypatch.setenv(*variable.split("="))
    opened, log, _ = connected(Endpoint(kind="url", base_url="https://live.invalid"), SessionConfig())
    assert not opened
    assert log.data("unreachable")["step"] == "proxy"
    assert log.data("unreachable")["proxy"] == [variable.split("=")[0]]


def test_json_that_is_no_message_of_the_live_api_ends_the_session():
    class Session:
        async def receive(self):
            raise TypeError("'<=' not supported between instances of 'NoneType' and 'int'")
            yield

    async def scenario():
        log = Log()
        connection = LiveConnection(log, lambda pcm, mime: None)
        connection._session, connection.open = Session(), True
        await connection.receive()
        return connection.open, log.data("session_closed")

    is_open, closed = asyncio.run(scenario())
    assert not is_open
    assert closed["by"] == "service"
    assert "not supported" in closed["reason"]


def test_a_model_list_that_never_comes_is_given_up(monkeypatch):
    monkeypatch.setattr(genai, "SETUP_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        endpoint = Endpoint(kind="url", base_url=f"https://127.0.0.1:{mute.getsockname()[1]}")
        begin_s = time.perf_counter()
        data = asyncio.run(live_models(endpoint, "v1beta"))
    assert data["error"]
    assert time.perf_counter() - begin_s < 10


# A TLS transport that had to be aborted is left to the garbage collector by Python 3.11.2 (Debian 12), with a warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed:ResourceWarning")
def test_a_service_that_never_completes_the_setup_is_told_from_one_that_is_not_there(monkeypatch, emulator):
    monkeypatch.setattr(genai, "SETUP_TIMEOUT_S", 1.5)
    monkeypatch.setattr(genai, "CLOSE_TIMEOUT_S", 0.5)
    begin_s = time.perf_counter()
    opened, log, _ = connected(endpoint_of(emulator, faults=[{"kind": "slow_setup"}]), SessionConfig())
    assert not opened
    assert log.data("unreachable")["step"] == "setup"
    assert "no setupComplete" in log.data("unreachable")["detail"]
    assert time.perf_counter() - begin_s < 8
    gc.collect()
