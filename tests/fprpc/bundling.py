"""Several documents at once: requests in parts as the public client sends them (HubKey), and its way to take answers apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from davlock.fprpc.brackets import parse_document
from davlock.fprpc.values import DocInfo
from tests.fprpc.client import command, percent, read_packet, vector
from tests.fprpc.client import document as printed
from tests.fprpc.conftest import AUTHOR, FORM, VERSION, Packet, Rpc
from tests.serving import Answer, Client

BOUNDARY = "MIMEboundary-02 Jan 2008 09:03:02 -0000-8ca1b2c3d4e5f60"  # with blanks and colons, and so in quotes
MIXED = f'multipart/mixed; boundary="{BOUNDARY}"'
OCTETS = "application/octet-stream"
Uploaded = tuple[DocInfo, bytes]


def part(content: bytes, kind: str = OCTETS, head: str = "") -> bytes:
    return f"--{BOUNDARY}\r\nContent-Type: {kind}\r\n{head}\r\n".encode() + content + b"\r\n"


def described(info: DocInfo) -> bytes:
    """The part with the DOCINFO of a document."""
    return part(b"document=" + percent(printed(info)) + b"\n", FORM)


def told(option: str = "overwrite", method: str = f"put documents:{VERSION}", **more: str) -> bytes:
    """The part with the command."""
    parameters = {"service_name": "/", "put_option": option, "listFiles": "true", "listLinkInfo": "true", **more}
    return part(command(method, parameters) + b"\n", FORM)


def bundle(documents: Iterable[Uploaded], option: str = "overwrite", **more: str) -> bytes:
    parts = (described(info) + part(content) for info, content in documents)
    return told(option, **more) + b"".join(parts) + end()


def end() -> bytes:
    return f"--{BOUNDARY}--".encode()


def send(rpc: Rpc, user: str, body: bytes | Iterable[bytes], kind: str = MIXED) -> Packet:
    """A request in parts; every answer must be a packet."""
    answer = rpc.client(user).request("POST", AUTHOR, body, Content_Type=kind, X_Vermeer_Content_Type=kind, User_Agent="MSFrontPage/12.0")
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "application/x-vermeer-rpc"
    values, content = read_packet(answer.body)
    return Packet(values, content, answer.body)


def put_all(rpc: Rpc, user: str, documents: Sequence[Uploaded], option: str = "overwrite", **more: str) -> Packet:
    return send(rpc, user, bundle(documents, option, **more))


@dataclass(frozen=True)
class Bundle:
    """The answer to get documents: its first part, and each description with its content."""

    command: bytes
    documents: list[Uploaded]

    @property
    def contents(self) -> dict[str, bytes]:
        return {info.name: content for info, content in self.documents}


def get_all(client: Client, urls: Sequence[str], site: str = "", **more: str) -> Bundle:
    answer = ask(client, urls, site, **more)
    assert answer.status == 200, answer
    assert (answer.headers["Content-Type"] or "").startswith("multipart/mixed; boundary="), answer
    return unbundle(iter([answer.body]))


def ask(client: Client, urls: Sequence[str], site: str = "", **more: str) -> Answer:
    line = command(f"get documents:{VERSION}", {"service_name": "/", "url_list": vector(urls), **more})
    return client.request("POST", site + AUTHOR, line, Content_Type=FORM, X_Vermeer_Content_Type=FORM, User_Agent="MSFrontPage/12.0")


def unbundle(blocks: Iterator[bytes]) -> Bundle:
    """As HubKey reads it: the boundary is the first 62 bytes, and of the heads it counts the bytes too."""
    body = b"".join(blocks)
    line, form, octets = body[:62], f"\r\nContent-Type: {FORM}\r\n\r\n".encode(), f"\r\nContent-Type: {OCTETS}\r\n\r\n".encode()
    assert line.startswith(b"\r\n--")
    *parts, last = body[62:].split(line)
    assert last == b"--\r\n"
    first, *rest = parts
    assert first.startswith(form)
    documents = []
    for description, content in zip(rest[::2], rest[1::2], strict=True):
        assert description.startswith(form + b"document=") and description.endswith(b"\n") and content.startswith(octets)
        text = unquote_plus(description.removeprefix(form + b"document=")[:-1].decode("ascii"), errors="strict")
        documents.append((parse_document(text), content.removeprefix(octets)))
    return Bundle(first.removeprefix(form), documents)
