"""Saves by dance into a checkout: content that its holder moves or copies onto the document, instead of writing it (design §2, §3).

Word and Explorer write a temporary file, move the original away, move the temporary onto its name, and delete the original. While
the document is checked out, what arrives is its draft, and the published content stays at, or comes back to, its name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from davlock import rules
from davlock.documents import Drafting, Staged, Staging, Tree
from davlock.drafts import Drafts
from davlock.identities import Identities
from davlock.journal import Operation
from davlock.model import Caller, Ending, Entry, Intent
from davlock.paths import Address
from davlock.state import Rows


@dataclass(frozen=True, slots=True)
class Saves:
    """Finds such saves, and settles them."""

    tree: Tree
    staging: Staging
    drafting: Drafting
    identities: Identities
    drafts: Drafts

    def operations(self) -> dict[str, Operation]:
        """What the journal needs, by kind of intent."""
        return {"save": Operation(self.drafting, self._settle)}

    def intended(
        self, rows: Rows, id: str, to: Address, stands: Entry | None, caller: Caller, content: Entry | Staged | None
    ) -> Intent | None:
        """The intent, if content (an entry that is moved, or something staged) that arrives at a path is to become the caller's draft.

        stands: what is at the path. content None: the document only comes back to its name, with the draft that it has.
        """
        source = content.path if isinstance(content, Entry) else ""
        if isinstance(content, Entry) and (content.is_folder or any(map(rules.travels, rows.locks_on([source])))):
            return None
        where = self._where(rows, to, stands, caller)
        if where is None:
            return None
        spelling, inode, details = where
        staged = content.file.name if isinstance(content, Staged) else ""
        kept = details | {"sha256": self._sha256(rows, content) if content else ""}
        whose = (caller.principal, caller.door, self.staging.home.name, staged)
        return Intent(id, "save", source, to.path, spelling, inode, stands is not None, *whose, json.dumps(kept))

    def _where(self, rows: Rows, to: Address, stands: Entry | None, caller: Caller) -> tuple[str, int, dict[str, str]] | None:
        """Spelling and inode of what will stand at the path, and where it is now."""
        if stands:
            checkout = None if stands.is_folder else rules.checkout_of(to.path, caller.principal, rows.locks_on([to.path]))
            return (stands.name, stands.inode, {"former": "", "kept": ""}) if checkout else None
        returning = self.identities.returning(rows, to.path, caller.principal)
        if returning is None:
            return None
        document = returning[0]
        if document.path is None:
            kept = self.identities.versions.kept(document)
            return to.spelling, kept.stat().st_ino, {"former": "", "kept": kept.name}
        inode = self.tree.inode(document.path)
        return (to.spelling, inode, {"former": document.path, "kept": ""}) if inode else None

    def _sha256(self, rows: Rows, content: Entry | Staged) -> str:
        if isinstance(content, Staged):
            return content.sha256 or ""
        known = rows.document(content.path)
        return known.sha256 or "" if known and known.stamp == content.stamp else ""

    def _settle(self, rows: Rows, intent: Intent) -> None:
        """Makes the rows say what the renames have done."""
        source, target = intent.source, intent.target
        if source:
            self._settle_source(rows, intent)
        elif not intent.replaces:
            self.identities.returned(rows, target, intent.principal, intent.door, brings=False)
        self.identities.tell(rows, intent.principal, intent.door)
        checkout = rules.checkout_of(target, intent.principal, rows.locks_on([target]))
        seen = self.drafts.shelf.look(intent.id)
        if seen is None:  # nothing arrived: the document has only come back
            return
        sha256 = json.loads(intent.details)["sha256"]
        if checkout:
            self.drafts.record(rows, checkout, intent.id, seen.st_size, sha256, intent.door)
        else:  # it has ended between a crash and now
            document = self.identities.identify(rows, target)
            self.drafts.rescue(rows, document.id, target, intent.principal, intent.id, seen.st_size, sha256, intent.door)

    def _settle_source(self, rows: Rows, intent: Intent) -> None:
        source, target = intent.source, intent.target
        rows.end_locks([lock.token for lock in rows.locks_on([source])], Ending.MOVED, intent.principal)
        if not intent.replaces:
            self.identities.moved(rows, source, target, intent.principal, intent.door, brings=False)
        elif arrived := rows.document(source):
            # As in any move onto a document: it brings its dead properties along.
            rows.change_properties(self.identities.identify(rows, target).id, rows.properties(arrived.id))
            self.identities.deleted(rows, source, "")
