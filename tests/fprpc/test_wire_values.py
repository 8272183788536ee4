from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davlock.fprpc import values
from davlock.fprpc.values import (
    Malformed,
    MetaValue,
    TooLong,
    parse_boolean,
    parse_int,
    parse_meta,
    parse_options,
    parse_time,
    print_meta,
    print_time,
)
from tests.fprpc.strategies import accesses, ints, metas, moments, texts, untimed


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-0", 0),
        ("10", 10),
        ("007", 7),
        ("-1", -1),
        ("2147483647", 2**31 - 1),
        ("-2147483648", -(2**31)),
    ],
)
def test_an_int_is_read(text: str, number: int) -> None:
    assert parse_int(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "+5",
        "1_0",
        " 5",
        "5 ",
        "5\n",
        "--5",
        "0x10",
        "5.0",
        "1e3",
        "٣",
        "５",
        "5²",
        "2147483648",
        "-2147483649",
        "9" * 11,
        "9" * 5000,
    ],
)
def test_what_is_no_int_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="-2147483648 to 2147483647"):
        parse_int(text)


@pytest.mark.parametrize(("text", "truth"), [("true", True), ("TRUE", True), ("True", True), ("false", False), ("fAlSe", False)])
def test_a_boolean_is_read_in_any_letter_case(text: str, truth: bool) -> None:
    assert parse_boolean(text) is truth


@pytest.mark.parametrize("text", ["", "1", "0", "yes", "true ", "\ttrue", "falſe", "ｔｒｕｅ", "truefalse"])
def test_what_is_no_boolean_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="true or false"):
        parse_boolean(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("06 Apr 2006 20:03:02 -0000", 1_144_353_782),
        ("09 Nov 1998 17:03:06-0000", 910_630_986),  # an SDK page
        ("11 Mar 2011 16:39:35", 1_299_861_575),  # Metalogix
        ("11 MAR 2011 16:39:35 +0000", 1_299_861_575),
        ("1 jan 1970 00:00:00 -0000", 0),
        ("31 Dec 1969 23:59:59 -0000", -1),
        ("29 Feb 2000 00:00:00 -0000", 951_782_400),
        ("01 Jan 0001 00:00:00 -0000", -62_135_596_800),
        ("31 Dec 9999 23:59:59 -0000", 253_402_300_799),
    ],
)
def test_a_time_is_read(text: str, seconds: int) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "06 Apr 2006",
        "06 Avr 2006 20:03:02 -0000",
        "06 Apri 2006 20:03:02 -0000",
        "6. Apr 2006 20:03:02 -0000",
        "31 Feb 2006 20:03:02 -0000",
        "29 Feb 1900 20:03:02 -0000",
        "00 Apr 2006 20:03:02 -0000",
        "06 Apr 0000 20:03:02 -0000",
        "06 Apr 10000 20:03:02 -0000",
        "06 Apr 06 20:03:02 -0000",
        "06 Apr 2006 24:00:00 -0000",
        "06 Apr 2006 23:60:00 -0000",
        "06 Apr 2006 23:59:60 -0000",
        "06 Apr 2006 20:03:02 +0200",
        "06 Apr 2006 20:03:02  -0000",
        "06 Apr 2006 20:03:02 GMT",
        "06 Apr 2006 20:03:02.5 -0000",
        "Thu, 06 Apr 2006 20:03:02 -0000",
        "2006-04-06T20:03:02Z",
        "٠٦ Apr 2006 20:03:02 -0000",
        "06 Apr 2006 20:03:02 -0000\n",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="06 Apr 2006 20:03:02 -0000"):
        parse_time(text)


def test_a_time_is_printed_as_a_sharepoint_did() -> None:
    assert print_time(1_144_353_782) == "06 Apr 2006 20:03:02 -0000"


@pytest.mark.parametrize(("seconds", "text"), [(-(10**15), "01 Jan 0001 00:00:00 -0000"), (10**15, "31 Dec 9999 23:59:59 -0000")])
def test_a_time_beyond_four_digits_of_the_year_is_the_nearest_one_within(seconds: int, text: str) -> None:
    assert print_time(seconds) == text


@untimed
@given(moments)
def test_times_come_back(seconds: int) -> None:
    assert parse_time(print_time(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", set()),
        ("edit", {"edit"}),
        ("overwrite,createdir,migrationsemantics", {"overwrite", "createdir", "migrationsemantics"}),
        (" Edit , ,edit,Atomic", {"edit", "atomic"}),
    ],
)
def test_options_are_a_comma_list(text: str, options: set[str]) -> None:
    assert parse_options(text) == options


