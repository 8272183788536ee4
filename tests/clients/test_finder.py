"""Replays of the macOS Finder (WebDAVFS) and of a Mac program that saves on its volume."""

from __future__ import annotations

import re
import socket
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.clients.conftest import eventually
from tests.serving import Answer, Client, Header, Serving, href

WEBDAVFS = "WebDAVFS/3.0.0 (03008000) Darwin/22.6.0 (x86_64)"
CONTENT = bytes(range(256)) * 2000
# a Mac spells ü as u and a combining diaeresis
FOLDER = unicodedata.normalize("NFD", "/Verträge für Müller")
NAME = FOLDER + unicodedata.normalize("NFD", "/Résumé größer.pages")
FORK = FOLDER + "/._" + NAME.rpartition("/")[2]


def finder(client: Client, method: str, path: str, body: bytes | str | Iterable[bytes] | None = None, **headers: Header) -> Answer:
    """One request with the headers that WebDAVFS adds to every one."""
    usual: dict[str, Header] = {"User_Agent": WEBDAVFS, "Accept": "*/*"}
    return client.request(method, path, body, **(usual | headers))


def lock(client: Client, path: str) -> str:
    """LOCK as WebDAVFS does it; the token is taken from the body, where it looks for it."""
    answer = finder(
        client,
        "LOCK",
        path,
        '<?xml version="1.0" encoding="utf-8"?>\n<D:lockinfo xmlns:D="DAV:">\n'
        "<D:lockscope><D:exclusive/></D:lockscope>\n<D:locktype><D:write/></D:locktype>\n<D:owner>\n<D:href>http://www.apple.com/webdav_fs/</D:href>\n</D:owner>\n"
        "</D:lockinfo>\n",
        Depth="0",
        Timeout="Second-600",
        Content_Type='text/xml; charset="utf-8"',
    )
    assert answer.status in (200, 201), answer
    (token,) = answer.texts("{DAV:}locktoken")
    assert answer.headers["Lock-Token"] == f"<{token}>"
    return token


def chunks(content: bytes) -> Iterable[bytes]:
    for start in range(0, len(content), 65536):
        yield content[start : start + 65536]


def copy_in(client: Client, path: str, content: bytes) -> None:
    """What dropping a file on the volume does: an empty file, a lock, the content, the end of the lock."""
    assert finder(client, "PROPFIND", path, Depth="0").status == 404
    assert finder(client, "PUT", path, b"").status == 201
    token = lock(client, path)
    put = finder(client, "PUT", path, chunks(content), If=f"(<{token}>)", X_Expected_Entity_Length=len(content))
    assert put.status in (200, 204), put
    assert finder(client, "UNLOCK", path, Lock_Token=f"<{token}>").status == 204


def names(folder: Path) -> set[str]:
    """Names on disk, however their accents are composed."""
    return {unicodedata.normalize("NFC", entry.name) for entry in folder.iterdir() if entry.name != ".davlock"}


def unfinished(root: Path) -> int:
    """Bytes of uploads that wait to become documents."""
    try:
        return sum(file.stat().st_size for file in (root / ".davlock" / "staging").rglob("*") if not file.is_dir())
    except FileNotFoundError:  # finished while we were counting
        return unfinished(root)


@pytest.fixture
def stored(serving: Serving, alice: Client) -> Path:
    """The folder on disk, made by Finder under its own spelling."""
    assert finder(alice, "MKCOL", FOLDER + "/").status == 201
    (folder,) = (entry for entry in serving.root.iterdir() if entry.name != ".davlock")
    return folder


