"""The use cases all doors share: look, read, write, make, delete, copy, move, lock, and what hangs on a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from davlock import paths
from davlock.checks import Finding, inspect
from davlock.documents import Committer, Reserve, Staged, Staging, Tree
from davlock.documents.staging import Source
from davlock.errors import Exists, IsFolder, NotFound, TooLarge
from davlock.identities import Identities
from davlock.locks import LockManager
from davlock.model import Caller, Change, Entry, Kind, Lock, Wanted
from davlock.paths import Address
from davlock.state import Rows, State
from davlock.transfers import Conditions, Transfers, View, require_parent, unconditionally

MAX_PROPERTIES = 1024 * 1024  # characters, of one document: they are sent along with every listing that asks for everything


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a write: the document as it is now, and whether there was none before."""

    entry: Entry
    created: bool


@dataclass(frozen=True, slots=True)
class Granted:
    """A lock that was granted or renewed, and what a door tells of it.

    created: whether an empty document was made to hold it (RFC 4918 §9.10.4). is_folder: what its root is.
    others: the other locks that cover its root. now: the state's clock, Unix seconds.
    """

    lock: Lock
    created: bool
    is_folder: bool
    others: tuple[Lock, ...]
    now: float


class Library:
    """Documents, locks and properties of one served folder. max_upload: bytes in one document, 0 for no limit."""

    def __init__(self, state: State, tree: Tree, locks: LockManager, identities: Identities, max_upload: int = 0) -> None:
        self._state, self._tree, self._locks, self._identities = state, tree, locks, identities
        self._max_upload = max_upload
        self._staging = Staging(tree)
        self._reserve = Reserve(tree.private / "reserve")
        self._committer = Committer(tree, self._staging)
        self._transfers = Transfers(state, tree, self._staging, self._committer, locks, identities)

    # looking

    def look(self, path: str) -> Entry | None:
        """What stands at a path, or None. Raises Forbidden for what is never served."""
        return self._tree.look(path)

    def listing(self, path: str) -> Iterator[Entry]:
        """The members of a folder. Raises NotFound."""
        return self._tree.listing(path)

    def open(self, path: str) -> tuple[Entry, int]:
        """A document and a file descriptor, for the caller to close, on exactly the bytes it describes."""
        return self._tree.open(path)

    def reading(self) -> AbstractContextManager[Rows]:
        """One consistent look at locks and properties."""
        return self._state.reading()

    def check_conditions(self, conditions: Conditions) -> None:
        """Evaluates a reader's conditions. Raises PreconditionFailed."""
        with self._state.reading() as rows:
            conditions(View(rows, self._tree, self._locks))

    def covering(self, rows: Rows, path: str) -> list[Lock]:
        """All locks that cover a path."""
        return self._locks.on(rows, path)

    def space(self) -> tuple[int, int]:
        """Bytes used and bytes still available where the documents are (RFC 4331)."""
        return self._tree.space()

    # writing

    def write(self, at: Address, source: Source, length: int | None, caller: Caller, conditions: Conditions = unconditionally) -> Written:
        """Stage, guard, commit (design §3): the bytes of source become the document, whole, or nothing happens.

        length: bytes announced, None if unknown. Raises Locked, LockLost, PreconditionFailed, IncompleteBody, TooLarge, StorageFull,
        ParentMissing, IsFolder. What can be refused before the body is read, is.
        """
        with self._state.reading() as rows:
            _, leaned_on = self._permit_write(rows, at, caller, conditions, frozenset())
        with self._staging.stage(source, length, self._max_upload) as staged, self._transfers.deciding() as rows:
            old, _ = self._permit_write(rows, at, caller, conditions, leaned_on)
            new = self._publish(rows, staged, at)
            self._identities.published(rows, old, new, staged.sha256 or "", caller)
        return Written(new, old is None)

    def make_folder(self, at: Address, caller: Caller, conditions: Conditions = unconditionally) -> None:
        """A new folder. Raises Exists, ParentMissing, Locked, PreconditionFailed."""
        with self._staging.stage_folder() as staged, self._transfers.deciding() as rows:
            view = View(rows, self._tree, self._locks)
            conditions(view)
            if view.entry(at.path):
                raise Exists("Something has this name already.")
            require_parent(self._tree, at.path)
            self._locks.guard(rows, Change(at.path, membership=True), caller)
            rows.if_undone(self._committer.make_folder(staged, at))

    def delete(self, path: str, caller: Caller, conditions: Conditions = unconditionally) -> None:
        """Removes a document, or a folder with everything in it, or nothing. Raises NotFound, Locked, PreconditionFailed."""
        self._reserve.spend(lambda: self._transfers.delete(path, caller, conditions))

    def move(self, path: str, to: Address, caller: Caller, conditions: Conditions = unconditionally, overwrite: bool = True) -> bool:
        """Renames; returns whether something was replaced. Raises NotFound, Locked, IntoItself, ParentMissing, PreconditionFailed."""
        return self._transfers.move(path, to, caller, conditions, overwrite)

    def copy(
        self,
        path: str,
        to: Address,
        caller: Caller,
        conditions: Conditions = unconditionally,
        overwrite: bool = True,
        deep: bool = True,
    ) -> bool:
        """Copies; returns whether something was replaced. Raises what move() raises."""
        return self._transfers.copy(path, to, caller, conditions, overwrite, deep)

    def change_properties(
        self, path: str, changes: Mapping[str, str | None], caller: Caller, conditions: Conditions = unconditionally
    ) -> None:
        """Sets (XML of the element) or removes (None) dead properties by Clark name, all or none.

        Raises NotFound, Locked, PreconditionFailed, and TooLarge when they would be more than MAX_PROPERTIES characters.
        """
        with self._transfers.deciding() as rows:
            view = View(rows, self._tree, self._locks)
            entry = view.entry(path)
            if entry is None:
                raise NotFound("There is nothing under this name.")
            conditions(view)
            self._locks.guard(rows, Change(path), caller)
            document = self._identities.identify(rows, path)
            rows.change_properties(document.id, changes)
            if sum(len(name) + len(xml) for name, xml in rows.properties(document.id).items()) > MAX_PROPERTIES:
                raise TooLarge(f"The properties of one document can have at most {MAX_PROPERTIES} characters together.")

    # locks

    def lock(self, at: Address, wanted: Wanted, caller: Caller, conditions: Conditions = unconditionally) -> Granted:
        """Grants a lock on a document, a folder, or a name that gets an empty document by it. Raises Conflict, Locked."""
        with self._transfers.deciding() as rows:
            view = View(rows, self._tree, self._locks)
            entry = view.entry(at.path)
            conditions(view)
            if entry:
                return self._acquire(rows, entry, wanted, caller)
        return self._lock_new(at, wanted, caller, conditions)

    def refresh(self, path: str, caller: Caller, timeout: float | None, conditions: Conditions = unconditionally) -> Granted:
        """Renews the caller's submitted locks for timeout seconds (None: the default). Raises NoSuchLock, NotHolder."""

        def renew() -> Granted:
            with self._transfers.deciding() as rows:
                view = View(rows, self._tree, self._locks)
                conditions(view)
                lock = self._locks.refresh(rows, path, caller, timeout)[0]
                entry = view.entry(lock.root)
                return self._granted(rows, lock, is_folder=entry is not None and entry.is_folder)

        return self._reserve.spend(renew)

    def unlock(self, path: str, token: str, caller: Caller, conditions: Conditions = unconditionally) -> Lock:
        """Ends the caller's lock, whatever has become of the document. Raises NoSuchLock, NotHolder."""

        def release() -> Lock:
            with self._transfers.deciding() as rows:
                conditions(View(rows, self._tree, self._locks))
                return self._locks.release(rows, path, token, caller)

        return self._reserve.spend(release)

    def break_lock(self, token: str, caller: Caller, reason: str) -> Lock:
        """Ends anybody's lock, recorded with the reason. Raises NoSuchLock, Forbidden."""
        with self._transfers.deciding() as rows:
            return self._locks.break_(rows, token, caller, reason)

    def all_locks(self) -> list[Lock]:
        """Every lock that stands, by path."""
        with self._state.reading() as rows:
            return rows.locks()

    # looking after

    def recover(self) -> list[str]:
        """Settles what processes that died have left; returns what was done, in sentences. Serve only afterwards."""
        done = self._transfers.recover()
        self._reserve.keep()
        return done

    def check(self) -> Iterator[Finding]:
        """Verifies documents, locks and journal, and repairs what can be."""
        return inspect(self._state, self._tree, self._transfers, self._identities)

    def close(self) -> None:
        """Gives back what this process holds in the folder and in the state."""
        self._staging.close()
        self._state.close()
        self._tree.close()

    def _permit_write(
        self, rows: Rows, at: Address, caller: Caller, conditions: Conditions, leaned_on: frozenset[int]
    ) -> tuple[Entry | None, frozenset[int]]:
        view = View(rows, self._tree, self._locks)
        entry = view.entry(at.path)
        conditions(view)
        if entry and entry.is_folder:
            raise IsFolder("This is a folder; only a document has content that can be written.")
        if entry is None:
            require_parent(self._tree, at.path)
        change = Change(at.path, membership=entry is None)
        return entry, self._locks.guard(rows, change, caller, leaned_on)

    def _acquire(self, rows: Rows, entry: Entry, wanted: Wanted, caller: Caller) -> Granted:
        if wanted.kind is not Kind.LOCK:
            if entry.is_folder:
                raise IsFolder("A folder cannot be checked out; only its documents can.")
            wanted = replace(wanted, document=self._identities.identify(rows, entry.path).id)
        self._identities.observed(rows, entry)
        return self._granted(rows, self._locks.acquire(rows, wanted, caller), entry.is_folder)

    def _granted(self, rows: Rows, lock: Lock, is_folder: bool, created: bool = False) -> Granted:
        others = tuple(other for other in self._locks.on(rows, lock.root) if other.token != lock.token)
        return Granted(lock, created, is_folder, others, rows.now)

    def _lock_new(self, at: Address, wanted: Wanted, caller: Caller, conditions: Conditions) -> Granted:
        granted: list[Granted] = []
        with self._staging.stage(_Nothing(), 0) as staged:

            def decide(rows: Rows) -> None:
                view = View(rows, self._tree, self._locks)
                conditions(view)
                if entry := view.entry(at.path):  # somebody was quicker: then it is an ordinary lock
                    granted.append(self._acquire(rows, entry, wanted, caller))
                    return
                require_parent(self._tree, at.path)
                self._locks.guard(rows, Change(at.path, membership=True), caller)
                lock = self._locks.acquire(rows, wanted, caller)
                self._identities.published(rows, None, self._publish(rows, staged, at), staged.sha256 or "", caller)
                granted.append(self._granted(rows, lock, is_folder=False, created=True))

            self._transfers.create(at, staged, caller, decide)
        return granted[0]

    def _publish(self, rows: Rows, staged: Staged, at: Address) -> Entry:
        folder = paths.parent(at.path)
        rows.if_undone(self._committer.publish(staged, at))
        rows.before_commit(folder, lambda: self._committer.sync(folder))
        entry = self._tree.look(at.path)
        if entry is None:
            raise NotFound("Another program has just removed this on the server.")
        return entry


class _Nothing:
    """An empty upload."""

    def read(self, size: int, /) -> bytes:
        return b""
