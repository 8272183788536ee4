"""davlock locks, checkouts, history: who has locked or checked out what, and who had."""

from __future__ import annotations

from collections.abc import Sequence

import click

from davlock import paths, rules
from davlock.app import open_site
from davlock.cli.options import configured, json_option, operator
from davlock.cli.printing import iso, lines, local, plain, print_json, print_table, size
from davlock.config import Config
from davlock.errors import BadRequest, NoSuchLock, NotFound
from davlock.library import Library
from davlock.model import Draft, Kind, Lock, Past


@click.group()
def locks() -> None:
    """Who has locked or checked out what."""


@locks.command("list")
@json_option
@configured
def list_locks(config: Config, as_json: bool) -> None:
    """Show all locks and checkouts that stand."""
    with open_site(config) as site:
        found = site.library.all_locks()
    if as_json:
        print_json([lock_record(lock) for lock in found])
    elif not found:
        click.echo("Nothing is locked.")
    else:
        head = ("PATH", "HOLDER", "KIND", "SCOPE/DEPTH", "SINCE", "UNTIL", "DOOR")
        print_table(head, [_lock_row(lock) for lock in found])


@locks.command("show")
@click.argument("which", metavar="TOKEN_OR_PATH")
@json_option
@configured
def show_locks(config: Config, which: str, as_json: bool) -> None:
    """Show everything about one lock, or about those that cover a path such as /reports/may.odt."""
    with open_site(config) as site:
        found = _matching(site.library.all_locks(), which)
    if not found:
        raise _no_lock(which)
    if as_json:
        print_json([lock_record(lock) for lock in found])
    else:
        click.echo("\n\n".join(map(_described, found)))


@locks.command("break")
@click.argument("which", metavar="TOKEN_OR_PATH")
@click.option("--reason", metavar="TEXT", required=True, help="Why; it is recorded.")
@json_option
@configured
def break_lock(config: Config, which: str, reason: str, as_json: bool) -> None:
    """End somebody's lock or checkout.

    What the holder of a lock has not saved yet will be refused. The draft of a checkout is rescued: davlock drafts shows it.
    """
    if not reason.strip():
        raise BadRequest("Say why the lock is broken: --reason TEXT.")
    caller = operator()
    with open_site(config) as site:
        lock = site.library.break_lock(_one_token(site.library.all_locks(), which), caller, reason)
        draft = next((each for each in site.library.archive.drafts(caller) if each.token == lock.token), None)
    if as_json:
        print_json(lock_record(lock) | {"draft": draft.id if draft else None})
    elif lock.kind is not Kind.CHECKOUT:
        click.echo(f"Broke the lock of {lock.principal} on {plain(lock.root)}.")
    else:
        click.echo(f"Ended the checkout of {lock.principal} on {plain(lock.root)}. {_what_of(draft)}")


def _what_of(draft: Draft | None) -> str:
    if draft is None:
        return "There was no draft."
    saved = f"{size(draft.size)}, saved {local(draft.saved)}"
    return f"The draft ({saved}) is rescued as number {draft.id}; davlock drafts save {draft.id} --output FILE writes it out."


@click.command()
@json_option
@configured
def checkouts(config: Config, as_json: bool) -> None:
    """Show who has what checked out, and the drafts."""
    with open_site(config) as site:
        found = [lock for lock in site.library.all_locks() if lock.kind is Kind.CHECKOUT]
        drafts = {draft.token: draft for draft in site.library.archive.drafts(operator()) if draft.ended is None}
    if as_json:
        print_json([_checkout_record(lock, drafts.get(lock.token)) for lock in found])
    elif not found:
        click.echo("Nothing is checked out.")
    else:
        head = ("PATH", "HOLDER", "SINCE", "DOOR", "DRAFT", "SAVED", "COMMENT")
        print_table(head, [_checkout_row(lock, drafts.get(lock.token)) for lock in found])


