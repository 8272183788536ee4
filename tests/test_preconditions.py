from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davlock.errors import BadRequest
from davlock.preconditions import Conditional, Outcome, check, from_environ, if_range_applies, parse_date

P, N, F = Outcome.PROCEED, Outcome.NOT_MODIFIED, Outcome.FAILED

MODIFIED = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT
NOW = MODIFIED + 1000
AT, BEFORE, AFTER, FUTURE = (formatdate(MODIFIED + delta, usegmt=True) for delta in (0, -1, 1, 5000))


@pytest.mark.parametrize(
    ("method", "sent", "etag", "expected"),
    [
        ("PUT", {"if_match": '"a"'}, '"a"', P),
        ("PUT", {"if_match": '"b"'}, '"a"', F),
        ("PUT", {"if_match": '"b" , "a"'}, '"a"', P),
        ("PUT", {"if_match": ', ,"b",,"a",'}, '"a"', P),
        ("PUT", {"if_match": '"b,a"'}, '"a"', F),
        ("PUT", {"if_match": '"b,a"'}, '"b,a"', P),
        ("PUT", {"if_match": 'W/"a"'}, '"a"', F),  # strong comparison
        ("PUT", {"if_match": 'W/"a"'}, 'W/"a"', F),
        ("PUT", {"if_match": "*"}, '"a"', P),
        ("PUT", {"if_match": " * "}, '"a"', P),
        ("PUT", {"if_match": ""}, '"a"', F),
        ("GET", {"if_match": '"b"'}, '"a"', F),
        # D-31: nothing there
        ("PUT", {"if_match": "*"}, None, F),
        ("PUT", {"if_match": '"a"'}, None, F),
        ("PUT", {"if_none_match": "*"}, None, P),
        ("PUT", {"if_none_match": '"a"'}, None, P),
        ("GET", {"if_none_match": "*"}, None, P),
        # something there without an entity tag
        ("MKCOL", {"if_none_match": "*"}, "", F),
        ("PROPPATCH", {"if_match": "*"}, "", P),
        ("PROPPATCH", {"if_match": '""'}, "", F),
        ("GET", {"if_none_match": '""'}, "", P),
        # If-None-Match: weak comparison, 304 only when reading
        ("GET", {"if_none_match": '"a"'}, '"a"', N),
        ("HEAD", {"if_none_match": '"a"'}, '"a"', N),
        ("GET", {"if_none_match": 'W/"a"'}, '"a"', N),
        ("GET", {"if_none_match": '"a"'}, 'W/"a"', N),
        ("GET", {"if_none_match": '"b", W/"a"'}, '"a"', N),
        ("GET", {"if_none_match": '"b"'}, '"a"', P),
        ("GET", {"if_none_match": "*"}, '"a"', N),
        ("PUT", {"if_none_match": "*"}, '"a"', F),
        ("PUT", {"if_none_match": '"a"'}, '"a"', F),
        ("PUT", {"if_none_match": 'W/"a"'}, '"a"', F),
        ("PUT", {"if_none_match": '"b"'}, '"a"', P),
        ("PUT", {"if_none_match": ""}, '"a"', P),
        # dates
        ("GET", {"if_modified_since": AT}, '"a"', N),  # D-36: its own Last-Modified
        ("HEAD", {"if_modified_since": AFTER}, '"a"', N),
        ("GET", {"if_modified_since": BEFORE}, '"a"', P),
        ("GET", {"if_modified_since": FUTURE}, '"a"', P),  # D-36
        ("PUT", {"if_modified_since": AT}, '"a"', P),
        ("PROPFIND", {"if_modified_since": AT}, '"a"', P),
        ("GET", {"if_modified_since": "yesterday"}, '"a"', P),
        ("PUT", {"if_unmodified_since": AT}, '"a"', P),
        ("PUT", {"if_unmodified_since": AFTER}, '"a"', P),
        ("PUT", {"if_unmodified_since": FUTURE}, '"a"', P),
        ("PUT", {"if_unmodified_since": BEFORE}, '"a"', F),
        ("GET", {"if_unmodified_since": BEFORE}, '"a"', F),
        ("PUT", {"if_unmodified_since": "1994"}, '"a"', P),
        # precedence, RFC 9110 section 13.2.2
        ("PUT", {"if_match": '"a"', "if_unmodified_since": BEFORE}, '"a"', P),
        ("PUT", {"if_match": '"b"', "if_unmodified_since": AFTER}, '"a"', F),
        ("GET", {"if_none_match": '"b"', "if_modified_since": AT}, '"a"', P),
        ("GET", {"if_none_match": '"a"', "if_modified_since": BEFORE}, '"a"', N),
        ("GET", {"if_match": '"a"', "if_none_match": '"a"'}, '"a"', N),
        ("GET", {"if_match": '"b"', "if_none_match": '"a"'}, '"a"', F),
        ("GET", {"if_match": '"a"', "if_modified_since": AT}, '"a"', N),
        ("GET", {"if_unmodified_since": BEFORE, "if_modified_since": AT}, '"a"', F),
        ("GET", {"if_unmodified_since": BEFORE, "if_none_match": '"a"'}, '"a"', F),
        ("GET", {"if_unmodified_since": AT, "if_none_match": '"a"'}, '"a"', N),
        # section 13.2.1
        ("OPTIONS", {"if_match": '"b"'}, '"a"', P),
    ],
)
def test_check(method: str, sent: dict[str, str], etag: str | None, expected: Outcome) -> None:
    assert check(method, Conditional(**sent), etag, MODIFIED if etag is not None else None, NOW) is expected


