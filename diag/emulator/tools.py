"""Function calls of the emulated model: invented arguments, and waiting for the results."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

_MADE_UP = {"STRING": "example", "NUMBER": 1.5, "INTEGER": 1, "BOOLEAN": True}
MAX_DEPTH = 4


def calls_for(functions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one call of each declared function, with an argument of the right type for each parameter."""
    return [
        {
            "id": f"function-call-{uuid.uuid4().hex[:16]}",
            "name": function["name"],
            "args": _arguments(function.get("parameters") or function.get("parametersJsonSchema")),
        }
        for function in functions
    ]


def blocks(function: Mapping[str, Any], tools: str) -> bool:
    """Return whether the model waits for a function's result before it speaks.

    Parameters
    ----------
    function : mapping
        Declaration of the function; it may name a `behavior`.
    tools : str
        How the model calls functions (`Model.tools`).
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
    """Function calls that were sent and whose results have not arrived."""

    def __init__(self) -> None:
        self._open: set[str] = set()
        self._none_open = asyncio.Event()

    @property
    def pending(self) -> bool:
        """Return whether any call is open."""
        return bool(self._open)

    def open(self, calls: Sequence[Mapping[str, Any]]) -> None:
        """Note these calls as sent; they replace earlier ones."""
        self._open = {str(call["id"]) for call in calls}
        self._none_open.clear()

    def answer(self, identity: str, *, more: bool = False) -> bool:
        """Note a result of a call, the last one unless `more`; return whether the call is open."""
        if identity not in self._open:
            return False
        if more:
            return True
        self._open.discard(identity)
        if not self._open:
            self._none_open.set()
        return True

    def cancel(self) -> list[str]:
        """Cancel all open calls; return their ids, sorted."""
        ids, self._open = sorted(self._open), set()
        return ids

    async def answered(self) -> None:
        """Wait until no call is open."""
        await self._none_open.wait()