def test_volume_is_mounted(serving: Serving, alice: Client) -> None:
    nobody = Client(serving)
    assert finder(nobody, "PROPFIND", "/", Depth="0").status == 401
    options = finder(alice, "OPTIONS", "/")
    # without class 2 the volume is read-only
    assert options.status == 200 and "2" in re.split(r",\s*", options.headers["DAV"]), options
    answer = finder(
        alice,
        "PROPFIND",
        "/",
        '<?xml version="1.0" encoding="utf-8"?>\n<D:propfind xmlns:D="DAV:">\n<D:prop>\n'
        "<D:quota-available-bytes/>\n<D:quota-used-bytes/>\n<D:quota/>\n<D:quotaused/>\n"
        "</D:prop>\n</D:propfind>\n",
        Depth="0",
        Content_Type="text/xml",
    )
    assert answer.status == 207, answer
    for propstat in answer.xml().iter("{DAV:}propstat"):
        found = " 200 " in propstat.findtext("{DAV:}status", "")
        for element in propstat.iterfind("{DAV:}prop/*"):
            local = element.tag.removeprefix("{DAV:}")
            # the two of RFC 4331 are known, the two of older drafts need not be
            assert found or local in ("quota", "quotaused"), answer
            assert not found or re.fullmatch(r"[0-9]+", element.text or ""), answer
    for path in ("/.hidden", "/.Spotlight-V100", "/.metadata_never_index", "/Backups.backupdb"):
        assert finder(alice, "PROPFIND", path, Depth="0").status == 404


