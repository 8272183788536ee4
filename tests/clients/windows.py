"""What Explorer and Office send through Windows' WebDAV redirector, in its own spelling."""

from __future__ import annotations

from tests.serving import Answer, Client, Header

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
