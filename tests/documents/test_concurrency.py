"""Many at once, in threads and in processes: one wins, nobody reads half, nothing gets lost."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from davlock import paths
from davlock.conditions import View
from davlock.documents import Committer, Staging
from davlock.documents.commit import Undo
from davlock.errors import DavlockError, Exists, Locked, NotFound, ParentMissing, PreconditionFailed
from davlock.model import Caller, Intent
from davlock.state.sqlite import SqliteState
from tests.documents.conftest import ALICE, BOB, Opener, Site

PROCESSES, THREADS = 3, 4


def processes(root: Path, count: int, work: Callable[[Site, int], int]) -> list[int]:
    """Runs work(site, number) in that many processes at once; returns what they return, 0 to 99."""
    ready, go = os.pipe()
    children = []
    for number in range(count):
        child = os.fork()
        if not child:
            os.close(go)
            status = 111
            try:
                site = Site(root)
                os.read(ready, 1)  # until all are there: the end of the pipe
                status = work(site, number)
            finally:
                os._exit(status)
        children.append(child)
    os.close(go)
    os.close(ready)
    results = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert max(results) < 100, "a process has failed"
    return results


def threads(site: Site, work: Callable[[Site, int], int]) -> int:
    """Runs work(site, number) in some threads at once; returns the sum of what they return."""
    gate = threading.Barrier(THREADS)

    def run(number: int) -> int:
        gate.wait()
        return work(site, number)

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(run, range(THREADS)))


def if_none_match(path: str) -> Callable[[View], None]:
    def condition(view: View) -> None:
        if view.entry(path):
            raise PreconditionFailed("It is there.")

    return condition


def if_match(path: str, etag: str) -> Callable[[View], None]:
    def condition(view: View) -> None:
        entry = view.entry(path)
        if not entry or entry.etag != etag:
            raise PreconditionFailed("It is another one.")

    return condition


def once(action: Callable[[], object]) -> int:
    try:
        action()
    except (PreconditionFailed, Exists, NotFound):
        return 0
    return 1


ROUNDS = 3
CONTESTS: dict[str, Callable[[Site, int, int], object]] = {
    "put": lambda site, number, round: site.put(f"/{round}.txt", f"{number}".encode(), conditions=if_none_match(f"/{round}.txt")),
    "mkcol": lambda site, number, round: site.mkcol(f"/{round}"),
    "delete": lambda site, number, round: site.delete(f"/old{round}.txt"),
    "move": lambda site, number, round: site.move(f"/old{round}.txt", f"/{number}-{round}.txt"),
    "move-onto-one": lambda site, number, round: site.move(f"/old{number}-{round}.txt", f"/{round}.txt", overwrite=False),
    "copy-onto-one": lambda site, number, round: site.library.copy(
        f"/old{round}.txt", paths.parse(f"/{round}.txt"), ALICE, overwrite=False
    ),
}


@pytest.mark.parametrize("contest", CONTESTS)
def test_exactly_one_of_twelve_wins(site: Site, open_site: Opener, contest: str) -> None:
    compete = CONTESTS[contest]
    for round in range(ROUNDS):
        for name in (f"old{round}", *(f"old{number}-{round}" for number in range(12))):
            (site.root / f"{name}.txt").write_text(name)

    def in_process(site: Site, process: int) -> int:
        def in_thread(site: Site, thread: int) -> int:
            number = process * THREADS + thread
            return sum(once(partial(compete, site, number, round)) << 2 * round for round in range(ROUNDS))

        return threads(site, in_thread)

    won = processes(site.root, PROCESSES, in_process)
    assert sum(won) == 0b010101, "one winner in each of three rounds"
    assert site.library.upkeep.recover() == []
    assert list(site.library.upkeep.check()) == []


def test_of_twelve_with_one_etag_one_wins(site: Site) -> None:
    etag = site.put("/a.txt", b"start")

    def in_process(site: Site, process: int) -> int:
        def in_thread(site: Site, thread: int) -> int:
            content = f"{process}-{thread}".encode()
            return once(lambda: site.put("/a.txt", content, conditions=if_match("/a.txt", etag)))

        return threads(site, in_thread)

    assert sum(processes(site.root, PROCESSES, in_process)) == 1


def test_no_increment_is_lost(site: Site) -> None:
    """Read, add one, write if nobody else has: as clients do it."""
    site.put("/count.txt", b"0")
    each = 5

    def in_process(site: Site, process: int) -> int:
        def in_thread(site: Site, thread: int) -> int:
            done = 0
            while done < each:
                entry, fd = site.library.open("/count.txt", "")
                with os.fdopen(fd, "rb") as file:
                    count = int(file.read())
                unchanged = if_match("/count.txt", entry.etag)
                done += once(partial(site.put, "/count.txt", b"%d" % (count + 1), conditions=unchanged))
            return 0

        return threads(site, in_thread)

    processes(site.root, PROCESSES, in_process)
    assert site.get("/count.txt") == b"%d" % (each * PROCESSES * THREADS)


def content(seed: int) -> bytes:
    body = random.Random(seed).randbytes(random.Random(seed).randrange(1, 200_000))
    return hashlib.sha256(body).digest() + body


def test_a_reader_never_sees_half_of_it(site: Site) -> None:
    """Whole versions only, each with the length and the etag of its bytes, while processes write and remove and move."""
    site.put("/a.bin", content(0))

    def work(site: Site, process: int) -> int:
        if process == 0:
            for seed in range(40):
                site.put("/a.bin", content(seed))
            return 0
        if process == 1:
            for seed in range(100, 120):
                site.put("/b.bin", content(seed))
                site.move("/b.bin", "/a.bin")
            return 0
        seen: dict[str, bytes] = {}
        for _ in range(400):
            entry, fd = site.library.open("/a.bin", "")
            with os.fdopen(fd, "rb") as file:
                whole = file.read()
            digest = hashlib.sha256(whole[32:]).digest()
            if digest != whole[:32] or len(whole) != entry.size or seen.setdefault(entry.etag, digest) != digest:
                return 99
        return 0

    assert processes(site.root, 4, work) == [0, 0, 0, 0]


def test_nothing_is_lost_when_a_folder_is_moved_beside_writers_in_it(site: Site) -> None:
    """A write that was answered is where the folder is now; one that was refused is nowhere."""
    site.mkcol("/a")

    def work(site: Site, process: int) -> int:
        if process == 0:
            for number in range(15):
                here, there = ("/a", "/b") if number % 2 == 0 else ("/b", "/a")
                site.move(here, there)
            return 0
        written = 0
        while written < 20:
            for folder in ("/a", "/b"):
                try:
                    site.put(f"{folder}/{process}-{written}.txt", b"x")
                except (NotFound, ParentMissing):
                    continue
                written += 1
                break
        return 0

    processes(site.root, 3, work)
    assert site.names() == ["b"]
    names = Counter(name.split("-")[0] for name in site.names("/b"))
    assert names == {"1": 20, "2": 20}
    assert site.library.upkeep.recover() == []
    assert site.leftovers() == []
    assert [found for found in site.library.upkeep.check() if found.outcome == "damaged"] == []


def test_a_folder_is_deleted_whole_beside_writers_in_it(site: Site) -> None:
    """Whatever is answered: after the deletion no member is there that was written before it, and the server goes on."""
    for round in range(5):
        site.mkcol("/a")
        errors: list[BaseException] = []

        def write(site: Site, number: int, errors: list[BaseException] = errors) -> int:
            try:
                if number == 0:
                    site.delete("/a")
                else:
                    for each in range(5):
                        site.put(f"/a/{number}-{each}.txt", b"x")
            except (NotFound, ParentMissing):
                pass
            except BaseException as error:
                errors.append(error)
            return 0

        threads(site, write)
        assert errors == []
        assert site.names() == [], f"round {round}"
        assert site.leftovers() == []


def test_threads_that_stage_for_the_first_time_share_one_folder(root: Path, open_site: Opener) -> None:
    for _ in range(10):
        site = open_site()
        homes: list[Path] = []

        def stage(site: Site, number: int, homes: list[Path] = homes) -> int:
            with site.library._staging.stage(io.BytesIO(b"x"), 1) as staged:
                homes.append(staged.file.parent)
            return 0

        threads(site, stage)
        assert len(set(homes)) == 1


def test_processes_that_start_and_end_together_do_not_sweep_each_other(site: Site) -> None:
    def work(site: Site, process: int) -> int:
        for round in range(15):
            fresh = Site(site.root)
            fresh.library.upkeep.recover()
            for number in range(2):
                fresh.put(f"/{process}.txt", f"{round}-{number}".encode())
                fresh.copy(f"/{process}.txt", f"/{process}-copy.txt")
            fresh.close()
        return 0

    processes(site.root, 4, work)
    assert [site.get(f"/{number}-copy.txt") for number in range(4)] == [b"14-1"] * 4
    assert site.library.upkeep.recover() == []
    assert site.leftovers() == []


def test_a_sweep_takes_nothing_out_of_the_trash_that_may_have_to_come_back(
    site: Site, open_site: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process starts, sees what is waste, and removes it while another one has moved something aside but fails to commit that."""
    starting = open_site()
    site.put("/a.txt", b"a")

    def fail_in_the_midst(self: Staging, trashed: list[str]) -> list[str]:
        removed: list[str] = []

        def fail(fd: int) -> None:
            monkeypatch.undo()
            assert os.listdir(site.root / ".davlock" / "trash")
            removed.extend(self.sweep(trashed))
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("davlock.documents.commit.sync_folder", fail)
        with pytest.raises(DavlockError):
            site.delete("/a.txt")
        return removed

    monkeypatch.setattr(Staging, "sweep", fail_in_the_midst)
    assert starting.library.upkeep.recover() == []
    assert site.get("/a.txt") == b"a"


