"""Values in and out: JSON, and the text that queries, forms and XML are made of (rest.md §4).

Of what comes in, names of properties and members of enums are compared without regard to case; enums may be numbers; what has a default may
be null; a name given twice counts the last time; unknown names mean nothing. An `int` without bounds of its own is an int32.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec

from davlock.errors import BadRequest

MAX_BODY = 4 * 1024 * 1024  # bytes of a body that is no content
MAX_DEPTH = 64  # levels of a body
MAX_PARAMETERS = 2000  # in a query or a form
INT32 = 2**31
_BOM = b"\xef\xbb\xbf"
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_INTEGER = re.compile("-?[0-9]{1,19}")
_NUMBER = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,19})?(?:[eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False}
Reads = Callable[[Any], Any]


def encode_json(value: Any) -> bytes:
    """The JSON text of a value."""
    return msgspec.json.encode(value)


def decode_json(body: bytes, kind: Any) -> Any:
    """The value of a type in a JSON text (UTF-8). Raises BadRequest."""
    try:
        plain = msgspec.json.decode(body.removeprefix(_BOM))
    except RecursionError:
        raise BadRequest(f"The body of the request is nested more than {MAX_DEPTH} levels deep.") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise BadRequest(f"The body of the request is not JSON in UTF-8: {error}.") from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _check_depth(plain)
    return convert(plain, kind)


def decode_form(body: bytes, kind: Any) -> Any:
    """The value of a type in a form (application/x-www-form-urlencoded) of plain properties. Raises BadRequest."""
    struct = next((each for each in alternatives(kind) if is_struct(each)), None)
    if struct is None:
        raise BadRequest("What is needed here cannot be sent as a form; send it as JSON.")
    return convert_parameters(parse_parameters(body.decode("latin-1")), struct)


def convert(plain: Any, kind: Any, strict: bool = True) -> Any:
    """The value of a type in dicts, lists and text. strict: whether numbers and truth values may not come as text. Raises BadRequest."""
    try:
        return msgspec.convert(_reads(kind, not strict)(plain), kind)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        raise BadRequest(f"The request is not what is needed here: {error}.") from None


def parse_parameters(query: str) -> dict[str, list[str]]:
    """The values in a query or a form, as WSGI has it, by name in lower case. Raises BadRequest."""
    if _BAD_ESCAPE.search(query):
        raise BadRequest("The query of the request has a percent sign in it that makes no sense.")
    try:
        if not query.isascii():
            query = query.encode("latin-1").decode()
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeError:
        raise BadRequest("The query of the request is not UTF-8.") from None
    except ValueError:
        raise BadRequest(f"The query of the request has more than {MAX_PARAMETERS} parameters.") from None
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name.lower(), []).append(value)
    return given


def convert_parameters(given: dict[str, list[str]], kind: type[msgspec.Struct]) -> Any:
    """A Struct from parameters; given: values by name in lower case. Raises BadRequest."""
    known = fields(kind)
    found: dict[str, Any] = {}
    for name, values in given.items():
        if each := known.get(name):
            found[name] = values if each.is_list else values[-1]
    return convert(found, kind, strict=False)


class Field:
    """A property of a Struct. name: its spelling on the wire, attribute: that in Python. is_list: whether it is a list."""

    __slots__ = ("attribute", "has_default", "is_list", "kind", "name", "takes_null")

    def __init__(self, info: msgspec.structs.FieldInfo) -> None:
        self.name, self.attribute, self.kind, self.has_default = info.encode_name, info.name, info.type, not info.required
        members = alternatives(info.type)
        self.takes_null = any(each in (type(None), Any) for each in members)
        self.is_list = any(get_origin(each) is list for each in members)


@lru_cache(maxsize=1024)
def fields(kind: type[msgspec.Struct]) -> dict[str, Field]:
    """The properties of a Struct by their names in lower case."""
    return {each.encode_name.lower(): Field(each) for each in msgspec.structs.fields(kind)}


def alternatives(kind: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type that it is; what annotations say of them is left out."""
    kind = bare(kind)
    members = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    return tuple(bare(each) for each in members if each is not msgspec.UnsetType)


def is_struct(kind: Any) -> bool:
    """Whether a type is one with named properties."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def bare(kind: Any) -> Any:
    """A type without its annotations."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


