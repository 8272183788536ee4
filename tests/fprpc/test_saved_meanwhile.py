"""Somebody else saves just after a put document, and before its answer tells what is there: what the client learns must not let it
overwrite what it has never seen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fprpc import hasty
from tests.fprpc.conftest import Rpc
from tests.fprpc.holding import LONG, SHORT, check_out, uncheck
from tests.fprpc.states import get, meta, put
from tests.fprpc.statuses import EXISTS
from tests.serving import Serving


class HastyServing(Serving):
    def program(self) -> list[str]:
        return [sys.executable, "-m", hasty.__name__]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with HastyServing(tmp_path_factory.mktemp("hasty") / "root") as serving:
        yield serving


@pytest.mark.parametrize("option", ["overwrite", "edit", "overwrite,checkin"])
def test_the_stamp_of_a_save_is_not_that_of_the_next_one(rpc: Rpc, document: str, disk: Path, option: str) -> None:
    saved = meta(put(rpc, "alice", document, b"hers", option, meta(get(rpc, "alice", document))))
    assert (disk / "report.doc").read_bytes() == hasty.BOBS
    assert put(rpc, "alice", document, b"hers, once more", "edit", saved).status == EXISTS
    assert (disk / "report.doc").read_bytes() == hasty.BOBS


def test_nor_is_that_of_a_check_in(rpc: Rpc, document: str, disk: Path) -> None:
    known = meta(check_out(rpc, "alice", document, **LONG))
    saved = meta(put(rpc, "alice", document, b"hers", "edit,checkin", known))
    assert (disk / "report.doc").read_bytes() == hasty.BOBS
    assert put(rpc, "alice", document, b"hers, once more", "edit", saved).status == EXISTS
    assert get(rpc, "alice", document, doc_version="V2.0").content == b"hers"


@pytest.mark.parametrize("option", ["edit", "edit,checkin"])
@pytest.mark.parametrize("how", [SHORT, LONG])
def test_under_a_checkout_nobody_does_and_the_stamp_is_good(rpc: Rpc, document: str, how: dict[str, int], option: str) -> None:
    known = meta(check_out(rpc, "alice", document, **how))
    for content in (b"one", b"two", b"three"):
        answer = put(rpc, "alice", document, content, option, known, keep_checked_out="true")
        known = meta(answer)
        assert get(rpc, "alice", document).content == content
    uncheck(rpc, "alice", document, short=how is SHORT)
