"""A storm: many clients at once on a few documents, the server killed now and then, and then: what was wrong?

    python -m tests.storm.storm --seconds 60 --processes 4 --clients 12 --workers 2 [--kills 100] [--documents 100000]

Exit code 1 when something was.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.serving import Serving
from tests.storm.bodies import read_body
from tests.storm.checker import check
from tests.storm.clients import DOCUMENTS, FOLDERS, NAMES, SPARE, Client, Gossip, Plan, run
from tests.storm.history import History, Kill, Operation, Violation, load
from tests.storm.outages import strike

PRIVATE = ".davlock"
LIBRARY = "library"  # where --documents puts its files
CLIENTS_PER_DOCUMENT = 4  # more, and nearly everything is refused; fewer, and nobody collides
TOLD = 5  # violations of each kind that are told in full


@dataclass(frozen=True, slots=True)
class Storm:
    """How much of everything. seconds: of service, the outages not counted."""

    seconds: float = 60
    processes: int = 4
    clients: int = 12
    kills: int = 0
    seed: int = 0


@dataclass(slots=True)
class Outcome:
    """What came of a storm.

    troubles: sentences about the server itself: that it did not start, files that should not be there.
    restarts: seconds from each start to the first answer. seconds: of the whole storm. checked: what `check` printed.
    """

    history: History
    violations: list[Violation]
    troubles: list[str] = field(default_factory=list)
    restarts: list[float] = field(default_factory=list)
    seconds: float = 0.0
    checked: str = ""

    @property
    def wrong(self) -> bool:
        return bool(self.violations or self.troubles)


def rage(storm: Storm, serving: Serving, scratch: Path) -> Outcome:
    """Let a storm loose on a started server; afterwards it has been restarted, and is stopped."""
    crowd = storm.processes * storm.clients
    plan = replace(
        _plan(serving), clients=storm.clients, seed=storm.seed, documents=min(len(DOCUMENTS), max(3, crowd // CLIENTS_PER_DOCUMENT))
    )
    witness = Client(plan, "witness", "alice", Gossip())
    for folder in FOLDERS:
        witness.mkcol(folder)
    for document in DOCUMENTS:
        witness.put(document)
    began = time.monotonic()
    kills: list[Kill] = []
    troubles: list[str] = []
    try:
        files = _blow(storm, serving, plan, scratch, kills)
        seconds = time.monotonic() - began
        _read_all(witness)
        serving.restart()
        _read_all(witness)
        serving.stop()
        checked = serving.run("check", "--root", str(serving.root))
    except pytest.fail.Exception as failure:
        troubles.append(str(failure))
        checked = ""
        seconds = time.monotonic() - began
        files = list(scratch.glob("operations.*"))
        serving.kill()
    finally:
        witness.close()
    seen = [operation for file in files for operation in load(file).operations]
    history = History([*seen, *witness.operations, *_on_disk(serving.root)], kills)
    history.save(scratch / "history")
    troubles += [f"stray: {stray}" for stray in _strays(serving.root)]
    restarts = [kill.serving - kill.killed for kill in kills]
    return Outcome(history, check(history), troubles, restarts, seconds, checked)


def _blow(storm: Storm, serving: Serving, plan: Plan, scratch: Path, kills: list[Kill]) -> list[Path]:
    """Run the clients, and kill the server beside them, adding to kills; returns the files of their operations."""
    processes = multiprocessing.get_context("spawn")
    ended = processes.Event()
    files = [scratch / f"operations.{number}" for number in range(storm.processes)]
    crowd = [processes.Process(target=run, args=(plan, number, ended, file)) for number, file in enumerate(files)]
    for process in crowd:
        process.start()
    try:
        if storm.kills:
            strike(serving, storm.kills, storm.seconds, storm.seed, kills)
        else:
            time.sleep(storm.seconds)
    finally:
        ended.set()
        for process in crowd:
            process.join()
    if any(process.exitcode for process in crowd):
        raise RuntimeError("a client process failed; its output tells why")
    return files


def _plan(serving: Serving) -> Plan:
    return Plan(serving.host, serving.port, {user: serving.password(user) for user in serving.users})


def _read_all(witness: Client) -> None:
    for folder in (*FOLDERS, SPARE):
        for name in NAMES:
            witness.get(f"{folder}/{name}")


def _on_disk(root: Path) -> Iterator[Operation]:
    """What lies in the stopped server's folder, as if somebody had read it there."""
    now = time.monotonic()
    for folder in (*FOLDERS, SPARE):
        for name in NAMES:
            file = root / folder[1:] / name
            read = Operation("disk", "nobody", "GET", f"{folder}/{name}", now, now, now, 200 if file.is_file() else 404)
            if file.is_file():
                read.body, read.fault = read_body(file.read_bytes())
            yield read