@pytest.mark.parametrize(
    ("text", "content"),
    [
        # the capture of a SharePoint 2007, the fact sheet's section e
        ("SR|Budget", "Budget"),
        ("SW|rt:8AA6F1A0-32E4-4C8D-A9C4-0E1F3E6B6B8E@00000000003", "rt:8AA6F1A0-32E4-4C8D-A9C4-0E1F3E6B6B8E@00000000003"),
        ('SW|"{8AA6F1A0-32E4-4C8D-A9C4-0E1F3E6B6B8E},3"', '"{8AA6F1A0-32E4-4C8D-A9C4-0E1F3E6B6B8E},3"'),
        ("SX|+0200", "+0200"),
        ("SW|a|b", "a|b"),
        ("SW|", ""),
        ("SW|two\nlines", "two\nlines"),
        ("IR|1033", 1033),
        ("IX|0", 0),
        ("BX|true", True),
        ("BR|False", False),
        ("TR|06 Apr 2006 20:03:02 -0000", 1_144_353_782),
        ("DW|1.5", 1.5),
        ("DW|-3e-2", -0.03),
        ("VR|Approved Rejected Pending\\ Review", ("Approved", "Rejected", "Pending Review")),
        ("VR|VM2K3\\\\nuxeo", ("VM2K3\\nuxeo",)),
        ("VX|", ()),
        ("VX|a  b ", ("a", "", "b", "")),
        ("VX| ", ("", "")),
        ("VX|DOM\\user", ("DOM\\user",)),
        ("VX|a\\", ("a\\",)),
        ("VX|\\\\\\ \\\\", ("\\ \\",)),
        ("UX|1 -2 3", (1, -2, 3)),
        ("UX|", ()),
        ("LW|" + "x" * 300, "x" * 300),
        ("FX|01C65A1B|7E3C2000", "01C65A1B|7E3C2000"),
        ("EW|", ""),
    ],
)
def test_a_meta_value_is_read(text: str, content: values.Content) -> None:
    value = parse_meta(text)
    assert value.content == content
    assert type(value.content) is type(content)
    assert print_meta(value) == text


@pytest.mark.parametrize("text", ["", "S", "SR", "S|a", "R|a", "ZR|a", "SZ|a", "sr|a", "SR a", "SRW|a", " SR|a", "|SR"])
def test_what_is_no_meta_value_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="type"):
        parse_meta(text)


@pytest.mark.parametrize(
    "text",
    [
        "IR|", "IR|+5", "IR|1_0", "IR|٣", "IR|2147483648", "BX|1", "TR|", "TR|yesterday", "DR|", "DR|nan", "DR|inf", "DR|1e999", "DR|1,5",
        "DR|0x1p3", "DR|" + "9" * 400, "UR|1  2", "UR|1,2", "UR| 1", "UR|2147483648", "EW|x",
    ],
)  # fmt: skip
def test_content_of_another_type_is_refused_when_it_is_asked_for(text: str) -> None:
    value = parse_meta(text)
    with pytest.raises(Malformed):
        _ = value.content


def test_only_a_time_is_a_moment() -> None:
    assert parse_meta("TW|11 Mar 2011 16:39:35 -0000").seconds == 1_299_861_575
    for text in "SW|11 Mar 2011 16:39:35 -0000", "IR|5", "TW|now":
        with pytest.raises(Malformed):
            _ = parse_meta(text).seconds


@untimed
@given(metas)
def test_meta_values_come_back(value: MetaValue) -> None:
    assert parse_meta(print_meta(value)) == value
    assert value.content is not None


@untimed
@given(texts, accesses)
def test_strings_come_back(text: str, access: values.Access) -> None:
    assert values.string(text, access).content == text


@untimed
@given(ints, st.booleans(), st.floats(allow_nan=False, allow_infinity=False), moments)
def test_scalars_come_back(number: int, truth: bool, double: float, seconds: int) -> None:
    assert values.integer(number).content == number
    assert values.boolean(truth).content is truth
    assert values.double(double).content == double
    assert values.moment(seconds).seconds == values.moment(seconds).content == seconds


@untimed
@given(st.lists(texts).filter(lambda items: items != [""]), st.lists(ints))
def test_vectors_come_back(items: list[str], numbers: list[int]) -> None:
    assert values.strings(items).content == tuple(items)
    assert values.integers(numbers).content == tuple(numbers)


def test_a_size_beyond_32_bits_is_the_greatest_int() -> None:
    assert values.integer(5 * 2**30) == MetaValue("I", "R", "2147483647")


def test_the_faults_know_their_status() -> None:
    assert (Malformed.status, TooLong.status) == (262150, 393226)