@pytest.mark.parametrize("sent", [{"if_modified_since": AT}, {"if_unmodified_since": BEFORE}])
def test_dates_are_ignored_where_there_is_none(sent: dict[str, str]) -> None:
    assert check("GET", Conditional(**sent), '"a"', None, NOW) is P


def test_a_file_dated_in_the_future_is_still_304_with_its_own_date() -> None:
    assert check("GET", Conditional(if_modified_since=FUTURE), '"a"', MODIFIED + 5000, NOW) is N
    assert check("GET", Conditional(if_modified_since=FUTURE), '"a"', MODIFIED + 4999, NOW) is P


MALFORMED = [
    "a", '"a', 'a"', '"a" "b"', '"a"b', 'w/"a"', 'W/a', 'W/ "a"', '*,"a"', '"a",*', "**", '"a b"', '"a"\r\n', '"\x00"',
    "'a'", '"a";x', "\xa0", '"\u20ac"',
]  # fmt: skip


@pytest.mark.parametrize("value", MALFORMED)
@pytest.mark.parametrize("name", ["if_match", "if_none_match"])
@pytest.mark.parametrize("etag", ['"a"', None])
def test_refuses_malformed_lists(name: str, value: str, etag: str | None) -> None:
    with pytest.raises(BadRequest, match=name.replace("_", "-").title()):
        check("PUT", Conditional(**{name: value}), etag, None, NOW)


HUGE = [" " * 10**6 + "x", '"' * 10**6, '"a",' * 250_000 + "x", '"a"' + " " * 10**6 + "x"]


@pytest.mark.parametrize("value", HUGE, ids=len)
def test_refuses_huge_malformed_lists(value: str) -> None:
    with pytest.raises(BadRequest):
        check("PUT", Conditional(if_match=value), '"a"', None, NOW)


etags = st.builds(
    '{}"{}"'.format,
    st.sampled_from(["", "W/"]),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f'), max_size=4),
)
separators = st.sampled_from([",", ", ", " ,", ",,", ", ,\t"])


@given(st.lists(etags, min_size=1, max_size=6), etags, separators)
def test_lists_of_any_tags(sent: list[str], current: str, separator: str) -> None:
    value = separator.join(sent)
    strong = current in sent and not current.startswith("W/")
    weak = current.removeprefix("W/") in [each.removeprefix("W/") for each in sent]
    assert check("PUT", Conditional(if_match=value), current, None, NOW) is (P if strong else F)
    assert check("PUT", Conditional(if_none_match=value), current, None, NOW) is (F if weak else P)