def _strays(root: Path) -> Iterator[str]:
    """Files and folders that no client made, and what a restarted server should have cleared away."""
    known = {folder[1:] for folder in (*FOLDERS, SPARE)}
    known |= {f"{folder}/{name}" for folder in known for name in NAMES} | {PRIVATE, LIBRARY}
    for at, folders, files in os.walk(root):
        here = Path(at).relative_to(root)
        yield from (str(here / name) for name in (*folders, *files) if str(here / name) not in known)
        folders[:] = [name for name in folders if name not in (PRIVATE, LIBRARY)]
    for private in ("staging", "trash"):
        for at, _, files in os.walk(root / PRIVATE / private):
            yield from (str(Path(at, name).relative_to(root)) for name in files)


def fill(root: Path, documents: int) -> None:
    """Put small files into the folder before the server sees it."""
    for number in range(documents):
        folder = root / LIBRARY / f"{number // 1000:04}"
        if number % 1000 == 0:
            folder.mkdir(parents=True)
        (folder / f"{number % 1000:03}.txt").write_bytes(b"a small document\n")


def report(outcome: Outcome) -> str:
    """The outcome for people."""
    operations = outcome.history.operations
    lines = [f"{len(operations)} operations in {outcome.seconds:.1f} s, {len(operations) / outcome.seconds:.0f} per second"]
    kinds = Counter((operation.kind, operation.status) for operation in operations)
    for kind in sorted({kind for kind, _ in kinds}):
        statuses = sorted((status, count) for (name, status), count in kinds.items() if name == kind)
        lines.append(f"  {kind:9}" + "  ".join(f"{status or 'unknown'}: {count}" for status, count in statuses))
    if outcome.restarts:
        lines.append(
            f"{len(outcome.restarts)} restarts, seconds until the first answer: "
            f"max {max(outcome.restarts):.2f}, median {statistics.median(outcome.restarts):.2f}"
        )
    lines += [*outcome.checked.splitlines(), *outcome.troubles]
    found = Counter(violation.kind for violation in outcome.violations)
    for kind, count in found.most_common():
        lines.append(f"{kind}: {count}")
        lines += [f"  {violation}" for violation in outcome.violations if violation.kind == kind][:TOLD]
    lines.append(f"{len(outcome.violations)} violations, {len(outcome.troubles)} troubles")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tests.storm.storm", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of service, outages not counted")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--clients", type=int, default=12, help="in each process")
    parser.add_argument("--workers", type=int, default=2, help="of the server")
    parser.add_argument("--kills", type=int, default=0, help="of all server processes, at random moments")
    parser.add_argument("--documents", type=int, default=0, help="that lie there beforehand")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", type=Path, help="an empty folder for the root and the history, kept afterwards")
    asked = parser.parse_args(arguments)
    storm = Storm(asked.seconds, asked.processes, asked.clients, asked.kills, asked.seed)
    with tempfile.TemporaryDirectory(prefix="storm-") as temporary:
        scratch = asked.scratch or Path(temporary)
        serving = Serving(scratch / "root", "--workers", str(asked.workers))
        fill(serving.root, asked.documents)
        try:
            with serving:
                outcome = rage(storm, serving, scratch)
                print(report(outcome))
        except pytest.fail.Exception as failure:
            print(failure)
            return 1
    return int(outcome.wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
