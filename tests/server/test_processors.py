"""A process keeps to one processor, and leaves it for what is large."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from davlock.processors import better

from ..serving import Client, Serving

ALL = os.sched_getaffinity(0)


def places(pid: int) -> set[frozenset[int]]:
    """On which processors each thread of a process may run."""
    return {frozenset(os.sched_getaffinity(int(thread))) for thread in os.listdir(f"/proc/{pid}/task")}


def test_a_single_process_keeps_to_one_processor(tmp_path: Path) -> None:
    with Serving(tmp_path / "root", "--workers", "1") as serving:
        assert Client(serving, "alice").put("/large.odt", bytes(3 << 20)).status == 201
        (process,) = serving.processes()
        (place,) = places(process)
        assert len(place) == 1


def test_each_process_has_its_own(tmp_path: Path) -> None:
    with Serving(tmp_path / "root", "--workers", str(len(ALL))) as serving:
        found = [places(child) for child in serving.processes()[1:]]
        assert sorted(sorted(place) for each in found for place in each) == [[processor] for processor in sorted(ALL)]


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    file = tmp_path / "davlock.yaml"
    file.write_text("root: root\npinned: false\n")
    with Serving(tmp_path / "root", "--workers", "1", "--config", str(file)) as serving:
        assert [places(process) for process in serving.processes()] == [{frozenset(ALL)}]


def run(script: str) -> list[str]:
    """What a script prints that has a process of its own to put somewhere."""
    beginning = "import os\nfrom davlock.processors import *\ndef where(): print(*sorted(os.sched_getaffinity(0)))\n"
    done = subprocess.run([sys.executable, "-c", beginning + script], capture_output=True, text=True, timeout=20, check=True)
    return done.stdout.splitlines()


EVERYWHERE = " ".join(map(str, sorted(ALL)))
FIRST, LAST = str(min(ALL)), str(max(ALL))


def test_what_is_large_roams() -> None:
    printed = run("settle(0)\nwhere()\nwith roaming(1 << 20): where()\nwhere()\nwith roaming(4096): where()")
    assert printed == [FIRST, EVERYWHERE, FIRST, FIRST]


def test_nothing_roams_home_that_has_not_settled() -> None:
    assert run("with roaming(): where()\nwhere()") == [EVERYWHERE, EVERYWHERE]


def test_it_moves_with_all_its_threads() -> None:
    printed = run(
        f"""
import threading
settle(0)
gate = threading.Event()
def wait(): gate.wait(); where()
thread = threading.Thread(target=wait)
thread.start()
busy = {{each: 0.0 for each in {sorted(ALL)}}}
look_round(lambda: 10, lambda: dict(busy))
busy[{FIRST}] = 5.0
look_round(lambda: 11, lambda: dict(busy))  # too soon
where()
look_round(lambda: 15, lambda: dict(busy))
where()
gate.set()
thread.join()
"""
    )
    assert printed[0] == FIRST
    assert printed[1] == printed[2] and (printed[1] != FIRST or len(ALL) == 1)


@pytest.mark.parametrize(
    ("busy", "used", "found"),
    [
        ({0: 5.0, 1: 0.0}, 5.0, 0),  # all of it its own
        ({0: 5.0, 1: 0.0}, 2.0, 1),  # others have more than half
        ({0: 5.0, 1: 2.0}, 0.0, 0),  # but nowhere is it better
        ({0: 5.0, 1: 1.0, 2: 0.5}, 0.0, 2),
        ({0: 2.0, 1: 0.0}, 0.0, 0),  # others have less than half
        ({1: 0.0}, 0.0, 1),  # it has been switched off
        ({}, 0.0, 0),
    ],
)
def test_it_moves_only_if_that_is_much_better(busy: dict[int, float], used: float, found: int) -> None:
    assert better(0, busy, used, 5.0) == found
