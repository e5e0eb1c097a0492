"""`diag serve`: the emulator as a server for any client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def serve(*, scenario: str | None, as_of: str | None, on_listening: Callable[[str], None], **options: Any) -> None:
    """Serve the emulator until it is interrupted.

    Parameters
    ----------
    scenario : str or None
        Configuration whose `[emulator]` table says how the service behaves.
    as_of : str or None
        Date whose models are served, as "2025-09-19".
    on_listening : callable
        Called with the text to show once the server listens.
    **options
        As in `diag.emulator.serving.serve`.

    Raises
    ------
    BadInputError
        If the configuration or an option cannot be used.
    """
    from diag.emulator import serving
    from diag.files.scenarios import find_scenario

    settings = dict(find_scenario(scenario).emulator) if scenario else {}
    if as_of is not None:
        settings["as_of"] = as_of
    serving.serve(settings=settings, on_listening=on_listening, **options)
