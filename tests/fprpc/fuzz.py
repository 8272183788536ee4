"""Fuzzing the wire of FrontPage RPC: `python -m tests.fprpc.fuzz --seconds 600 [--seed 1]`.

Requests as Office sends them are damaged at random and read. Whatever happens must be a command or a refusal, must not depend on how
the bytes arrive, must lose none of the payload; what was read must come back through a printer and a second reading; and no line of
an input may cost more than an honest one does. The first finding of each sort is printed with the input that shows it.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

from davlock.errors import BadRequest
from davlock.fprpc import brackets, packets, values
from davlock.fprpc.values import Malformed, MetaValue
from davlock.fprpc.wire import MAX_COMMAND, Encoding, Method, Payload, parse_content_type, parse_method, read_command
from tests.fprpc import client
from tests.fprpc.counting import lines_run

SEEDS = [
    client.command(
        "put document:6.0.2.5523",
        {
            "service_name": "/",
            "document": "[document_name=docs/a\\;b.doc;meta_info=[vti_x;TW|11 Mar 2011 16:39:35 -0000;v;VW|a\\\\ b c;n;IX|-5]]",
            "put_option": "edit,createdir",
            "comment": "",
            "keep_checked_out": "false",
        },
    )
    + b"\nPK\x03\x04payload\n",
    b"method=put document&document=[document_name=a\\=\\[1\\].doc;meta_info=[a;SW|\\{x\\};b;UX|1 2;c;DX|1.5;d;EW|;e;BX|TRUE]]\n\n",
    client.command("checkout document:12.0.0.6211", {"document_name": "docs/a.docx", "force": "2", "timeout": "2147483647"}) + b"\n",
    client.command("list documents", {"folderList": "[;TX|06 Apr 2006 20:03:02 -0000;images;TX|06 Apr 2006 20:03:02-0000]"}, b"\r\n&"),
    client.command("getDocsMetaInfo:15.0.0.4455", {"url_list": "[http://host:80/a\\;b;é.doc;]", "metaInfoList": "[[k;SW|v];[]]"}) + b"\n",
    client.command("create url-directories", {"urldirs": "[[url=a;meta_info=[]];[url=b]]", "documents": "[[document_name=a]]"}),
]
PIECES = [
    *(bytes([byte]) for byte in b"[];=\\{}|&%+\n\r\0 ,.-:/"),
    *(b"%%%02x" % byte for byte in b"[];=\\{}|&%+\n\r\0 \xc3\xa9\xff"),
    b"method=", b"put+document", b"document_name=", b"meta_info=[", b"SW|", b"VW|", b"TX|", b"true", b"-0000", b"2147483648", b"\xd9\xa3",
    b"[" * 200, b"]" * 200, b";" * 500, b"\\" * 501, b"a" * 5000, b"%41" * 3000, b"&a=b" * 2000, b"[a;SW|b];" * 1000,
]  # fmt: skip
PARSERS: list[Callable[[str], Any]] = [
    values.parse_int, values.parse_boolean, values.parse_time, values.parse_options, values.parse_meta,
    parse_content_type, parse_method, brackets.parse_items,
]  # fmt: skip
PRINTED: list[tuple[Callable[[str], Any], Callable[[Any], str]]] = [
    (brackets.parse_vector, lambda items: client.vector(map(client.escaped, items))),
    (brackets.parse_dict, client.dictionary),
    (brackets.parse_metadict, client.metadict),
    (brackets.parse_metadicts, lambda metas: client.vector(map(client.metadict, metas))),
    (brackets.parse_document, client.document),
    (brackets.parse_documents, lambda infos: client.vector(map(client.document, infos))),
    (brackets.parse_folder, client.folder),
    (brackets.parse_folders, lambda infos: client.vector(map(client.folder, infos))),
]
LINES_PER_BYTE = 30
"""What no single reading may cost. A bracket or a separator costs about fifteen lines, and neither comes in less than a byte."""


class Finding(Exception):
    """Something that must not be."""


class Bits:
    """A source that gives blocks of random size."""

    def __init__(self, data: bytes, chance: random.Random) -> None:
        self._data, self._chance = io.BytesIO(data), chance

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, self._chance.choice([1, 3, 50, 9000])))


def damaged(chance: random.Random) -> bytes:
    """A request with up to eight pieces put in, cut out, doubled or exchanged."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randrange(9)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + int(chance.expovariate(0.1)))
        match chance.randrange(6):
            case 0:
                data[start:end] = b""
            case 1:
                data[end:end] = data[start:end] * chance.choice([1, 1, 3, 300])
            case 2 if start < len(data):
                data[start] = chance.randrange(256)
            case 3:
                other = chance.choice(SEEDS)
                data[start:] = other[chance.randrange(len(other)) :]
            case _:
                data[start : chance.choice([start, end])] = chance.choice(PIECES)
        del data[2 * MAX_COMMAND :]
    return bytes(data)