@given(st.text(max_size=30), st.text(max_size=30))
def test_judges_or_refuses_anything(match: str, date: str) -> None:
    with contextlib.suppress(BadRequest):
        check("GET", Conditional(if_none_match=match, if_unmodified_since=date), '"a"', MODIFIED, NOW)


def test_a_line_end_behind_the_last_tag_is_malformed() -> None:
    with pytest.raises(BadRequest):
        check("GET", Conditional(if_none_match='"a"\n'), '"a"', MODIFIED, NOW)


def test_no_conditional_headers() -> None:
    assert from_environ({"HTTP_HOST": "h", "HTTP_IF": "(<t:1>)", "HTTP_IF_RANGE": '"a"'}) is None


@pytest.mark.parametrize("name", ["if_match", "if_none_match", "if_modified_since", "if_unmodified_since"])
@pytest.mark.parametrize("value", ["x", ""])
def test_conditional_headers(name: str, value: str) -> None:
    assert from_environ({f"HTTP_{name.upper()}": value}) == Conditional(**{name: value})


@pytest.mark.parametrize(
    "value",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", f" {AT}\t"],
)
def test_dates(value: str) -> None:
    assert parse_date(value, NOW) == MODIFIED


@pytest.mark.parametrize(
    "value",
    [
        "", "0", "784111777", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 +0100",
        "Sun, 06 Nov 1994 08:49:37 UTC", "sun, 06 nov 1994 08:49:37 gmt", "Xyz, 06 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 0000 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sunday 06-Nov-94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT; length=5", "Sun, ٠٦ Nov 1994 08:49:37 GMT", "Sun Nov    08:49:37 1994",
        "Sun, 06 Nov 99999 08:49:37 GMT", f"{AT}, {AT}", "9" * 5000, "Sun, " * 100_000,
    ],
    ids=lambda value: value[:40],
)  # fmt: skip
def test_no_dates(value: str) -> None:
    assert parse_date(value, NOW) is None


@pytest.mark.parametrize(
    ("this_year", "digits", "year"),
    [(2024, 94, 1994), (2024, 74, 2074), (2024, 75, 1975), (2024, 24, 2024), (2024, 0, 2000), (1994, 5, 1905)],
)
def test_century_of_two_digit_years(this_year: int, digits: int, year: int) -> None:
    def seconds(of: int) -> int:
        return int(datetime(of, 11, 6, tzinfo=UTC).timestamp())

    assert parse_date(f"Sunday, 06-Nov-{digits:02} 00:00:00 GMT", seconds(this_year)) == seconds(year)


@given(st.integers(min_value=-(10**10), max_value=2 * 10**11))
def test_reads_back_what_is_printed(seconds: int) -> None:
    assert parse_date(formatdate(seconds, usegmt=True), NOW) == seconds


@pytest.mark.parametrize(
    ("value", "etag", "modified", "expected"),
    [
        ('"a"', '"a"', MODIFIED, True), (' "a" ', '"a"', MODIFIED, True), ('"b"', '"a"', MODIFIED, False),
        ("a", '"a"', MODIFIED, False), ('W/"a"', '"a"', MODIFIED, False), ('W/"a"', 'W/"a"', MODIFIED, False),
        ('"a"', 'W/"a"', MODIFIED, False), ('"a"', None, None, False), ("*", '"a"', MODIFIED, False),
        ('"a", "b"', '"a"', MODIFIED, False), ("", '"a"', MODIFIED, False), ("", "", None, False),
        (AT, '"a"', MODIFIED, True), (BEFORE, '"a"', MODIFIED, False), (AFTER, '"a"', MODIFIED, False),
        (AT, '"a"', None, False), ("Sunday, 06-Nov-94 08:49:37 GMT", '"a"', MODIFIED, True),
        (formatdate(NOW, usegmt=True), '"a"', NOW, False),  # still within its second: not a strong validator
        ("garbage", '"a"', None, False), ('"' * 10**6, '"a"', MODIFIED, False),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_if_range(value: str, etag: str | None, modified: int | None, expected: bool) -> None:
    assert if_range_applies(value, etag, modified, NOW) is expected
