r"""Parameters in brackets (MC-FPSEWM 2.2.2.2): VECTOR, DICT, METADICT, DOCINFO, folder info, and vectors of these. Pure.

parse_vector      `[a;b]`                                  → ("a", "b")
parse_dict        `[key;value;key;value]`                  → {"key": "value"}; a key may be empty (folderList)
parse_metadict    `[vti_title;SW|Budget]`                  → {"vti_title": MetaValue("S", "W", "Budget")}
parse_metadicts   `[[vti_title;SW|Budget];[]]`             → a tuple of such
parse_document    `[document_name=a.doc;meta_info=[]]`     → DocInfo; parse_documents for a vector of them
parse_folder      `[url=a;meta_info=[]]`                   → FolderInfo; parse_folders for a vector of them

print_document    the other way round, for answers in URL mode

All others take text that is percent-decoded already, raise Malformed, and take time linear in its length.

Inside data a backslash stands before `[ ] ; = \ { }`, and before `|` by some clients (Metalogix); before anything else it stands
for itself, as in a path or a login name that nobody escaped. `=` needs none but in the name of a field. A `;` may end the last item
too, as in the grammar of MC-FPSEWM: `[a;]` has one item.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from davlock.fprpc.values import DocInfo, FolderInfo, Malformed, MetaDict, parse_meta, print_meta

MAX_LEVELS = 8
"""Levels of brackets; a vector of DOCINFO has three."""

_TOKEN = re.compile(r"[\[\];=]|(?:[^\[\];=\\]+|\\.)+|\\", re.DOTALL)
_ESCAPE = re.compile(r"\\([\[\];=\\{}|])")
_ESCAPED = re.compile(r"[\[\];=\\{}]")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item:
    """What stands between two `;`: `value`, or `name=value`. A value is text, unescaped, or the items of a list."""

    name: str | None
    value: str | Items


Items: TypeAlias = tuple[Item, ...]


_NOTHING = Item(None, "")


@dataclass(slots=True)
class _Open:
    """A list whose `]` has not come yet: its items so far, and the parts of the one that is being read."""

    items: list[Item] = field(default_factory=list)
    name: str | None = None
    text: list[str] = field(default_factory=list)
    inner: Items | None = None

    def end_item(self) -> None:
        self.items.append(Item(self.name, "".join(self.text) if self.inner is None else self.inner))
        self.name, self.text, self.inner = None, [], None

    def is_untouched(self) -> bool:
        return self.name is None and not self.text and self.inner is None


def parse_items(text: str) -> Items:
    """What stands between the `;` of a list in brackets, whatever it means; `[]` has no items, `[a;]` two. Raises Malformed."""
    stack: list[_Open] = []
    whole: Items | None = None
    for token in _TOKEN.findall(text):
        if whole is not None:
            raise Malformed("Something follows the last closing bracket.")
        if token == "[":
            _open(stack)
        elif not stack:
            raise Malformed("A value that begins with an opening bracket is needed.")
        elif token == "]":
            whole = _close(stack)
        else:
            _continue(stack[-1], token)
    if whole is None:
        raise Malformed("A closing bracket is missing." if stack else "A value in brackets is needed.")
    return whole


def _open(stack: list[_Open]) -> None:
    if len(stack) == MAX_LEVELS:
        raise Malformed(f"Brackets are nested more than {MAX_LEVELS} levels deep.")
    if stack and (stack[-1].text or stack[-1].inner is not None):
        raise Malformed("An opening bracket stands in the middle of a value; put a backslash before it if it belongs to the value.")
    stack.append(_Open())


def _close(stack: list[_Open]) -> Items | None:
    """The items of the list that ends, if it was the outermost one."""
    closed = stack.pop()
    if closed.items or not closed.is_untouched():
        closed.end_item()
    items = tuple(closed.items)
    if not stack:
        return items
    stack[-1].inner = items
    return None


def _continue(top: _Open, token: str) -> None:
    if token == ";":
        top.end_item()
    elif top.inner is not None:
        raise Malformed("Something follows a closing bracket; a semicolon is missing.")
    elif token == "=" and top.name is None:
        top.name, top.text = "".join(top.text), []
    else:
        top.text.append(_ESCAPE.sub(r"\1", token))


def parse_vector(text: str) -> tuple[str, ...]:
    """VECTOR of strings. Raises Malformed."""
    return tuple(map(_text, _ended(parse_items(text))))


def parse_dict(text: str) -> dict[str, str]:
    """DICT, in the order sent. Raises Malformed, also for a key that comes twice with different values."""
    return _dict(parse_items(text))


def parse_metadict(text: str) -> MetaDict:
    """METADICT, in the order sent. Raises Malformed; the contents of the values are not looked at yet."""
    return _metadict(parse_items(text))


def parse_metadicts(text: str) -> tuple[MetaDict, ...]:
    """VECTOR of METADICT, such as metaInfoList. Raises Malformed."""
    return _each(_metadict, text)


def parse_document(text: str) -> DocInfo:
    """DOCINFO; without meta_info it has none. Raises Malformed."""
    return _document(parse_items(text))


def parse_documents(text: str) -> tuple[DocInfo, ...]:
    """VECTOR of DOCINFO. Raises Malformed."""
    return _each(_document, text)


def print_document(info: DocInfo) -> str:
    """DOCINFO."""
    meta = ";".join(f"{_printed(key)};{_printed(print_meta(value))}" for key, value in info.meta.items())
    return f"[document_name={_printed(info.name)};meta_info=[{meta}]]"


def parse_folder(text: str) -> FolderInfo:
    """Folder info; without meta_info it has none. Raises Malformed."""
    return _folder(parse_items(text))


def parse_folders(text: str) -> tuple[FolderInfo, ...]:
    """VECTOR of folder info, such as urldirs. Raises Malformed."""
    return _each(_folder, text)


def _printed(text: str) -> str:
    return _ESCAPED.sub(r"\\\g<0>", text)


def _each(read: Callable[[Items], T], text: str) -> tuple[T, ...]:
    return tuple(read(_list(_unnamed(item))) for item in _ended(parse_items(text)))


def _ended(items: Items) -> Items:
    return items[:-1] if items and items[-1] == _NOTHING else items


def _list(value: str | Items) -> Items:
    if isinstance(value, str):
        raise Malformed("A value in brackets is needed where there is a text.")
    return value


def _unnamed(item: Item) -> str | Items:
    if item.name is not None:
        raise Malformed("A field such as url= stands where a value in brackets is needed.")
    return item.value


def _text(item: Item) -> str:
    if not isinstance(item.value, str):
        raise Malformed("A value in brackets stands where a text is needed.")
    # Only DOCINFO and folder info have fields: here `=` is a character like others.
    return item.value if item.name is None else f"{item.name}={item.value}"


def _dict(items: Items) -> dict[str, str]:
    parts = [_text(item) for item in (_ended(items) if len(items) % 2 else items)]
    if len(parts) % 2:
        raise Malformed("A list of keys and values ends with a key that has no value.")
    return _unique(zip(parts[::2], parts[1::2], strict=True))


def _metadict(items: Items) -> MetaDict:
    return {key: parse_meta(value) for key, value in _dict(items).items()}


def _document(items: Items) -> DocInfo:
    return DocInfo(*_info(items, "document_name"))


def _folder(items: Items) -> FolderInfo:
    return FolderInfo(*_info(items, "url"))


def _info(items: Items, path: str) -> tuple[str, MetaDict]:
    """The field that names the document or folder, and meta_info. Other fields mean nothing to us and are passed over."""
    fields = _unique(_field(item) for item in _ended(items))
    if path not in fields:
        raise Malformed(f"The field {path} is missing.")
    return _text(Item(None, fields[path])), _metadict(_list(fields.get("meta_info", ())))


def _field(item: Item) -> tuple[str, str | Items]:
    if item.name is None:
        raise Malformed("A value without a name stands among the fields of a document or folder.")
    return item.name, item.value


def _unique(pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    result: dict[str, T] = {}
    for name, value in pairs:
        if result.setdefault(name, value) != value:
            raise Malformed("The same name comes twice with different values.")
    return result