@lru_cache(maxsize=1024)
def _reads(kind: Any, is_text: bool) -> Reads:
    """What brings a value into the spelling of a type. is_text: whether all that is no list or dict comes as text."""
    origin, members = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _reads_int(is_text, False) if members[0] is int and _has_bounds(members[1:]) else _reads(members[0], is_text)
    if origin in (Union, types.UnionType):
        return _reads_union([each for each in members if each not in (type(None), msgspec.UnsetType)], is_text)
    if origin is list:
        return _reads_list(members[0], is_text)
    if origin is dict:
        return _reads_dict(members[1], is_text)
    if origin is Literal:
        return _reads_name(list(members), is_text, False)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _reads_name([each.value for each in kind], is_text, True)
    if is_struct(kind):
        return _reads_struct(kind, is_text)
    if kind is int:
        return _reads_int(is_text, True)
    if is_text and kind in (bool, float):
        return _read_bool if kind is bool else _read_float
    return lambda plain: plain


def _reads_struct(kind: type[msgspec.Struct], is_text: bool) -> Reads:
    known = fields(kind)

    def read(plain: Any) -> Any:
        if not isinstance(plain, dict):
            return plain
        found = {}
        for name, value in plain.items():
            if each := known.get(name) or known.get(name.lower()):
                if value is not None:
                    found[each.name] = _reads(each.kind, is_text)(value)
                elif each.takes_null or not each.has_default:
                    found[each.name] = None
                else:
                    found.pop(each.name, None)
        return found

    return read


def _reads_union(members: list[Any], is_text: bool) -> Reads:
    def fits(member: Any, plain: Any) -> bool:
        origin = get_origin(bare(member)) or bare(member)
        if isinstance(plain, dict):
            return origin is dict or is_struct(origin)
        return isinstance(origin, type) and isinstance(plain, origin)

    readers = [(each, _reads(each, is_text)) for each in members]
    if len(readers) == 1:
        only = readers[0][1]
        return lambda plain: None if plain is None else only(plain)

    def read(plain: Any) -> Any:
        return None if plain is None else next((reads for each, reads in readers if fits(each, plain)), readers[0][1])(plain)

    return read


def _reads_list(item: Any, is_text: bool) -> Reads:
    reads = _reads(item, is_text)
    return lambda plain: [reads(each) for each in plain] if isinstance(plain, list) else plain


def _reads_dict(value: Any, is_text: bool) -> Reads:
    reads = _reads(value, is_text)
    return lambda plain: {name: reads(each) for name, each in plain.items()} if isinstance(plain, dict) else plain


def _reads_name(names: list[Any], is_text: bool, has_numbers: bool) -> Reads:
    """Of an enum: a name in any case, or the number that is its place in the list (rest.md §4)."""
    spelled = {str(name).lower(): name for name in names}
    if has_numbers and is_text:
        spelled |= {str(number): name for number, name in enumerate(names)}

    def read(plain: Any) -> Any:
        if isinstance(plain, str):
            return spelled.get(plain.lower(), plain)
        if has_numbers and type(plain) in (int, float) and plain in range(len(names)):
            return names[int(plain)]
        return plain

    return read


def _reads_int(is_text: bool, is_int32: bool) -> Reads:
    def read(plain: Any) -> Any:
        if is_text and isinstance(plain, str):
            if not _INTEGER.fullmatch(plain):
                raise ValueError(f"{_short(plain)} is not a whole number")
            plain = int(plain)
        elif isinstance(plain, float) and plain.is_integer():
            plain = int(plain)  # JSON makes no difference between 5 and 5.0
        if is_int32 and isinstance(plain, int) and not -INT32 <= plain < INT32:
            raise ValueError("there is a number in it that has more than 32 bits")
        return plain

    return read


def _has_bounds(annotations: tuple[Any, ...]) -> bool:
    return any(isinstance(each, msgspec.Meta) and (each.ge, each.gt, each.le, each.lt) != (None,) * 4 for each in annotations)


def _read_bool(plain: Any) -> Any:
    if isinstance(plain, str) and plain.lower() not in _BOOLEANS:
        raise ValueError(f"{_short(plain)} is neither true nor false")
    return _BOOLEANS[plain.lower()] if isinstance(plain, str) else plain


def _read_float(plain: Any) -> Any:
    if isinstance(plain, str) and not _NUMBER.fullmatch(plain):
        raise ValueError(f"{_short(plain)} is not a number")
    return float(plain) if isinstance(plain, str) else plain


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def _check_depth(plain: Any) -> None:
    level, depth = [plain], 0
    while level := [
        each for many in level for each in (many.values() if isinstance(many, dict) else many) if isinstance(each, dict | list)
    ]:
        depth += 1
        if depth >= MAX_DEPTH:
            raise BadRequest(f"The body of the request is nested more than {MAX_DEPTH} levels deep.")
