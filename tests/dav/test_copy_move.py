"""COPY (RFC 4918 §9.8) and MOVE (§9.9), the Destination (§10.3) and Overwrite (§10.6) headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dav.stories import proppatch, say, setting, transfer, url
from tests.serving import Client, Serving

both = pytest.mark.parametrize("method", ["COPY", "MOVE"])


def content(disk: Path) -> dict[str, bytes]:
    """Relative path → bytes of every file, and of every folder with a slash nothing."""
    found = {str(each.relative_to(disk)): each.read_bytes() for each in disk.rglob("*") if each.is_file()}
    return found | {f"{each.relative_to(disk)}/": b"" for each in disk.rglob("*") if each.is_dir()}


@both
def test_to_a_new_name_is_201_and_onto_an_old_one_204(alice: Client, folder: str, document: str, disk: Path, method: str) -> None:
    assert transfer(alice, method, document, f"{folder}/new").status == 201
    alice.put(document, b"other")
    assert transfer(alice, method, document, f"{folder}/new").status == 204
    assert content(disk) == {"new": b"other"} | ({"report.odt": b"other"} if method == "COPY" else {})


@both
def test_a_folder_goes_with_everything_in_it(alice: Client, folder: str, disk: Path, method: str) -> None:
    (disk / "a/sub").mkdir(parents=True)
    (disk / "a/sub/x").write_bytes(b"x")
    for source, target in ((f"{folder}/a", f"{folder}/b"), (f"{folder}/b/", f"{folder}/c/")):
        assert transfer(alice, method, source, target).status == 201
    assert {"c/", "c/sub/", "c/sub/x"} <= set(content(disk))
    assert (disk / "a").exists() is (method == "COPY")


def test_copy_with_depth_0_takes_the_folder_alone(alice: Client, folder: str, disk: Path) -> None:
    (disk / "a/sub").mkdir(parents=True)
    (disk / "a/x").write_bytes(b"x")
    assert transfer(alice, "COPY", f"{folder}/a", f"{folder}/b", Depth="0").status == 201
    assert content(disk / "b") == {}


@pytest.mark.parametrize("depth", ["1", "2", "x", "-1", "infinity,noroot"])
def test_copy_with_another_depth_is_400(alice: Client, folder: str, document: str, disk: Path, depth: str) -> None:
    assert transfer(alice, "COPY", document, f"{folder}/new", Depth=depth).status == 400
    assert content(disk) == {"report.odt": b"old"}


@both
def test_overwriting_a_folder_leaves_nothing_of_it(alice: Client, folder: str, disk: Path, method: str) -> None:
    for name in ("a/new", "b/old"):
        (disk / name).parent.mkdir()
        (disk / name).write_bytes(b"")
    assert transfer(alice, method, f"{folder}/a", f"{folder}/b").status == 204
    assert set(content(disk / "b")) == {"new"}


@both
def test_a_document_and_a_folder_replace_each_other(alice: Client, folder: str, document: str, disk: Path, method: str) -> None:
    (disk / "sub").mkdir()
    (disk / "sub/x").write_bytes(b"")
    assert transfer(alice, method, document, f"{folder}/sub").status == 204
    assert (disk / "sub").read_bytes() == b"old"
    (disk / "other").mkdir()
    assert transfer(alice, method, f"{folder}/other", f"{folder}/sub").status == 204
    assert (disk / "sub").is_dir()


@both
def test_overwrite_f_keeps_what_is_there(alice: Client, folder: str, document: str, disk: Path, method: str) -> None:
    alice.put(f"{folder}/there", b"there")
    for value in ("F", "f"):
        answer = transfer(alice, method, document, f"{folder}/there", Overwrite=value)
        assert answer.status == 412
        assert b"already" in answer.body
    assert content(disk) == {"report.odt": b"old", "there": b"there"}
    assert transfer(alice, method, document, f"{folder}/new", Overwrite="F").status == 201


@both
@pytest.mark.parametrize("value", ["maybe", "", "T, F", "TRUE", "0"])
def test_an_overwrite_header_that_makes_no_sense_is_400(
    alice: Client, folder: str, document: str, disk: Path, method: str, value: str
) -> None:
    assert transfer(alice, method, document, f"{folder}/new", Overwrite=value).status == 400
    assert content(disk) == {"report.odt": b"old"}


@both
def test_without_the_parent_of_the_destination_it_is_409(alice: Client, folder: str, document: str, disk: Path, method: str) -> None:
    assert transfer(alice, method, document, f"{folder}/missing/new").status == 409
    assert content(disk) == {"report.odt": b"old"}


@both
def test_of_nothing_it_is_404(alice: Client, folder: str, document: str, method: str) -> None:
    assert transfer(alice, method, f"{folder}/missing", f"{folder}/new").status == 404
    assert transfer(alice, method, f"{folder}/missing", document).status == 404
    assert alice.get(document).body == b"old"


@both
def test_onto_and_into_itself_it_is_403(alice: Client, folder: str, document: str, disk: Path, method: str) -> None:
    before = content(disk)
    for source, target in (
        (document, document),
        (folder, folder),
        (folder, f"{folder}/"),
        (folder, f"{folder}/sub"),
        (folder, f"{folder}/sub/deeper"),
        (document, folder),
        (document, "/"),
    ):
        assert transfer(alice, method, source, target).status == 403, (source, target)
    # The locks of other tests may be told first.
    assert transfer(alice, method, "/", f"{folder}/all").status in (207, 403)
    assert content(disk) == before


@both
def test_onto_another_spelling_of_itself_it_is_403(alice: Client, folder: str, disk: Path, method: str) -> None:
    alice.put(f"{folder}/ü", b"x")
    for name in ("%C3%BC", "u%CC%88", "%c3%bc", "./%C3%BC"):
        answer = alice.request(method, f"{folder}/ü", Destination=f"{folder}/{name}")
        assert answer.status == (400 if "./" in name else 403), name
    assert content(disk) == {"ü": b"x"}


def test_move_changes_the_case_of_a_name(alice: Client, folder: str, document: str, disk: Path) -> None:
    assert transfer(alice, "MOVE", document, f"{folder}/Report.odt").status == 201
    assert content(disk) == {"Report.odt": b"old"}


@both
def test_the_destination_is_decoded_once_and_whole(alice: Client, folder: str, document: str, disk: Path, method: str) -> None:
    alice.put(f"{folder}/q", b"q")
    names = {"q%3Fmark": "q?mark", "semi;v=1": "semi;v=1", "a%23b": "a#b", "50%25": "50%", "a%20b": "a b", "a+b": "a+b", "x%26y&z": "x&y&z"}
    for sent, name in names.items():
        alice.put(document, b"new")
        assert alice.request(method, document, Destination=f"{url(alice, folder)}/{sent}").status == 201, sent
        assert (disk / name).read_bytes() == b"new"
    assert (disk / "q").read_bytes() == b"q"


@both
@pytest.mark.parametrize(
    "form",
    [
        "http://{host}{path}",
        "https://{host}{path}",
        "HTTP://{host}{path}",
        "http://user:pass@{host}{path}",
        "{path}",
        "http://{host}{path}?x=y",
    ],
)
def test_the_destination_is_this_server_in_many_forms(serving: Serving, alice: Client, document: str, method: str, form: str) -> None:
    value = form.format(host=f"{serving.host}:{serving.port}", path=f"{document}.new")
    assert alice.request(method, document, Destination=value).status == 201
    assert alice.get(f"{document}.new").body == b"old"


@both
@pytest.mark.parametrize(
    "value",
    [
        "http://elsewhere.example{path}",
        "https://elsewhere.example:8080{path}",
        "http://{host}1{path}",
        "http://127.0.0.1{path}",
        "http://{host}@elsewhere.example{path}",
    ],
)
def test_the_destination_on_another_server_is_502(
    serving: Serving, alice: Client, document: str, disk: Path, method: str, value: str
) -> None:
    sent = value.format(host=f"{serving.host}:{serving.port}", path=f"{document}.new")
    assert alice.request(method, document, Destination=sent).status == 502
    assert content(disk) == {"report.odt": b"old"}


@both
@pytest.mark.parametrize(
    "value", [None, "", "relative", "http:", "http://", "//{host}/x", "ftp://{host}/x", "http://{host}", "/a#b", "/a b"]
)
def test_the_destination_that_makes_no_sense_is_400(
    serving: Serving, alice: Client, document: str, disk: Path, method: str, value: str | None
) -> None:
    sent = value and value.format(host=f"{serving.host}:{serving.port}")
    assert alice.request(method, document, Destination=sent).status == 400
    assert content(disk) == {"report.odt": b"old"}


@both
def test_the_destination_in_the_servers_own_folder_is_403(alice: Client, document: str, disk: Path, method: str) -> None:
    for path in ("/.davlock/x", "/.DAVLOCK/state.db", "/_vti_bin/x", "/api/v1/x"):
        assert transfer(alice, method, document, path).status == 403, path
    assert content(disk) == {"report.odt": b"old"}


@both
def test_properties_go_along(alice: Client, folder: str, method: str) -> None:
    alice.request("MKCOL", f"{folder}/a")
    alice.put(f"{folder}/a/x", b"")
    for path in (f"{folder}/a", f"{folder}/a/x"):
        assert proppatch(alice, path, setting(f"<Z:at>{path}</Z:at>")).status == 207
    assert transfer(alice, method, f"{folder}/a", f"{folder}/b").status == 201
    for path in ("", "/x"):
        assert alice.propfind(f"{folder}/b{path}").texts("{urn:example:}at") == [f"{folder}/a{path}"]
    if method == "MOVE":
        alice.request("MKCOL", f"{folder}/a")
        assert b"urn:example:" not in alice.propfind(f"{folder}/a", depth="1").body


@both
def test_the_properties_of_the_source_replace_those_of_the_destination(alice: Client, folder: str, document: str, method: str) -> None:
    alice.put(f"{folder}/there", b"")
    assert proppatch(alice, f"{folder}/there", setting("<Z:a>there</Z:a>")).status == 207
    assert proppatch(alice, document, setting("<Z:a>source</Z:a>")).status == 207
    assert transfer(alice, method, document, f"{folder}/there").status == 204
    assert alice.propfind(f"{folder}/there").texts("{urn:example:}a") == ["source"]


def test_a_name_that_repeats_keeps_its_properties(alice: Client, folder: str) -> None:
    """/pp/a/pp/a: only the beginning of a path is replaced."""
    for path in ("pp", "pp/a", "pp/a/pp"):
        alice.request("MKCOL", f"{folder}/{path}")
    alice.put(f"{folder}/pp/a/pp/a", b"")
    proppatch(alice, f"{folder}/pp/a/pp/a", setting("<Z:at>here</Z:at>"))
    assert transfer(alice, "MOVE", f"{folder}/pp", f"{folder}/qq").status == 201
    assert alice.propfind(f"{folder}/qq/a/pp/a").texts("{urn:example:}at") == ["here"]


def test_the_save_dance_of_office_keeps_the_properties(alice: Client, folder: str, document: str) -> None:
    proppatch(alice, document, setting("<Z:author>Alice</Z:author>"))
    alice.put(f"{folder}/new.tmp", b"new")
    assert transfer(alice, "MOVE", document, f"{folder}/old.tmp").status == 201
    assert transfer(alice, "MOVE", f"{folder}/new.tmp", document).status == 201
    assert alice.request("DELETE", f"{folder}/old.tmp").status == 204
    assert alice.get(document).body == b"new"
    assert alice.propfind(document).texts("{urn:example:}author") == ["Alice"]


def test_two_destinations_are_400(serving: Serving, document: str, disk: Path) -> None:
    answer = say(serving, f"MOVE {document}", f"Destination: {document}.a", f"Destination: {document}.b")
    assert answer.status == 400
    assert content(disk) == {"report.odt": b"old"}


def test_a_copy_is_a_file_of_its_own(alice: Client, document: str, disk: Path) -> None:
    transfer(alice, "COPY", document, f"{document}.copy")
    alice.put(f"{document}.copy", b"changed")
    assert content(disk) == {"report.odt": b"old", "report.odt.copy": b"changed"}
    assert alice.get(document).headers["ETag"] != alice.get(f"{document}.copy").headers["ETag"]


def test_links_on_the_disk_are_not_copied(alice: Client, folder: str, disk: Path) -> None:
    (disk / "a").mkdir()
    (disk / "a/link").symlink_to("/etc/passwd")
    assert transfer(alice, "COPY", f"{folder}/a", f"{folder}/b").status == 201
    assert list((disk / "b").iterdir()) == []
    assert alice.request("COPY", f"{folder}/a/link", Destination=f"{folder}/c").status in (403, 404)
