"""The command line."""

from __future__ import annotations

import errno
import functools
import getpass
import importlib.metadata
import io
import ipaddress
import json
import logging
import os
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import click

from davlock import paths, rules
from davlock.app import open_site
from davlock.app import serve as serve_until_stopped
from davlock.auth.accounts import ensure_first
from davlock.config import Config, load
from davlock.errors import BadRequest, DavlockError, NoSuchLock
from davlock.model import Account, Caller, Lock

P = ParamSpec("P")


class _Sentences(click.Group):
    """A command that fails says so in one sentence and exits with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        # What a terminal cannot show must not end a listing half-way.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except DavlockError as error:
            raise click.ClickException(error.message) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # such as `| head`: click's business
                raise
            raise click.ClickException(_told(error)) from error


def _told(error: OSError) -> str:
    text = error.strerror or str(error)
    return f"{error.filename}: {text}." if error.filename else f"{text.rstrip('.')}."


def _version() -> str:
    try:
        return importlib.metadata.version("davlock")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


@click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="davlock")
def main() -> None:
    """A document server over an ordinary folder, with locks that hold for everybody."""


_config_option = click.option(
    "--config",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Configuration file (YAML); config/davlock.yaml shows every key.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def _configured(command: Callable[Concatenate[Config, P], None]) -> Callable[P, None]:
    """Gives a command the options --root and --config, and the configuration that they make."""

    @_config_option
    @click.option("--root", metavar="ROOT", type=click.Path(path_type=Path), help="The folder that is served.")
    @functools.wraps(command)
    def configured(*args: P.args, **kwargs: P.kwargs) -> None:
        root, file = kwargs.pop("root"), kwargs.pop("file")
        if root is None and file is None:
            raise click.UsageError("Say which server: --root ROOT or --config FILE.")
        assert file is None or isinstance(file, Path)
        command(_served(load(file, root=root)), *args, **kwargs)

    return configured


def _served(config: Config) -> Config:
    """The same configuration, if its root can be served. Raises ClickException."""
    if not config.root.exists():
        raise click.ClickException(f"There is no folder {config.root}; create it first.")
    if not config.root.is_dir():
        raise click.ClickException(f"{config.root} is not a folder.")
    for folder in (config.root, config.root / paths.PRIVATE):  # which another user may have made, at an earlier start
        if os.path.lexists(folder) and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise click.ClickException(f"{folder} cannot be read and written by the user {_operator()}.")
    return config


def _operator() -> str:
    """The name of whoever runs this command on this machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have a number only
        return str(os.getuid())


# serve