def read(body: bytes, source: Any, length: int | None, encoding: Encoding) -> tuple[object, bytes | None]:
    try:
        command, payload = read_command(source, length, encoding)
    except BadRequest as refused:
        check(refused.message.isascii() and refused.message.isprintable(), "a refusal repeats the request")
        return refused.message, None
    content = payload.read() if isinstance(payload, Payload) else None
    if content is not None:
        check(body.endswith(b"\n" + content), "the payload is not what follows the command")
        check(encoding is Encoding.FORM or content == body.partition(b"\n")[2], "the payload does not follow the first LF")
    return command, content


def check(truth: bool, otherwise: str) -> None:
    if not truth:
        raise Finding(otherwise)


def try_request(body: bytes, chance: random.Random) -> None:
    """Raises whatever must not be."""
    for encoding in Encoding:
        outcome = read(body, io.BytesIO(body), len(body), encoding)
        check(outcome == read(body, Bits(body, chance), chance.choice([None, len(body)]), encoding), "it depends on how the bytes arrive")
        for text in getattr(outcome[0], "parameters", {}).values():
            try_value(text)


def try_value(text: str) -> None:
    for parse in PARSERS:
        attempt(parse, text)
    for parse, printed in PRINTED:
        value = attempt(parse, text)
        if value is not None:
            check(parse(printed(value)) == value, f"{parse.__name__} reads something else from what was printed")
            returned, rest = client.read_packet(packets.packet(Method("m"), text, ("value", value), ("text", text)))
            check(not rest and returned.text("text") == text and returned.pairs.get("message", "") == text, "an answer cannot be read")
    for part in (text, *text.split(";")):
        meta = attempt(values.parse_meta, part)
        if isinstance(meta, MetaValue):
            check(values.print_meta(meta) == part, "a meta value changed")
            attempt(lambda text: values.parse_meta(text).content, part)


def attempt(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except Malformed:
        return None


def cost(body: bytes) -> float:
    """The lines of the product that run for one byte of input, in the dearest single reading of a request or of one of its values."""
    dearest = 0.0
    for encoding in Encoding:
        dearest = max(dearest, lines_run(partial(read, body, io.BytesIO(body), len(body), encoding)) / (len(body) + 200))
        command, _ = read(body, io.BytesIO(body), len(body), encoding)
        for text in getattr(command, "parameters", {}).values():
            for parse in (*PARSERS, *(parse for parse, _ in PRINTED)):
                dearest = max(dearest, lines_run(partial(parse, text)) / (len(text) + 200))
    return dearest


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    chance = random.Random(chosen.seed)
    end = time.monotonic() + chosen.seconds
    findings: dict[str, bytes] = {}
    executions, slowest, dearest = 0, (0.0, b""), (0.0, b"")
    while (began := time.monotonic()) < end:
        body = damaged(chance)
        try:
            try_request(body, chance)
            slowest = max(slowest, (time.monotonic() - began, body))
            if executions % 20 == 0:
                dearest = max(dearest, (cost(body), body))
        except Exception as error:  # a fuzzer is there for all of them
            where = str(error) if isinstance(error, Finding) else traceback.format_exc(limit=-1)
            if where not in findings:
                findings[where] = body
                print(f"FINDING {where}\n    {body[:2000]!r}", flush=True)
        executions += 1
    if dearest[0] > LINES_PER_BYTE:
        findings["too dear"] = dearest[1]
    print(f"{executions} executions, {len(findings)} findings, seed {chosen.seed}")
    print(f"slowest: {slowest[0]:.3f} s for {len(slowest[1])} bytes; dearest: {dearest[0]:.1f} lines a byte: {dearest[1][:200]!r}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
