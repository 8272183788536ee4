"""What these tests share: a library on a real folder, seen by one or more processes, and what a person would see of it."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from davlock import paths
from davlock.checkouts import CheckedIn
from davlock.conditions import Conditions, unconditionally
from davlock.documents import Tree
from davlock.library import Library
from davlock.model import Caller, Document, Draft, Kind, Lock, Note, Scope, Version, Wanted
from davlock.policy import Policy
from davlock.state.sqlite import SqliteState
from davlock.uploads import Upload

TUNNEL_SECONDS = 15
ALICE, BOB, ADMIN = Caller("alice"), Caller("bob"), Caller("root", admin=True)


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Seen:
    """All that anybody could see of a site: bytes (None for a folder), properties, locks, and which document is where.

    drafts: path, whose, bytes, and how its checkout ended. earlier: the bytes of the earlier versions, None for those not kept.
    ended: kind, holder and ending of the locks that a document had.
    """

    content: Mapping[str, bytes | None]
    properties: Mapping[str, Mapping[str, str]]
    locks: tuple[tuple[str, str, str, bool], ...]
    ids: Mapping[str, int]
    drafts: tuple[tuple[str, str, bytes, str], ...] = ()
    earlier: Mapping[str, tuple[bytes | None, ...]] = field(default_factory=dict)
    ended: Mapping[str, list[tuple[str, str, str, str]]] = field(default_factory=dict)


class Site:
    """A library as one process has it."""

    def __init__(self, root: Path, clock: Callable[[], float] | None = None, policy: Policy | None = None) -> None:
        self.root = root
        self.tree = Tree(root)
        self.tree.private.mkdir(exist_ok=True)
        file = self.tree.private / "state.db"
        self.state = SqliteState(file, clock) if clock else SqliteState(file)
        self.library = Library(self.state, self.tree, policy=policy, tunnel_seconds=TUNNEL_SECONDS)

    def close(self) -> None:
        self.library.close()

    # what people do, in few words

    def put(self, path: str, content: bytes, caller: Caller = ALICE, conditions: Conditions = unconditionally) -> str:
        """Returns the etag."""
        return self.library.write(paths.parse(path), io.BytesIO(content), len(content), caller, conditions).entry.etag

    def get(self, path: str, viewer: str = "") -> bytes:
        return content_of(self.library.open(path, viewer)[1])

    def mkcol(self, path: str, caller: Caller = ALICE) -> None:
        self.library.make_folder(paths.parse(path), caller)

    def delete(self, path: str, caller: Caller = ALICE) -> None:
        self.library.delete(path, caller)

    def move(self, path: str, to: str, caller: Caller = ALICE, overwrite: bool = True) -> bool:
        return self.library.move(path, paths.parse(to), caller, overwrite=overwrite)

    def copy(self, path: str, to: str, caller: Caller = ALICE, deep: bool = True) -> bool:
        return self.library.copy(path, paths.parse(to), caller, deep=deep)

    def patch(self, path: str, value: str | None, caller: Caller = ALICE, name: str = "{x}colour") -> None:
        self.library.change_properties(path, {name: value and f"<c xmlns='x'>{value}</c>"}, caller)

    def colour(self, path: str, name: str = "{x}colour") -> str | None:
        return self.seen().properties.get(path, {}).get(name, "<>").split(">")[1].split("<")[0] or None

    def lock(self, path: str, caller: Caller = ALICE, kind: Kind = Kind.LOCK, deep: bool = False, scope: Scope = Scope.EXCLUSIVE) -> Lock:
        return self.library.lock(paths.parse(path), Wanted(kind, path, scope, deep), caller).lock

    def unlock(self, path: str, caller: Caller = ALICE) -> None:
        """Ends the caller's lock on a path."""
        (lock,) = [lock for lock in self.library.all_locks() if lock.root == path and lock.principal == caller.principal]
        self.library.unlock(path, lock.token, caller)

    def check_out(self, path: str, caller: Caller = ALICE, comment: str = "") -> Lock:
        return self.library.check_out(path, caller, comment)

    def check_in(self, path: str, caller: Caller = ALICE, comment: str = "", keep: bool = False, content: bytes | None = None) -> CheckedIn:
        upload = None if content is None else Upload(io.BytesIO(content), len(content))
        return self.library.check_in(paths.parse(path), caller, Note(comment), keep, upload)

    def undo(self, path: str, caller: Caller = ALICE, reason: str = "") -> Lock:
        return self.library.undo(path, caller, reason)

    def restore(self, path: str, number: int, caller: Caller = ALICE, document: Document | None = None) -> None:
        self.library.archive.restore(document or self.document(path), number, paths.parse(path), caller)

    def document(self, path: str) -> Document:
        found = self.library.catalogue.document(path)
        assert found, f"nothing is known of {path}"
        return found

    def versions(self, path: str) -> list[Version]:
        return self.library.archive.versions(self.document(path))

    def contents(self, path: str) -> list[bytes | None]:
        """Of all versions, the first one first; None where it was not kept."""
        return [self.version_content(self.document(path), version.number) if version.is_kept else None for version in self.versions(path)]

    def version_content(self, document: Document, number: int) -> bytes:
        return content_of(self.library.archive.open_version(document, number)[1])

    def draft_content(self, id: int, caller: Caller = ALICE) -> bytes:
        return content_of(self.library.archive.open_draft(id, caller)[1])

    def rescued(self, caller: Caller = ALICE) -> list[Draft]:
        return [draft for draft in self.library.archive.drafts(caller) if draft.ended is not None]

    def endings(self, path: str) -> list[tuple[str, str, str, str]]:
        """What has ended on a document, the last one first: kind, whose, how, by whom."""
        return [(past.kind.value, past.principal, past.how.value, past.ended_by) for past in self.library.archive.history(path)]

    def names(self, folder: str = "/") -> list[str]:
        return sorted(entry.name for entry in self.library.listing(folder, ""))

    def id(self, path: str) -> int | None:
        with self.state.reading() as rows:
            document = rows.document(path)
        return document.id if document else None

    def version(self, path: str) -> int:
        with self.state.reading() as rows:
            document = rows.document(path)
        assert document
        return document.version

    def locks(self, path: str) -> list[tuple[str, str]]:
        """(kind, holder) of those on a path."""
        with self.state.reading() as rows:
            return [(lock.kind.value, lock.principal) for lock in rows.locks_on([path])]

    def with_tokens(self, principal: str = "alice") -> Caller:
        """Somebody who submits the tokens of all his locks."""
        return Caller(principal, frozenset(lock.token for lock in self.library.all_locks() if lock.principal == principal))

    def seen(self) -> Seen:
        content: dict[str, bytes | None] = {}
        folders = ["/"]
        for folder in folders:
            for entry in self.library.listing(folder, ""):
                content[entry.path] = None if entry.is_folder else self.get(entry.path)
                if entry.is_folder:
                    folders.append(entry.path)
        assert sorted(content) == sorted(f"/{path.relative_to(self.root)}" for path in files_in(self.root))
        with self.state.reading() as rows:
            documents = {each.path: each.id for each in rows.documents() if each.path}
            properties = {path: rows.properties(id) for path, id in documents.items() if rows.properties(id)}
            locks = sorted((lock.root, lock.kind.value, lock.principal, lock.deep) for lock in rows.locks())
        return Seen(content, properties, tuple(locks), documents, self._drafts(), self._earlier(content), self._ended(content))

    def _drafts(self) -> tuple[tuple[str, str, bytes, str], ...]:
        found = []
        for draft in self.library.archive.drafts(ADMIN):
            content = (self.root / ".davlock" / "drafts" / draft.file).read_bytes()
            with self.state.reading() as rows:
                checkout = rows.lock(draft.token)
            if draft.ended is None:
                assert checkout, "a draft that belongs to nobody"
                assert content == self.get(checkout.root, draft.principal), "the holder reads something else than his draft"
            found.append((checkout.root if checkout else draft.path, draft.principal, content, draft.how.value if draft.how else ""))
        return tuple(sorted(found))

    def _earlier(self, content: Mapping[str, bytes | None]) -> dict[str, tuple[bytes | None, ...]]:
        found: dict[str, tuple[bytes | None, ...]] = {}
        for path in content:
            if (document := self.library.catalogue.document(path)) and document.stamp:
                *earlier, newest = self.contents(path)
                assert newest == content[path], "the newest version is not the document"
                found |= {path: tuple(earlier)} if earlier else {}
        return found

    def _ended(self, content: Mapping[str, bytes | None]) -> dict[str, list[tuple[str, str, str, str]]]:
        return {path: self.endings(path) for path in content if self.endings(path)}

    def shelves(self) -> list[str]:
        """What is wrong with the kept versions and drafts: files that no row names, rows without their file."""
        private = self.root / ".davlock"
        with self.state.reading() as rows:
            versions = {f"versions/{each.document}-{each.number}" for each in rows.all_versions() if each.is_kept}
            drafts = {f"drafts/{each.file}" for each in rows.drafts()}
        there = {f"{shelf}/{name}" for shelf in ("versions", "drafts") for name in os.listdir(private / shelf)}
        named = versions | drafts
        return [f"missing: {name}" for name in sorted(named - there)] + [f"nobody's: {name}" for name in sorted(there - named)]

    def leftovers(self) -> list[str]:
        """What lies in the staging folders and in the trash, but for this process's own, empty folder."""
        private = self.root / ".davlock"
        found = [f"trash/{name}" for name in os.listdir(private / "trash")]
        for path in files_in(private / "staging"):
            own = path.name.removesuffix(".alive") == self.library._staging._home.name
            found += [] if own else [f"staging/{path.name}"]
        return found


