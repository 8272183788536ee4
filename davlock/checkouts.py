"""Check out, check in, undo: what the holder of a checkout does with it, and what others may do to it (design §2)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from davlock import paths, rules
from davlock.conditions import Conditions, Seen, Views
from davlock.documents import Committer, Staged, Staging
from davlock.drafts import Drafts
from davlock.errors import (
    BadRequest,
    Forbidden,
    IsFolder,
    LockLost,
    NoSuchLock,
    NotCheckedOut,
    NotForCheckout,
    NotFound,
    NotHolder,
    StillOpen,
)
from davlock.identities import Identities
from davlock.journal import Journal, Operation
from davlock.locks import LockManager, told
from davlock.model import Blocker, Caller, Change, Document, Draft, Ending, Entry, Intent, Kind, Lock, Note, Wanted
from davlock.paths import Address
from davlock.state import Rows

MAX_COMMENT = 4096  # characters
MAX_EXTRA = 100
_NO_SUCH = "There is no document with this number; it may have been deleted."
_SAVED_MEANWHILE = "Your draft was saved or ended from elsewhere at this moment; look at it and try again."
# What XML 1.0 or one line of text cannot have.
_NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """What became of a check-in. version: the number of the newest version; is_new: whether this check-in has made it.

    lock: the checkout, if it was kept.
    """

    version: int
    is_new: bool
    lock: Lock | None


@dataclass(frozen=True, slots=True)
class Checkouts:
    """Checkouts of the documents of a served folder."""

    journal: Journal
    staging: Staging
    committer: Committer
    views: Views
    locks: LockManager
    identities: Identities
    drafts: Drafts

    def operations(self) -> dict[str, Operation]:
        """What the journal needs, by kind of intent."""
        return {"checkin": Operation(self.committer, self._settle)}

    def standing(self, rows: Rows, path: str) -> Lock | None:
        """The checkout of the document at a path, whoever holds it."""
        return rules.checkout_on(path, rows.locks_on([path]))

    def check_out(self, place: str | int, caller: Caller, comment: str, conditions: Conditions) -> Lock:
        """See Library.check_out()."""
        comment = checked_text(comment)
        with self.journal.deciding() as rows:
            path, document = _found(rows, place)
            entry = self.drafts.tree.look(path)
            if entry is None:
                raise NotFound("There is nothing under this name.")
            conditions(self.views.of(rows, caller))
            held = self.locks.on(rows, path)
            return self._acquire(rows, entry, Wanted(Kind.CHECKOUT, path, comment=comment), caller, held, document)[0]

    def edit(self, path: str, caller: Caller, timeout: float | None, renew: bool, reopen: bool, then: Conditions) -> Lock:
        """See Library.edit()."""
        with self.journal.deciding() as rows:
            entry, held = self.drafts.tree.look(path), self.locks.on(rows, path)
            if entry is None:
                raise NotFound("There is nothing under this name.")
            lock, document = self._edit(rows, entry, Wanted(Kind.EDIT, path, timeout=timeout), caller, renew, reopen, held)
            standing = [*(other for other in held if other.token != lock.token), lock]
            then(self.views.of(rows, caller, Seen(path, standing, entry, document)))
            return lock

    def _edit(
        self, rows: Rows, entry: Entry, wanted: Wanted, caller: Caller, renew: bool, reopen: bool, held: Sequence[Lock]
    ) -> tuple[Lock, Document | None]:
        path = wanted.path
        if (renew or reopen) and (own := rules.edit_of(path, caller.principal, held)):
            return self.locks.renew(rows, own, wanted.timeout), None
        if renew and not self._may_go_on(rows, entry, caller):
            self.locks.check(rows, wanted, caller)
            raise NoSuchLock(f"You have not checked {_name(path)} out for editing, or that has ended; open it again.")
        return self._acquire(rows, entry, wanted, caller, held)

    def end_edit(self, path: str, caller: Caller, reason: str | None, conditions: Conditions, then: Conditions) -> Lock:
        """See Library.end_edit()."""
        with self.journal.deciding() as rows:
            conditions(self.views.of(rows, caller))
            held = self.locks.on(rows, path)
            edit = rules.edit_on(path, held)
            if edit is None:
                if another := rules.held_by_another(caller, held):
                    raise NotHolder(told(another), another)
                raise NotCheckedOut(f"{_name(path)} is not checked out for editing by you; there is nothing to end.")
            self._end(rows, edit, caller, Ending.RELEASED, reason)
            left = [other for other in held if other.token != edit.token]
            then(self.views.of(rows, caller, Seen(path, left, self.drafts.tree.look(path))))
            return edit

    def _may_go_on(self, rows: Rows, entry: Entry, caller: Caller) -> bool:
        document = self.identities.observed(rows, entry)
        ended = rows.history(document.id if document else None, entry.path)
        changed = document.changed if document else None
        return rules.may_be_granted_again(ended, caller.principal, changed)

    def acquire(self, rows: Rows, entry: Entry, wanted: Wanted, caller: Caller) -> Lock:
        """A checkout, long-term or short-term, of a document that stands. Raises Conflict, IsFolder, NotForCheckout."""
        return self._acquire(rows, entry, wanted, caller, self.locks.on(rows, entry.path))[0]

    def _acquire(
        self, rows: Rows, entry: Entry, wanted: Wanted, caller: Caller, held: Sequence[Lock], document: Document | None = None
    ) -> tuple[Lock, Document]:
        if entry.is_folder:
            raise IsFolder("A folder cannot be checked out; only its documents can.")
        document = document or self.identities.identify(rows, entry.path)
        if wanted.kind is Kind.CHECKOUT and not self.drafts.policy.can_be_checked_out(entry.path, document):
            raise NotForCheckout("Documents of this kind are not checked out here; lock it, or just save it.")
        if document.stamp != entry.stamp and not rules.checkout_of(entry.path, caller.principal, held):
            document = self.identities.seen(rows, entry)  # what is checked out is a version, though it may be the first one
        return self.locks.acquire(rows, replace(wanted, document=document.id), caller, held), document

    def describe(self, path: str, caller: Caller, comment: str, conditions: Conditions) -> Lock:
        """See Library.describe_checkout()."""
        with self.journal.deciding() as rows:
            conditions(self.views.of(rows, caller))
            return self.comment(rows, path, caller, comment)

    def comment(self, rows: Rows, path: str, caller: Caller, comment: str) -> Lock:
        """Sets what the caller's checkout is for. Raises NotCheckedOut, NotHolder, BadRequest."""
        comment = checked_text(comment)
        checkout = self._own(rows, path, caller)
        rows.comment_lock(checkout.token, comment)
        return replace(checkout, comment=comment)

    def check_in(
        self, at: Address, caller: Caller, note: Note, keep: bool, content: Staged | None, began: int | None, conditions: Conditions
    ) -> CheckedIn:
        """See Library.check_in(). began: the generation of the checkout when the content began to be uploaded."""
        note = checked_note(note)
        with self.journal.state.reading() as rows:
            draft = rows.draft_of(self.permitted(rows, at.path, caller, conditions).token)
        if content is None and draft is None:
            return self._end_untouched(at, caller, keep, conditions)
        with self._staged(content, draft) as staged:

            def plan(rows: Rows, id: str) -> Intent:
                checkout = self.permitted(rows, at.path, caller, conditions)
                if began is not None and rules.is_stale(frozenset((began,)), frozenset((checkout.generation,))):
                    raise LockLost("Your checkout has ended meanwhile; nothing was stored. Check the document out again.")
                if content is None and rows.draft_of(checkout.token) != draft:
                    raise NotCheckedOut(_SAVED_MEANWHILE)
                return self._intent(rows, id, at, caller, note, keep, staged)

            self.journal.carry_out(plan)
        with self.journal.state.reading() as rows:
            return self._checked_in(rows, at.path, caller, True)

    def undo(self, place: str | int, caller: Caller, reason: str | None, conditions: Conditions, forced: str | None) -> Lock:
        """See Library.undo()."""
        with self.journal.deciding() as rows:
            path = place if isinstance(place, str) else rows.path_of(place)
            if path is None:
                raise NotFound(_NO_SUCH)
            checkout = self.standing(rows, path)
            conditions(self.views.of(rows, caller))
            if checkout is None:
                raise NotCheckedOut(f"{_name(path)} is not checked out; there is nothing to undo.")
            self._end(rows, checkout, caller, Ending.UNDONE, reason, forced)
            return checkout

    def _end(self, rows: Rows, checkout: Lock, caller: Caller, how: Ending, reason: str | None, forced: str | None = None) -> None:
        """Ends the caller's checkout; somebody else's if he says why, and may. forced: see Library.undo(). Raises NotHolder, BadRequest."""
        why = forced if reason is None else reason
        said = checked_text(reason or "")
        if rules.may_release(checkout, caller):
            rows.end_locks([checkout.token], how, caller.principal, said, caller.door)
        elif why is None or not rules.may_break(checkout, caller):
            raise NotHolder(told(checkout), checkout)
        else:
            self.locks.break_(rows, checkout.token, caller, why)

    def apply(self, rescued: int, caller: Caller) -> Lock:
        """See Archive.apply_draft()."""
        with self.journal.deciding() as rows:
            draft = self.rescued(rows, rescued, caller)
            document = rows.document_with(draft.document)
            entry = self.drafts.tree.look(document.path) if document and document.path else None
            if entry is None:
                raise NotFound("The document of this draft is gone; download the draft and store it under another name.")
            checkout = self.acquire(rows, entry, Wanted(Kind.CHECKOUT, entry.path), caller)
            self.locks.guard(rows, Change(entry.path), caller)
            if standing := rows.draft_of(checkout.token):  # what he has written meanwhile is not lost either
                rows.renew_draft(replace(standing, ended=rows.now, how=Ending.REPLACED, ended_by=caller.principal))
            rows.drop_draft(draft.id)
            self.drafts.record(rows, checkout, draft.file, draft.size, draft.sha256, caller.door)
            return checkout

    def rescued(self, rows: Rows, id: int, caller: Caller) -> Draft:
        """A draft whose checkout has ended. Raises NotFound, Forbidden."""
        draft = rows.draft(id)
        if draft is None or draft.ended is None:
            raise NotFound("There is no such rescued draft; it may have been applied, or kept for its time.")
        if not rules.may_have_draft(draft, caller):
            raise Forbidden(f"This draft belongs to {draft.principal}.")
        return draft

    def permitted(self, rows: Rows, path: str, caller: Caller, conditions: Conditions) -> Lock:
        """The checkout that the caller may check in now. Raises NotCheckedOut, NotHolder, StillOpen, Locked, PreconditionFailed."""
        conditions(self.views.of(rows, caller))
        checkout = self._own(rows, path, caller)
        if sessions := rules.sessions_open(path, caller, self.locks.on(rows, path)):
            message = f"{told(sessions[0])} Close it there before you check it in."
            raise StillOpen(message, tuple(Blocker(lock, lock.root) for lock in sessions))
        self.locks.guard(rows, Change(path, membership=self.drafts.tree.look(path) is None), caller)
        return checkout

    def _own(self, rows: Rows, path: str, caller: Caller) -> Lock:
        checkout = self.standing(rows, path)
        if checkout is None:
            raise NotCheckedOut(f"{_name(path)} is not checked out; check it out before you check it in.")
        if not rules.proves(checkout, caller):
            raise NotHolder(told(checkout), checkout)
        return checkout

    @contextmanager
    def _staged(self, content: Staged | None, draft: Draft | None) -> Iterator[Staged]:
        if content:
            yield content
        else:
            assert draft is not None
            with ExitStack() as stack:
                try:
                    staged = stack.enter_context(self.staging.stage_file(self.drafts.shelf.file(draft.file), draft.sha256))
                except NotFound as gone:
                    raise NotCheckedOut(_SAVED_MEANWHILE) from gone
                yield staged

    def _intent(self, rows: Rows, id: str, at: Address, caller: Caller, note: Note, keep: bool, staged: Staged) -> Intent:
        stands = self.drafts.tree.look(at.path)
        if stands and stands.is_folder:
            raise IsFolder("Another program has put a folder in the place of this document; move it away, then check in.")
        if stands is None:  # removed underneath: the draft is what is left of it
            self.drafts.tree.require_parent(at.path)
        checkout = self.standing(rows, at.path)
        comment = note.comment or (checkout.comment if checkout else "")
        details = json.dumps({"comment": comment, "extra": note.extra, "keep": keep, "sha256": staged.sha256})
        whose = (caller.principal, caller.door, self.staging.home.name, staged.file.name, details)
        spelling = stands.name if stands else at.spelling
        return Intent(id, "checkin", at.path, at.path, spelling, staged.inode, stands is not None, *whose)

    def _settle(self, rows: Rows, intent: Intent) -> None:
        """Makes the rows say that the draft is the newest version, and the checkout over."""
        details = json.loads(intent.details)
        old, new = self.committer.trashed(intent), self.drafts.tree.look(intent.target)
        checkout = rules.checkout_of(intent.target, intent.principal, rows.locks_on([intent.target]))
        draft = rows.draft_of(checkout.token) if checkout else None
        if new:
            note = Note(details["comment"], tuple(details["extra"]))
            caller = Caller(intent.principal, door=intent.door)
            put, after = self.committer.putting_trash(intent), draft.stamped if draft else 0
            began = checkout.generation if checkout else None  # of one that was made checked out, the first version
            document = self.identities.published(rows, old, new, details["sha256"], caller, put, note, began, after)
            rows.record_version(replace(document, session=None))
        if draft:
            self.drafts.drop(rows, draft)
        if checkout and not details["keep"]:
            rows.end_locks([checkout.token], Ending.CHECKED_IN, intent.principal, door=intent.door)

    def _end_untouched(self, at: Address, caller: Caller, keep: bool, conditions: Conditions) -> CheckedIn:
        """An untouched draft is the published content: check-in makes no version (design §2)."""
        with self.journal.deciding() as rows:
            checkout = self.permitted(rows, at.path, caller, conditions)
            if rows.draft_of(checkout.token):
                raise NotCheckedOut(_SAVED_MEANWHILE)
            if not keep:
                rows.end_locks([checkout.token], Ending.CHECKED_IN, caller.principal, door=caller.door)
            return self._checked_in(rows, at.path, caller, False)

    def _checked_in(self, rows: Rows, path: str, caller: Caller, is_new: bool) -> CheckedIn:
        document = rows.document(path)
        return CheckedIn(document.version if document else 0, is_new, rules.checkout_of(path, caller.principal, rows.locks_on([path])))


def checked_text(text: str) -> str:
    """One line of text, such as a comment. Raises BadRequest."""
    if len(text) > MAX_COMMENT:
        raise BadRequest(f"The comment has {len(text)} characters; at most {MAX_COMMENT} are possible.")
    if _NOT_TEXT.search(text):
        raise BadRequest("A comment is one line of text, without line breaks and control characters.")
    return text.strip()


def checked_note(note: Note) -> Note:
    """What somebody says of a version. Raises BadRequest."""
    if len(note.extra) > MAX_EXTRA:
        raise BadRequest(f"{len(note.extra)} extra fields are given; at most {MAX_EXTRA} are possible.")
    return Note(checked_text(note.comment), tuple(checked_text(each) for each in note.extra))


def _found(rows: Rows, place: str | int) -> tuple[str, Document | None]:
    """The path that is meant, and the document, if it was named by its id. Raises NotFound."""
    if isinstance(place, str):
        return place, None
    document = rows.document_with(place)
    if document is None or document.path is None:
        raise NotFound(_NO_SUCH)
    return document.path, document


def _name(path: str) -> str:
    return paths.name(path) or "The root folder"
