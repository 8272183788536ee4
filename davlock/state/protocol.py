"""What every database behind davlock can do: keep rows, serialise decisions, own the clock. It decides nothing.

A decision is one transaction in which nobody else decides anything: `with state.deciding() as rows`. It ends with a durable
commit, or, on any exception, as if it had never begun. Looking is `with state.reading() as rows`: one consistent snapshot.
Expired locks are never returned, whether or not their rows are still there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from davlock.model import (
    AccessToken,
    Account,
    Document,
    Draft,
    Ending,
    Event,
    Intent,
    Known,
    Lock,
    Past,
    Semantics,
    Version,
    Webhook,
)

_T = TypeVar("_T")


class LockRows(Protocol):
    def locks_on(self, roots: Sequence[str]) -> list[Lock]:
        """The locks whose root is one of these paths."""

    def locks_below(self, folder: str) -> list[Lock]:
        """The locks whose root lies strictly below a folder, at any depth."""

    def locks_in(self, folder: str) -> list[Lock]:
        """The locks whose root is a direct member of a folder."""

    def lock(self, token: str) -> Lock | None:
        """The lock with this token."""

    def locks(self) -> list[Lock]:
        """All locks, by root."""

    def next_generation(self) -> int:
        """A number higher than any given before."""

    def add_lock(self, lock: Lock) -> None:
        """Keeps a new lock; two of one kind, exclusive, on one root cannot be stored."""

    def renew_lock(self, token: str, expires: float | None) -> None:
        """Sets when a lock runs out (Unix seconds)."""

    def comment_lock(self, token: str, comment: str) -> None:
        """Sets what its holder says a lock is for."""

    def reroot_lock(self, token: str, root: str, document: int | None) -> None:
        """Puts a lock on another path."""

    def end_locks(self, tokens: Iterable[str], how: Ending, by: str = "", reason: str = "", door: str = "") -> None:
        """Locks stand no more; how they ended is remembered and told, and their drafts are rescued. door: what `by` came through."""

    def has_expired(self) -> bool:
        """Whether there are locks that have expired and are not yet remembered so."""

    def end_expired(self) -> None:
        """Remembers, and tells, that they have ended; that they have does not wait for it."""

    def revive_lock(self, lock: Lock) -> None:
        """A lock that has ended stands again, with the draft it had."""

    def history(self, document: int | None, path: str) -> list[Past]:
        """The locks of a document that have ended, the last one first; of one without identity, those on its path."""

    def ended_checkout(self, document: int, principal: str, how: Ending, seconds: float) -> Past | None:
        """The checkout that this principal had of a document until it ended so, within the last seconds."""

    def forget_history(self, before: float) -> None:
        """Forgets the locks that ended before that moment (Unix seconds)."""


class DocumentRows(Protocol):
    def document(self, path: str) -> Document | None:
        """What is known of the document or folder at a path."""

    def documents_at(self, paths: Sequence[str]) -> list[Document]:
        """What is known of the documents and folders at any of the paths."""

    def path_of(self, id: int) -> str | None:
        """Where the document or folder with this id is; None if there is none, or it was deleted."""

    def document_with(self, id: int) -> Document | None:
        """What is known of one identity, wherever it is."""

    def documents_in(self, folder: str) -> list[Document]:
        """What is known of the direct members of a folder."""

    def known_in(self, folder: str) -> dict[str, Known]:
        """What lists tell of the direct members of a folder that have an identity, by path."""

    def created_in(self, folder: str) -> dict[str, int]:
        """When the direct members of a folder were created (Unix seconds), by path, where that is known."""

    def ids_in(self, folder: str) -> dict[str, int]:
        """Only their ids."""

    def limits_in(self, folder: str) -> dict[str, Semantics]:
        """The most that can be done with them, by path, where that is less than everything."""

    def known_at(self, path: str) -> Known | None:
        """What lists tell of the document at a path."""

    def documents_below(self, folder: str) -> list[Document]:
        """What is known of everything strictly below a folder."""

    def documents(self) -> Iterable[Document]:
        """Everything that is known and still has a path."""

    def add_document(self, path: str) -> Document:
        """Gives a path its identity: a new, stable id."""

    def add_known(self, document: Document) -> None:
        """Both add_document(), whatever its id says, and record_version(): of those that come by the thousand."""

    def record_version(self, document: Document) -> None:
        """Keeps version, stamp, hash, times and author of a document."""

    def mark_emptied(self, id: int, change: int) -> None:
        """Says that what this change has made of a document is no content."""

    def limit_semantics(self, id: int, semantics: Semantics) -> None:
        """Sets the most that can be done with a document."""

    def take_touched(self, known: Document | None = None) -> list[tuple[Document | None, Document | None]]:
        """The documents whose place or content this decision has changed since this was asked last: as they were, and as they are.

        known: one of them, as it is: it need not be looked up.
        """

    def rebase_documents(self, source: str, target: str) -> None:
        """Lets identities at and below source follow to target, where none may stand."""

    def place_document(self, id: int, path: str | None) -> None:
        """Puts one identity on a path where none stands, or takes it off."""

    def leave(self, id: int, path: str, principal: str) -> None:
        """Remembers that an identity left this path now, by whom."""

    def left_lately(self, path: str, principal: str, seconds: float) -> Document | None:
        """The identity that this principal took away from a path within the last seconds."""

    def retired(self, path: str) -> Document | None:
        """The identity that left a path last, and has none now."""

    def retire_below(self, folder: str) -> None:
        """Takes every identity strictly below a folder off its path, which it has left now, by nobody."""

    def forget_retired(self, before: float) -> list[Version]:
        """Forgets the identities that left before that moment (Unix seconds) and have not come back, with all that hangs on them, but
        those that have a lock or a draft. Returns their versions."""


class VersionRows(Protocol):
    def versions(self, document: int) -> list[Version]:
        """The earlier versions of a document, the first one first."""

    def version(self, document: int, number: int) -> Version | None:
        """One of the earlier versions of a document."""

    def add_version(self, version: Version) -> None:
        """Keeps an earlier version, which has just been replaced."""

    def drop_version(self, document: int, number: int) -> None: ...

    def surplus_versions(self, document: int, most: int, before: float) -> list[int]:
        """The numbers of the earlier versions of a document but for the last `most`, and of those replaced before that moment."""

    def all_versions(self) -> Iterable[Version]:
        """The earlier versions of all documents."""


class DraftRows(Protocol):
    def draft_on(self, path: str, principal: str) -> Draft | None:
        """The draft of this principal's checkout of the document at a path."""

    def drafts_in(self, folder: str, principal: str) -> dict[str, Draft]:
        """The drafts of this principal's checkouts of the direct members of a folder, by path."""

    def draft(self, id: int) -> Draft | None: ...

    def draft_of(self, token: str) -> Draft | None:
        """The draft of a checkout that stands."""

    def drafts(self) -> list[Draft]:
        """All drafts, also those of checkouts that have ended."""

    def add_draft(self, draft: Draft) -> Draft:
        """Keeps a draft, under an id of its own."""

    def renew_draft(self, draft: Draft) -> None:
        """Keeps what a draft is now."""

    def drop_draft(self, id: int) -> None: ...

    def surplus_drafts(self, before: float) -> list[Draft]:
        """The drafts whose checkout ended before that moment (Unix seconds)."""


