"""davlock user: who may log in."""

from __future__ import annotations

import sys

import click

from davlock.app import open_site
from davlock.cli.options import configured, json_option
from davlock.cli.printing import iso, local, print_json, print_table
from davlock.config import Config
from davlock.errors import BadRequest
from davlock.model import Account


@click.group()
def user() -> None:
    """Who may log in."""


_password_option = click.option(
    "--password-stdin", "from_stdin", is_flag=True, help="Read the password from standard input, one line, for scripts."
)


@user.command("add")
@click.argument("name")
@click.option("--admin", is_flag=True, help="May break other people's locks.")
@_password_option
@configured
def add_user(config: Config, name: str, admin: bool, from_stdin: bool) -> None:
    """Create the user NAME; asks for the password."""
    with open_site(config) as site:
        account = site.accounts.add(name, _ask_password(from_stdin), admin)
    click.echo(f"Created user {account.name}.")


@user.command("list")
@json_option
@configured
def list_users(config: Config, as_json: bool) -> None:
    """Show all users."""
    with open_site(config) as site:
        accounts = site.accounts.list()
    if as_json:
        print_json([_account_record(account) for account in accounts])
    else:
        rows = [(account.name, "admin" if account.admin else "", local(account.since)) for account in accounts]
        print_table(("NAME", "RIGHTS", "SINCE"), rows)


@user.command("passwd")
@click.argument("name")
@_password_option
@configured
def change_password(config: Config, name: str, from_stdin: bool) -> None:
    """Give the user NAME another password. The old one ends within a minute, sessions of browsers at once; tokens stay."""
    with open_site(config) as site:
        account = site.accounts.get(name)
        site.accounts.set_password(name, _ask_password(from_stdin))
    click.echo(f"Changed the password of {account.name}.")


@user.command("remove")
@click.argument("name")
@configured
def remove_user(config: Config, name: str) -> None:
    """Remove the user NAME, who is shut out within a minute, and at once where he uses tokens. Documents and locks stay."""
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
    return {"name": account.name, "admin": account.admin, "since": account.since, "since_iso": iso(account.since)}
