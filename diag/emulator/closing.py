"""Close codes and reasons of the real service, as seen on the wire.

The reasons are the service's own words, in full. They are cut when sent, because a reason has at most 123 bytes:
RFC 6455, 5.5, allows 125 bytes in a control frame, and 2 of them are the code.
"""

from __future__ import annotations

from dataclasses import dataclass

REASON_BYTES = 123
"""Longest reason of a close frame (RFC 6455, 5.5)."""


class Refused(Exception):  # noqa: N818 (named for what happened, as the service does it)
    """Raised to end the session with a close code and a reason.

    Parameters
    ----------
    code : int
        WebSocket close code.
    reason : str
        Reason in full; it is cut when sent.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Ending:
    """A close code with its reason."""

    code: int
    reason: str

    def refused(self) -> Refused:
        """Return the exception that ends the session with this code and reason."""
        return Refused(self.code, self.reason)


def model_not_found(model: str, version: str, *, early: bool) -> Ending:
    """Return the refusal of a model that is not served; with `early`, in the words used until the end of 2025."""
    call = "ListModels" if early else "ModelService.ListModels"
    return Ending(
        1008,
        f"{model} is not found for API version {version}, or is not supported for bidiGenerateContent. "
        f"Call {call} to see the list of available models and their supported methods.",
    )


def modality_unsupported(model: str, modalities: tuple[str, ...]) -> Ending:
    """Return the refusal of response modalities that the model does not support."""
    return Ending(
        1007,
        f"The requested combination of response modalities ({', '.join(modalities)}) is not supported by the model. "
        f"{model}",
    )


def unknown_name(name: str, place: str) -> Ending:
    """Return the refusal of a field that the API version does not have."""
    where = f" at '{place}'" if place else ""
    return Ending(1007, f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')


def invalid_value(place: str, kind: str, value: str) -> Ending:
    """Return the refusal of a value of the wrong type. The words are those of Google's JSON interfaces in general."""
    return Ending(1007, f"Invalid value at '{place}' ({kind}), {value}")


def list_for_one(name: str, place: str) -> Ending:
    """Return the refusal of a list in place of a single value."""
    return Ending(
        1007,
        f"Invalid JSON payload received. Unknown name \"{name}\" at '{place}': Proto field is not repeating, "
        "cannot start list.",
    )


def voice_unavailable(voice: str, model: str) -> Ending:
    """Return the refusal of a voice that the model does not have."""
    return Ending(1007, f"Requested voice api_name '{voice}' is not available for model {model}")


CLOSES: dict[str, Ending] = {
    "invalid_argument": Ending(1007, "Request contains an invalid argument."),
    "precondition": Ending(1007, "Precondition check failed."),
    "key_invalid": Ending(1007, "API key not valid. Please pass a valid API key."),
    "key_not_found": Ending(1007, "API Key not found. Please pass a valid API key."),
    "key_expired": Ending(1007, "API key expired. Please renew the API key."),
    "key_missing": Ending(
        1008,
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    ),
    "key_leaked": Ending(1008, "Your API key was reported as leaked. Please use another API key."),
    "location": Ending(1007, "User location is not supported for the API use."),
    "thinking_level": Ending(1007, "Thinking level is not supported for this model."),
    # The real service's words for a missing level are not known.
    "thinking_level_missing": Ending(1007, "This model requires a thinking level."),
    "function_scheduling": Ending(1007, "Function response scheduling is not supported for this model."),
    "last_chunk": Ending(
        1007,
        "Request trace id: 4f7b2c9d0a1e5836, [ORIGINAL ERROR] generic::invalid_argument: Last chunk before "
        "turn_complete must have role user.",
    ),
    "publisher_model": Ending(
        1008,
        "Publisher Model `projects/p/locations/us-central1/publishers/google/models/gemini-live-2.5-flash` was not "
        "found or your project does not have access to it.",
    ),
    "project": Ending(1008, "Project '123456789012' not found or deleted."),
    "referer": Ending(1008, "Requests from referer <empty> are blocked."),
    "policy": Ending(1008, ""),
    "text_on_audio_model": Ending(1007, "Cannot extract voices from a non-audio request."),
    "instantiation": Ending(
        1007,
        "Request trace id: 4f7b2c9d0a1e5836, [ORIGINAL ERROR] generic::invalid_argument: Error in program "
        "Instantiation for language",
    ),
    "audio_unsupported": Ending(1007, "CONTENT_TYPE_AUDIO is not supported for this model configuration"),
    "media_chunks": Ending(1007, "realtime_input.media_chunks is deprecated. Use audio, video, or text instead."),
    "not_implemented": Ending(1008, "Operation is not implemented, or supported, or enabled."),
    "not_found": Ending(1008, "Requested entity was not found."),
    "go_away_ignored": Ending(
        1008,
        "Connection aborted because the client failed to close the connection after receiving a GoAway signal once "
        "the session duration limit was reached.",
    ),
    "aborted": Ending(1008, "The operation was aborted."),
    "quota": Ending(
        1011,
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.",
    ),
    "deadline": Ending(1011, "Deadline expired before operation could complete."),
    "internal": Ending(1011, "Internal error encountered."),
    "internal_occurred": Ending(1011, "Internal error occurred."),
    "unavailable": Ending(1011, "The service is currently unavailable."),
    "overloaded": Ending(1011, "The model is overloaded. Please try again later."),
    "cancelled": Ending(1011, "Thread was cancelled when writing StartStep status to channel."),
    "going_away": Ending(1001, ""),
    "normal": Ending(1000, ""),
    "restart": Ending(1012, "Service restart."),
    "try_again_later": Ending(1013, ""),
    # Refusals of bad setups, with one example each, so that a fault can name them; `read_setup` sends them by itself.
    "model_not_found": model_not_found("models/gemini-2.0-flash-live-001", "v1beta", early=False),
    "modality_unsupported": modality_unsupported("models/gemini-3.1-flash-live-preview", ("TEXT",)),
    "unknown_field": unknown_name("proactivity", "setup"),
    "voice_unavailable": voice_unavailable("alloy", "models/gemini-3.8-live"),
}


def cut(reason: str) -> bytes:
    """Return a reason as it is sent: UTF-8, at most 123 bytes, without a partial character at the end."""
    data = reason.encode("utf-8", "replace")[:REASON_BYTES]
    return data.decode("utf-8", "ignore").encode()
