"""The other end of the wire: requests as Office spells them, answers as a client takes them apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from davlock.fprpc.values import DocInfo, FolderInfo, MetaDict, MetaValue, parse_meta, print_meta

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


def percent(text: str) -> bytes:
    """Percent-encoded as Office does it: all but letters, digits and blanks, in lower case (capture)."""
    return b"".join(bytes([byte]) if byte in _PLAIN else b"+" if byte == 32 else b"%%%02x" % byte for byte in text.encode())


def command(method: str, parameters: Mapping[str, str], separator: bytes = b"&") -> bytes:
    pairs = {"method": method, **parameters}
    return separator.join(percent(name) + b"=" + percent(value) for name, value in pairs.items())


def escaped(text: str) -> str:
    return re.sub(r"[\[\];=\\{}]", r"\\\g<0>", text)


def vector(items: Iterable[str]) -> str:
    """A list of parts that are in brackets or escaped already."""
    parts = list(items)
    return f"[{';'.join(parts)}{';' if parts and not parts[-1] else ''}]"


def dictionary(pairs: Mapping[str, str]) -> str:
    return f"[{';'.join(escaped(part) for pair in pairs.items() for part in pair)}]"


def metadict(meta: MetaDict) -> str:
    return dictionary({key: print_meta(value) for key, value in meta.items()})


def document(info: DocInfo) -> str:
    return f"[document_name={escaped(info.name)};meta_info={metadict(info.meta)}]"


def folder(info: FolderInfo) -> str:
    return f"[url={escaped(info.url)};meta_info={metadict(info.meta)}]"


@dataclass
class List:
    """A `<ul>`: pairs `key=value`, values without a name (lines of a METADICT too), and anonymous lists, in order."""

    pairs: dict[str, str | List] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    lists: list[List] = field(default_factory=list)

    def list(self, name: str) -> List:
        value = self.pairs[name]
        assert isinstance(value, List), name
        return value

    def text(self, name: str) -> str:
        value = self.pairs[name]
        assert isinstance(value, str), name
        return value

    def meta(self) -> dict[str, MetaValue]:
        return {key: parse_meta(value) for key, value in zip(self.texts[::2], self.texts[1::2], strict=True)}

    def document(self) -> DocInfo:
        return DocInfo(self.text("document_name"), self.list("meta_info").meta())

    def folder(self) -> FolderInfo:
        return FolderInfo(self.text("url"), self.list("meta_info").meta())


def unescaped(text: str) -> str:
    """Each reference is one byte; all bytes together are UTF-8."""
    return re.sub(rb"&#([0-9]+);", lambda found: bytes([int(found[1])]), text.encode("ascii")).decode()


def read_packet(data: bytes) -> tuple[List, bytes]:
    """The return values of an answer, and the bytes that follow its `</html>` LF."""
    head, end, rest = data.partition(b"</html>\n")
    assert end
    lines = head.decode("ascii").split("\n")
    assert lines[:2] == ["<html><head><title>vermeer RPC packet</title></head>", "<body>"]
    assert lines[-2:] == ["</body>", ""]
    stack, name = [List()], None
    for line in lines[2:-2]:
        top = stack[-1]
        if line == "<ul>":
            inner = List()
            if name is None:
                top.lists.append(inner)
            else:
                assert top.pairs[name] == ""
                top.pairs[name] = inner
            stack.append(inner)
            name = None
            continue
        name = None
        if line == "</ul>":
            stack.pop()
            continue
        tag = "<p>" if len(stack) == 1 else "<li>"
        assert line.startswith(tag), line
        key, equals, value = line.removeprefix(tag).partition("=")
        if equals:
            name = unescaped(key)
            assert name not in top.pairs
            top.pairs[name] = unescaped(value)
        else:
            top.texts.append(unescaped(key))
    assert len(stack) == 1
    return stack[0], rest
