"""`diag init`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from diag.cli.help_examples import Worded
from diag.cli.options import OneOf, Whole

_KINDS = ("page", "program", "settings")


@click.command(
    "init",
    cls=Worded,
    short_help="Write a suite into your repository: what diag bench tests before a release.",
    examples=(
        "diag init",
        "diag init --page http://127.0.0.1:{port}/voice.html --serve 'python -m http.server {port}'",
        "diag init --program 'python my_client.py'",
        "diag init --settings --ci gitlab",
    ),
)
@click.option("--page", metavar="URL", help="The product is a web page with this address.")
@click.option("--serve", metavar="COMMAND", help="Command that serves the page; {port} is a free port.")
@click.option("--program", metavar="COMMAND", help="The product is a program with its own microphone and speaker.")
@click.option("--settings", is_flag=True, help="The product is tested by its settings, in diag's own client.")
@click.option("--name", default="app", show_default=True, metavar="NAME", help="Name of the product.")
@click.option("--takes", type=Whole(1, 10_000), default=20, show_default=True, metavar="N", help="Takes of each bench.")
@click.option(
    "--ci", type=OneOf(["github", "gitlab", "none"]), default="github", show_default=True,
    help="CI system for which a workflow file is written.",
)  # fmt: skip
@click.option("--replace", is_flag=True, help="Replace files that exist.")
def command(
    *, page: str | None, serve: str | None, program: str | None, settings: bool, name: str, takes: int, ci: str,
    replace: bool,
) -> int:  # fmt: skip
    """Write a suite into this repository: what `diag bench` tests before a release.

    It writes diag.toml (products, takes, prompts and limits, with comments), voice_tests/NAME.toml (the product),
    voice_tests/baselines/ (takes of the last accepted release, to be committed) and a workflow file. Without --page,
    --program and --settings, it asks what the product is.
    """
    from diag.api.init import init

    if page is None and program is None and not settings and sys.stdin.isatty():
        page, serve, program = _asked()
    paths = init(
        Path.cwd(), name=name, page=page, program=program, serve=serve, takes=takes, ci=ci, replace=replace
    )  # fmt: skip
    for path in paths:
        click.echo(f"wrote {path.relative_to(Path.cwd())}")
    click.echo(
        "next: `diag bench --update-baseline` keeps this release as the baseline, then `diag bench` for each later one"
    )
    return 0


def _asked() -> tuple[str | None, str | None, str | None]:
    """Ask what the product is; return its page, the command that serves it, and its program."""
    kind = click.prompt("What is the product?", type=click.Choice(_KINDS), default="settings")
    if kind == "program":
        return None, None, click.prompt("Command that starts it")
    if kind == "settings":
        return None, None, None
    page = click.prompt("Address of the page", default="http://127.0.0.1:{port}/")
    serve = click.prompt("Command that serves it (empty if it is served already)", default="", show_default=False)
    return page, serve or None, None
