"""Every type of the API survives being written and read, as JSON and as XML, whatever is in it."""

from __future__ import annotations

import types
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davlock.errors import BadRequest
from davlock.rest import codec, xml
from davlock.rest.calls import Stream, Text
from davlock.rest.door import OPERATIONS
from davlock.rest.operations import Raw
from davlock.rest.types import CheckoutState, DocumentEntityInput, LockSemantics

STRUCTS = sorted(
    {
        part
        for operation in OPERATIONS
        for kind in (operation.body, operation.answers)
        if kind not in (None, Raw, Text, Stream)
        for each in codec.alternatives(kind)
        for part in (each, *get_args(each))
        if codec.is_struct(part)
    },
    key=lambda kind: kind.__name__,
)
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type."""
    origin, members = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return annotated(members[0], [each for each in members[1:] if isinstance(each, msgspec.Meta)])
    if origin in (Union, types.UnionType):
        return st.one_of([values(each) for each in members if each is not msgspec.UnsetType])
    if origin is Literal:
        return st.sampled_from(members)
    if origin is list:
        return st.lists(values(members[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(values(members[0]), values(members[1]), max_size=3)
    if kind is type(None):
        return st.none()
    if kind is str or kind is Any:
        return text()
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(-codec.INT32, codec.INT32 - 1)
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    assert codec.is_struct(kind), kind
    return st.builds(kind, **{each.name: values(each.type) for each in msgspec.structs.fields(kind)})


def text() -> st.SearchStrategy[str]:
    # of what XML can express
    return st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\t\n\r<>&\"' _x"), max_size=8
    )


def annotated(kind: Any, annotations: list[msgspec.Meta]) -> st.SearchStrategy[Any]:
    low = max([-codec.INT32, *(each.ge for each in annotations if each.ge is not None)])
    high = min([codec.INT32 - 1, *(each.le for each in annotations if each.le is not None)])
    if kind is int:
        return st.integers(int(low), int(high))
    found = values(kind)
    for each in annotations:
        if each.pattern is not None:
            found = st.from_regex(each.pattern, alphabet=st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))
    longest = min([20_000, *(each.max_length for each in annotations if each.max_length is not None)])
    shortest = max([0, *(each.min_length for each in annotations if each.min_length is not None)])
    return found.filter(lambda value: shortest <= len(value) <= longest)


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_what_is_written_as_json_or_xml_can_be_read_again(kind: type[msgspec.Struct]) -> None:
    @QUICK
    @given(values(kind))
    def check(value: msgspec.Struct) -> None:
        assert codec.decode_json(codec.encode_json(value), kind) == value
        assert xml.decode(xml.encode(value, kind), kind) == value

    check()


@QUICK
@given(values(DocumentEntityInput), st.data())
def test_names_of_properties_and_enum_members_are_found_in_any_case(value: msgspec.Struct, data: st.DataObject) -> None:
    def respelled(plain: Any, kind: Any = None) -> Any:
        if isinstance(plain, dict):
            return {data.draw(st.sampled_from([name, name.lower(), name.upper(), name.swapcase()])): each for name, each in plain.items()}
        return plain

    plain = msgspec.to_builtins(value)
    for name in ("Type", "LockSemantics", "Completed"):
        if plain[name] is not None:
            plain[name] = data.draw(st.sampled_from([plain[name], plain[name].lower(), plain[name].upper()]))
    assert codec.decode_json(codec.encode_json(respelled(plain)), DocumentEntityInput) == value


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_make_the_readers_fail_otherwise_than_they_say(body: bytes) -> None:
    for reads in (codec.decode_json, codec.decode_form, xml.decode):
        for kind in (DocumentEntityInput, list[int], dict[str, str], str | None):
            try:
                reads(body, kind)
            except BadRequest as refused:
                assert len(refused.message) < 500


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["Name", "visibleFor", "TYPE", "extraFields", "x"]), inner),
        max_leaves=10,
    )
)
def test_no_json_makes_the_reader_fail_otherwise_than_it_says(plain: Any) -> None:
    for kind in (DocumentEntityInput, list[DocumentEntityInput], dict[str, int], LockSemantics):
        try:
            codec.decode_json(codec.encode_json(plain), kind)
        except BadRequest as refused:
            assert refused.message


@pytest.mark.parametrize(
    ("plain", "member"), [("Versioning", 2), ("versioning", 2), ("VERSIONING", 2), (2, 2), (2.0, 2), (0, 0), ("None", 0), ("none", 0)]
)
def test_enums_come_as_names_or_numbers(plain: object, member: int) -> None:
    assert codec.convert(plain, LockSemantics) is list(LockSemantics)[member]


@pytest.mark.parametrize("plain", [3, -1, "2", "Verzioning", "", None, True, False, 1.5, [], {}, 10**30])
def test_what_no_enum_member_is_called_is_refused(plain: object) -> None:
    with pytest.raises(BadRequest):
        codec.convert(plain, LockSemantics)


def test_enums_go_out_by_their_names() -> None:
    assert codec.encode_json(CheckoutState.CHECKED_OUT_OWN) == b'"CheckedOutOwn"'
