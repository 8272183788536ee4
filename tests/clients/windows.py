"""What Explorer and Office send through Windows' WebDAV redirector, in its own spelling."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.serving import Answer, Client, Header, href

MICROSOFT = "{urn:schemas-microsoft-com:}"
TIMES = {
    "Win32CreationTime": "Tue, 18 Nov 2008 12:00:00 GMT",
    "Win32LastAccessTime": "Wed, 19 Nov 2008 08:30:00 GMT",
    "Win32LastModifiedTime": "Wed, 19 Nov 2008 08:30:01 GMT",
    "Win32FileAttributes": "00000020",
}


def redirected(client: Client, method: str, path: str, body: bytes | str | None = None, **headers: Header) -> Answer:
    """One request with the headers that the redirector adds to every one."""
    usual: dict[str, Header] = {
        "User_Agent": "Microsoft-WebDAV-MiniRedir/10.0.19045",
        "translate": "f",
        "Connection": "Keep-Alive",
        "Cache_Control": "no-cache",
        "Pragma": "no-cache",
    }
    if body is None and method in ("PUT", "PROPFIND"):
        usual["Content_Length"] = 0
    return client.request(method, path, body, **(usual | headers))


def lock(client: Client, path: str, owner: str) -> str:
    """LOCK as the redirector does it, without a Depth; returns the token."""
    answer = redirected(
        client,
        "LOCK",
        path,
        '<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
        f"<D:locktype><D:write/></D:locktype><D:owner><D:href>{owner}</D:href></D:owner></D:lockinfo>",
        Timeout="Second-3600",
        Content_Type='text/xml; charset="utf-8"',
    )
    assert answer.status in (200, 201), answer
    token = answer.headers["Lock-Token"]
    # Office 2010 reads the header only with its brackets
    assert token.startswith("<") and token.endswith(">"), token
    assert an_hour(answer), answer
    # nor is a checkout of one's own shown here: whose token would that be?
    assert answer.texts("{DAV:}locktoken") == [token[1:-1]], answer
    # Windows 7 overlooks elements that are in the DAV: namespace without a prefix
    assert b'xmlns="DAV:"' not in answer.body and b"<D:activelock>" in answer.body, answer
    return token[1:-1]


def an_hour(answer: Answer) -> bool:
    """Whether a lock was granted for the hour that Office asks for, of which it may have heard a little late.

    Of less than three minutes it makes a document that cannot be saved.
    """
    (timeout,) = answer.texts("{DAV:}timeout")
    return 3500 < int(timeout.removeprefix("Second-")) <= 3600


def set_times(client: Client, path: str, token: str = "") -> None:
    """PROPPATCH of the times of the copied file; unless all is accepted, Explorer says that the copy failed."""
    properties = "".join(f"<Z:{name}>{value}</Z:{name}>" for name, value in TIMES.items())
    answer = redirected(
        client,
        "PROPPATCH",
        path,
        '<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:">'
        f"<D:set><D:prop>{properties}</D:prop></D:set></D:propertyupdate>",
        If=f"(<{token}>)" if token else None,
        Content_Type='text/xml; charset="utf-8"',
    )
    assert answer.status == 207, answer
    named = [element.tag for prop in answer.xml().iter("{DAV:}prop") for element in prop]
    assert sorted(named) == sorted(MICROSOFT + name for name in TIMES), answer
    assert {text.split()[1] for text in answer.texts("{DAV:}status")} == {"200"}, answer


def times(client: Client, path: str) -> dict[str, str]:
    """The properties that set_times sets, as PROPFIND without a body tells them."""
    found = redirected(client, "PROPFIND", path, Depth="0").xml()
    return {name: element.text or "" for name in TIMES for element in found.iter(MICROSOFT + name)}


# Ways to save by dance: each yields after every step whether the document is under its name then. token: of a lock on it.
Dance = Callable[[Client, str, bytes, str], Iterator[bool]]


def swap(client: Client, path: str, content: bytes, token: str = "") -> Iterator[bool]:
    """Word: write a new file, move the original away, move the new one onto its name, delete the original."""
    folder = path.rpartition("/")[0]
    written, aside = f"{folder}/~WRD0001.tmp", f"{folder}/~WRL0002.tmp"
    yield from _written(client, written, content)
    _move(client, path, aside, 201, tagged(client, path, token))
    yield False
    _move(client, written, path, 201)
    yield True
    assert redirected(client, "DELETE", aside).status == 204
    yield True


def replace(client: Client, path: str, content: bytes, token: str = "") -> Iterator[bool]:
    """The shorter one: write a new file and move it over the original."""
    written = f"{path.rpartition('/')[0]}/1A2B3C4D.tmp"
    yield from _written(client, written, content)
    _move(client, written, path, 204, tagged(client, path, token), overwrite="T")
    yield True


def delete_first(client: Client, path: str, content: bytes, token: str = "") -> Iterator[bool]:
    """Programs that save through Explorer: write a new file, with any name, delete the original, rename the new one."""
    written = f"{path}.new"
    yield from _written(client, written, content)
    assert redirected(client, "DELETE", path, If=tagged(client, path, token)).status == 204
    yield False
    _move(client, written, path, 201)
    yield True


DANCES: list[Dance] = [swap, replace, delete_first]


def tagged(client: Client, path: str, token: str) -> str | None:
    """An If header that names the lock of one path among several (RFC 4918 §10.4.3)."""
    return f"<{client.serving.url.rstrip('/')}{href(path)}> (<{token}>)" if token else None


def _written(client: Client, path: str, content: bytes) -> Iterator[bool]:
    assert redirected(client, "PUT", path, b"").status == 201
    token = lock(client, path, "ALICE-PC\\alice")
    yield True
    assert redirected(client, "PUT", path, content, If=f"(<{token}>)").status == 204
    assert redirected(client, "UNLOCK", path, Lock_Token=f"<{token}>").status == 204
    yield True


def _move(client: Client, path: str, to: str, expected: int, condition: str | None = None, overwrite: str = "F") -> None:
    destination = client.serving.url.rstrip("/") + href(to)
    moved = redirected(client, "MOVE", path, Destination=destination, Overwrite=overwrite, If=condition)
    assert moved.status == expected, moved
