"""A storm of check-ins: authors work on drafts while all server processes are killed now and then, and then: was anything lost?

    python -m tests.storm.checkins --kills 100 --processes 2 --clients 8 --workers 2

Exit code 1 when something was.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from davlock.app import Site, open_site
from davlock.config import load as load_config
from davlock.errors import DavlockError
from davlock.events import OUTSIDE
from davlock.model import Caller, Draft
from tests.serving import Serving
from tests.storm.authors import AUTHORS, FOLDER, READER, Author, Plan, Standstill, documents, run
from tests.storm.bodies import read_body
from tests.storm.history import Kill
from tests.storm.journals import Edition, Fault, Found, Step, load
from tests.storm.outages import strike
from tests.storm.replays import check

# Everything is kept, so that everything can be accounted for; and a dance may take as long as a slow machine needs to start a server.
CONFIG = "versions: {keep_versions: 1000000}\ndocuments: {tunnel_seconds: 120}\nlog: {level: warning}\n"
PRIVATE = ".davlock"
_ADMIN = Caller("", admin=True)
TOLD = 5  # faults of each kind that are told in full


@dataclass(frozen=True, slots=True)
class Storm:
    """How much of everything. seconds: of service, the outages not counted. clients: in each process."""

    seconds: float = 60
    processes: int = 2
    clients: int = 8
    kills: int = 100
    seed: int = 0


@dataclass(slots=True)
class Outcome:
    """What came of a storm. troubles: sentences about the server itself."""

    journals: list[list[Step]]
    found: Found
    kills: list[Kill]
    faults: list[Fault]
    troubles: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def wrong(self) -> bool:
        return bool(self.faults or self.troubles)


def configured(scratch: Path, workers: int) -> Serving:
    """A server, not yet started, for a storm; scratch is an empty folder."""
    file = scratch / "davlock.yaml"
    file.write_text(CONFIG)
    return Serving(scratch / "root", "--workers", str(workers), "--config", str(file), users=(*AUTHORS, READER))


def rage(storm: Storm, serving: Serving, scratch: Path) -> Outcome:
    """Let a storm loose on a started server that configured() made; afterwards it is stopped."""
    plan = Plan(serving.host, serving.port, {user: serving.password(user) for user in serving.users}, storm.clients, storm.seed)
    paths = documents(storm.processes, storm.clients)
    (serving.root / FOLDER[1:]).mkdir()
    kills: list[Kill] = []
    troubles: list[str] = []
    found = Found()
    began = time.monotonic()
    readers = [Author(plan, READER, path) for path in paths]
    for reader in readers:
        reader.create()
    try:
        files = _blow(storm, serving, plan, scratch, readers, kills)
        seconds = time.monotonic() - began
        serving.stop()
        troubles += [f"left by a server that was not killed: {stray}" for stray in _strays(serving.root, paths)]
        serving.start()
        _read_all(readers)
        serving.stop()
        troubles += _findings(serving.root)
        found = replace(_find(serving.root, paths), strays=tuple(_strays(serving.root, paths)))
    except pytest.fail.Exception as failure:
        troubles.append(str(failure))
        seconds = time.monotonic() - began
        files = list(scratch.glob("journals.*"))
        serving.kill()
    for reader in readers:
        reader.close()
    journals = [*(journal for file in files for journal in load(file)), *(reader.journal for reader in readers)]
    return Outcome(journals, found, kills, check(journals, found, kills), troubles, seconds)


def _blow(storm: Storm, serving: Serving, plan: Plan, scratch: Path, readers: list[Author], kills: list[Kill]) -> list[Path]:
    """Let the authors work, and kill the server beside them, adding to kills; returns the files of their journals."""
    processes = multiprocessing.get_context("spawn")
    ended = processes.Event()
    files = [scratch / f"journals.{number}" for number in range(storm.processes)]
    crowd = [processes.Process(target=run, args=(plan, number, ended, file)) for number, file in enumerate(files)]
    for process in crowd:
        process.start()
    try:
        if storm.kills:
            strike(serving, storm.kills, storm.seconds, storm.seed, kills, lambda: _read_all(readers))
        else:
            time.sleep(storm.seconds)
    finally:
        ended.set()
        for process in crowd:
            process.join()
    if any(process.exitcode for process in crowd):
        raise RuntimeError("a client process failed; its output tells why")
    return files


def _read_all(readers: list[Author]) -> None:
    for reader in readers:
        with suppress(Standstill):
            reader.look()
            reader.read()
            reader.history()


def _find(root: Path, paths: list[str]) -> Found:
    """Every version and draft there is, read without a server."""
    with open_site(load_config(None, root=root)) as site:
        versions = tuple(edition for path in paths for edition in _versions(site, path))
        drafts = site.library.archive.drafts(_ADMIN)
        standing = tuple(_draft(site, draft) for draft in drafts if draft.ended is None)
        rescued = tuple(_draft(site, draft) for draft in drafts if draft.ended is not None)
    return Found(versions, standing, rescued)


def _versions(site: Site, path: str) -> Iterator[Edition]:
    for version in site.library.archive.versions(site.library.catalogue.identify(path)):
        body = ""
        try:
            _, fd = site.library.archive.open_version(site.library.catalogue.identify(path), version.number)
        except DavlockError as error:
            fault = error.message
        else:
            with os.fdopen(fd, "rb") as file:
                body, fault = _judge(file.read(), version.sha256)
        yield Edition(path, version.changed_by, body, fault, version.number, version.comment, version.door == OUTSIDE)


def _draft(site: Site, draft: Draft) -> Edition:
    try:
        content = (site.config.root / PRIVATE / "drafts" / draft.file).read_bytes()
    except FileNotFoundError:
        return Edition(draft.path, draft.principal, "", "its file is gone")
    return Edition(draft.path, draft.principal, *_judge(content, draft.sha256))


def _judge(content: bytes, sha256: str | None) -> tuple[str, str]:
    """The id of a body, and what is wrong with it."""
    body, fault = read_body(content)
    is_other = sha256 is not None and hashlib.sha256(content).hexdigest() != sha256
    return body, fault or "its recorded sha256 is that of something else" * is_other


def _findings(root: Path) -> list[str]:
    """What `check` says."""
    with open_site(load_config(None, root=root)) as site:
        return [f"check: {finding.path} {finding.problem}" for finding in site.library.upkeep.check()]


def _strays(root: Path, paths: list[str]) -> list[str]:
    """Files that no author made and no row names."""
    with open_site(load_config(None, root=root)) as site:
        known = {draft.file for draft in site.library.archive.drafts(_ADMIN)}
        for path in paths:
            document = site.library.catalogue.identify(path)
            known |= {f"{document.id}-{version.number}" for version in site.library.archive.versions(document)}
    private = [file for shelf in ("drafts", "versions") for file in (root / PRIVATE / shelf).iterdir() if file.name not in known]
    private += [
        file
        for shelf in ("staging", "trash")
        for file in (root / PRIVATE / shelf).rglob("*")
        if not file.is_dir() and file.suffix != ".alive"
    ]
    public = [file for file in root.rglob("*") if file.relative_to(root).parts[0] != PRIVATE and file.is_file()]
    return [str(file.relative_to(root)) for file in (*private, *public) if f"/{file.relative_to(root)}" not in paths]


def report(outcome: Outcome) -> str:
    """The outcome for people."""
    steps = [step for journal in outcome.journals for step in journal]
    lines = [f"{len(steps)} operations in {outcome.seconds:.1f} s"]
    kinds = Counter((step.kind, step.status) for step in steps)
    for kind in sorted({kind for kind, _ in kinds}):
        statuses = sorted((status, count) for (name, status), count in kinds.items() if name == kind)
        lines.append(f"  {kind:10}" + "  ".join(f"{status or 'unknown'}: {count}" for status, count in statuses))
    if outcome.kills:
        restarts = [kill.serving - kill.killed for kill in outcome.kills]
        broken = [step for step in steps if step.kind == "CHECKIN" and not step.status]
        during = sum(any(step.start <= kill.killed and step.end >= kill.began for step in broken) for kill in outcome.kills)
        lines.append(
            f"{len(outcome.kills)} kills, {during} of them during check-ins ({len(broken)} cut off); seconds until the first answer: "
            f"max {max(restarts):.2f}, median {statistics.median(restarts):.2f}"
        )
    found = outcome.found
    lines.append(f"{len(found.versions)} versions, {len(found.drafts)} drafts, {len(found.rescued)} rescued ones found in the end")
    lines.append(f"{sum(each.is_unsigned for each in found.versions)} versions are saves that were cut off, without their author")
    lines += outcome.troubles
    faults = Counter(fault.kind for fault in outcome.faults)
    for kind, count in faults.most_common():
        lines.append(f"{kind}: {count}")
        lines += [f"  {fault}" for fault in outcome.faults if fault.kind == kind][:TOLD]
    lines.append(f"{len(outcome.faults)} faults, {len(outcome.troubles)} troubles")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tests.storm.checkins", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of service, outages not counted")
    parser.add_argument("--processes", type=int, default=2, help="of authors")
    parser.add_argument("--clients", type=int, default=8, help="in each process")
    parser.add_argument("--workers", type=int, default=2, help="of the server")
    parser.add_argument("--kills", type=int, default=100, help="of all server processes, at random moments")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", type=Path, help="an empty folder for the root and the journals, kept afterwards")
    asked = parser.parse_args(arguments)
    storm = Storm(asked.seconds, asked.processes, asked.clients, asked.kills, asked.seed)
    with tempfile.TemporaryDirectory(prefix="checkins-") as temporary:
        scratch = asked.scratch or Path(temporary)
        try:
            with configured(scratch, asked.workers) as serving:
                outcome = rage(storm, serving, scratch)
                print(report(outcome))
        except pytest.fail.Exception as failure:
            print(failure)
            return 1
    return int(outcome.wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
