import socket
import ssl

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from diag.record.live.connection_facts import PROXY_VARIABLES, close_code_and_reason, connect_failure


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
