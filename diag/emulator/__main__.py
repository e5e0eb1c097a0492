"""Command line `python -m diag.emulator`: runs the emulator as a server, or as the child of `EmbeddedEmulator`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from diag.core.errors import DiagError


def main(arguments: list[str] | None = None) -> int:
    """Parse the arguments and serve; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m diag.emulator", description="The Live API emulator.")
    parser.add_argument("--embedded", action="store_true", help="take commands from standard input (used by diag)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="serve http:// and ws:// without TLS")
    parser.add_argument("--as-of", metavar="DATE", help="serve the models of this day (YYYY-MM-DD)")
    parser.add_argument("--set", dest="assignments", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--fault", action="append", default=[], metavar="KIND,NAME=VALUE,…", help="may be repeated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replies", type=Path, metavar="DIR")
    parser.add_argument("--truth", type=Path, metavar="FILE")
    parser.add_argument("--transcript", type=Path, metavar="DIR")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="write the certificate to trust to this file")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.embedded:
            from diag.emulator.embedded_child import run_child

            run_child(chosen.replies, chosen.truth)
        else:
            from diag.emulator.serving import serve

            serve(
                host=chosen.host,
                port=chosen.port,
                plain=chosen.plain,
                settings={"as_of": chosen.as_of} if chosen.as_of else {},
                assignments=chosen.assignments,
                faults=chosen.fault,
                seed=chosen.seed,
                replies_dir=chosen.replies,
                transcript_dir=chosen.transcript,
                truth_path=chosen.truth,
                ca_path=chosen.ca,
            )
    except DiagError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
