from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davlock.dav.if_header import (
    MAX_CONDITIONS,
    MAX_LENGTH,
    Condition,
    ConditionList,
    State,
    holds,
    parse_if,
    tokens,
)
from davlock.errors import BadRequest

A, B = "urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2", "urn:uuid:58f202ac-22cf-11d1-b12d-002035b29092"


def token(text: str, negated: bool = False) -> Condition:
    return Condition(negated, text, None)


def etag(text: str, negated: bool = False) -> Condition:
    return Condition(negated, None, text)


def group(*conditions: Condition, of: str | None = None) -> ConditionList:
    return ConditionList(of, conditions)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # RFC 4918 sections 10.4.6 to 10.4.9
        (
            f'(<{A}> ["I am an ETag"]) (["I am another ETag"])',
            [group(token(A), etag('"I am an ETag"')), group(etag('"I am another ETag"'))],
        ),
        (f"(Not <{A}> <{B}>)", [group(token(A, True), token(B))]),
        (f"(<{A}>) (Not <DAV:no-lock>)", [group(token(A)), group(token("DAV:no-lock", True))]),
        (
            f'</resource1> (<{A}> [W/"A weak ETag"]) (["strong ETag"])',
            [group(token(A), etag('W/"A weak ETag"'), of="/resource1"), group(etag('"strong ETag"'), of="/resource1")],
        ),
        (f"<http://www.example.com/specs/> (<{A}>)", [group(token(A), of="http://www.example.com/specs/")]),
        # D-33: legal, and mis-read by splitting at blanks
        ('(["a)b]c"])', [group(etag('"a)b]c"'))]),
        ("(Not<DAV:no-lock>)", [group(token("DAV:no-lock", True))]),
        ('(<t:1>["e"]nOT["f"])', [group(token("t:1"), etag('"e"'), etag('"f"', True))]),
        ('\t ( <t:1>\t[ "e" ] )  ', [group(token("t:1"), etag('"e"'))]),
        ("(<t:1>)(<t:2>)", [group(token("t:1")), group(token("t:2"))]),
        ('([""])', [group(etag('""'))]),
        ('(["<t:1>_(not"])', [group(etag('"<t:1>_(not"'))]),
        ('(["\xe9\\"])', [group(etag('"\xe9\\"'))]),
        # a tag holds for all lists up to the next
        (
            "<http://h/a>(<t:1>)(<t:2>)</b>(<t:3>)",
            [group(token("t:1"), of="http://h/a"), group(token("t:2"), of="http://h/a"), group(token("t:3"), of="/b")],
        ),
        # no URI, so it matches nothing: 412, not 400
        ("(<*>)", [group(token("*"))]),
        ("<../x> (<t:1>)", [group(token("t:1"), of="../x")]),
    ],
)
def test_reads_lists(value: str, expected: list[ConditionList]) -> None:
    assert parse_if(value) == tuple(expected)


MALFORMED = [
    "", " ", "\t", "garbage", "*", "(", ")", "()", "( )", "(Not)", "(Not", "(not not <t:1>)", "(<t:1>", "(<t:1>))",
    "((<t:1>))", "<t:1>", "</a>", "</a> </b> (<t:1>)", "(<t:1>) </a>", "</a>(<t:1>) </b>", "(<>)", "<> (<t:1>)",
    "(<t:1)", "(t:1)", "(< t:1>)", "(<t:1 >)", "(<t:\x001>)", "(<t:\n1>)", "(<<t:1>>)", '("e")', "([e])", '(["e)',
    '(["e"',
    '(["e])', '(["e"]', '([w/"e"])', '([W/e])', '([W/ "e"])', '(["e" "f"])', '(["a\x00b"])', "([])", "([*])", "(*)",
    "(<t:1>), (<t:2>)", "(<t:1>, <t:2>)", "(<t:1>)\r\n(<t:2>)", "(<t:1>)\x0b(<t:2>)", "(<t:1>)\xa0", "(No <t:1>)",
    "Not (<t:1>)", "(<t:1> Not)", "(<t:1>) </a> (<t:2>)", "\ufeff(<t:1>)",
]  # fmt: skip


