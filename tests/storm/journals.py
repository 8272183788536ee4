"""What the authors of a storm of check-ins did and were told, step by step, and what was found in the end."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

STANDSTILL = 100  # answers of that kind, one after the other, that are no passing shortage any more


@dataclass(frozen=True, slots=True)
class Step:
    """One request of an author about his document, and its answer.

    kind:    the method; LOOK and HISTORY are PROPFIND of the locks and REPORT of the versions, VERSION is GET of one of those,
             RESCUED of the draft that UNCHECKOUT has left; AWAY and ONTO move the document away and a new file onto its name; SCRATCH
             is what else a save by dance does.
    status:  0 when the connection broke, so that nobody knows.
    body:    id of what was sent or read (see bodies.py). fault: what is wrong with it.
    comment: of a check-in; of the version that is read. keep: checked in, but kept checked out.
    holder:  who has it checked out, by LOOK.
    listed:  the number and comment of each version, by HISTORY.
    """

    author: str
    document: str
    kind: str
    start: float
    end: float
    status: int
    body: str = ""
    fault: str = ""
    comment: str = ""
    keep: bool = False
    holder: str = ""
    listed: tuple[tuple[int, str], ...] = ()

    @property
    def is_done(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_open(self) -> bool:
        """Nobody knows whether it happened."""
        return self.status == 0 or self.status >= 500

    def __str__(self) -> str:
        words = [f"[{self.start:.4f} {self.end:.4f}] {self.author} {self.kind} {self.document}"]
        for name in ("body", "comment", "keep", "holder", "listed", "fault"):
            words += [f"{name}={getattr(self, name)}"] * bool(getattr(self, name))
        return " ".join([*words, "=>", str(self.status or "unknown")])


def save(journals: Iterable[list[Step]], file: Path) -> None:
    """Write journals as JSON lines, one each."""
    with file.open("w") as lines:
        for journal in journals:
            lines.write(json.dumps([asdict(step) for step in journal]) + "\n")


def load(file: Path) -> list[list[Step]]:
    """What save() wrote."""
    with file.open() as lines:
        return [[_step(row) for row in json.loads(line)] for line in lines]


def _step(row: dict[str, Any]) -> Step:
    return Step(**row | {"listed": tuple((number, comment) for number, comment in row["listed"])})


@dataclass(frozen=True, slots=True)
class Edition:
    """A version or a draft as it was found in the end. fault: what is wrong with its bytes. number, comment, is_unsigned: of a version.

    is_unsigned: nobody is known to have written it, as if another program had changed the file.
    """

    document: str
    author: str
    body: str
    fault: str = ""
    number: int = 0
    comment: str = ""
    is_unsigned: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in the end, with no server running. drafts are those of standing checkouts; strays: files that nobody knows of."""

    versions: tuple[Edition, ...] = ()
    drafts: tuple[Edition, ...] = ()
    rescued: tuple[Edition, ...] = ()
    strays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that no correct server does, and the steps that prove it."""

    kind: str
    text: str
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return "\n    ".join([f"{self.kind}: {self.text}", *map(str, self.steps)])