class PropertyRows(Protocol):
    def properties(self, id: int) -> dict[str, str]:
        """Dead properties of one document: Clark name → XML of the whole element."""

    def properties_at(self, paths: Sequence[str]) -> dict[str, dict[str, str]]:
        """Dead properties of what is at any of the paths: path → properties."""

    def properties_in(self, folder: str) -> dict[str, dict[str, str]]:
        """Dead properties of the direct members of a folder: path → properties."""

    def change_properties(self, id: int, changes: Mapping[str, str | None]) -> None:
        """Sets properties (XML) or removes them (None)."""

    def copy_properties(self, source: int, target: int) -> None:
        """Adds the properties of one document to another."""


class IntentRows(Protocol):
    def intents(self) -> list[Intent]:
        """What was about to be done and is not yet settled."""

    def add_intent(self, intent: Intent) -> None: ...

    def remove_intent(self, id: str) -> None: ...


class EventRows(Protocol):
    def add_events(self, events: Iterable[Event]) -> None:
        """Keeps what has become of documents; numbered in the order of the commits, without a gap."""

    def events(self, after: int, most: int, names: Sequence[str] = ()) -> list[Event]:
        """The first `most` events after the one with this id; only those with these names, if any are given."""

    def event_span(self) -> tuple[int, int]:
        """The ids of the first and the last event that is kept; (1, 0) if there has been none."""

    def forget_events(self, before: float) -> None:
        """Forgets the events before that moment (Unix seconds), but for the last one of all."""

    def installation(self) -> str:
        """What tells this state from any other one."""