@pytest.mark.parametrize("value", MALFORMED)
def test_refuses_malformed(value: str) -> None:
    with pytest.raises(BadRequest):
        parse_if(value)


def test_says_where_it_is_malformed() -> None:
    with pytest.raises(BadRequest, match="character 9;"):
        parse_if("(<t:1>) garbage")


def test_names_the_mix_of_tagged_and_untagged() -> None:
    with pytest.raises(BadRequest, match="mixes"):
        parse_if("(<t:1>) </a> (<t:2>)")


HUGE = 1_000_000


@pytest.mark.parametrize(
    "value",
    [
        "(" * HUGE, "(<" + "a" * HUGE, '(["' + "a" * HUGE, " " * HUGE, "(<t:1>)" * (HUGE // 7), "(" + "Not " * 4000,
        "(Not <t:1>)" * 4000, "(<a:1>)" * 4000, "</a>" * 4000,
        # the worst that fits: each must be read once, not once per start
        *(piece * (MAX_LENGTH // len(piece)) for piece in ("(", "<", '"', "[", "Not ", "(<a:", '(["', " ", "</a>")),
        "(" + " " * (MAX_LENGTH - 1), "(<" + "a" * (MAX_LENGTH - 2), '(["' + "a" * (MAX_LENGTH - 3),
        "(Not" + " " * 30_000,
    ],
    ids=lambda value: f"{value[:12]!r}-{len(value)}",
)  # fmt: skip
def test_refuses_huge(value: str) -> None:
    with pytest.raises(BadRequest):
        parse_if(value)


@pytest.mark.parametrize(("before", "condition", "after"), [("", "(<a:1>)", ""), ("(", "Not<a:1>", ")")])
def test_counts_conditions(before: str, condition: str, after: str) -> None:
    lists = parse_if(before + condition * MAX_CONDITIONS + after)
    assert sum(len(each.conditions) for each in lists) == MAX_CONDITIONS
    with pytest.raises(BadRequest, match=f"more than {MAX_CONDITIONS} conditions"):
        parse_if(before + condition * (MAX_CONDITIONS + 1) + after)


def test_reads_the_longest_allowed() -> None:
    text = "a:" + "x" * (MAX_LENGTH - 6)
    assert tokens(parse_if(f"(<{text}>)")) == {text}
    with pytest.raises(BadRequest, match="longer"):
        parse_if(f"(<{text}x>)")


# Printing any header of the grammar and reading it back gives the same lists.

blanks = st.text(" \t", max_size=3)
uri_characters = st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="<>\x7f")
uris = st.text(uri_characters, min_size=1, max_size=20)
etags = st.builds(
    '{}"{}"'.format,
    st.sampled_from(["", "W/"]),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters='"\x7f'), max_size=20),
)
conditions = st.builds(token, uris, st.booleans()) | st.builds(etag, etags, st.booleans())
groups = st.lists(conditions, min_size=1, max_size=4).map(tuple)
untagged = st.lists(groups, min_size=1, max_size=4).map(lambda each: [(None, each)])
tagged = st.lists(st.tuples(uris, st.lists(groups, min_size=1, max_size=3)), min_size=1, max_size=3)
Header = list[tuple[str | None, list[tuple[Condition, ...]]]]


@given(untagged | tagged, st.data())
def test_reads_back_what_is_printed(header: Header, data: st.DataObject) -> None:
    def blank() -> str:
        return data.draw(blanks)

    parts, expected = [blank()], []
    for resource, each in header:
        parts += [] if resource is None else [f"<{resource}>", blank()]
        for members in each:
            parts += ["(", blank()]
            for one in members:
                parts += [data.draw(st.sampled_from(["Not", "not", "NOT"])), blank()] if one.negated else []
                parts += [f"<{one.token}>"] if one.etag is None else ["[", blank(), one.etag, blank(), "]"]
                parts += [blank()]
            parts += [")", blank()]
            expected.append(ConditionList(resource, members))
    assert parse_if("".join(parts)) == tuple(expected)


