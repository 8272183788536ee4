"""Conditional requests (RFC 9110 §13) over real documents, and the ETag they rest on (§8.8)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path

import pytest

from tests.dav.stories import DAV, proppatch, setting, transfer
from tests.serving import Client, Serving, lockinfo

WRITERS = 12


def etag_of(client: Client, path: str) -> str:
    return str(client.get(path).headers["ETag"])


def test_the_etag_is_strong_and_the_same_everywhere(alice: Client, document: str) -> None:
    put = alice.put(document, b"new").headers["ETag"]
    assert put.startswith('"') and put.endswith('"')
    assert etag_of(alice, document) == put
    assert alice.request("HEAD", document).headers["ETag"] == put
    assert alice.propfind(document, "getetag").texts(f"{DAV}getetag") == [put]


def test_every_write_has_an_etag_of_its_own_also_within_a_second(alice: Client, document: str) -> None:
    etags = [alice.put(document, b"same").headers["ETag"] for _ in range(WRITERS)]
    assert len(set(etags)) == WRITERS


def test_a_change_underneath_has_an_etag_of_its_own(alice: Client, document: str, disk: Path) -> None:
    before = etag_of(alice, document)
    (disk / "report.odt").write_bytes(b"OLD")
    assert etag_of(alice, document) != before
    assert alice.put(document, b"new", If_Match=before).status == 412


def test_if_match(alice: Client, folder: str, document: str) -> None:
    etag = etag_of(alice, document)
    for value in ('"other"', f"W/{etag}", ""):
        assert alice.put(document, b"new", If_Match=value).status == 412, value
    assert alice.put(document, b"1", If_Match=f'"other", {etag}').status == 204
    assert alice.put(document, b"2", If_Match="*").status == 204
    assert alice.put(f"{folder}/missing", b"", If_Match="*").status == 412
    assert alice.put(f"{folder}/missing", b"", If_Match='"x"').status == 412
    assert alice.get(f"{folder}/missing").status == 404


def test_if_none_match(alice: Client, folder: str, document: str) -> None:
    etag = etag_of(alice, document)
    for value in ("*", etag, f"W/{etag}", f'"other", {etag}'):
        assert alice.put(document, b"new", If_None_Match=value).status == 412, value
    assert alice.put(document, b"new", If_None_Match='"other"').status == 204
    assert alice.put(f"{folder}/new", b"", If_None_Match="*").status == 201


def test_if_unmodified_since(alice: Client, document: str) -> None:
    modified = alice.get(document).headers["Last-Modified"]
    assert alice.put(document, b"1", If_Unmodified_Since="Fri, 01 Jan 2021 00:00:00 GMT").status == 412
    assert alice.put(document, b"1", If_Unmodified_Since=modified).status == 204
    assert alice.put(document, b"2", If_Unmodified_Since="yesterday").status == 204, "what is no date is ignored"


def test_a_get_of_what_the_client_has_is_304(alice: Client, document: str) -> None:
    whole = alice.get(document)
    etag, modified = whole.headers["ETag"], whole.headers["Last-Modified"]
    for headers in ({"If_None_Match": etag}, {"If_None_Match": f"W/{etag}"}, {"If_None_Match": "*"}, {"If_Modified_Since": modified}):
        for method in ("GET", "HEAD"):
            answer = alice.request(method, document, **headers)
            assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag), headers
            assert answer.headers["Cache-Control"] == whole.headers["Cache-Control"]
    assert alice.get(document, If_None_Match='"other"').body == b"old"
    assert alice.get(document, If_None_Match='"other"', If_Modified_Since=modified).status == 200, "the date counts only alone"


def test_a_date_proves_nothing_if_it_is_old_or_in_the_future(alice: Client, document: str) -> None:
    modified = parsedate_to_datetime(alice.get(document).headers["Last-Modified"]).timestamp()
    for seconds in (modified - 1, modified + 86_400):
        assert alice.get(document, If_Modified_Since=formatdate(seconds, usegmt=True)).status == 200
    assert alice.get(document, If_Modified_Since="yesterday").status == 200


def test_a_get_of_another_version_than_demanded_is_412(alice: Client, document: str) -> None:
    assert alice.get(document, If_Match='"other"').status == 412
    assert alice.get(document, If_Match=etag_of(alice, document)).status == 200
    assert alice.get(document, If_Unmodified_Since="Fri, 01 Jan 2021 00:00:00 GMT").status == 412


def test_conditions_are_kept_by_every_changing_method(alice: Client, folder: str, document: str, disk: Path) -> None:
    wrong = {"If_Match": '"other"'}
    assert alice.request("DELETE", document, **wrong).status == 412
    assert transfer(alice, "MOVE", document, f"{document}.x", **wrong).status == 412
    assert transfer(alice, "COPY", document, f"{document}.x", **wrong).status == 412
    assert proppatch(alice, document, setting("<Z:a>1</Z:a>"), **wrong).status == 412
    assert alice.request("LOCK", document, lockinfo("x"), Depth="0", **wrong).status == 412
    assert alice.request("MKCOL", f"{folder}/new", **wrong).status == 412
    assert alice.request("MKCOL", f"{folder}/new", If_None_Match="*").status == 201
    assert alice.request("LOCK", document, lockinfo("x"), Depth="0", If_None_Match="*").status == 412
    assert sorted(each.name for each in disk.iterdir()) == ["new", "report.odt"]


def test_conditions_are_about_the_source_of_a_transfer_only(alice: Client, folder: str, document: str) -> None:
    alice.put(f"{folder}/target", b"target")
    assert transfer(alice, "COPY", document, f"{folder}/target", If_Match=etag_of(alice, document)).status == 204
    assert transfer(alice, "COPY", document, f"{folder}/target", If_Match=etag_of(alice, f"{folder}/target")).status == 412


@pytest.mark.parametrize("value", ["x", '"open', 'W/x"', '"a" "b"', "'a'"])
def test_an_etag_list_that_makes_no_sense_is_400(alice: Client, document: str, value: str) -> None:
    assert alice.put(document, b"new", If_Match=value).status == 400
    assert alice.get(document).body == b"old"


def race(serving: Serving, attempt: Callable[[Client, int], int]) -> list[int]:
    """What WRITERS clients get who all begin at the same moment."""
    statuses: list[int] = []
    together = threading.Barrier(WRITERS)

    def run(number: int) -> None:
        client = Client(serving, "alice" if number % 2 else "bob")
        client.request("OPTIONS", "/")
        together.wait()
        statuses.append(attempt(client, number))
        client.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(statuses)


@pytest.mark.parametrize("turn", range(5))
def test_of_many_creators_exactly_one_succeeds(serving: Serving, folder: str, turn: int) -> None:
    statuses = race(serving, lambda client, number: client.put(f"{folder}/new", b"%d" % number, If_None_Match="*").status)
    assert statuses == [201] + [412] * (WRITERS - 1)


@pytest.mark.parametrize("turn", range(5))
def test_of_many_writers_with_the_same_if_match_exactly_one_succeeds(serving: Serving, alice: Client, document: str, turn: int) -> None:
    etag = etag_of(alice, document)
    statuses = race(serving, lambda client, number: client.put(document, b"%d" % number, If_Match=etag).status)
    assert statuses == [204] + [412] * (WRITERS - 1)


@pytest.mark.parametrize("turn", range(5))
def test_of_many_who_want_a_lock_exactly_one_gets_it(serving: Serving, folder: str, turn: int) -> None:
    statuses = race(serving, lambda client, number: client.request("LOCK", f"{folder}/new", lockinfo("x"), Depth="0").status)
    assert statuses == [201] + [423] * (WRITERS - 1)


def test_of_many_who_make_a_folder_exactly_one_does(serving: Serving, folder: str) -> None:
    assert race(serving, lambda client, number: client.request("MKCOL", f"{folder}/new").status) == [201] + [405] * (WRITERS - 1)


def test_of_many_movers_exactly_one_moves(serving: Serving, document: str, disk: Path) -> None:
    statuses = race(serving, lambda client, number: transfer(client, "MOVE", document, f"{document}.{number}").status)
    assert statuses == [201] + [404] * (WRITERS - 1)
    assert [each.read_bytes() for each in disk.iterdir()] == [b"old"]
