"""PUT (RFC 4918 §9.7, RFC 9110 §9.3.4): the whole body becomes the document, or nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dav.stories import DAV, Wire, properties, say
from tests.serving import Client, Raw, Serving


def test_put_of_a_new_document_is_201_and_of_an_old_one_204(alice: Client, folder: str, disk: Path) -> None:
    created, replaced = alice.put(f"{folder}/a", b"first"), alice.put(f"{folder}/a", b"second")
    assert (created.status, replaced.status) == (201, 204)
    assert created.headers["ETag"] != replaced.headers["ETag"]
    assert created.headers["Last-Modified"] and replaced.headers["Last-Modified"]
    assert (disk / "a").read_bytes() == alice.get(f"{folder}/a").body == b"second"


def test_a_document_is_one_file_in_an_ordinary_folder(alice: Client, folder: str, disk: Path) -> None:
    alice.put(f"{folder}/a", b"x")
    assert [each.name for each in disk.iterdir()] == ["a"]
    assert (disk / "a").stat().st_nlink == 1


def test_put_without_length_in_chunks(alice: Client, folder: str) -> None:
    for blocks in ([], [b"x"], [b"ab"] * 1000, [bytes(100_000)]):
        assert alice.put(f"{folder}/a", iter(blocks)).status in (201, 204)
        assert alice.get(f"{folder}/a").body == b"".join(blocks)


def test_put_as_the_finder_does(serving: Serving, alice: Client, folder: str) -> None:
    with Wire(serving, "alice") as wire:
        wire.head(f"PUT {folder}/a", "Transfer-Encoding: chunked", "X-Expected-Entity-Length: 5", "Expect: 100-continue")
        assert wire.interim().startswith(b"HTTP/1.1 100 ")
        wire.send(b"5\r\nhello\r\n0\r\n\r\n")
        assert wire.answer("PUT").status == 201
    assert alice.get(f"{folder}/a").body == b"hello"


def test_put_on_a_folder_is_405(alice: Client, folder: str, document: str) -> None:
    for path in (folder, f"{folder}/", "/"):
        answer = alice.put(path, b"x")
        assert answer.status == 405
        assert "PUT" not in answer.headers["Allow"]
    assert alice.get(document).body == b"old"


def test_put_with_a_slash_at_the_end_makes_nothing(alice: Client, folder: str, disk: Path) -> None:
    assert alice.put(f"{folder}/new/", b"x").status == 405
    assert list(disk.iterdir()) == []


def test_put_without_a_parent_is_409(alice: Client, folder: str, document: str, disk: Path) -> None:
    for path in (f"{folder}/missing/a", f"{folder}/missing/sub/a", f"{document}/a"):
        assert alice.put(path, b"x").status == 409, path
    assert [each.name for each in disk.iterdir()] == ["report.odt"]


@pytest.mark.parametrize("value", ["bytes 0-2/10", "bytes 3-5/*", "nonsense"])
def test_a_part_of_a_document_is_not_stored(alice: Client, document: str, value: str) -> None:
    assert alice.put(document, b"new", Content_Range=value).status == 400
    assert alice.get(document).body == b"old"


def test_a_compressed_document_is_not_stored(alice: Client, document: str) -> None:
    assert alice.put(document, b"new", Content_Encoding="gzip").status == 415
    assert alice.get(document).body == b"old"
    assert alice.put(document, b"new", Content_Encoding="identity").status == 204


NAMES = {
    "a#b.txt": "a%23b.txt",
    "what?.txt": "what%3F.txt",
    "100%.txt": "100%25.txt",
    "a b.txt": "a%20b.txt",
    "ümlaut.txt": "%C3%BCmlaut.txt",
    "semi;v=1": "semi;v=1",
    "a&b(1).txt": "a&b(1).txt",
    "<x>'\".txt": "%3Cx%3E%27%22.txt",
    "a+b": "a+b",
    "name.": "name.",
    "name ": "name%20",
    "a::$DATA": "a::$DATA",
    "CON": "CON",
    "NUL.txt": "NUL.txt",
    ".htaccess": ".htaccess",
    "~$report.docx": "~$report.docx",
    "._report": "._report",
    "-rf": "-rf",
    "$(id)": "$(id)",
    "日本語.txt": "%E6%97%A5%E6%9C%AC%E8%AA%9E.txt",
    "😀": "%F0%9F%98%80",
    "\u202etxt.exe": "%E2%80%AEtxt.exe",
}


@pytest.mark.parametrize("name", NAMES, ids=NAMES.values())
def test_a_name_is_kept_exactly(alice: Client, folder: str, disk: Path, name: str) -> None:
    assert alice.request("PUT", Raw(f"{folder}/{NAMES[name]}"), b"x").status == 201
    assert [each.name for each in disk.iterdir()] == [name]
    assert alice.get(f"{folder}/{name}").body == b"x"
    listing = properties(alice.propfind(folder, "displayname", depth="1"))
    assert set(listing) == {f"{folder}/", f"{folder}/{name}"}
    assert listing[f"{folder}/{name}"][200][f"{DAV}displayname"].text == name


def test_two_unicode_spellings_of_a_name_are_one_document(alice: Client, folder: str, disk: Path) -> None:
    composed, decomposed = f"{folder}/\u00fc.txt", f"{folder}/u\u0308.txt"
    assert alice.put(decomposed, b"from a Mac").status == 201
    assert [each.name for each in disk.iterdir()] == ["u\u0308.txt"], "the spelling on the disk is that of its maker"
    assert alice.get(composed).body == b"from a Mac"
    assert alice.put(composed, b"from elsewhere").status == 204
    token = alice.lock(composed)
    assert alice.put(decomposed, b"x").status == 423
    assert alice.put(decomposed, b"x", token).status == 204
    assert len(list(disk.iterdir())) == 1


def test_names_that_are_sent_unescaped_are_understood(serving: Serving, alice: Client, folder: str) -> None:
    assert say(serving, f"PUT {folder}/ü.txt".encode(), body=b"x").status == 201
    assert alice.get(f"{folder}/ü.txt").body == b"x"
    answer = say(serving, f"PROPFIND {folder}/ü.txt".encode(), "Depth: 0")
    assert set(properties(answer)) == {f"{folder}/ü.txt"}


def test_a_document_that_another_program_replaces_with_a_folder_is_not_written(alice: Client, document: str, disk: Path) -> None:
    (disk / "report.odt").unlink()
    (disk / "report.odt").mkdir()
    assert alice.put(document, b"x").status == 405


def test_mode_of_the_file_stays(alice: Client, document: str, disk: Path) -> None:
    (disk / "report.odt").chmod(0o640)
    assert alice.put(document, b"new").status == 204
    assert (disk / "report.odt").stat().st_mode & 0o777 == 0o640