@main.command()
@click.argument("root", required=False, type=click.Path(path_type=Path))
@_config_option
@click.option("--host", metavar="H", help="Address to listen on [default: 127.0.0.1, this machine only].")
@click.option("--port", metavar="P", type=int, help="Port to listen on; 0 takes a free one [default: 8080].")
@click.option("--workers", metavar="N", type=int, help="Processes that answer requests [default: 1].")
def serve(root: Path | None, file: Path | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the folder ROOT until SIGTERM or Ctrl-C.

    ROOT may also be written in the configuration file. At the first start a user named admin is created and its
    password is printed.
    """
    if root is None and file is None:
        raise click.UsageError("Say which folder to serve: davlock serve ROOT, or --config FILE.")
    config = _served(load(file, root=root, host=host, port=port, workers=workers))
    logging.basicConfig(level=config.log.level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    with open_site(config) as site:
        password = ensure_first(site.accounts)
    if password:
        click.echo(
            f"davlock: created user admin with password {password} "
            f"(shown once; change it with: davlock user passwd admin --root {config.root})"
        )
    if not _is_loopback(config.host):
        click.echo(
            f"davlock: warning: {config.host} can be reached from other machines, and passwords travel unencrypted; "
            "put a proxy with TLS in front, or listen on 127.0.0.1.",
            err=True,
        )
    try:
        serve_until_stopped(config, functools.partial(_tell_ready, config))
    except OSError as error:
        raise click.ClickException(_why_not_serving(config, error)) from error
    except RuntimeError as error:  # a worker process could not start; it has said why
        raise click.ClickException(f"The server could not start: {error}.") from error


def _tell_ready(config: Config, host: str, port: int) -> None:
    click.echo(f"davlock: serving {config.root} at http://{f'[{host}]' if ':' in host else host}:{port}/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _why_not_serving(config: Config, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {config.port} of {config.host} is taken by another program; choose another one with --port."
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{config.host} is not an address of this machine; choose another one with --host."
    if error.errno == errno.EACCES and not error.filename:
        return f"The user {_operator()} may not listen on port {config.port}; choose one from 1024 on with --port."
    return _told(error)


# user


@main.group()
def user() -> None:
    """Who may log in."""


_password_option = click.option(
    "--password-stdin", "from_stdin", is_flag=True, help="Read the password from standard input, one line, for scripts."
)


@user.command("add")
@click.argument("name")
@click.option("--admin", is_flag=True, help="May break other people's locks.")
@_password_option
@_configured
def add_user(config: Config, name: str, admin: bool, from_stdin: bool) -> None:
    """Create the user NAME; asks for the password."""
    with open_site(config) as site:
        account = site.accounts.add(name, _ask_password(from_stdin), admin)
    click.echo(f"Created user {account.name}.")


@user.command("list")
@_json_option
@_configured
def list_users(config: Config, as_json: bool) -> None:
    """Show all users."""
    with open_site(config) as site:
        accounts = site.accounts.list()
    if as_json:
        _print_json([_account_record(account) for account in accounts])
    else:
        rows = [(account.name, "admin" if account.admin else "", _local(account.since)) for account in accounts]
        _print_table(("NAME", "RIGHTS", "SINCE"), rows)


@user.command("passwd")
@click.argument("name")
@_password_option
@_configured
def change_password(config: Config, name: str, from_stdin: bool) -> None:
    """Give the user NAME another password; the old one ends within a minute."""
    with open_site(config) as site:
        account = site.accounts.get(name)
        site.accounts.set_password(name, _ask_password(from_stdin))
    click.echo(f"Changed the password of {account.name}.")


@user.command("remove")
@click.argument("name")
@_configured
def remove_user(config: Config, name: str) -> None:
    """Remove the user NAME, who is shut out within a minute. Documents and locks stay."""
    with open_site(config) as site:
        account = site.accounts.get(name)
        site.accounts.remove(name)
    click.echo(f"Removed user {account.name}.")


def _ask_password(from_stdin: bool) -> str:
    if not from_stdin:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        return sys.stdin.buffer.readline().rstrip(b"\r\n").decode()
    except UnicodeDecodeError as error:
        raise BadRequest("The password on standard input is not UTF-8 text.") from error


def _account_record(account: Account) -> dict[str, object]:
    return {"name": account.name, "admin": account.admin, "since": account.since, "since_iso": _iso(account.since)}


# locks


@main.group()
def locks() -> None:
    """Who has locked or checked out what."""


@locks.command("list")
@_json_option
@_configured
def list_locks(config: Config, as_json: bool) -> None:
    """Show all locks that stand."""
    with open_site(config) as site:
        found = site.library.all_locks()
    if as_json:
        _print_json([_lock_record(lock) for lock in found])
    elif not found:
        click.echo("Nothing is locked.")
    else:
        head = ("PATH", "HOLDER", "KIND", "SCOPE/DEPTH", "SINCE", "UNTIL", "DOOR")
        _print_table(head, [_lock_row(lock) for lock in found])


@locks.command("show")
@click.argument("which", metavar="TOKEN_OR_PATH")
@_json_option
@_configured
def show_locks(config: Config, which: str, as_json: bool) -> None:
    """Show everything about one lock, or about those that cover a path such as /reports/may.odt."""
    with open_site(config) as site:
        found = _matching(site.library.all_locks(), which)
    if not found:
        raise NoSuchLock(f"No lock stands on {which}; it may have been released or have run out.")
    records = [_lock_record(lock) for lock in found]
    if as_json:
        _print_json(records)
    else:
        click.echo("\n\n".join(map(_described, found)))


@locks.command("break")
@click.argument("which", metavar="TOKEN_OR_PATH")
@click.option("--reason", metavar="TEXT", required=True, help="Why; it is recorded.")
@_json_option
@_configured
def break_lock(config: Config, which: str, reason: str, as_json: bool) -> None:
    """End somebody's lock. What its holder has not saved yet will be refused."""
    if not reason.strip():
        raise BadRequest("Say why the lock is broken: --reason TEXT.")
    # With a colon, which no principal has: the record cannot be taken for that of a user of this server.
    operator = Caller(f"system:{_operator()}", door="command line", admin=True)
    with open_site(config) as site:
        lock = site.library.break_lock(_one_token(site.library.all_locks(), which), operator, reason.strip())
    if as_json:
        _print_json(_lock_record(lock))
    else:
        click.echo(f"Broke the lock of {lock.principal} on {_plain(lock.root)}.")


def _matching(found: Sequence[Lock], which: str) -> list[Lock]:
    """The lock with a token, or those that cover a path."""
    if not which.startswith("/"):
        return [lock for lock in found if lock.token == which.strip("<>")]
    path = paths.parse(which).path
    return [lock for lock in found if rules.covers(lock, path)]


def _one_token(found: Sequence[Lock], which: str) -> str:
    """The token of the lock that is meant. Raises NoSuchLock, and BadRequest if several are or it stands elsewhere."""
    matching = _matching(found, which)
    if not matching:
        raise NoSuchLock(f"No lock stands on {which}; it may have been released or have run out.")
    if len(matching) > 1:
        raise BadRequest(f"{len(matching)} locks stand on {which}; name one by its token (davlock locks show {which}).")
    lock = matching[0]
    if which.startswith("/") and lock.root != paths.parse(which).path:
        raise BadRequest(f"{which} is covered by the lock of {lock.principal} on all of {lock.root}; name that folder.")
    return lock.token


def _lock_row(lock: Lock) -> tuple[str, ...]:
    scope = f"{lock.scope}/{_depth(lock)}"
    return lock.root, lock.principal, lock.kind, scope, _local(lock.since), _until(lock), lock.door


def _lock_record(lock: Lock) -> dict[str, object]:
    return {
        "path": lock.root,
        "holder": lock.principal,
        "kind": lock.kind,
        "scope": lock.scope,
        "depth": _depth(lock),
        "since": lock.since,
        "since_iso": _iso(lock.since),
        "until": lock.expires,
        "until_iso": None if lock.expires is None else _iso(lock.expires),
        "door": lock.door,
        "token": lock.token,
        "owner": lock.owner,
        "generation": lock.generation,
    }


def _described(lock: Lock) -> str:
    told = _lock_record(lock) | {"since": _local(lock.since), "until": _until(lock)}
    return "\n".join(f"{key + ':':12}{_plain(str(value))}" for key, value in told.items() if not key.endswith("_iso"))


def _depth(lock: Lock) -> str:
    return "infinity" if lock.deep else "0"


def _until(lock: Lock) -> str:
    return "released" if lock.expires is None else _local(lock.expires)


# check


@main.command()
@_json_option
@_configured
def check(config: Config, as_json: bool) -> None:
    """Verify the documents and what davlock knows of them, and repair what can be.

    Exits with 1 if something is damaged, otherwise with 0: all is well, or was repaired, or has a name that cannot be
    served. A server may be running meanwhile.
    """
    findings = []
    with open_site(config) as site:
        for finding in site.library.check():
            findings.append(finding)
            if not as_json:
                click.echo(f"{finding.outcome:12}{_plain(finding.path or str(config.root))}: {_plain(finding.problem)}")
    outcomes = Counter(finding.outcome for finding in findings)
    if as_json:
        _print_json([asdict(finding) for finding in findings])
    elif findings:
        click.echo(", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())) + ".")
    else:
        click.echo("Everything is as it should be.")
    if outcomes["damaged"]:
        raise click.exceptions.Exit(1)


# printing


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2))


def _print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = [head, *([_plain(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _plain(text: str) -> str:
    """Text without characters that a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _local(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
