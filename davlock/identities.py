"""Which document is which: ids that stay through rename, replacement and the save dances of Office (design §3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from davlock import events, paths, rules
from davlock.documents import Put, Tree
from davlock.model import NO_NOTE, Caller, Document, Ending, Entry, Kind, Lock, Note, Scope, next_stamp
from davlock.state import Rows
from davlock.versions import Versions, name_of


@dataclass(frozen=True, slots=True)
class Identities:
    """seconds: for how long an identity that left a name comes back to it when the same principal fills the name again."""

    tree: Tree
    versions: Versions
    seconds: float = 15

    def identify(self, rows: Rows, path: str) -> Document:
        """The document at a path, which gets its id now if it has none."""
        return rows.document(path) or rows.add_document(path)

    def published(
        self,
        rows: Rows,
        old: Entry | None,
        new: Entry,
        sha256: str,
        caller: Caller,
        put: Put | None,
        note: Note = NO_NOTE,
        session: int | None = None,
        after: int = 0,
    ) -> Document:
        """Records that a caller's bytes became the document.

        old is what stood there a moment before, put gives its content. session: generation of the lock that they were written under:
        what one session writes is one version (design §3). after: the stamp that this one's has to be later than.
        """
        document = rows.document(new.path)
        if old is None or document is None:
            self.returned(rows, new.path, caller.principal, caller.door)
            document = self.identify(rows, new.path)
        if old and document.stamp != old.stamp:
            document = self._changed(rows, document, old)
        goes_on = old is not None and _goes_on(document, session)
        if old and not goes_on:
            self.versions.file(rows, document, new.path, put)
        document = replace(
            document,
            version=document.version + (not goes_on),
            stamp=new.stamp,
            sha256=sha256,
            created=document.created or rows.now,
            changed=rows.now,
            changed_by=caller.principal,
            door=caller.door,
            comment=note.comment,
            extra=note.extra,
            session=session,
            change=rows.next_generation(),
            stamped=next_stamp(rows.now, max(document.stamped or 0, after)),
        )
        rows.record_version(document)
        self.tell(rows, caller.principal, caller.door, document)
        return document

    def keep(self, rows: Rows, old: Entry, session: int | None) -> Path | None:
        """Keeps a document's content before a write in a session takes its place: a crash between the two must not lose it.

        Returns where it is kept now; None if it need not be.
        """
        document = rows.document(old.path)
        if (
            document
            and document.stamp == old.stamp
            and not _goes_on(document, session)
            and self.versions.policy.is_versioned(old.path, document)
        ):
            return self.versions.keep(rows, document, self.tree.linking(old.path))
        return None

    def adopt(self, rows: Rows) -> None:
        """Files the versions that were kept when a crash came between the write and its rows."""
        for document in self.versions.unknown(rows):
            entry = self.tree.look(document.path) if document.path else None
            if entry and entry.stamp == document.stamp:
                self.versions.shelf.discard([name_of(document.id, document.version)])
            elif entry:
                self.observed(rows, entry)

    def observed(self, rows: Rows, entry: Entry) -> Document | None:
        """What is known of a document, after what has become of it underneath is its newest version."""
        document = rows.document(entry.path)
        stamp = None if entry.is_folder else entry.stamp
        if document is None or document.stamp is None or document.stamp == stamp:
            return document
        return self._changed(rows, document, entry)

    def arrived(self, rows: Rows, entry: Entry, by: str, door: str, sha256: str) -> None:
        """Records what somebody has put here. sha256: of a copy of a document; empty for what was moved, and for folders."""
        document = self.identify(rows, entry.path) if sha256 else rows.document(entry.path)
        stamp = None if entry.is_folder else entry.stamp
        if document and (document.stamp or sha256) and document.stamp != stamp:
            self._changed(rows, document, entry, by, door, sha256)

    def seen(self, rows: Rows, entry: Entry) -> Document:
        """The document that an entry is, with its content as a version, whoever brought it there."""
        document = self.identify(rows, entry.path)
        return document if document.stamp == entry.stamp else self._changed(rows, document, entry)

    def replaced(self, rows: Rows, entry: Entry, put: Put, known: Document | None = None) -> None:
        """The content of a document is about to go; put gives it. known: the document, if it need not be looked up."""
        document = known if known and known.stamp == entry.stamp else self.seen(rows, entry)
        self.versions.file(rows, document, entry.path, put)

    def arrived_below(self, rows: Rows, folder: str, by: str, door: str) -> None:
        """Records the documents in a folder that somebody has made by copying one: they are new, so they get their ids now."""
        folders, known = [folder], {document.path: document for document in rows.documents_below(folder)}
        for each in folders:
            for entry in self.tree.listing(each):
                if entry.is_folder:
                    folders.append(entry.path)
                elif document := known.get(entry.path):
                    self._record(rows, document, entry, by, door, "")
                else:
                    rows.add_known(self._newer(rows, Document(0, entry.path), entry, by, door, ""))

    def _changed(
        self, rows: Rows, document: Document, entry: Entry, by: str = "", door: str = events.OUTSIDE, sha256: str = ""
    ) -> Document:
        document = self._record(rows, document, entry, by, door, sha256)
        self.tell(rows, by, door)
        return document

    def _record(self, rows: Rows, document: Document, entry: Entry, by: str, door: str, sha256: str) -> Document:
        self.versions.file(rows, document, entry.path, None)
        document = self._newer(rows, document, entry, by, door, sha256)
        rows.record_version(document)
        return document

    def _newer(self, rows: Rows, document: Document, entry: Entry, by: str, door: str, sha256: str) -> Document:
        return replace(
            document,
            version=document.version + 1,
            stamp=None if entry.is_folder else entry.stamp,
            sha256=sha256 or None,
            created=document.created or (rows.now if by else None),
            changed=rows.now if by else entry.modified_ns / 1e9,
            changed_by=by,
            door=door,
            comment="",
            extra=(),
            session=None,
            change=rows.next_generation(),
            stamped=next_stamp(rows.now if by else entry.modified, document.stamped),
        )

    def tell(self, rows: Rows, by: str, door: str, known: Document | None = None) -> None:
        """Tells what this decision has made of documents since the last time; by whom, and through which door it came.

        known: one of them, as it is now.
        """
        became = (events.became(before, after, by, door) for before, after in rows.take_touched(known))
        rows.add_events(event for event in became if event)

    def deleted(self, rows: Rows, path: str, principal: str) -> None:
        """Takes every identity at and below a path off it; the one at the path itself may come back."""
        if at := rows.document(path):
            rows.place_document(at.id, None)
            rows.leave(at.id, path, principal)
        rows.retire_below(path)

    def moved(self, rows: Rows, source: str, target: str, principal: str, door: str, brings: bool = True) -> None:
        """Lets identities follow a move to a target that has none any more. brings: see returned()."""
        moving = rows.document(source)
        rows.rebase_documents(source, target)
        if moving:
            rows.leave(moving.id, source, principal)
        self.returned(rows, target, principal, door, brings)

    def copied(self, rows: Rows, source: str, target: str) -> None:
        """Gives a copy the dead properties of its original (RFC 4918 §9.8.2)."""
        if original := rows.document(source):
            rows.copy_properties(original.id, self.identify(rows, target).id)

    def begin(self, rows: Rows, path: str, principal: str) -> None:
        """What this principal makes at an empty name now is another document than the one that he may have removed from it lately."""
        while gone := rows.left_lately(path, principal, self.seconds):
            rows.leave(gone.id, path, "")  # by nobody: so it comes back to no name by itself

    def returning(self, rows: Rows, path: str, principal: str) -> tuple[Document, Lock] | None:
        """The document that comes back if this principal fills an empty name now, if he has it checked out: and its checkout."""
        gone = self._gone(rows, path, principal)
        if gone is None:
            return None
        if gone.path:
            checkout = rules.checkout_of(gone.path, principal, rows.locks_on([gone.path]))
        else:
            checkout = self._ended(rows, gone, path, principal) if self.versions.has_kept(rows, gone) else None
        return (gone, checkout) if checkout else None

    def coming_locks(self, rows: Rows, path: str, principal: str) -> list[Lock]:
        """The locks that such a document brings to the path."""
        found = self.returning(rows, path, principal)
        if found is None:
            return []
        document, checkout = found
        travelling = [lock for lock in rows.locks_on([document.path]) if lock.document == document.id] if document.path else [checkout]
        return [replace(lock, root=path) for lock in travelling]

    def returned(self, rows: Rows, path: str, principal: str, door: str, brings: bool = True) -> None:
        """A name was filled: if an identity left it seconds ago by the same hand, it comes back, with all that hangs on it.

        brings: whether what has arrived is the newest version of what comes back; else it has become its draft.
        """
        current, gone = rows.document(path), self._gone(rows, path, principal)
        here = gone or current
        # Checkouts of a document that has not come back are not of the one that has taken its place.
        stray = [lock.token for lock in rows.locks_on([path]) if lock.document and not (here and lock.document == here.id)]
        rows.end_locks(stray, Ending.REPLACED, principal, door=door)
        if gone:
            self._bring_back(rows, gone, current, path, principal, door, brings)

    def _gone(self, rows: Rows, path: str, principal: str) -> Document | None:
        current, gone = rows.document(path), rows.left_lately(path, principal, self.seconds)
        if gone is None or (current and (gone.id == current.id or _is_held(rows.locks_on([path]), current))):
            return None
        entry = self.tree.look(path)
        if entry and entry.is_folder and gone.stamp:
            return None
        return gone if self._may_bring_locks(rows, gone, path, principal) else None

    def _may_bring_locks(self, rows: Rows, gone: Document, path: str, principal: str) -> bool:
        """Whether what holds a document, where it is now, may go with it: it is the principal's own, and could stand at the path."""
        held = rows.locks_on([gone.path]) if gone.path else []
        coming = [lock for lock in held if lock.document == gone.id and rules.travels(lock)]
        there = [other for other in rows.locks_on([*paths.ancestors(path), path]) if rules.covers(other, path) and other not in coming]
        return all(rules.may_come_along(lock, principal, path, there) for lock in coming)

    def _bring_back(self, rows: Rows, gone: Document, current: Document | None, path: str, principal: str, door: str, brings: bool) -> None:
        """Puts an identity back on its name; the one that came there instead takes the place that it had meanwhile, if any."""
        former = gone.path
        own, brought = rows.properties(gone.id), rows.properties(current.id) if current else {}
        if former and brings:
            there = self.tree.look(former)
            self.versions.file(rows, gone, path, self.tree.linking(former) if there and there.stamp == gone.stamp else None)
        elif not brings:
            self.versions.unfile(rows, gone)
        for identity in (gone, current):
            if identity:
                rows.place_document(identity.id, None)
                rows.leave(identity.id, "", "")
        rows.place_document(gone.id, path)
        rows.change_properties(gone.id, brought)
        if former:
            # What it had become (the `xxx.tmp` of the dance) is another document from now on.
            other = current or rows.add_document(former)
            rows.place_document(other.id, former)
            rows.change_properties(other.id, {**dict.fromkeys(brought), **own})
            rows.record_version(replace(gone, id=other.id, version=other.version or 1, created=other.created))
        if current and current.stamp and brings:
            stamped = next_stamp(current.stamped or 0, gone.stamped)
            rows.record_version(replace(current, id=gone.id, version=gone.version + 1, created=gone.created, stamped=stamped))
        self._bring_checkouts(rows, gone, former or path, path, principal, door)

    def _bring_checkouts(self, rows: Rows, gone: Document, former: str, path: str, principal: str, door: str) -> None:
        for lock in rows.locks_on([former]):
            if lock.document == gone.id:
                rows.reroot_lock(lock.token, path, gone.id)
        if gone.path is None and (ended := self._ended(rows, gone, path, principal)):
            rows.revive_lock(replace(ended, generation=rows.next_generation()))
            self.tell(rows, principal, door)
            rows.add_events([events.checked_out(ended)])

    def _ended(self, rows: Rows, gone: Document, path: str, principal: str) -> Lock | None:
        """The checkout that ended when its holder deleted the document a moment ago, as it could stand now at a path."""
        past = rows.ended_checkout(gone.id, principal, Ending.DELETED, self.seconds)
        if past is None:
            return None
        whose = (path, past.principal, past.door, past.since)
        lock = Lock(past.token, Kind.CHECKOUT, Scope.EXCLUSIVE, False, *whose, None, 0, "", gone.id, past.comment)
        standing = [other for other in rows.locks_on([*paths.ancestors(path), path]) if rules.covers(other, path)]
        return lock if rules.may_come_along(lock, principal, path, standing) else None


def _goes_on(document: Document, session: int | None) -> bool:
    return session is not None and session == document.session


def _is_held(locks: Iterable[Lock], document: Document) -> bool:
    return any(lock.document == document.id and rules.keeps_identity(lock) for lock in locks)
