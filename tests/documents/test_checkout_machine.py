"""Random sequences of everything that three people and another program can do with documents under source control, on a real folder,
against an oracle that is written from the law. After every step everybody must see, hold and have kept exactly what the oracle says.

DAVLOCK_STEPS: how many steps, for a longer search than the one in the suite.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from davlock import paths
from davlock.conditions import View, unconditionally
from davlock.documents import Tree
from davlock.errors import DavlockError, LockLost, PreconditionFailed
from davlock.library import Library
from davlock.model import Caller, Document, Draft, Kind, Lock, Note, Scope, Wanted
from davlock.uploads import Upload
from tests.core.test_oracle import Hasty
from tests.documents.checkout_oracle import TUNNEL_SECONDS, Doc, Held, Oracle, Rescued, Version, Why, tolerate
from tests.documents.conftest import Clock

T = TypeVar("T")
STEPS = int(os.environ.get("DAVLOCK_STEPS", "1500"))
STEPS_IN_A_ROW = 50
PEOPLE = ["alice", "bob", "carol"]
ADMIN = "carol"
FOLDERS = ["/", "/f", "/g"]
DOCUMENTS = ["/a.docx", "/b.docx", "/t.tmp", "/f/a.docx", "/f/t.tmp", "/g/a.docx", "/g/t.tmp"]

WHO = st.sampled_from(["alice", "alice", "bob", "carol"])
WHERE = st.sampled_from(["/a.docx"] * 4 + ["/b.docx"] * 2 + ["/t.tmp"] * 2 + ["/f/a.docx"] * 2 + ["/f/t.tmp", "/g/a.docx", "/g/t.tmp"])
ANYWHERE = st.one_of(WHERE, WHERE, st.sampled_from(["/f", "/g"]))
ANY = st.integers(0, 1000)
MEANWHILE = st.sampled_from(["break", "break", "write", "check out", "wait", "delete", "change"])
LOCKED = st.sampled_from(["/", "/f", "/g", *DOCUMENTS, "/a.docx", "/a.docx"])
YES_MOSTLY = st.sampled_from([True, True, True, False])
COMMENT = st.sampled_from(["", "", "why"])


class SlowUpload(io.BytesIO):
    """An upload while which something happens."""

    def __init__(self, content: bytes, meanwhile: Callable[[], None]) -> None:
        super().__init__(content)
        self._meanwhile = meanwhile

    def read(self, size: int | None = -1, /) -> bytes:
        meanwhile, self._meanwhile = self._meanwhile, lambda: None
        meanwhile()
        return super().read(size)


class SourceControl(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="machine", dir=os.environ.get("DAVLOCK_MACHINE_DIR")))
        self.clock = Clock()
        self.oracle = Oracle(self.clock.now)
        self.ever: list[Held] = []
        self.written = 0
        self.contents: set[bytes] = set()
        self.rescued: list[tuple[int, Rescued]] = []
        self.etags: dict[str, bytes] = {}
        self.libraries = [self.opened(), self.opened()]
        self.turn = 0

    def opened(self) -> Library:
        tree = Tree(self.root)
        tree.private.mkdir(exist_ok=True)
        return Library(Hasty(tree.private / "state.db", self.clock), tree, tunnel_seconds=TUNNEL_SECONDS)

    def teardown(self) -> None:
        for library in self.libraries:
            library.close()
        shutil.rmtree(self.root)

    @property
    def library(self) -> Library:
        """Of the processes that serve the folder, the one whose turn it is."""
        return self.libraries[self.turn % len(self.libraries)]

    @initialize()
    def begin(self) -> None:
        self.make_folder("alice", "/f", False)
        self.write("alice", "/a.docx", "all", "")
        self.write("bob", "/f/a.docx", "all", "")

    # what people do

    @rule(aim=ANY, who=WHO, path=WHERE, submits=YES_MOSTLY, condition=st.sampled_from(["", "", "", "now", "former"]))
    def write_something(self, aim: int, who: str, path: str, submits: bool, condition: str) -> None:
        self.write(*self.aimed(aim, who, path), submits, condition)

    def write(self, who: str, path: str, submits: bool, condition: str) -> None:
        caller, content = self.begin_step(who, submits), self.content(who)
        conditions, holds = self.if_match(who, path, condition)
        why = (
            self.oracle.write(path, who, caller.tokens, content)
            if holds
            else {PreconditionFailed, *self.oracle.why_not_write(path, who, caller.tokens)}
        )
        self.attempt(why, lambda: self.library.write(paths.parse(path), io.BytesIO(content), len(content), caller, conditions))

    @rule(aim=ANY, who=WHO, path=WHERE, submits=YES_MOSTLY, which=ANY, meanwhile=MEANWHILE,
          checks_in=st.booleans())  # fmt: skip
    def write_slowly(self, aim: int, who: str, path: str, submits: bool, which: int, meanwhile: str, checks_in: bool) -> None:
        """'A lock granted during the upload wins.' 'What was written under a lock that was broken or has expired is refused.'"""
        who, path = self.aimed(aim, who, path)
        caller, content = self.begin_step(who, submits), self.content(who)
        oracle, others = self.oracle, [each for each in PEOPLE if each != who]
        checks_in = checks_in and bool(oracle.checkout_of(path, who))
        before = oracle.why_not_check_in(path, who, caller.tokens) if checks_in else oracle.why_not_write(path, who, caller.tokens)
        leaned_on = oracle.leaning(path, who, caller.tokens, not oracle.exists(path))
        if checks_in:
            leaned_on = [lock for lock in leaned_on if lock.kind == "CHECKOUT"]
        why: Why = set(before)

        def happen() -> None:
            other = others[which % len(others)]
            if meanwhile == "break" and leaned_on:
                self.break_(-1 - self.ever.index(leaned_on[which % len(leaned_on)]), ADMIN, "because")
            elif meanwhile == "write":
                self.write(other, path, True, "")
            elif meanwhile == "check out":
                self.check_out(other, path, "")
            elif meanwhile == "wait":
                self.pass_time(601)
            elif meanwhile == "delete":
                self.delete(other, path, True)
            elif meanwhile == "change":
                self.change_outside(path, False)
            lost = [lock for lock in leaned_on if lock not in oracle.alive()]
            if lost:
                why.add(LockLost)
                why.update(
                    oracle.why_not_check_in(path, who, caller.tokens) if checks_in else oracle.why_not_write(path, who, caller.tokens)
                )
            elif checks_in:
                why.update(oracle.check_in(path, who, caller.tokens, "slowly", False, content))
            else:
                why.update(oracle.write(path, who, caller.tokens, content))

        source = SlowUpload(content, happen)
        library = self.library
        if checks_in:
            self.attempt(why, lambda: library.check_in(paths.parse(path), caller, Note("slowly"), content=Upload(source, len(content))))
        else:
            self.attempt(why, lambda: library.write(paths.parse(path), source, len(content), caller))

    @rule(aim=ANY, who=WHO, path=ANYWHERE, submits=YES_MOSTLY)
    def delete_something(self, aim: int, who: str, path: str, submits: bool) -> None:
        self.delete(*self.aimed(aim, who, path), submits)

    def delete(self, who: str, path: str, submits: bool) -> None:
        caller = self.begin_step(who, submits)
        self.attempt(self.oracle.delete(path, who, caller.tokens), lambda: self.library.delete(path, caller))

    @rule(aim=ANY, onto=st.booleans(), who=WHO, path=ANYWHERE, to=ANYWHERE, submits=YES_MOSTLY)
    def move_something(self, aim: int, onto: bool, who: str, path: str, to: str, submits: bool) -> None:
        if onto:
            (_, to), source = self.aimed(aim, who, to), path
            self.move(who, source, to, submits)
        else:
            self.move(*self.aimed(aim, who, path), to, submits)

    def move(self, who: str, path: str, to: str, submits: bool) -> None:
        caller = self.begin_step(who, submits)
        if self.is_one_file(path, to):  # which is refused, see docs/architecture.md
            return
        self.attempt(self.oracle.move(path, to, who, caller.tokens), lambda: self.library.move(path, paths.parse(to), caller))

    def is_one_file(self, *names: str) -> bool:
        """Whether a save dance has left a second link under its temporary name."""
        there = [self.root / name[1:] for name in names]
        return all(file.is_file() for file in there) and there[0].samefile(there[1])

    @rule(aim=ANY, onto=st.booleans(), who=WHO, path=ANYWHERE, to=ANYWHERE, submits=YES_MOSTLY)
    def copy_something(self, aim: int, onto: bool, who: str, path: str, to: str, submits: bool) -> None:
        if onto:
            (_, to), source = self.aimed(aim, who, to), path
            self.copy(who, source, to, submits)
        else:
            self.copy(*self.aimed(aim, who, path), to, submits)

    def copy(self, who: str, path: str, to: str, submits: bool) -> None:
        caller = self.begin_step(who, submits)
        self.attempt(self.oracle.copy(path, to, who, caller.tokens), lambda: self.library.copy(path, paths.parse(to), caller))

    @precondition(lambda self: not {"/f", "/g"} <= self.oracle.folders)
    @rule(who=WHO, path=st.sampled_from(["/f", "/g"]), submits=YES_MOSTLY)
    def make_folder(self, who: str, path: str, submits: bool) -> None:
        caller = self.begin_step(who, submits)
        self.attempt(self.oracle.make_folder(path, who, caller.tokens), lambda: self.library.make_folder(paths.parse(path), caller))

    @rule(
        who=WHO,
        path=st.sampled_from(["/a.docx", "/f/a.docx"]),
        dance=st.sampled_from(["away and onto", "onto", "delete", "write"]),
        waits=st.sampled_from([0, 0, 20]),
        holds=st.booleans(),
    )
    def save_by_dance(self, who: str, path: str, dance: str, waits: float, holds: bool) -> None:
        """What Word and Explorer do, from beginning to end."""
        if holds:
            self.check_out(who, path, "for a save")
        temporary = paths.join(paths.parent(path), "t.tmp")
        if dance != "write":
            self.write(who, temporary, True, "")
        if dance == "delete":
            self.delete(who, path, True)
        if dance in ("away and onto", "write"):
            self.move(who, path, "/b.docx", True)
        self.compare()
        if waits:
            self.pass_time(waits)
        if dance == "write":
            self.write(who, path, True, "")
        else:
            self.move(who, temporary, path, True)
        self.compare()
        if dance in ("away and onto", "write"):
            self.delete(who, "/b.docx", True)

    @rule(who=WHO, path=ANYWHERE, comment=COMMENT)
    def check_out_something(self, who: str, path: str, comment: str) -> None:
        there = sorted(doc.path for doc in self.oracle.docs if doc.path and doc.disk is not None)
        self.check_out(who, path if path in there or not there else there[len(path) % len(there)], comment)

    def check_out(self, who: str, path: str, comment: str) -> None:
        caller = self.begin_step(who)
        lock = self.attempt(self.oracle.check_out(path, who, comment), lambda: self.library.check_out(path, caller, comment))
        if lock:
            held = self.oracle.checkout_of(path, who)
            assert held
            self.learn(held, lock)

    @rule(
        aim=ANY, who=WHO, path=WHERE, submits=YES_MOSTLY, comment=COMMENT, keep=st.booleans(), brings=st.sampled_from([False, False, True])
    )
    def check_in(self, aim: int, who: str, path: str, submits: bool, comment: str, keep: bool, brings: bool) -> None:
        who, path = self.checked_out(aim, who, path)
        caller, content = self.begin_step(who, submits), self.content(who) if brings else None
        checkout = self.oracle.checkout_on(path)
        is_new = brings or bool(checkout and checkout.draft is not None)
        why = self.oracle.check_in(path, who, caller.tokens, comment, keep, content)
        upload = None if content is None else Upload(io.BytesIO(content))
        done = self.attempt(why, lambda: self.library.check_in(paths.parse(path), caller, Note(comment), keep, upload))
        if done:
            assert (done.is_new, bool(done.lock)) == (is_new, keep)

    @rule(aim=ANY, forced=st.booleans(), who=WHO, path=WHERE, reason=COMMENT)
    def undo(self, aim: int, forced: bool, who: str, path: str, reason: str) -> None:
        holder, path = self.checked_out(aim, who, path)
        who = who if forced else holder
        caller = self.begin_step(who)
        self.attempt(self.oracle.undo(path, who, reason, caller.admin), lambda: self.library.undo(path, caller, reason))

    @precondition(lambda self: self.rescued)
    @rule(who=WHO, own=YES_MOSTLY, which=ANY, writes=st.booleans())
    def apply(self, who: str, own: bool, which: int, writes: bool) -> None:
        id, rescued = self.rescued[-1 - which % len(self.rescued)]
        who = rescued.who if own else who
        if writes and rescued.doc.path:
            self.check_out(who, rescued.doc.path, "")
            self.write(who, rescued.doc.path, True, "")
        caller = self.begin_step(who)
        lock = self.attempt(
            self.oracle.apply(rescued, who, caller.tokens, caller.admin), lambda: self.library.archive.apply_draft(id, caller)
        )
        if lock:
            held = self.oracle.checkout_of(lock.root, who)
            assert held
            self.learn(held, lock)

    @rule(who=WHO, path=WHERE, which=ANY, submits=YES_MOSTLY, elsewhere=st.sampled_from(["", "", "/b.docx"]))
    def restore(self, who: str, path: str, which: int, submits: bool, elsewhere: str) -> None:
        caller = self.begin_step(who, submits)
        library = self.library
        document = library.catalogue.document(path) or library.archive.deleted(path)
        doc = self.known(document) if document else None
        kept = [version for version in doc.versions if version.kept and version.number] if doc else []
        if document is None or doc is None or not kept:
            return
        if not doc.is_noticed:
            doc.notice()
            return
        version, at = kept[which % len(kept)], elsewhere or path
        if at != path and any(lock.doc is doc for lock in self.oracle.alive()):
            return  # an EDIT that waits at the old name for its document
        why = self.oracle.restore(doc, version, at, who, caller.tokens, f"Version {version.number} restored")
        self.attempt(why, lambda: library.archive.restore(document, version.number, paths.parse(at), caller))

    @rule(who=WHO, path=LOCKED, shared=st.booleans(), deep=st.booleans(), submits=YES_MOSTLY,
          timeout=st.sampled_from([None, 2, 100]))  # fmt: skip
    def lock(self, who: str, path: str, shared: bool, deep: bool, submits: bool, timeout: float | None) -> None:
        caller = self.begin_step(who, submits)
        held = Held("LOCK", not shared, deep, path, who, self.clock.now + (timeout or 600))
        wanted = Wanted(Kind.LOCK, path, Scope.SHARED if shared else Scope.EXCLUSIVE, deep, timeout)
        granted = self.attempt(self.oracle.lock(held, caller.tokens), lambda: self.library.lock(paths.parse(path), wanted, caller))
        if granted:
            self.learn(held, granted.lock)

    @rule(who=WHO, path=WHERE, timeout=st.sampled_from([None, 2, 100]))
    def edit(self, who: str, path: str, timeout: float | None) -> None:
        caller = self.begin_step(who)
        if not self.oracle.at(path):
            return
        held = Held("EDIT", True, False, path, who, self.clock.now + (timeout or 600))
        wanted = Wanted(Kind.EDIT, path, timeout=timeout)
        granted = self.attempt(self.oracle.edit(held), lambda: self.library.lock(paths.parse(path), wanted, caller))
        if granted:
            self.learn(held, granted.lock)

    @precondition(lambda self: self.ever)
    @rule(which=ANY, own=YES_MOSTLY, who=WHO)
    def refresh(self, which: int, own: bool, who: str) -> None:
        held = self.ever[-1 - which % len(self.ever)]
        caller = self.begin_step(held.who if own else who)
        why = self.oracle.refreshed(held, caller.principal)
        self.attempt(why, lambda: self.library.refresh(held.root, Caller(caller.principal, frozenset([held.token])), 100))
        if not why and held.kind != "CHECKOUT":
            held.ends = self.clock.now + 100

    @precondition(lambda self: self.ever)
    @rule(which=ANY, own=YES_MOSTLY, who=WHO)
    def unlock(self, which: int, own: bool, who: str) -> None:
        held = self.ever[-1 - which % len(self.ever)]
        caller = self.begin_step(held.who if own else who)
        self.attempt(self.oracle.release(held, caller.principal), lambda: self.library.unlock(held.root, held.token, caller))

    @precondition(lambda self: self.ever)
    @rule(which=ANY, who=WHO, reason=st.sampled_from(["", "because", "because"]))
    def break_(self, which: int, who: str, reason: str) -> None:
        held = self.ever[-1 - which % len(self.ever)]
        caller = self.begin_step(who)
        self.attempt(self.oracle.break_(held, reason, caller.admin), lambda: self.library.break_lock(held.token, caller, reason))

    # what else happens

    @rule(path=WHERE, in_place=st.booleans())
    def change_outside(self, path: str, in_place: bool) -> None:
        """By another program on the server."""
        self.begin_step("")
        if paths.parent(path) not in self.oracle.folders or path in self.oracle.folders:
            return
        content = self.content("outside")
        self.oracle.change_outside(path, content)
        file = self.root / path[1:]
        if file.exists() and (not in_place or file.stat().st_nlink > 1):
            file.unlink()  # one with two names is both, and what is written into one of them is in both
        file.write_bytes(content)
        now = time.time_ns()
        os.utime(file, ns=(now, now))

    @rule(seconds=st.sampled_from([1, 5, 14, 16, 30, 601]))
    def pass_time(self, seconds: float) -> None:
        self.begin_step("", seconds=seconds)

    @rule()
    def restart(self) -> None:
        self.begin_step("")
        self.library.close()
        self.libraries[self.turn % 2] = self.opened()
        assert self.library.upkeep.recover() == []
        self.library.upkeep.tidy()

    @rule()
    def check(self) -> None:
        self.begin_step("")
        damage = [found for found in self.library.upkeep.check() if not found.problem.startswith("was changed by another program")]
        assert damage == []

    @rule(path=WHERE)
    def look_back(self, path: str) -> None:
        """'Everything that was ever published can be seen', by asking for it, which notices what other programs have done."""
        self.begin_step("")
        doc = self.oracle.at(path)
        if doc is None:
            return
        document = self.library.catalogue.identify(path)
        doc.notice()
        self.compare_versions(doc, document)

    # what must be so after every step

    @invariant()
    def compare(self) -> None:
        self.compare_contents()
        self.compare_locks()
        self.compare_drafts()
        self.compare_documents()
        self.compare_conservation()

    def compare_contents(self) -> None:
        for who in PEOPLE:
            for path in DOCUMENTS:
                entry, expected = self.library.look(path, who), self.oracle.shown(path, who)
                assert (entry is not None and not entry.is_folder) == (expected is not None), f"{path} to {who}"
                if expected is None:
                    continue
                read, fd = self.library.open(path, who)
                with os.fdopen(fd, "rb") as file:
                    assert file.read() == expected, f"{path} to {who}"
                assert read == entry
                assert read.size == len(expected)
                assert self.etags.setdefault(f"{path} {read.etag}", expected) == expected, "'changes with every change of content'"
        for folder in FOLDERS:
            assert self.library.is_folder(folder) == (folder in self.oracle.folders)
            if folder not in self.oracle.folders:
                continue
            members = {path for path in {*DOCUMENTS, *FOLDERS} - {"/"} if paths.parent(path) == folder and self.oracle.exists(path)}
            for who in PEOPLE:
                assert {entry.path: entry for entry in self.library.listing(folder, who)} == {
                    path: self.library.look(path, who) for path in members
                }

    def compare_locks(self) -> None:
        alive = self.oracle.alive()
        assert {seen(lock) for lock in self.library.all_locks()} == {told(held) for held in alive}
        for one in alive:
            for other in self.oracle.protecting(one.root):
                assert one is other or tolerate(one, other), "two share what they must not"

    def compare_drafts(self) -> None:
        drafts = self.library.archive.drafts(Caller(ADMIN, admin=True))
        standing = {draft.token: draft for draft in drafts if draft.ended is None}
        expected = {held.token: held for held in self.oracle.alive() if held.draft is not None}
        assert standing.keys() == expected.keys()
        rescued = [draft for draft in drafts if draft.ended is not None]
        self.rescued = [(id, each) for id, each in self.rescued if each in self.oracle.rescued]
        for draft in rescued:
            self.find(draft)
        assert len(rescued) == len(self.rescued)
        assert {id(each) for _, each in self.rescued} == {id(each) for each in self.oracle.rescued}
        files = {draft.file for draft in drafts}
        assert set(os.listdir(self.root / ".davlock/drafts")) == files

    def find(self, draft: Draft) -> None:
        """Which rescued draft it is, once for ever."""
        with os.fdopen(self.library.archive.open_draft(draft.id, Caller(ADMIN, admin=True))[1], "rb") as file:
            content = file.read()
        known = dict(self.rescued)
        if draft.id not in known:
            free = [each for each in self.oracle.rescued if not any(each is other for other in known.values())]
            (found,) = [each for each in free if (each.content, each.who, each.how) == (content, draft.principal, draft.how)][:1]
            self.rescued.append((draft.id, found))
            known[draft.id] = found
        rescued = known[draft.id]
        assert (rescued.content, rescued.who, rescued.how) == (content, draft.principal, draft.how)
        self.same(rescued.doc, draft.document)

    def compare_documents(self) -> None:
        with self.library.reading() as rows:
            found = {doc.path: rows.document(doc.path) for doc in self.oracle.docs if doc.path}
        for doc in self.oracle.docs:
            document = found[doc.path] if doc.path else self.library.catalogue.document_with(doc.id) if doc.id else None
            if document is None:
                assert not doc.id, f"{doc} is forgotten"
                continue
            self.same(doc, document.id)
            assert document.path == doc.path
            entry = self.library.look(doc.path, "") if doc.path else None
            if doc.path is None or (entry and entry.stamp == document.stamp):
                doc.notice()
                self.compare_versions(doc, document)

    def compare_versions(self, doc: Doc, document: Document) -> None:
        versions = [version for version in self.library.archive.versions(document) if version.is_kept]
        shown = []
        for found in versions:
            _, fd = self.library.archive.open_version(document, found.number)
            with os.fdopen(fd, "rb") as file:
                shown.append(file.read())
        expected: list[Version] = []
        for version in doc.versions:
            at = len(expected)
            is_there = at < len(shown) and version.content == shown[at] and version.number in (0, versions[at].number)
            if version.kept or (version.kept is None and is_there):
                expected.append(version)
        assert shown == [version.content for version in expected]
        assert [found.size for found in versions] == [len(version.content) for version in expected]
        for found, version in zip(versions, expected, strict=True):
            version.number = version.number or found.number
            assert found.number == version.number, "'1, 2, 3 …'"
            assert version.who in (None, found.changed_by)
            assert found.comment == version.comment
        numbers = [version.number for version in self.library.archive.versions(document)]
        assert numbers == sorted(set(numbers))
        assert not numbers or numbers[0] > 0

    def compare_conservation(self) -> None:
        """Of the oracle: what was written is somewhere, unless it was replaced in a way that the law names."""
        oracle = self.oracle
        there = {doc.disk for doc in oracle.docs} | {version.content for doc in oracle.docs for version in doc.versions if version.kept}
        there |= {held.draft for held in oracle.held} | {rescued.content for rescued in oracle.rescued}
        assert self.contents - there - oracle.lost - {b""} == set()

    # on the way

    def begin_step(self, who: str, submits: bool = True, seconds: float = 0.25) -> Caller:
        """Time passes, and somebody comes, with all the tokens he ever had, or with none."""
        self.turn += 1
        self.clock.now += seconds
        self.oracle.now = self.clock.now
        return Caller(who, frozenset(held.token for held in self.ever if submits and held.who == who), admin=who == ADMIN)

    def aimed(self, aim: int, who: str, path: str) -> tuple[str, str]:
        """Somebody and a path; rather the holder and the path of a checkout or an EDIT, or at least where something is."""
        checkouts = [lock for lock in self.oracle.alive() if lock.travels]
        there = sorted(doc.path for doc in self.oracle.docs if doc.path and doc.disk is not None)
        if aim % 4 > 1 and checkouts:
            lock = checkouts[aim // 4 % len(checkouts)]
            return lock.who, lock.root
        return who, there[aim // 4 % len(there)] if aim % 4 and there and not self.oracle.exists(path) else path

    def checked_out(self, aim: int, who: str, path: str) -> tuple[str, str]:
        """The holder and the path of a checkout, mostly; which comes about now if there is none."""
        if aim % 4 and not [lock for lock in self.oracle.alive() if lock.kind == "CHECKOUT"]:
            self.check_out(who, path, "")
            self.write(who, path, True, "")
        checkouts = [lock for lock in self.oracle.alive() if lock.kind == "CHECKOUT"]
        lock = checkouts[aim // 4 % len(checkouts)] if aim % 4 and checkouts else None
        return (lock.who, lock.root) if lock else (who, path)

    def content(self, who: str) -> bytes:
        """Such as nobody has written before, of any size."""
        self.written += 1
        return f"{self.written} by {who}".encode() + b"." * (self.written % 3)

    def if_match(self, who: str, path: str, condition: str) -> tuple[Callable[[View], None], bool]:
        """A condition, and whether it holds."""
        if not condition:
            return unconditionally, True
        now = self.library.look(path, who)
        former = [each.partition(" ")[2] for each in self.etags if each.startswith(f"{path} ")]
        etag = now.etag if now and condition == "now" else next((each for each in former if not now or each != now.etag), "")

        def check(view: View) -> None:
            entry = view.entry(path)
            if entry is None or entry.etag != etag:
                raise PreconditionFailed("It is another one.")

        return check, now is not None and now.etag == etag

    def attempt(self, why: Why, action: Callable[[], T]) -> T | None:
        try:
            done = action()
        except DavlockError as error:
            assert type(error) in why, f"refused with {error!r}, expected: {why or 'success'}"
            return None
        assert not why, f"should have been refused: {why}"
        return done

    def learn(self, held: Held, lock: Lock) -> None:
        held.token = held.token or lock.token
        if held not in self.ever:
            self.ever.append(held)

    def known(self, document: Document) -> Doc | None:
        return next((doc for doc in self.oracle.docs if doc.id == document.id), None)

    def same(self, doc: Doc, id: int) -> None:
        """'A stable positive int32 per document.'"""
        doc.id = doc.id or id
        assert (doc.id, id > 0) == (id, True)
        assert [each.id for each in self.oracle.docs].count(id) == 1


def seen(lock: Lock) -> tuple[object, ...]:
    ends = float("inf") if lock.expires is None else lock.expires
    return (lock.token, lock.kind, lock.scope is Scope.EXCLUSIVE, lock.deep, lock.root, lock.principal, ends, lock.comment)


def told(held: Held) -> tuple[object, ...]:
    return (held.token, held.kind, held.exclusive, held.deep, held.root, held.who, held.ends, held.comment)


TestSourceControl = SourceControl.TestCase
TestSourceControl.settings = settings(
    phases=[Phase[p] for p in os.environ.get("DAVLOCK_PHASES", "explicit reuse generate target shrink").split()],
    report_multiple_bugs=False,
    max_examples=STEPS // STEPS_IN_A_ROW,
    stateful_step_count=STEPS_IN_A_ROW,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