def test_documents_keep_what_belongs_to_them_when_they_and_their_folder_are_moved_at_once(site: Site) -> None:
    site.mkcol("/d")
    site.put("/d/a.txt", b"a")
    site.patch("/d/a.txt", "red")

    def work(site: Site, number: int) -> int:
        for _ in range(10):
            with suppress(NotFound, ParentMissing):
                if number == 0:
                    site.move("/d/a.txt", "/d/b.txt")
                    site.move("/d/b.txt", "/d/a.txt")
                elif number == 1:
                    site.move("/d", "/e")
                    site.move("/e", "/d")
                else:
                    site.put(f"/d/{number}.txt", b"x", Caller(f"user{number}"))
        return 0

    threads(site, work)
    found = [path for path, content in site.seen().content.items() if content == b"a"]
    assert len(found) == 1
    assert site.colour(found[0]) == "red"
    assert site.library.upkeep.recover() == []
    assert list(site.library.upkeep.check()) == []


def test_what_is_waste_is_listed_while_nobody_else_can_decide(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or something that is moved to the trash an instant later would be taken for waste before it is committed."""
    trashed, alone = Staging.trashed, []

    def look(self: Staging) -> list[str]:
        with (site.root / ".davlock" / "state.turn").open() as turn, pytest.raises(BlockingIOError):
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone.append(True)
        return trashed(self)

    monkeypatch.setattr(Staging, "trashed", look)
    site.library.upkeep.recover()
    assert alone == [True]


def between_the_decisions(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Lets something happen when the next intent has been written down and not yet been carried out."""
    deciding, decisions = SqliteState.deciding, 0

    def decide(self: SqliteState) -> Any:
        nonlocal decisions
        decisions += 1
        if decisions == 2:
            happens()
        return deciding(self)

    monkeypatch.setattr(SqliteState, "deciding", decide)


def test_what_somebody_else_has_just_done_is_not_settled_twice(site: Site, open_site: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    other = open_site()
    site.put("/a.txt", b"a")
    site.patch("/a.txt", "red")
    site.put("/other.txt", b"other")
    kept = site.id("/a.txt")

    def overtake() -> None:
        other.move("/a.txt", "/b.txt")
        other.put("/a.txt", b"new", BOB)
        other.lock("/a.txt", BOB)

    between_the_decisions(monkeypatch, overtake)
    with pytest.raises(Locked):
        site.move("/a.txt", "/b.txt")
    assert (site.id("/b.txt"), site.colour("/b.txt")) == (kept, "red")
    assert site.locks("/a.txt") == [("LOCK", "bob")]
    assert (site.get("/a.txt"), site.get("/b.txt")) == (b"new", b"a")


def test_an_intent_that_others_have_overtaken_is_written_down_anew(site: Site, open_site: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """There and back again between the two decisions: the disk looks as before, but the journal has forgotten about it."""
    other, carry_out, journalled = open_site(), Committer.carry_out, []
    site.put("/a.txt", b"a")

    def there_and_back() -> None:
        other.move("/a.txt", "/b.txt")
        other.move("/b.txt", "/a.txt")

    def look(self: Committer, intent: Intent) -> Undo:
        with other.state.reading() as rows:
            journalled.append(intent in rows.intents())
        return carry_out(self, intent)

    between_the_decisions(monkeypatch, there_and_back)
    monkeypatch.setattr(Committer, "carry_out", look)
    site.move("/a.txt", "/b.txt")
    assert journalled == [True, True, True]
    assert site.names() == ["b.txt"]
