"""Answers of FrontPage RPC, as a SharePoint printed them (captures; MS-FPSE 2.2.2). Pure.

packet(method, message, (name, value), …) → bytes    a success; of `get document` the content follows right behind the last LF
error(method, status, message, …) → bytes            a refusal; it travels with HTTP 200 as well
form((name, text), …) → bytes                        a part of an answer that has several, in URL mode

A value is text; a mapping: a list of `key=value`, or of METADICT pairs where its values are MetaValue; DocInfo; FolderInfo; or a
sequence of such values: a vector, whose lists are anonymous. An empty mapping or sequence is an empty list.

All of a packet is ASCII. Whatever could be taken for markup, for a separator or for an end of line is written as a decimal
character reference, and characters beyond ASCII as one reference for each byte of their UTF-8: that is what clients of SharePoint
undo (Microsoft's SDK sample, Metalogix), what Alfresco sends to Office, and independent of any charset.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote_plus

from davlock.fprpc.values import DocInfo, FolderInfo, MetaValue
from davlock.fprpc.wire import Method

CONTENT_TYPE = "application/x-vermeer-rpc"

Value: TypeAlias = str | DocInfo | FolderInfo | Mapping[str, "Value"] | Mapping[str, MetaValue] | Sequence["Value"]

_HEAD = "<html><head><title>vermeer RPC packet</title></head>\n<body>\n"
_FOOT = "</body>\n</html>\n"
_SPECIAL = re.compile(r"""[^ !#$%()*+,\-./0-9:?@A-Z^_`a-z|~]""")
_SPECIAL_IN_SENTENCE = re.compile(r"""[^ !#$%'()*+,\-./0-9:?@A-Z^_`a-z|~]""")
# NUL has no reference, and half of a surrogate pair no UTF-8: both can only come from names in a foreign file system.
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")


def packet(method: Method, message: str = "", *values: tuple[str, Value]) -> bytes:
    """A success: the method as the client named it, a message for people if there is one, and the return values in order."""
    lines = [f"<p>method={escape(str(method))}\n"]
    if message:
        lines.append(f"<p>message={escape_sentence(message)}\n")
    for name, value in values:
        _put(lines, "<p>", name, value)
    return f"{_HEAD}{''.join(lines)}{_FOOT}".encode("ascii")


def error(method: Method | None, status: int, message: str, *values: tuple[str, Value]) -> bytes:
    """A refusal: status as in MS-FPSE 2.2.2.2.17.1, message is shown to the user. method is None if the request named none.

    values: what has been done nevertheless.
    """
    lines = [
        f"<p>method={escape(str(method)) if method else ''}\n<p>status=\n<ul>\n",
        f"<li>status={status}\n<li>osstatus=0\n<li>msg={escape_sentence(message)}\n<li>osmsg=\n</ul>\n",
    ]
    for name, value in values:
        _put(lines, "<p>", name, value)
    return f"{_HEAD}{''.join(lines)}{_FOOT}".encode("ascii")


def form(*pairs: tuple[str, str]) -> bytes:
    """Pairs in URL mode (MS-FPSE 3.1.5.3.7): percent-encoded as those of a request, with an LF at the end."""
    return f"{'&'.join(_pair(name, text) for name, text in pairs)}\n".encode("ascii")


@lru_cache(maxsize=4096)
def escape(text: str) -> str:
    """Data in a packet."""
    return _SPECIAL.sub(_references, text)


def _pair(name: str, text: str) -> str:
    return f"{quote_plus(name)}={quote_plus(text, errors='replace')}"


def escape_sentence(text: str) -> str:
    """A sentence for people: as data, but single quotes stay, as in `successfully put document 'a.doc' as 'a.doc'` (capture)."""
    return _SPECIAL_IN_SENTENCE.sub(_references, text)


def _references(character: re.Match[str]) -> str:
    return "".join(f"&#{byte};" for byte in _IMPOSSIBLE.sub("\ufffd", character[0]).encode())


def _put(lines: list[str], tag: str, name: str, value: Value | MetaValue) -> None:
    if isinstance(value, MetaValue):
        lines.append(f"{tag}{escape(name)}\n{tag}{value.type}{value.access}|{escape(value.text)}\n")
    elif isinstance(value, str):
        lines.append(f"{tag}{escape(name)}={escape(value)}\n")
    else:
        lines.append(f"{tag}{escape(name)}=\n")
        _put_list(lines, value)


def _put_list(lines: list[str], value: Value) -> None:
    lines.append("<ul>\n")
    match value:
        case DocInfo(name, meta):
            _put(lines, "<li>", "document_name", name)
            _put(lines, "<li>", "meta_info", meta)
        case FolderInfo(url, meta):
            _put(lines, "<li>", "url", url)
            _put(lines, "<li>", "meta_info", meta)
        case Mapping():
            for key, each in value.items():
                _put(lines, "<li>", key, each)
        case _:
            for each in value:
                if isinstance(each, str):
                    lines.append(f"<li>{escape(each)}\n")
                else:
                    _put_list(lines, each)
    lines.append("</ul>\n")
