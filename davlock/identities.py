"""Which document is which: ids that stay through rename, replacement and the save dances of Office (design §3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from davlock import rules
from davlock.model import Caller, Document, Entry, Lock
from davlock.state import Rows


@dataclass(frozen=True, slots=True)
class Identities:
    """seconds: for how long an identity that left a name comes back to it when the same principal fills the name again."""

    seconds: float = 15

    def identify(self, rows: Rows, path: str) -> Document:
        """The document at a path, which gets its id now if it has none."""
        return rows.document(path) or rows.add_document(path)

    def published(self, rows: Rows, old: Entry | None, new: Entry, sha256: str, caller: Caller) -> Document:
        """Records that a caller's bytes became the document; old is what stood there a moment before."""
        if old is None or rows.document(new.path) is None:
            self.returned(rows, new.path, caller.principal)
        document = self.identify(rows, new.path)
        changed_outside = old is not None and document.stamp is not None and document.stamp != old.stamp
        document = replace(
            document,
            version=document.version + (2 if changed_outside else 1),
            stamp=new.stamp,
            sha256=sha256,
            created=document.created or rows.now,
            changed=rows.now,
            changed_by=caller.principal,
            door=caller.door,
        )
        rows.record_version(document)
        return document

    def observed(self, rows: Rows, entry: Entry, by: str = "", door: str = "outside") -> Document | None:
        """What is known of a document, after what has become of it, underneath or by somebody, is its newest version."""
        document = rows.document(entry.path)
        stamp = None if entry.is_folder else entry.stamp
        if document is None or document.stamp is None or document.stamp == stamp:
            return document
        document = replace(document, version=document.version + 1, stamp=stamp, sha256=None, changed=rows.now, changed_by=by, door=door)
        rows.record_version(document)
        return document

    def deleted(self, rows: Rows, path: str, principal: str) -> None:
        """Takes every identity at and below a path off it; the one at the path itself may come back."""
        if at := rows.document(path):
            rows.place_document(at.id, None)
            rows.leave(at.id, path, principal)
        for below in rows.documents_below(path):
            rows.leave(below.id, "", "")  # nor to a name that it had before
        rows.retire_below(path)

    def moved(self, rows: Rows, source: str, target: str, principal: str) -> None:
        """Lets identities follow a move to a target that has none any more."""
        moving = rows.document(source)
        rows.rebase_documents(source, target)
        if moving:
            rows.leave(moving.id, source, principal)
        self.returned(rows, target, principal)

    def copied(self, rows: Rows, source: str, target: str) -> None:
        """Gives a copy the dead properties of its original (RFC 4918 §9.8.2)."""
        if original := rows.document(source):
            rows.copy_properties(original.id, self.identify(rows, target).id)

    def returned(self, rows: Rows, path: str, principal: str) -> None:
        """A name was filled: if an identity left it seconds ago by the same hand, it comes back, with all that hangs on it."""
        current, gone = rows.document(path), rows.left_lately(path, principal, self.seconds)
        returns = gone and not (current and (gone.id == current.id or _is_held(rows.locks_on([path]), current)))
        here = gone if returns else current
        # Checkouts of a document that has not come back are not of the one that has taken its place.
        rows.drop_locks(lock.token for lock in rows.locks_on([path]) if lock.document and not (here and lock.document == here.id))
        if gone and returns:
            self._bring_back(rows, gone, current, path)

    def _bring_back(self, rows: Rows, gone: Document, current: Document | None, path: str) -> None:
        """Puts an identity back on its name; the one that came there instead takes the place that it had meanwhile, if any."""
        former = gone.path
        own, brought = rows.properties(gone.id), rows.properties(current.id) if current else {}
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
            rows.record_version(replace(gone, id=other.id, version=other.version, created=other.created))
        if current and current.stamp:
            rows.record_version(replace(current, id=gone.id, version=gone.version + 1, created=gone.created))
        for lock in rows.locks_on([former or path]):
            if lock.document == gone.id:
                rows.reroot_lock(lock.token, path, gone.id)
                if rules.is_endless(lock.kind):
                    rows.renew_lock(lock.token, None)


def _is_held(locks: Iterable[Lock], document: Document) -> bool:
    return any(lock.document == document.id and rules.keeps_identity(lock) for lock in locks)
