"""What must become of documents, drafts, versions and locks, in plain lists: written from the sentences of design §2 and §3 and of
issue 3, which it quotes, and knowing nothing of davlock's rules, rows and files.

Everything compares everything with everything. Each act returns why it must be refused, and does what it does if there is no reason.
Whatever is forgotten on purpose goes through lose(): nothing else may ever get lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from davlock import errors

TUNNEL_SECONDS = 15
NEVER = -math.inf
NOWHERE = ("", "", NEVER)
Why = set[type[errors.DavlockError]]


@dataclass(eq=False)
class Held:
    """A lock. doc: of a checkout or an EDIT, which are on a document. draft: what was written under a checkout. Times in seconds."""

    kind: str
    exclusive: bool
    deep: bool
    root: str
    who: str
    ends: float = math.inf
    doc: Doc | None = None
    comment: str = ""
    draft: bytes | None = None
    token: str = ""
    deleted: float = NEVER  # when it ended because its holder deleted the document

    @property
    def travels(self) -> bool:
        """'A DAV LOCK is on the URL and does not travel with MOVE. A CHECKOUT or EDIT is on the document and travels with it.'"""
        return self.kind != "LOCK"


@dataclass(eq=False)
class Version:
    """who: None where nobody can say (another program). kept: None if another program has overwritten it: then it may be.
    number: as it was first seen.
    """

    content: bytes
    who: str | None = None
    comment: str = ""
    session: Held | None = None
    kept: bool | None = True
    number: int = 0


@dataclass(eq=False)
class Doc:
    """A document, wherever it is: path is None after it was deleted. disk: what its file contains. versions: the last is the newest,
    as far as anybody has looked since another program changed the file. left: path, by whom, when.
    """

    path: str | None
    disk: bytes | None = None
    versions: list[Version] = field(default_factory=list)
    is_noticed: bool = True
    left: tuple[str, str, float] = NOWHERE
    id: int = 0

    @property
    def is_known(self) -> bool:
        """'Given when first needed': whether it has an identity already."""
        return bool(self.id) or any(version.who for version in self.versions)

    def notice(self) -> None:
        """'A file changed by another program underneath … becomes the current version at the next look.'"""
        if not self.is_noticed and self.disk is not None:
            self.versions.append(Version(self.disk))
            self.is_noticed = True


@dataclass(eq=False)
class Rescued:
    """'Undo drops the draft into a rescue area, never into nothing.'"""

    doc: Doc
    content: bytes
    who: str
    how: str
    of: Held


@dataclass
class Oracle:
    now: float
    folders: set[str] = field(default_factory=lambda: {"/"})
    docs: list[Doc] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    rescued: list[Rescued] = field(default_factory=list)
    ended: list[Held] = field(default_factory=list)
    lost: set[bytes] = field(default_factory=set)

    # what is where

    def row(self, path: str) -> Doc | None:
        return next((doc for doc in self.docs if doc.path == path), None)

    def at(self, path: str) -> Doc | None:
        found = self.row(path)
        return found if found and found.disk is not None else None

    def exists(self, path: str) -> bool:
        return path in self.folders or self.at(path) is not None

    def shown(self, path: str, who: str) -> bytes | None:
        """'The holder reads the draft back through any door; everybody else reads the last published version.'"""
        doc, own = self.at(path), self.checkout_of(path, who)
        return own.draft if doc and own and own.draft is not None else doc.disk if doc else None

    def alive(self) -> list[Held]:
        """'Locks expire by the clock of the state database and by nothing else.'"""
        return [lock for lock in self.held if self.now < lock.ends]

    def checkout_on(self, path: str) -> Held | None:
        return next((lock for lock in self.alive() if lock.kind == "CHECKOUT" and lock.root == path), None)

    def checkout_of(self, path: str, who: str) -> Held | None:
        found = self.checkout_on(path)
        return found if found and found.who == who else None

    # who may

    def protecting(self, path: str) -> list[Held]:
        return [lock for lock in self.alive() if lock.root == path or (lock.deep and below(path, lock.root))]

    def in_the_way(self, new: Held) -> list[Held]:
        """Of a lock that is wanted."""
        near = [lock for lock in self.alive() if lock in self.protecting(new.root) or (new.deep and below(lock.root, new.root))]
        return [lock for lock in near if not tolerate(lock, new)]

    def stopping(self, path: str, who: str, tokens: frozenset[str], tree: bool = False, membership: bool = False) -> list[Held]:
        """'LOCK … same principal and the submitted token; EDIT, CHECKOUT … the principal.' Of shared ones, one of one's own."""
        places = [path] + [parent(path)] * membership
        if tree:
            places += [lock.root for lock in self.alive() if below(lock.root, path)]
            # What is in it, or will be, may be shared by fewer than itself: by those of its locks that are deep.
            places += [f"{place}/any" for place in places if place == path or below(place, path)]
        found = []
        for place in places:
            locks = self.protecting(place)
            shared = [lock for lock in locks if not lock.exclusive]
            found += [lock for lock in locks if lock.exclusive and not shows(lock, who, tokens)]
            if not any(shows(lock, who, tokens) for lock in shared):
                found += shared
        return found

    def leaning(self, path: str, who: str, tokens: frozenset[str], membership: bool) -> list[Held]:
        """The caller's own locks that a write is permitted by when it begins."""
        places = [path] + [parent(path)] * membership
        return [lock for place in places for lock in self.protecting(place) if shows(lock, who, tokens)]

    # write, delete, move, copy

    def why_not_write(self, path: str, who: str, tokens: frozenset[str]) -> Why:
        why: Why = set()
        if path in self.folders:
            why.add(errors.IsFolder)
        if parent(path) not in self.folders:
            why.add(errors.ParentMissing)
        if self.stopping(path, who, tokens, membership=not self.exists(path)):
            why.add(errors.Locked)
        return why

    def write(self, path: str, who: str, tokens: frozenset[str], content: bytes, comment: str = "") -> Why:
        if why := self.why_not_write(path, who, tokens):
            return why
        session = next((lock for lock in self.protecting(path) if lock.kind != "CHECKOUT" and shows(lock, who, tokens)), None)
        self.store(path, who, content, comment, session)
        return set()

    def store(self, path: str, who: str, content: bytes, comment: str = "", session: Held | None = None) -> None:
        if self.becomes_draft(path, who, content):
            return
        stands = self.at(path)
        was_known = stands is not None and stands.is_known
        if stands and not was_known and self.gone(path, who, stands):
            # Another program has put something there, which nobody has asked for yet: it is a version of what comes back.
            stands.path, doc = None, self.comes_back(path, who) or stands
            doc.disk, doc.is_noticed, stands.disk = stands.disk, False, None
        else:
            doc = stands or self.comes_back(path, who) or self.row(path) or self.new(path)
        if not was_known:
            self.end_strays(doc)
        self.publish(doc, content, who, comment, session)

    def becomes_draft(self, path: str, who: str, content: bytes | None, arriving: Doc | None = None) -> bool:
        """'While a CHECKOUT stands, what its holder writes through any door goes to the draft.'

        Also if the document, checked out, has left this name a moment ago and comes back to it by this.
        """
        own = self.checkout_of(path, who) if self.at(path) else None
        if own is None and not self.exists(path):
            gone = self.gone(path, who, arriving)
            if gone is None or not self.checkout_back(gone, path, who):
                return False
            self.bring_back(gone, path, who, arriving, brings=False)
            own = self.checkout_of(path, who)
        elif own and arriving:
            arriving.notice()
            arriving.versions.pop()
            self.retire(arriving)
        if own is None:
            return False
        if content is not None:
            self.lose(own.draft)
            own.draft = content
        return True

    def publish(self, doc: Doc, content: bytes, who: str, comment: str = "", session: Held | None = None) -> None:
        """'One per publication, and one per editing session: further writes under the same lock replace that session's version.'"""
        assert doc.path
        doc.notice()
        number = 0
        if session and doc.disk is not None and doc.versions[-1].session is session:
            number = doc.versions[-1].number
            self.lose(doc.versions.pop().content)
        elif doc.disk is not None:
            self.file(doc, doc.path)
        doc.versions.append(Version(content, who, comment, session, number=number))
        doc.disk = content

    def file(self, doc: Doc, path: str) -> None:
        """'Kept content is the file that was replaced. Scratch files get no versions.'"""
        doc.notice()
        if is_scratch(path) and doc.versions:
            self.lose(doc.versions.pop().content)

    def delete(self, path: str, who: str, tokens: frozenset[str]) -> Why:
        """'DELETE by others is refused, by the holder ends the checkout with the draft rescued.'"""
        why: Why = set()
        if not self.exists(path):
            why.add(errors.NotFound)
        if self.stopping(path, who, tokens, tree=True, membership=True):
            why.add(errors.Locked)
        if why:
            return why
        for lock in self.alive():
            # An EDIT waits for its document to come back, which Office does within the second; a checkout comes back with it.
            if (lock.root == path and lock.kind != "EDIT") or below(lock.root, path):
                lock.deleted = self.now
                self.end(lock, "deleted")
        self.take_off(path, who)
        return set()

    def take_off(self, path: str, who: str) -> None:
        """What stands at a path leaves it."""
        if doc := self.row(path):
            # Of a scratch file that nobody has asked for yet there is nothing that could come back.
            left = (path, who, self.now) if doc.disk is not None and (doc.is_known or not is_scratch(path)) else NOWHERE
            self.file(doc, path)
            self.retire(doc, left)
        for doc in [doc for doc in self.docs if doc.path and below(doc.path, path)]:
            self.file(doc, doc.path or "")
            if doc.versions and doc.versions[-1].who is None:  # never published through a door, perhaps never looked at
                doc.versions[-1].kept = None if doc.versions[-1].kept else False
                self.lose(doc.versions[-1].content)
            self.retire(doc)
        self.folders = {folder for folder in self.folders if folder != path and not below(folder, path)}

    def move(self, source: str, target: str, who: str, tokens: frozenset[str]) -> Why:
        why = self.why_not_transfer(source, target, who, tokens)
        if self.stopping(source, who, tokens, tree=True, membership=True):
            why.add(errors.Locked)
        if why:
            return why
        doc = self.at(source)
        leaving = [lock for lock in self.alive() if lock.root == source or below(lock.root, source)]
        travelling = [lock for lock in leaving if lock.travels]
        # 'The save dance on a checked-out document keeps id, history and checkout.'
        if doc and not travelling and self.becomes_draft(target, who, doc.disk or b"", doc):
            self.end_all([lock for lock in leaving if lock.root == source], "moved")
            return set()
        ending = [lock for lock in self.alive() if below(lock.root, target)]
        if travelling or not doc:
            ending += [lock for lock in self.alive() if lock.root == target and lock.travels]
        for lock in travelling:
            there = replace(lock, root=rebased(lock.root, source, target))
            if any(not tolerate(other, there) for other in self.protecting(there.root) if other not in ending + leaving):
                return {errors.Conflict}
        self.end_all(ending, "replaced")
        self.end_all([lock for lock in leaving if not lock.travels], "moved")
        for lock in travelling:
            lock.root = rebased(lock.root, source, target)
        self.take_off(target, who)
        self.rebase(source, target)
        if doc:
            doc.notice()
            doc.left = (source, who, self.now)
            self.end_strays(self.comes_back(target, who, doc) or doc)
        return set()

    def copy(self, source: str, target: str, who: str, tokens: frozenset[str]) -> Why:
        """'Copies no locks'; of what the caller sees."""
        if why := self.why_not_transfer(source, target, who, tokens):
            return why
        content = self.shown(source, who)
        members = {doc.path: doc.disk for doc in self.docs if doc.path and below(doc.path, source) and doc.disk is not None}
        folders = {rebased(folder, source, target) for folder in self.folders if folder == source or below(folder, source)}
        if content is not None and target not in self.folders:
            onto = self.at(target)
            if onto and not self.checkout_of(target, who):
                onto.left = NOWHERE  # it is taken off this name, and comes back to it: it has not left any other lately
            self.store(target, who, content)
            return set()
        self.end_all([lock for lock in self.alive() if below(lock.root, target) or (lock.root == target and lock.travels)], "replaced")
        self.take_off(target, who)
        self.folders |= folders
        if content is not None:
            doc = self.comes_back(target, who) or self.new(target)
            self.end_strays(doc)
            self.publish(doc, content, who)
        for path, disk in members.items():  # they are identified when that is first needed: then nobody knows who has copied them
            self.new(rebased(path, source, target)).disk = disk
            self.docs[-1].is_noticed = False
        return set()

    def why_not_transfer(self, source: str, target: str, who: str, tokens: frozenset[str]) -> Why:
        why: Why = set()
        if not self.exists(source):
            why.add(errors.NotFound)
        if source == target or below(target, source) or below(source, target):
            why.add(errors.IntoItself)
        if parent(target) not in self.folders:
            why.add(errors.ParentMissing)
        if self.stopping(target, who, tokens, tree=True, membership=not self.exists(target)):
            why.add(errors.Locked)
        return why

    def make_folder(self, path: str, who: str, tokens: frozenset[str]) -> Why:
        why: Why = set()
        if self.exists(path):
            why.add(errors.Exists)
        if parent(path) not in self.folders:
            why.add(errors.ParentMissing)
        if self.stopping(path, who, tokens, membership=True):
            why.add(errors.Locked)
        if not why:
            self.folders.add(path)
        return why

    # check out, check in, undo

    def check_out(self, path: str, who: str, comment: str) -> Why:
        why = self.why_not_on_document(Held("CHECKOUT", True, False, path, who))
        if not why and not self.checkout_of(path, who):
            # 'A second CHECKOUT of the same principal succeeds and changes nothing.'
            self.held.append(Held("CHECKOUT", True, False, path, who, doc=self.noticed(path), comment=comment))
        return why

    def edit(self, new: Held) -> Why:
        if why := self.why_not_on_document(new):
            return why
        new.doc = self.noticed(new.root)
        self.held.append(new)
        return set()

    def why_not_on_document(self, new: Held) -> Why:
        if new.root in self.folders:
            return {errors.IsFolder}
        if not self.at(new.root):
            return {errors.NotFound}
        own = self.checkout_of(new.root, new.who) if new.kind == "CHECKOUT" else None
        return {errors.Conflict} if [lock for lock in self.in_the_way(new) if lock is not own] else set()

    def why_not_check_in(self, path: str, who: str, tokens: frozenset[str]) -> Why:
        """'It is refused while a session (LOCK or EDIT) stands on the document, … unless the caller submits that token.'"""
        checkout = self.checkout_on(path)
        if checkout is None:
            return {errors.NotCheckedOut}
        if checkout.who != who:
            return {errors.NotHolder}
        sessions = [lock for lock in self.protecting(path) if lock.kind != "CHECKOUT"]
        if any(lock.who != who or lock.token not in tokens for lock in sessions):
            return {errors.StillOpen}
        if self.stopping(path, who, tokens, membership=not self.exists(path)):
            return {errors.Locked}
        return set() if parent(path) in self.folders else {errors.ParentMissing}

    def check_in(self, path: str, who: str, tokens: frozenset[str], comment: str, keep: bool, content: bytes | None) -> Why:
        """'Publishes draft → version in one commit'; 'check-in without a write makes no version'."""
        if why := self.why_not_check_in(path, who, tokens):
            return why
        checkout = self.checkout_on(path)
        assert checkout
        assert checkout.doc
        if content is not None:
            self.lose(checkout.draft)
            checkout.draft = content
        if checkout.draft is not None:
            self.publish(checkout.doc, checkout.draft, who, comment or checkout.comment)
            checkout.draft = None
        if not keep:
            self.end(checkout, "checked in")
        return set()

    def undo(self, path: str, who: str, reason: str, admin: bool) -> Why:
        """'A forced undo needs the right for it, a reason, and is recorded.'"""
        checkout = self.checkout_on(path)
        if checkout is None:
            return {errors.NotCheckedOut}
        if checkout.who == who:
            self.end(checkout, "undone")
        elif not admin:
            return {errors.NotHolder}
        elif not reason:
            return {errors.BadRequest}
        else:
            self.end(checkout, "broken")
        return set()

    def apply(self, rescued: Rescued, who: str, tokens: frozenset[str], admin: bool) -> Why:
        """'The former holder can get the draft back'; what he has written meanwhile is rescued instead."""
        if rescued not in self.rescued:
            return {errors.NotFound}
        if rescued.who != who and not admin:
            return {errors.Forbidden}
        path = rescued.doc.path
        if path is None or rescued.doc.disk is None:
            return {errors.NotFound}
        if why := self.why_not_on_document(Held("CHECKOUT", True, False, path, who)):
            return why
        if self.stopping(path, who, tokens):
            return {errors.Locked}
        self.check_out(path, who, "")
        checkout = self.checkout_of(path, who)
        assert checkout
        self.rescue(checkout, "replaced")
        self.rescued.remove(rescued)
        checkout.draft = rescued.content
        return set()

    def restore(self, doc: Doc, version: Version, path: str, who: str, tokens: frozenset[str], comment: str) -> Why:
        """'Restore any version (as a new version)'; a document that was deleted comes back by that."""
        if doc.path is None and not self.why_not_write(path, who, tokens):
            doc.left = (path, who, self.now)
        return self.write(path, who, tokens, version.content, comment)

    # locks

    def lock(self, new: Held, tokens: frozenset[str]) -> Why:
        """'… on a URL path, mapped or not.'"""
        why: Why = set()
        if self.in_the_way(new):
            why.add(errors.Conflict)
        if not self.exists(new.root):
            if parent(new.root) not in self.folders:
                why.add(errors.ParentMissing)
            if self.stopping(new.root, new.who, tokens, membership=True):
                why.add(errors.Locked)
            gone = self.gone(new.root, new.who)
            if gone and self.checkout_back(gone, new.root, new.who):
                coming = [lock for lock in self.alive() if gone.path and lock.root == gone.path and lock.kind != "LOCK"]
                if not all(tolerate(lock, new) for lock in coming):
                    why.add(errors.Conflict)
        if why:
            return why
        # Nothing is written by it: a document that comes back to this name has the draft that it had.
        if not self.exists(new.root) and not self.becomes_draft(new.root, new.who, None):
            self.store(new.root, new.who, b"", session=new)
        self.held.append(new)
        return set()

    def named(self, lock: Held, who: str) -> Why:
        """Whether somebody may refresh or end a lock."""
        if lock not in self.alive():
            return {errors.NoSuchLock}
        return set() if lock.who == who else {errors.NotHolder}

    def refreshed(self, lock: Held, who: str) -> Why:
        """The same of a refresh; of a lock that has ended, whoever holds the document since is named."""
        others = [other for other in self.protecting(lock.root) if other.who != who]
        return {errors.NotHolder} if lock not in self.alive() and others else self.named(lock, who)

    def release(self, lock: Held, who: str) -> Why:
        if not (why := self.named(lock, who)):
            self.end(lock, "released")
        return why

    def break_(self, lock: Held, reason: str, admin: bool) -> Why:
        if lock not in self.alive():
            return {errors.NoSuchLock}
        if not admin:
            return {errors.Forbidden}
        if not reason:
            return {errors.BadRequest}
        self.end(lock, "broken")
        return set()

    # other programs

    def change_outside(self, path: str, content: bytes) -> None:
        """Puts a file there, or overwrites it: what was in it is gone."""
        doc = self.row(path) or self.new(path)
        if doc.disk is not None:
            self.lose(doc.disk)
            if doc.is_noticed:
                doc.versions[-1].kept = None
        doc.disk, doc.is_noticed = content, False

    # how it hangs together

    def noticed(self, path: str) -> Doc:
        doc = self.at(path)
        assert doc
        doc.notice()
        return doc

    def new(self, path: str) -> Doc:
        self.docs.append(Doc(path))
        return self.docs[-1]

    def lose(self, content: bytes | None) -> None:
        if content is not None:
            self.lost.add(content)

    def end(self, lock: Held, how: str) -> None:
        self.held.remove(lock)
        self.ended.append(lock)
        self.rescue(lock, how)

    def end_all(self, locks: list[Held], how: str) -> None:
        for lock in locks:
            self.end(lock, how)

    def rescue(self, lock: Held, how: str) -> None:
        if lock.draft is not None:
            assert lock.doc
            self.rescued.append(Rescued(lock.doc, lock.draft, lock.who, how, lock))
            lock.draft = None

    def retire(self, doc: Doc, left: tuple[str, str, float] = NOWHERE) -> None:
        doc.path, doc.disk, doc.left = None, None, left

    def rebase(self, source: str, target: str) -> None:
        for doc in self.docs:
            if doc.path and (doc.path == source or below(doc.path, source)):
                doc.path = rebased(doc.path, source, target)
        moved = {folder for folder in self.folders if folder == source or below(folder, source)}
        self.folders = (self.folders - moved) | {rebased(folder, source, target) for folder in moved}

    def end_strays(self, doc: Doc) -> None:
        """A checkout is on a document: not on another one that has come to the name where it was."""
        self.end_all([lock for lock in self.alive() if lock.root == doc.path and lock.travels and lock.doc is not doc], "replaced")

    # 'An identity that leaves a name comes back to it if the name is filled again within seconds by the same principal.'

    def gone(self, path: str, who: str, arriving: Doc | None = None) -> Doc | None:
        """The one that would come back, unless what arrives is itself held: then that is what the name stands for."""
        here = arriving or self.row(path)
        lately = [doc for doc in self.docs if doc.left[:2] == (path, who) and self.now - doc.left[2] <= TUNNEL_SECONDS]
        found = max(lately, key=lambda doc: doc.left[2], default=None)
        if found is None or found is here or any(lock.travels and lock.doc is here for lock in self.alive() if here):
            return None
        bringing = [lock for lock in self.alive() if lock.travels and lock.doc is found]
        # Nobody's checkout is taken away with its document, and none gets to where it could not stand.
        there = [lock for lock in self.protecting(path) if lock not in bringing]
        may = all(lock.who == who and all(tolerate(lock, other) for other in there) for lock in bringing)
        return found if may else None

    def checkout_back(self, gone: Doc, path: str, who: str) -> Held | None:
        """The checkout that comes back with a document: it stands, or has ended when its holder deleted it a moment ago."""
        if gone.path:
            return self.checkout_of(gone.path, who)
        return self.revivable(gone, path, who) if gone.versions and not is_scratch(gone.left[0]) else None

    def revivable(self, gone: Doc, path: str, who: str) -> Held | None:
        ended = [lock for lock in self.ended if lock.doc is gone and lock.who == who and lock.kind == "CHECKOUT"]
        ended = [lock for lock in ended if self.now - lock.deleted <= TUNNEL_SECONDS]
        if not ended or any(not tolerate(other, ended[-1]) for other in self.protecting(path)):
            return None
        return ended[-1]

    def comes_back(self, path: str, who: str, arrived: Doc | None = None) -> Doc | None:
        gone = self.gone(path, who, arrived)
        if gone:
            self.bring_back(gone, path, who, arrived, brings=True)
        return gone

    def bring_back(self, gone: Doc, path: str, who: str, arrived: Doc | None, brings: bool) -> None:
        """brings: whether what has arrived is its newest version; else what it was keeps, or gets back, its name.

        Where it was meanwhile stays what it was, as another document.
        """
        former, revived = gone.path, None if gone.path else self.revivable(gone, path, who)
        newest = Version(b"")
        if arrived:
            arrived.notice()
            newest = arrived.versions.pop()
            self.retire(arrived)
        if former:
            other = arrived or self.new(former)
            other.path, other.disk, other.is_noticed = former, gone.disk, gone.is_noticed
            other.versions.append(replace(gone.versions[-1], number=0, session=None))
        gone.path, gone.left = path, NOWHERE
        if not brings:
            gone.disk = gone.disk or gone.versions[-1].content
        else:
            gone.is_noticed = True  # what another program has done is where it was
            if former:
                self.file(gone, path)
            gone.disk = None
            if arrived:
                gone.versions.append(replace(newest, number=0))
                gone.disk = newest.content
        for lock in self.alive():
            if lock.doc is gone:
                lock.root = path
        if revived:
            self.revive(revived, path)

    def revive(self, lock: Held, path: str) -> None:
        self.ended.remove(lock)
        self.held.append(lock)
        lock.root, lock.deleted = path, NEVER
        for rescued in [rescued for rescued in self.rescued if rescued.of is lock and rescued.how == "deleted"]:
            lock.draft = rescued.content
            self.rescued.remove(rescued)


def tolerate(one: Held, other: Held) -> bool:
    """'May coexist: shared LOCKs of anybody; a CHECKOUT with LOCKs and EDITs of the same principal, in either order.
    Everything else conflicts.'"""
    if not one.exclusive and not other.exclusive:
        return True
    return one.who == other.who and sorted([one.kind, other.kind]) in (["CHECKOUT", "LOCK"], ["CHECKOUT", "EDIT"])


def shows(lock: Held, who: str, tokens: frozenset[str]) -> bool:
    return lock.who == who and (lock.kind != "LOCK" or lock.token in tokens)


def parent(path: str) -> str:
    return path.rsplit("/", 1)[0] or "/"


def below(path: str, folder: str) -> bool:
    return path != folder and path.startswith(folder.rstrip("/") + "/")


def rebased(path: str, source: str, target: str) -> str:
    return target + path[len(source) :]


def is_scratch(path: str) -> bool:
    return path.endswith(".tmp")
