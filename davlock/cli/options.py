"""Options that commands share, and the configuration that they make."""

from __future__ import annotations

import functools
import getpass
import os
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec

import click
import msgspec

from davlock import paths
from davlock.config import Config, Versions, load
from davlock.model import Caller

P = ParamSpec("P")

config_option = click.option(
    "--config",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Configuration file (YAML); config/davlock.yaml shows every key.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

# How long the server keeps what is past, only its configuration file says: a command that was not given it forgets nothing.
_KEEPING_ALL = Versions(keep_versions=1_000_000, keep_days=0, keep_deleted_days=36_500, keep_drafts_days=36_500, keep_history_days=36_500)


def configured(command: Callable[Concatenate[Config, P], None]) -> Callable[P, None]:
    """Gives a command the options --root and --config, and the configuration that they make."""

    @config_option
    @click.option("--root", metavar="ROOT", type=click.Path(path_type=Path), help="The folder that is served.")
    @functools.wraps(command)
    def with_config(*args: P.args, **kwargs: P.kwargs) -> None:
        root, file = kwargs.pop("root"), kwargs.pop("file")
        if root is None and file is None:
            raise click.UsageError("Say which server: --root ROOT or --config FILE.")
        assert file is None or isinstance(file, Path)
        config = load(file, root=root)
        command(served(config if file else msgspec.structs.replace(config, versions=_KEEPING_ALL)), *args, **kwargs)

    return with_config


def served(config: Config) -> Config:
    """The same configuration, if its root can be served. Raises ClickException."""
    if not config.root.exists():
        raise click.ClickException(f"There is no folder {config.root}; create it first.")
    if not config.root.is_dir():
        raise click.ClickException(f"{config.root} is not a folder.")
    for folder in (config.root, config.root / paths.PRIVATE):  # which another user may have made, at an earlier start
        if os.path.lexists(folder) and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise click.ClickException(f"{folder} cannot be read and written by the user {system_user()}.")
    return config


def system_user() -> str:
    """The name of whoever runs this command on this machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have a number only
        return str(os.getuid())


def operator() -> Caller:
    """Whoever runs this command, as others see it in what he does."""
    # With a colon, which no principal has: the record cannot be taken for that of a user of this server.
    return Caller(f"system:{system_user()}", door="command line", admin=True)