class Bytes:
    """An upload of some blocks, that may end with an error."""

    def __init__(self, *blocks: bytes | Exception) -> None:
        self._blocks = list(blocks)

    def read(self, size: int, /) -> bytes:
        if not self._blocks:
            return b""
        block = self._blocks.pop(0)
        if isinstance(block, Exception):
            raise block
        if len(block) > size:
            self._blocks.insert(0, block[size:])
        return block[:size]


def content_of(fd: int) -> bytes:
    """All that an open file has; it is closed."""
    with os.fdopen(fd, "rb") as file:
        return file.read()


def files_in(folder: Path) -> list[Path]:
    """Everything below a folder, without davlock's own."""
    return [path for path in folder.rglob("*") if ".davlock" not in path.relative_to(folder).parts]


@dataclass
class Opener:
    """Opens the same folder once more, as another process or the next one would, perhaps with another configuration."""

    root: Path
    clock: Callable[[], float] | None
    opened: ExitStack = field(default_factory=ExitStack)

    def __call__(self, policy: Policy | None = None) -> Site:
        site = Site(self.root, self.clock, policy)
        self.opened.callback(site.close)
        return site


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_site(root: Path, clock: Clock) -> Iterator[Opener]:
    opener = Opener(root, clock)
    with opener.opened:
        yield opener


@pytest.fixture
def site(open_site: Opener) -> Site:
    return open_site()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own of 8 MiB. Only root can mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.fail(f"This test needs a small disk, and root's right to mount one: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
