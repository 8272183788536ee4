"""davlock token: what lets programs in without a password."""

from __future__ import annotations

import click

from davlock.app import open_site
from davlock.auth.principals import canonical
from davlock.auth.tokens import DEFAULT_DAYS, MAX_DAYS
from davlock.cli.options import configured, json_option
from davlock.cli.printing import iso, local, print_json, print_table
from davlock.config import Config
from davlock.model import AccessToken


@click.group()
def token() -> None:
    """What lets programs in without a password."""


@token.command("add")
@click.argument("name")
@click.option("--user", required=True, metavar="USER", help="Whose rights it gives.")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), default=DEFAULT_DAYS, show_default=True, help="How long it lasts.")
@configured
def add_token(config: Config, name: str, user: str, days: int) -> None:
    """Make a token for USER. NAME says what it is for.

    The token is the last line of what is printed, and cannot be shown again. Programs send it as `Authorization: Bearer TOKEN`.
    """
    with open_site(config) as site:
        made, secret = site.tokens.add(user, name, days)
    click.echo(f"Created token {made.id} for {made.principal}, until {local(made.expires)}. It is shown only now:")
    click.echo(secret)


@token.command("list")
@click.option("--user", metavar="USER", help="Only those of USER.")
@json_option
@configured
def list_tokens(config: Config, user: str | None, as_json: bool) -> None:
    """Show all tokens, and the sessions of browsers. USED is when it was last used, right to the hour."""
    with open_site(config) as site:
        found = site.tokens.list(canonical(user) if user is not None else None)
    if as_json:
        print_json([_record(each) for each in found])
    else:
        rows = [(str(t.id), t.principal, t.name, _kind(t), local(t.since), local(t.expires), local(t.used)) for t in found]
        print_table(("ID", "USER", "NAME", "KIND", "SINCE", "UNTIL", "USED"), rows)


@token.command("revoke")
@click.argument("id", type=click.IntRange(1, 2**31 - 1))
@configured
def revoke_token(config: Config, id: int) -> None:
    """End the token or session ID, and the sessions that began with it, at once."""
    with open_site(config) as site:
        revoked = site.tokens.revoke(id)
    click.echo(f"Revoked {_kind(revoked)} {revoked.id} of {revoked.principal}.")


def _kind(token: AccessToken) -> str:
    return "session" if token.is_session else "token"


def _record(token: AccessToken) -> dict[str, object]:
    moments = {"since": token.since, "until": token.expires, "last_used": token.used}
    return {
        "id": token.id,
        "user": token.principal,
        "name": token.name,
        "kind": _kind(token),
        **moments,
        **{f"{name}_iso": iso(seconds) for name, seconds in moments.items()},
    }