def test_a_file_and_its_fork_are_copied_to_the_server(stored: Path, alice: Client, bob: Client) -> None:
    copy_in(alice, NAME, CONTENT)
    copy_in(alice, FORK, b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
    assert names(stored) == {"Résumé größer.pages", "._Résumé größer.pages"}
    # Finder asks for what it has just made under its own spelling; everybody else composes
    composed = unicodedata.normalize("NFC", NAME)
    for path in (NAME, composed):
        assert finder(alice, "GET", path).body == CONTENT
        assert bob.get(path).body == CONTENT
        assert finder(alice, "PROPFIND", path, Depth="0").texts("{DAV:}getcontentlength") == [str(len(CONTENT))]
    assert bob.put(composed, b"bob's").status == 204
    assert names(stored) == {"Résumé größer.pages", "._Résumé größer.pages"}
    assert finder(alice, "GET", NAME).body == b"bob's"
    hrefs = finder(alice, "PROPFIND", FOLDER, Depth="1").texts("{DAV:}href")
    assert len(hrefs) == 3 and len(set(hrefs)) == 3, hrefs


def test_lock_under_one_spelling_holds_under_the_other(stored: Path, alice: Client, bob: Client) -> None:
    copy_in(alice, NAME, CONTENT)
    token = lock(alice, NAME)
    composed = unicodedata.normalize("NFC", NAME)
    assert bob.put(composed, b"bob was here").status == 423
    assert bob.request("DELETE", unicodedata.normalize("NFC", FOLDER)).status in (207, 423)
    assert alice.put(composed, b"alice's", token).status == 204
    assert finder(alice, "UNLOCK", NAME, Lock_Token=f"<{token}>").status == 204
    assert bob.put(composed, b"bob was here").status == 204


def test_lock_is_refreshed(stored: Path, alice: Client, bob: Client) -> None:
    copy_in(alice, NAME, CONTENT)
    token = lock(alice, NAME)
    for _ in range(2):
        answer = finder(alice, "LOCK", NAME, Timeout="Second-600", If=f"(<{token}>)", Content_Length=0)
        # the token is read from the body here too
        assert (answer.status, answer.texts("{DAV:}locktoken")) == (200, [token]), answer
        assert answer.texts("{DAV:}owner") == ["http://www.apple.com/webdav_fs/"]
    assert bob.put(NAME, b"bob was here").status == 423
    # several locks cover it now: Finder takes the first token that it finds
    assert finder(alice, "UNLOCK", NAME, Lock_Token=f"<{token}>").status == 204
    folder_token = alice.lock(FOLDER, depth="infinity", shared=True)
    answer = finder(alice, "LOCK", NAME, SHARED, Depth="0", If=f"(<{folder_token}>)", Timeout="Second-600")
    assert answer.status == 200, answer
    first = answer.texts("{DAV:}locktoken")[0]
    assert first != folder_token
    assert answer.headers["Lock-Token"] == f"<{first}>"


def test_upload_that_breaks_off_changes_nothing(serving: Serving, stored: Path, alice: Client, bob: Client) -> None:
    copy_in(alice, NAME, CONTENT)
    token = lock(alice, NAME)
    head = (
        f"PUT {href(NAME)} HTTP/1.1\r\nHost: {serving.host}\r\nAuthorization: {alice.authorization}\r\n"
        f"User-Agent: {WEBDAVFS}\r\nIf: (<{token}>)\r\nTransfer-Encoding: chunked\r\n"
        f"X-Expected-Entity-Length: {len(CONTENT)}\r\n\r\n"
    )
    with socket.create_connection((serving.host, serving.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"10000\r\n" + bytes(65536) + b"\r\n10000\r\nhalf of it")
    # refused or forgotten: an upload in between sees the old content, and so does everybody afterwards
    assert bob.get(NAME).body == CONTENT
    assert eventually(lambda: not unfinished(serving.root))
    assert bob.get(NAME).body == CONTENT
    assert finder(alice, "PUT", NAME, chunks(CONTENT[::-1]), If=f"(<{token}>)").status == 204
    assert bob.get(NAME).body == CONTENT[::-1]


def test_ds_store(stored: Path, alice: Client) -> None:
    # to be stored like anything else, or to be refused: Finder lives with both, but not with a failing server
    answer = finder(alice, "PUT", FOLDER + "/.DS_Store", b"\x00\x00\x00\x01Bud1")
    assert answer.status in (201, 403), answer
    assert finder(alice, "GET", FOLDER + "/.DS_Store").status == (200 if answer.status == 201 else 404)


def test_file_is_read_in_pieces(stored: Path, alice: Client) -> None:
    copy_in(alice, NAME, CONTENT)
    etag = finder(alice, "HEAD", NAME).headers["ETag"]
    read = b""
    for start in range(0, len(CONTENT), 131072):
        piece = finder(alice, "GET", NAME, Range=f"bytes={start}-{start + 131071}", If_Range=etag)
        assert piece.status == 206, piece
        read += piece.body
    assert read == CONTENT
    modified = finder(alice, "HEAD", NAME).headers["Last-Modified"]
    assert finder(alice, "GET", NAME, If_Modified_Since=modified).status == 304


def test_safe_save(serving: Serving, stored: Path, alice: Client, bob: Client) -> None:
    """TextEdit writes beside the document, moves the new file over the old one and takes its folder away."""
    copy_in(alice, NAME, CONTENT)
    aside = FOLDER + "/.TemporaryItems/folders.501/(A Document Being Saved By TextEdit)"
    parent = FOLDER
    for name in aside.removeprefix(FOLDER + "/").split("/"):
        parent += "/" + name
        assert finder(alice, "MKCOL", parent + "/").status == 201
    copy_in(alice, aside + "/" + NAME.rpartition("/")[2], CONTENT[::-1])
    moved = finder(alice, "MOVE", aside + "/" + NAME.rpartition("/")[2], Overwrite="T", Destination=serving.url.rstrip("/") + href(NAME))
    assert moved.status == 204, moved
    assert bob.get(unicodedata.normalize("NFC", NAME)).body == CONTENT[::-1]
    assert finder(alice, "DELETE", FOLDER + "/.TemporaryItems/").status == 204
    assert names(stored) == {"Résumé größer.pages"}


def test_rename_between_spellings_and_case(serving: Serving, stored: Path, alice: Client) -> None:
    copy_in(alice, NAME, CONTENT)
    upper = FOLDER + unicodedata.normalize("NFD", "/RÉSUMÉ größer.pages")
    moved = finder(alice, "MOVE", NAME, Destination=serving.url.rstrip("/") + href(upper), Overwrite="F")
    assert moved.status == 201, moved
    assert names(stored) == {"RÉSUMÉ größer.pages"}
    composed = unicodedata.normalize("NFC", upper)
    # a rename to what is the same name for everybody else must not lose the file
    again = finder(alice, "MOVE", upper, Destination=serving.url.rstrip("/") + href(composed), Overwrite="T")
    assert again.status in (201, 204, 403), again
    assert names(stored) == {"RÉSUMÉ größer.pages"}
    assert finder(alice, "GET", composed).body == CONTENT


SHARED = (
    '<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope>'
    "<D:locktype><D:write/></D:locktype><D:owner>x</D:owner></D:lockinfo>"
)
