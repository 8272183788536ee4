"""Content on its way in: what can be refused is, before its bytes are read; then they wait, whole and durable, to be committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from davlock import rules
from davlock.checkouts import CheckedIn, Checkouts, checked_note
from davlock.conditions import Conditions, View, unconditionally
from davlock.documents import Reserve, Staged, Staging
from davlock.documents.staging import Source
from davlock.errors import DavlockError, StorageFull
from davlock.journal import Journal
from davlock.model import NO_NOTE, Caller, Lock, Note
from davlock.paths import Address
from davlock.state import Rows
from davlock.versions import Versions
from davlock.writes import ALONE, Along, Writes, Written


@dataclass(frozen=True, slots=True)
class Upload:
    """Content on its way in. length: bytes announced, None if unknown."""

    source: Source
    length: int | None = None


class _CheckedOut(Exception):
    """The caller has the document checked out: what he saves now would be his draft."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploads in two steps, for who has more to look at between them. max_upload: bytes in one document, 0 for no limit."""

    journal: Journal
    staging: Staging
    reserve: Reserve
    versions: Versions
    writes: Writes
    checkouts: Checkouts
    max_upload: int = 0

    @contextmanager
    def receiving(
        self,
        at: Address,
        source: Source,
        length: int | None,
        caller: Caller,
        conditions: Conditions = unconditionally,
        note: Note = NO_NOTE,
        along: Along = ALONE,
    ) -> Iterator[Callable[[], Written]]:
        """Library.write() in two steps: within the block the bytes wait, whole and durable; what it gives commits them.

        Entering raises what can be refused before. What was not committed when it is left is gone.
        """
        note = checked_note(note)
        with self.journal.state.reading() as rows:
            leaned_on = self.writes.permit(rows, at, caller, conditions, frozenset(), along).leaned_on
        with self._stage(source, length) as staged:
            yield lambda: self.writes.commit(staged, at, caller, conditions, leaned_on, note, along)

    @contextmanager
    def publishing(
        self,
        at: Address,
        content: Upload,
        caller: Caller,
        note: Note = NO_NOTE,
        keep: bool = False,
        conditions: Conditions = unconditionally,
    ) -> Iterator[Callable[[], Written | CheckedIn]]:
        """Library.publish() in two steps, as receiving() is write()."""
        note = checked_note(note)
        with self.journal.state.reading() as rows:
            own = self._own_checkout(rows, at.path, caller)
            began = self.checkouts.permitted(rows, at.path, caller, conditions).generation if own else None
            leaned_on = frozenset() if own else self.writes.permit(rows, at, caller, conditions, frozenset(), ALONE).leaned_on

        def unless_checked_out(view: View) -> None:
            if self._own_checkout(view.rows, at.path, caller):
                raise _CheckedOut
            conditions(view)

        def commit(staged: Staged) -> Written | CheckedIn:
            if began is None:
                with suppress(_CheckedOut):  # meanwhile, in another program of his
                    return self.writes.commit(staged, at, caller, unless_checked_out, leaned_on, note)
            return self.checkouts.check_in(at, caller, note, keep, staged, began, conditions)

        with self._stage(content.source, content.length) as staged:
            yield lambda: commit(staged)

    @contextmanager
    def _stage(self, source: Source, length: int | None) -> Iterator[Staged]:
        try:
            with self.staging.stage(source, length, self.max_upload) as staged:
                yield staged
        except StorageFull:
            self._give_up_deleted()
            raise

    def _own_checkout(self, rows: Rows, path: str, caller: Caller) -> Lock | None:
        checkout = self.checkouts.standing(rows, path)
        return checkout if checkout and rules.proves(checkout, caller) else None

    def _give_up_deleted(self) -> None:
        """On a full disk: what is kept of deleted documents gives way to what is to be saved next."""

        def forget() -> None:
            with self.journal.deciding() as rows:
                self.versions.forget_deleted(rows)

        with suppress(DavlockError):
            self.reserve.spend(forget)