@click.command()
@click.argument("path")
@json_option
@configured
def history(config: Config, path: str, as_json: bool) -> None:
    """Show the locks and checkouts of PATH that have ended, the last one first: who, when, how, by whom and why."""
    at = paths.parse(path).path
    with open_site(config) as site:
        found = site.library.archive.history(at)
        if not found and not _is_known(site.library, at):
            raise NotFound(f"Nothing is or was at {at}, as far as is known; a path begins at the served folder.")
    if as_json:
        print_json([_past_record(past) for past in found])
    elif not found:
        click.echo(f"No lock or checkout of {plain(at)} has ended, as far as is known.")
    else:
        head = ("PATH", "HOLDER", "KIND", "SINCE", "DOOR", "ENDED", "HOW", "BY", "REASON", "COMMENT")
        print_table(head, [_past_row(past) for past in found])


def _is_known(library: Library, path: str) -> bool:
    return library.is_folder(path) or bool(library.look(path, "") or library.archive.deleted(path))


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
        raise _no_lock(which)
    if len(matching) > 1:
        raise BadRequest(f"{len(matching)} locks stand on {which}; name one by its token (davlock locks show {which}).")
    lock = matching[0]
    if which.startswith("/") and lock.root != paths.parse(which).path:
        raise BadRequest(f"{which} is covered by the lock of {lock.principal} on all of {lock.root}; name that folder.")
    return lock.token


def _no_lock(which: str) -> NoSuchLock:
    return NoSuchLock(f"No lock stands on {which}; it may have been released or have run out.")


def _lock_row(lock: Lock) -> tuple[str, ...]:
    scope = f"{lock.scope}/{_depth(lock)}"
    return lock.root, lock.principal, lock.kind, scope, local(lock.since), _until(lock), lock.door


def lock_record(lock: Lock) -> dict[str, object]:
    """A lock for programs."""
    return {
        "path": lock.root,
        "holder": lock.principal,
        "kind": lock.kind,
        "scope": lock.scope,
        "depth": _depth(lock),
        "since": lock.since,
        "since_iso": iso(lock.since),
        "until": lock.expires,
        "until_iso": iso(lock.expires),
        "door": lock.door,
        "token": lock.token,
        "owner": lock.owner,
        "comment": lock.comment,
        "generation": lock.generation,
    }


def _described(lock: Lock) -> str:
    told = lock_record(lock) | {"since": local(lock.since), "until": _until(lock)}
    return lines({key: value for key, value in told.items() if not key.endswith("_iso")})


def _depth(lock: Lock) -> str:
    return "infinity" if lock.deep else "0"


def _until(lock: Lock) -> str:
    return local(lock.expires) or "released"


def _checkout_row(lock: Lock, draft: Draft | None) -> tuple[str, ...]:
    saved = (size(draft.size), local(draft.saved)) if draft else ("", "")
    return lock.root, lock.principal, local(lock.since), lock.door, *saved, lock.comment


def _checkout_record(lock: Lock, draft: Draft | None) -> dict[str, object]:
    return {
        "path": lock.root,
        "holder": lock.principal,
        "since": lock.since,
        "since_iso": iso(lock.since),
        "door": lock.door,
        "comment": lock.comment,
        "token": lock.token,
        "document": lock.document,
        "draft": draft
        and {
            "id": draft.id,
            "size": draft.size,
            "sha256": draft.sha256,
            "saved": draft.saved,
            "saved_iso": iso(draft.saved),
            "door": draft.door,
        },
    }


def _past_row(past: Past) -> tuple[str, ...]:
    stood = (past.path, past.principal, past.kind, local(past.since), past.door)
    return *stood, local(past.ended), past.how, past.ended_by, past.reason, past.comment


def _past_record(past: Past) -> dict[str, object]:
    return {
        "path": past.path,
        "holder": past.principal,
        "kind": past.kind,
        "since": past.since,
        "since_iso": iso(past.since),
        "door": past.door,
        "comment": past.comment,
        "ended": past.ended,
        "ended_iso": iso(past.ended),
        "how": past.how,
        "ended_by": past.ended_by,
        "reason": past.reason,
        "token": past.token,
        "document": past.document,
    }
