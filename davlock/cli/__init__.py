"""The command line."""

from __future__ import annotations

import importlib.metadata

import click

from davlock.cli.checking import check
from davlock.cli.drafts import drafts
from davlock.cli.locks import checkouts, history, locks
from davlock.cli.refusals import Sentences
from davlock.cli.serving import serve
from davlock.cli.tokens import token
from davlock.cli.users import user
from davlock.cli.versions import restore, show, versions


def _version() -> str:
    try:
        return importlib.metadata.version("davlock")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="davlock")
def main() -> None:
    """A document server over an ordinary folder, with locks that hold for everybody."""


for _command in (serve, user, token, locks, checkouts, history, versions, show, restore, drafts, check):
    main.add_command(_command)