class WebhookRows(Protocol):
    def webhooks(self) -> list[Webhook]: ...

    def webhook(self, id: int) -> Webhook | None: ...

    def add_webhook(self, hook: Webhook) -> Webhook:
        """Keeps a new one, under an id of its own."""

    def change_webhook(self, hook: Webhook) -> None:
        """Keeps what is set by people, and the errors in a row; not what has been delivered."""

    def remove_webhook(self, id: int) -> bool:
        """Whether there was one."""

    def record_delivered(self, id: int, sent: int, calls: int) -> None:
        """Some events, `sent` the last of them, were delivered with so many calls."""

    def record_failed(self, id: int, error: str, most_errors: int) -> None:
        """One was not; after so many errors in a row there are too many."""


class AccountRows(Protocol):
    def account(self, name: str) -> Account | None: ...

    def accounts(self) -> list[Account]: ...

    def put_account(self, name: str, password_hash: str, admin: bool) -> None:
        """Adds an account, or gives one a new password and rights."""

    def principals(self) -> dict[str, int]:
        """The numbers of all who have, or ever had, an account, by name."""

    def remove_account(self, name: str) -> bool:
        """Whether there was one. Its access tokens go with it."""


class AccessTokenRows(Protocol):
    def access_token(self, secret: bytes) -> tuple[AccessToken, Account] | None:
        """The token with this hash, which may have expired, and whose it is."""

    def access_tokens(self, principal: str | None = None) -> list[AccessToken]:
        """The tokens and sessions of somebody, or of all, also expired ones, in the order they were made."""

    def add_access_token(
        self, secret: bytes, principal: str, name: str, expires: float, is_session: bool = False, parent: int | None = None
    ) -> AccessToken:
        """Keeps a new token of somebody who has an account, under an id that none had before."""

    def use_access_token(self, id: int) -> None:
        """Remembers that a token was used now."""

    def end_access_tokens(self, ids: Iterable[int]) -> None:
        """Lets tokens, and the sessions that began with them, expire now."""

    def drop_access_tokens(self, ids: Iterable[int]) -> None:
        """Forgets tokens, and the sessions that began with them."""

    def forget_access_tokens(self, before: float) -> None:
        """Forgets the tokens and sessions that expired before that moment (Unix seconds)."""


class Rows(
    LockRows,
    DocumentRows,
    VersionRows,
    DraftRows,
    PropertyRows,
    IntentRows,
    EventRows,
    WebhookRows,
    AccountRows,
    AccessTokenRows,
    Protocol,
):
    @property
    def now(self) -> float:
        """The one clock, Unix time in seconds; it never goes back."""

    def if_undone(self, action: Callable[[], None]) -> None:
        """Registers what to do, while still alone, if this decision is not committed after all. Last in, first out."""

    def before_commit(self, key: str, action: Callable[[], None]) -> None:
        """Registers what must have been done when this decision is committed, once for each key, however many decisions share it."""

    def after_commit(self, action: Callable[[], None]) -> None:
        """Registers what is to be done, no longer alone, once this decision has been committed."""

    def commit_at_once(self) -> None:
        """Lets no other decision into the commit of this one."""

    def spare_sync(self) -> None:
        """Nobody need wait until this decision is on the disk: all of it follows from an intent that is there, and would be done again."""


class State(Protocol):
    def deciding(self) -> AbstractContextManager[Rows]:
        """One serialised, durable decision. Raises Unavailable or StorageFull; then nothing has happened."""

    def reading(self) -> AbstractContextManager[Rows]:
        """One consistent look, nothing written."""

    def remembered(self, look: Callable[..., _T], *about: str) -> _T:
        """What look(rows, *about) gives within reading(), from memory if nobody, in any process, has committed anything since.

        look is a function of a module that depends on nothing else, not on the time either; nobody may change what it gives.
        """

    def problems(self) -> list[str]:
        """What is wrong with the database itself, in sentences; empty if nothing is."""

    def close(self) -> None:
        """Lets go of everything this process holds open."""
