"""MKCOL (RFC 4918 §9.3) and DELETE (§9.6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dav.stories import Wire, proppatch, setting
from tests.serving import Client, Serving


def test_mkcol_makes_a_folder(alice: Client, folder: str, disk: Path) -> None:
    assert alice.request("MKCOL", f"{folder}/new").status == 201
    assert alice.request("MKCOL", f"{folder}/slash/").status == 201
    assert sorted(each.name for each in disk.iterdir() if each.is_dir()) == ["new", "slash"]


def test_mkcol_on_something_is_405_and_says_what_is_allowed(alice: Client, folder: str, document: str) -> None:
    for path in (folder, document, "/"):
        answer = alice.request("MKCOL", path)
        assert answer.status == 405
        allowed = answer.headers["Allow"].split(", ")
        assert "MKCOL" not in allowed and "PROPFIND" in allowed
    assert alice.get(document).body == b"old"


def test_mkcol_without_a_parent_is_409(alice: Client, folder: str, document: str, disk: Path) -> None:
    for path in (f"{folder}/missing/new", f"{document}/new"):
        assert alice.request("MKCOL", path).status == 409
    assert [each.name for each in disk.iterdir()] == ["report.odt"]


def test_mkcol_with_a_body_is_415(alice: Client, folder: str, disk: Path) -> None:
    for body in (b"x", iter([b"x"]), b"<D:mkcol xmlns:D='DAV:'/>"):
        assert alice.request("MKCOL", f"{folder}/new", body, Content_Type="application/xml").status == 415
    assert list(disk.iterdir()) == []


def test_mkcol_with_an_empty_chunked_body_is_none(alice: Client, folder: str) -> None:
    assert alice.request("MKCOL", f"{folder}/new", iter([])).status == 201


def test_mkcol_with_a_body_that_breaks_off_is_400(serving: Serving, folder: str, disk: Path) -> None:
    for body in (b"5\r\nhe", b"zz\r\n", b""):
        with Wire(serving) as wire:
            wire.head(f"MKCOL {folder}/new", "Transfer-Encoding: chunked")
            wire.send(body)
            wire.end()
            answer = wire.answer("MKCOL")
        assert answer.status in ((400, 415) if body.startswith(b"5") else (400,)), body
    assert list(disk.iterdir()) == []


def test_delete_of_a_document_and_of_a_folder_with_all_that_is_in_it(alice: Client, folder: str, document: str, disk: Path) -> None:
    (disk / "sub/deeper").mkdir(parents=True)
    (disk / "sub/deeper/a").write_bytes(b"")
    for path in (document, f"{folder}/sub"):
        answer = alice.request("DELETE", path)
        assert (answer.status, answer.body) == (204, b"")
        assert alice.get(path).status == 404
    assert list(disk.iterdir()) == []


def test_delete_of_nothing_is_404(alice: Client, folder: str, document: str) -> None:
    for path in (f"{folder}/missing", f"{folder}/missing/below", f"{document}/below"):
        assert alice.request("DELETE", path).status == 404


def test_the_root_cannot_be_deleted(alice: Client, document: str) -> None:
    assert alice.request("DELETE", "/").status == 403
    assert alice.get(document).body == b"old"


@pytest.mark.parametrize("method", ["DELETE", "MOVE"])
@pytest.mark.parametrize("depth", ["0", "1", "infinity,noroot", "x"])
def test_a_folder_goes_with_depth_infinity_only(alice: Client, folder: str, document: str, method: str, depth: str) -> None:
    target = {"Destination": f"{folder}.moved"} if method == "MOVE" else {}
    for path in (folder, f"{folder}/"):
        assert alice.request(method, path, Depth=depth, **target).status == 400
    assert alice.get(document).body == b"old"
    assert alice.request(method, folder, Depth="infinity", **target).status in (201, 204)


def test_depth_means_nothing_to_a_document(alice: Client, document: str) -> None:
    assert alice.request("MOVE", document, Depth="0", Destination=f"{document}.moved").status == 201
    assert alice.request("DELETE", f"{document}.moved", Depth="0").status == 204


@pytest.mark.parametrize("method", ["DELETE", "COPY", "MOVE"])
def test_a_body_where_none_belongs_is_415(alice: Client, document: str, disk: Path, method: str) -> None:
    for body in (b"<D:propertybehavior xmlns:D='DAV:'/>", iter([b"x"])):
        assert alice.request(method, document, body, Destination=f"{document}.x").status == 415
    assert [each.read_bytes() for each in disk.iterdir()] == [b"old"]


def test_a_document_made_again_is_a_new_one(alice: Client, bob: Client, folder: str) -> None:
    """Unless it comes back within seconds by the same hand, as when Office saves."""
    alice.request("MKCOL", f"{folder}/sub")
    alice.put(f"{folder}/sub/a", b"")
    for path in (f"{folder}/sub", f"{folder}/sub/a"):
        assert proppatch(alice, path, setting("<Z:note>secret</Z:note>")).status == 207
    assert alice.request("DELETE", f"{folder}/sub").status == 204
    bob.request("MKCOL", f"{folder}/sub")
    bob.put(f"{folder}/sub/a", b"")
    assert b"secret" not in bob.propfind(f"{folder}/sub", depth="1").body
