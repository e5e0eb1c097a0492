"""Function calls: which arguments the emulated model makes up, and waiting for what comes back."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

_MADE_UP = {"STRING": "example", "NUMBER": 1.5, "INTEGER": 1, "BOOLEAN": True}
MAX_DEPTH = 4


def calls_for(functions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One call of each declared function, with an argument of the right type for each of its parameters."""
    return [
        {
            "id": f"function-call-{uuid.uuid4().hex[:16]}",
            "name": function["name"],
            "args": _arguments(function.get("parameters") or function.get("parametersJsonSchema")),
        }
        for function in functions
    ]


def blocks(function: Mapping[str, Any], tools: str) -> bool:
    """Whether the model waits for a function's result before it says anything.

    Parameters
    ----------
    function : mapping
        Its declaration, which may name a behaviour.
    tools : str
        How the model calls functions: `Model.tools`.
    """
    declared = str(function.get("behavior", "")).upper()
    if tools == "only_blocking" or declared not in ("BLOCKING", "NON_BLOCKING"):
        return tools != "non_blocking"
    return declared == "BLOCKING"


def _arguments(schema: object) -> dict[str, Any]:
    value = _value(schema, 0)
    return value if isinstance(value, dict) else {}


def _value(schema: object, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return None
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    kind = str(schema.get("type", "")).upper()
    if kind == "OBJECT":
        properties = schema.get("properties")
        inner = properties if isinstance(properties, Mapping) else {}
        return {str(name): _value(part, depth + 1) for name, part in inner.items()}
    if kind == "ARRAY":
        return [_value(schema.get("items"), depth + 1)]
    return _MADE_UP.get(kind)


class PendingCalls:
    """Calls that were sent and not answered yet."""

    def __init__(self) -> None:
        self._open: set[str] = set()
        self._none_open = asyncio.Event()

    @property
    def pending(self) -> bool:
        """Whether anything is open."""
        return bool(self._open)

    def open(self, calls: Sequence[Mapping[str, Any]]) -> None:
        """Note calls as sent."""
        self._open = {str(call["id"]) for call in calls}
        self._none_open.clear()

    def answer(self, identity: str, *, more: bool = False) -> bool:
        """Take an answer to a call, the last unless `more` will come; False for one that is not open."""
        if identity not in self._open:
            return False
        if more:
            return True
        self._open.discard(identity)
        if not self._open:
            self._none_open.set()
        return True

    def cancel(self) -> list[str]:
        """Give up what is open; the ids."""
        ids, self._open = sorted(self._open), set()
        return ids

    async def answered(self) -> None:
        """Wait until nothing is open."""
        await self._none_open.wait()