@given(st.text(st.sampled_from('()<>[]"Wt/:no \t,\x00\xe9'), max_size=60) | st.text(max_size=60))
def test_reads_or_refuses_anything(value: str) -> None:
    try:
        lists = parse_if(value)
    except BadRequest:
        return
    for each in lists:
        assert each.conditions
        assert all((one.token is None) != (one.etag is None) for one in each.conditions)


def test_every_token_counts_as_submitted() -> None:
    value = '<http://elsewhere/x> (<t:1>) </y> (Not <t:2> ["t:4"]) (<t:3>) (<t:1>)'
    assert tokens(parse_if(value)) == {"t:1", "t:2", "t:3"}


HERE = State('"here"', frozenset({"t:mine", "t:parent"}))
THERE = State('"there"', frozenset({"t:there"}))
NOTHING = State(None, frozenset())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("(<t:mine>)", True), ("(<t:parent>)", True), ("(<t:other>)", False), ("(<T:MINE>)", False),
        ("(<t:min>)", False),
        ("(Not <t:mine>)", False), ("(Not <t:other>)", True), ("(<t:mine> <t:other>)", False),
        ("(<t:other>) (<t:mine>)", True), ("(<t:mine>) (<t:other>)", True), ("(<t:mine> Not <t:other>)", True),
        ('(["here"])', True), ('(["there"])', False), ('(Not ["here"])', False), ('(Not ["there"])', True),
        ('(<t:mine> ["here"])', True), ('(<t:mine> ["there"])', False), ('(<t:other> ["here"])', False),
        ('([W/"here"])', False), ('(Not [W/"here"])', True), ('(["HERE"])', False),
        ("(<DAV:no-lock>)", False), ("(Not <DAV:no-lock>)", True), ("(<t:other>) (Not <DAV:no-lock>)", True),
        ("(<t:mine> <DAV:no-lock>)", False), ('(["t:mine"])', False), ('(<"here">)', False),
        ("<http://h/there> (<t:there>)", True), ("<http://h/there> (<t:mine>)", False), ('</there> (["there"])', True),
        ('</gone> (["here"])', False), ("</gone> (<t:mine>)", False), ("</gone> (Not <t:mine>)", True),
        ('</gone> (Not ["x"])', True), ("<http://evil/there> (<t:there>)", False),
        ("</gone> (<t:mine>) </there> (<t:there>)", True),
        ("</gone> (<t:mine>) (<t:there>) </there> (<t:mine>)", False),
    ],
)  # fmt: skip
def test_holds(value: str, expected: bool) -> None:
    world = {None: HERE, "http://h/there": THERE, "/there": THERE}
    assert holds(parse_if(value), lambda resource: world.get(resource, NOTHING)) is expected


@pytest.mark.parametrize("value", ['(["w"])', '([W/"w"])'])
def test_a_weak_tag_never_matches(value: str) -> None:
    assert not holds(parse_if(value), lambda _: State('W/"w"', frozenset()))


def test_no_lock_never_matches_even_a_lock_of_that_name() -> None:
    assert not holds(parse_if("(<DAV:no-lock>)"), lambda _: State(None, frozenset({"DAV:no-lock"})))


def test_asks_for_each_resource_once() -> None:
    asked: list[str | None] = []

    def state(resource: str | None) -> State:
        asked.append(resource)
        return NOTHING

    assert not holds(parse_if("</a> (<t:1>) (<t:2>) </b> (<t:3>) </a> (<t:4>)"), state)
    assert asked == ["/a", "/b"]
    assert not holds(parse_if("(<t:1>) (<t:2>)"), state)
    assert asked == ["/a", "/b", None]
