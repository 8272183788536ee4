"""davlock drafts: what holders of checkouts have written and not checked in, also of those that have ended."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from shlex import quote

import click

from davlock.app import Site, open_site
from davlock.auth.principals import canonical
from davlock.cli.locks import lock_record
from davlock.cli.options import configured, json_option, operator
from davlock.cli.printing import iso, local, plain, print_json, print_table, size
from davlock.cli.saving import STDOUT, force_option, write_out
from davlock.config import Config
from davlock.errors import BadRequest, NotFound
from davlock.library import Library
from davlock.model import Draft


class _Listing(click.Group):
    """A group that lists unless it is told otherwise."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Listing)
def drafts() -> None:
    """What was written and not checked in: shows all drafts, also rescued ones, whose checkout has ended."""


@drafts.command("list")
@json_option
@configured
def list_drafts(config: Config, as_json: bool) -> None:
    """Show all drafts; the same as davlock drafts alone."""
    with open_site(config) as site:
        found = [(draft, _place(site.library, draft)) for draft in site.library.archive.drafts(operator())]
    if as_json:
        print_json([_record(draft, place) for draft, place in found])
    elif not found:
        click.echo("There are no drafts.")
    else:
        head = ("ID", "PATH", "WHOSE", "SIZE", "SAVED", "CHECKOUT", "ENDED", "BY", "REASON")
        print_table(head, [_row(draft, place) for draft, place in found])


@drafts.command("save")
@click.argument("id")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), required=True, help="Where to; - is standard output.")
@force_option
@configured
def save_draft(config: Config, id: str, output: Path, force: bool) -> None:
    """Write the content of the rescued draft with this ID to a file."""
    with open_site(config) as site:
        draft, content = site.library.archive.open_draft(_rescued(site.library, id).id, operator())
        write_out(content, output, force, config.root, draft.sha256)
    if output != STDOUT:
        click.echo(f"Wrote the draft that {draft.principal} had of {plain(draft.path)} ({size(draft.size)}) to {output}.")


@drafts.command("apply")
@click.argument("id")
@click.option("--as", "user", metavar="USER", required=True, help="Who gets it.")
@json_option
@configured
def apply_draft(config: Config, id: str, user: str, as_json: bool) -> None:
    """Check the document of the rescued draft with this ID out for USER, who finds the draft in it.

    What USER has written there meanwhile is rescued in turn. Who has done this is recorded with the checkout, as its door.
    """
    caller = operator()
    with open_site(config) as site:
        draft, principal = _rescued(site.library, id), _user(site, user)
        checkout = site.library.archive.apply_draft(
            draft.id, replace(caller, principal=principal, door=f"{caller.door} of {caller.principal}")
        )
    if as_json:
        print_json(lock_record(checkout))
    else:
        click.echo(f"{checkout.principal} has {plain(checkout.root)} checked out now, with the draft that {draft.principal} had saved.")


def _rescued(library: Library, id: str) -> Draft:
    """Raises BadRequest, NotFound."""
    if not re.fullmatch("[0-9]{1,15}", id):
        raise BadRequest(f"{id} is not the number of a draft; davlock drafts lists them.")
    draft = next((draft for draft in library.archive.drafts(operator()) if draft.id == int(id)), None)
    if draft is None:
        raise NotFound(f"There is no draft {id}; it may have been applied, or was kept for its time. davlock drafts lists them.")
    if draft.ended is None:
        place = _place(library, draft)
        ending = f"davlock locks break {quote(place)}"
        raise BadRequest(f"{draft.principal} still has {place} checked out; end that first ({ending}), and the draft is rescued.")
    return draft


def _user(site: Site, name: str) -> str:
    """The principal of that name, who can log in. Raises NotFound, BadRequest."""
    # Without any account, others than davlock decide who may log in (dav/provider.py).
    return canonical(name) if site.accounts.is_empty() else site.accounts.get(name).name


def _place(library: Library, draft: Draft) -> str:
    """Where its document is now, or was last known."""
    document = library.catalogue.document_with(draft.document)
    return (document and document.path) or draft.path


def _row(draft: Draft, place: str) -> tuple[str, ...]:
    known = (str(draft.id), place, draft.principal, size(draft.size), local(draft.saved))
    return *known, draft.how or "stands", local(draft.ended), draft.ended_by, draft.reason


def _record(draft: Draft, place: str) -> dict[str, object]:
    return {
        "id": draft.id,
        "path": place,
        "document": draft.document,
        "principal": draft.principal,
        "size": draft.size,
        "sha256": draft.sha256,
        "saved": draft.saved,
        "saved_iso": iso(draft.saved),
        "door": draft.door,
        "is_rescued": draft.ended is not None,
        "ended": draft.ended,
        "ended_iso": iso(draft.ended),
        "how": draft.how,
        "ended_by": draft.ended_by,
        "reason": draft.reason,
    }
