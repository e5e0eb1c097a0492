import socket
import ssl

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from diag.record.live.connection_facts import PROXY_VARIABLES, close_code_and_reason, connect_failure, session_end


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def api_error(code, reason):
    from google.genai.errors import APIError

    return APIError(code, reason, None)


def http_error(status):
    return InvalidStatus(Response(status, "words", {}))


@pytest.mark.parametrize("code", [1000, 1001, 1007, 1008, 1011])
def test_a_close_frame_is_an_answer_of_the_service(code):
    fact = connect_failure(api_error(code, "models/x is not found"))
    assert fact.name == "session_refused"
    assert fact.data == {"code": code, "reason": "models/x is not found"}


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (socket.gaierror(-2, "Name or service not known"), "dns"),
        (ConnectionRefusedError(111, "refused"), "tcp"),
        (TimeoutError(), "tcp"),
        (ssl.SSLCertVerificationError(1, "self-signed certificate"), "tls"),
        (http_error(503), "http"),
        (api_error(1006, "Abnormal closure."), "setup"),
    ],
)
def test_what_was_not_reached_names_the_step(error, step):
    fact = connect_failure(error)
    assert fact.name == "unreachable"
    assert fact.data["step"] == step
    assert fact.data["detail"]
    assert fact.data["proxy"] == []


def test_proxies_in_force_are_named_but_not_shown(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@127.0.0.1:1")
    fact = connect_failure(ConnectionRefusedError(111, "refused"))
    assert fact.data["proxy"] == ["HTTPS_PROXY"]
    assert "secret" not in str(fact)


@pytest.mark.parametrize("status", [401, 403, 404, 429])
def test_http_4xx_is_a_refusal(status):
    assert connect_failure(http_error(status)).data["code"] == status


def test_a_close_of_websockets_itself_is_read_too():
    error = ConnectionClosedError(Close(1011, "Internal error encountered."), None)
    assert close_code_and_reason(error) == (1011, "Internal error encountered.")
    assert close_code_and_reason(ConnectionClosedError(None, None)) == (1006, "no close frame")
    assert close_code_and_reason(OSError("x")) == (None, "")


@pytest.mark.parametrize(
    ("sent", "received", "data"),
    [
        (Close(1009, "too big"), None, {"code": 1009, "reason": "too big", "by": "client"}),
        (Close(1009, "too big"), Close(1011, "failed"), {"code": 1011, "reason": "failed", "by": "service"}),
        (Close(1011, "keepalive ping timeout"), None, {"code": 1006, "reason": "no close frame", "by": "service"}),
        (None, None, {"code": 1006, "reason": "no close frame", "by": "service"}),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_session_that_the_own_library_gave_up_was_ended_by_the_client(sent, received, data, wrapped):
    error = ConnectionClosedError(received, sent, None if received is None else False)
    if not wrapped:
        assert dict(session_end(error).data) == data
        return
    code = received.code if received else 1006
    outer = api_error(code, data["reason"])
    outer.__cause__ = error
    assert dict(session_end(outer).data) == data
