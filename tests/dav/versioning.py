"""Documents under source control as a client has them: checking out and in, history, properties."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from tests.dav.stories import DAV, DAVLOCK, properties
from tests.serving import Answer, Client

L = 'xmlns:L="urn:davlock:"'


def say(client: Client, method: str, path: str, inside: str = "", **headers: str) -> Answer:
    """CHECKOUT, CHECKIN, UNCHECKOUT or VERSION-CONTROL, with these elements in its body; without any it has none."""
    name = method.lower()
    body = f'<?xml version="1.0"?><D:{name} xmlns:D="DAV:" {L}>{inside}</D:{name}>' if inside else None
    return client.request(method, path, body, **headers)


def check_out(client: Client, path: str, content: bytes | None = None, comment: str = "") -> None:
    """CHECKOUT, and a PUT into the draft if there is content; fails unless both are possible."""
    answer = say(client, "CHECKOUT", path, f"<D:comment>{comment}</D:comment>" if comment else "")
    assert answer.status == 200, answer
    if content is not None:
        assert client.put(path, content).status == 204


def check_in(client: Client, path: str, comment: str = "") -> str:
    """CHECKIN; the path of the new version."""
    answer = say(client, "CHECKIN", path, f"<D:comment>{comment}</D:comment>" if comment else "")
    assert answer.status == 201, answer
    return answer.headers["Location"]


def publish(client: Client, path: str, *contents: bytes) -> list[str]:
    """One version after the other; their paths."""
    found = []
    for content in contents:
        check_out(client, path, content)
        found.append(check_in(client, path))
    return found


@dataclass(frozen=True)
class Shown:
    """A version as the version-tree shows it."""

    path: str
    name: str
    by: str
    comment: str
    size: int


def report(client: Client, path: str, body: str, **headers: str) -> Answer:
    return client.request("REPORT", path, body, Content_Type="application/xml", **headers)


TREE = (
    '<D:version-tree xmlns:D="DAV:"><D:prop><D:version-name/><D:creator-displayname/><D:comment/><D:getcontentlength/></D:prop>'
    "</D:version-tree>"
)


def history(client: Client, path: str) -> list[Shown]:
    """The versions of a document, the first one first."""
    found = []
    for place, stats in properties(report(client, path, TREE)).items():
        shown = {name.removeprefix(DAV): each.text or "" for name, each in stats[200].items()}
        size = int(shown["getcontentlength"])
        found.append(Shown(place, shown["version-name"], shown.get("creator-displayname", ""), shown.get("comment", ""), size))
    return found


def props(client: Client, path: str, *names: str, depth: str = "0") -> dict[str, dict[str, ElementTree.Element]]:
    """Path → name → element, of those that are there; `L:id` is davlock's own."""
    asked = "".join(f"<{name}/>" if ":" in name else f"<D:{name}/>" for name in names)
    body = f'<D:propfind xmlns:D="DAV:" {L}><D:prop>{asked}</D:prop></D:propfind>'
    answer = client.request("PROPFIND", path, body, Depth=depth)
    return {
        place: {name.replace(DAVLOCK, "L:").removeprefix(DAV): each for name, each in stats.get(200, {}).items()}
        for place, stats in properties(answer).items()
    }


def hrefs(element: ElementTree.Element) -> list[str]:
    """The paths that a property names."""
    return [each.text or "" for each in element.iter(f"{DAV}href")]
