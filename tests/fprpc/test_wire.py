from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davlock.errors import BadRequest, IncompleteBody
from davlock.fprpc.brackets import parse_document, parse_vector
from davlock.fprpc.values import DocInfo, Malformed, MetaValue, TooLong, parse_boolean, parse_int, parse_options
from davlock.fprpc.wire import (
    MAX_COMMAND,
    Command,
    Encoding,
    Method,
    Payload,
    UnknownMethod,
    parse_command,
    parse_content_type,
    parse_method,
    read_command,
)
from tests.fprpc import client
from tests.fprpc.counting import lines_run
from tests.fprpc.strategies import documents, texts, untimed

FORM, VERMEER = Encoding.FORM, Encoding.VERMEER


class Trickle:
    """A source that gives a few bytes at a time, and knows how many were taken."""

    def __init__(self, data: bytes, step: int = 7) -> None:
        self.taken = 0
        self._data = io.BytesIO(data)
        self._step = step

    def read(self, size: int, /) -> bytes:
        block = self._data.read(min(size, self._step))
        self.taken += len(block)
        return block


class Broken:
    def __init__(self, data: bytes, fault: Exception) -> None:
        self._data = io.BytesIO(data)
        self._fault = fault

    def read(self, size: int, /) -> bytes:
        block = self._data.read(size)
        if not block:
            raise self._fault
        return block


def read(body: bytes, encoding: Encoding = VERMEER, announced: bool = True) -> tuple[Command, bytes | None]:
    command, payload = read_command(io.BytesIO(body), len(body) if announced else None, encoding)
    return command, None if payload is None else payload.read()


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        ("application/x-www-form-urlencoded", FORM),
        ("application/x-vermeer-urlencoded", VERMEER),
        ("Application/X-Vermeer-UrlEncoded", VERMEER),
        ("application/x-vermeer-urlencoded; charset=utf-8", VERMEER),
        (" application/x-www-form-urlencoded ;", FORM),
    ],
)
def test_the_content_type_is_read(value: str, encoding: Encoding) -> None:
    assert parse_content_type(value) is encoding


@pytest.mark.parametrize(
    "value", [None, "", "text/plain", "multipart/form-data", "application/x-vermeer-rpc", "x-vermeer-urlencoded", "a" * 9999]
)
def test_a_request_without_the_vermeer_content_type_is_refused(value: str | None) -> None:
    with pytest.raises(Malformed):
        parse_content_type(value)


@pytest.mark.parametrize("announced", [True, False])
def test_word_2003_puts_a_document(announced: bool) -> None:
    body = (
        b"method=put+document%3a6%2e0%2e2%2e5523&service%5fname=%2f&document=%5bdocument%5fname%3ddocs%2fa%2edoc%3bmeta%5finfo%3d%5b"
        b"vti%5ftimelastmodified%3bTW%7c11+Mar+2011+16%3a39%3a35+%2d0000%5d%5d&put%5foption=edit&comment=&keep%5fchecked%5fout=false\n"
        b"\xd0\xcf\x11\xe0\n&method=x\n"
    )
    command, payload = read(body, announced=announced)
    assert command.method == Method("put document", "6.0.2.5523")
    assert command.parameters == {
        "service_name": "/",
        "document": "[document_name=docs/a.doc;meta_info=[vti_timelastmodified;TW|11 Mar 2011 16:39:35 -0000]]",
        "put_option": "edit",
        "comment": "",
        "keep_checked_out": "false",
    }
    stamp = MetaValue("T", "W", "11 Mar 2011 16:39:35 -0000")
    assert command.require("document", parse_document) == DocInfo("docs/a.doc", {"vti_timelastmodified": stamp})
    assert command.get("put_option", parse_options, frozenset()) == {"edit"}
    assert command.get("keep_checked_out", parse_boolean, None) is False
    assert payload == b"\xd0\xcf\x11\xe0\n&method=x\n"


def test_word_2003_asks_for_the_version() -> None:
    command, payload = read(b"method=server+version%3a6%2e0%2e2%2e5523&service%5fname=%2f\n", FORM)
    assert command == Command(Method("server version", "6.0.2.5523"), {"service_name": "/"})
    assert payload is None


def test_office_2007_checks_out() -> None:
    command, payload = read(b"method=checkout+document%3a12%2e0%2e0%2e6211&document%5fname=docs%2fa%2edocx&force=0&timeout=10\n")
    assert command.method == Method("checkout document", "12.0.0.6211")
    assert command.require("document_name", str) == "docs/a.docx"
    assert command.get("force", parse_int, 0) == 0
    assert command.get("timeout", parse_int, None) == 10
    assert payload == b""


def test_scripts_percent_encode_little_and_put_the_method_anywhere() -> None:
    command, payload = read(
        "put_option=overwrite,createdir&document=[document_name=docs/é.doc;meta_info=[]]&method=put document\nPK".encode()
    )
    assert command.method == Method("put document")
    assert command.require("document", parse_document) == DocInfo("docs/é.doc")
    assert payload == b"PK"


@pytest.mark.parametrize("name", [b"put+document", b"put%20document:6.0", b"put document%3a6%2e0"])
def test_a_put_in_the_form_type_has_its_payload_behind_the_first_line(name: bytes) -> None:
    # the sample client of Microsoft's SDK
    command, payload = read(b"method=" + name + b"&document=[document_name=a]\nline\n&line\n", FORM)
    assert command.method.name == "put document"
    assert payload == b"line\n&line\n"


@pytest.mark.parametrize("name", [b"put+documents", b"get+document", b"xput+document"])
def test_no_other_method_has_one_in_the_form_type(name: bytes) -> None:
    command, payload = read(b"method=" + name + b"&comment=x&xmethod=put+document\n&url=a", FORM)
    assert command.parameters["url"] == "a"
    assert payload is None


@pytest.mark.parametrize(
    "body",
    [
        b"method=open+service%3a4%2e0&service%5fname=%2fa&x=y",
        b"method=open+service%3a4%2e0\n&service%5fname=%2fa\n&x=y\n",
        b"method=open+service%3a4%2e0&\r\nservice%5fname=%2fa&\r\nx=y\r\n",
        b"method=open+service%3a4%2e0\nservice%5fname=%2fa\nx=y\n\n",
        b"\r\n\r\n&&method=open+service%3a4%2e0&&service%5fname=%2fa&x=y&&",
    ],
)
def test_lines_can_be_broken_between_the_pairs_of_a_form(body: bytes) -> None:
    assert read(body, FORM) == (Command(Method("open service", "4.0"), {"service_name": "/a", "x": "y"}), None)


def test_a_command_without_line_feed_is_whole_and_has_no_payload() -> None:
    # scripts send `move document` like this
    assert read(b"method=move+document&oldUrl=a&newUrl=b") == (Command(Method("move document"), {"oldUrl": "a", "newUrl": "b"}), None)


def test_a_carriage_return_before_the_line_feed_is_no_part_of_a_value() -> None:
    assert read(b"method=put+document&comment=x\r\n\r\n") == (Command(Method("put document"), {"comment": "x"}), b"\r\n")


def test_escaped_line_breaks_are_part_of_a_value() -> None:
    assert read(b"method=checkin+document&comment=one%0d%0atwo%09\n")[0].parameters["comment"] == "one\r\ntwo\t"


def test_only_the_first_equals_sign_separates() -> None:
    assert read(b"method=a&x=b=c=&y&z=\n")[0].parameters == {"x": "b=c=", "y": "", "z": ""}


def test_the_same_value_twice_is_harmless_but_two_values_are_refused() -> None:
    assert read(b"method=a&method=a&x=%61&x=a")[0] == Command(Method("a"), {"x": "a"})
    for body in b"method=a&x=1&x=2", b"method=a&method=b", b"method=a&x=1&x", b"method=a&x=1&%78=2":
        with pytest.raises(Malformed, match="twice"):
            read(body)


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("server version", Method("server version")),
        ("server version:", Method("server version")),
        ("getDocsMetaInfo:15.0.0.4455", Method("getDocsMetaInfo", "15.0.0.4455")),
        ("create url-directory:6", Method("create url-directory", "6")),
        ("checkin document: 12.0.0.6211", Method("checkin document", "12.0.0.6211")),  # the sample client of Microsoft's SDK
    ],
)
def test_a_method_is_read(text: str, method: Method) -> None:
    assert parse_method(text) == method


@pytest.mark.parametrize(
    "text",
    [
        "", ":", ":6.0", " ", "a<script>", "a\nb", "dé", "a" * 65, "a\t", "-", "a ", "a:b", "a:6.0:7", "a:6..0", "a:.6", "a:6.", "a:6,0",
        "a:+6",
        "a:٦.0", "a:６", "a:6.0<script>", "a:6\n", "a:" + "1" * 11, "a:" + ".".join("1" * 9), "a:" + "1." * 5000, "a " * 5000,
    ],
)  # fmt: skip
def test_a_method_that_could_not_be_repeated_in_an_answer_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_method(text)
    assert "script" not in refused.value.message
    # it is not known, unless there is none, or something is wrong with the version only
    assert isinstance(refused.value, UnknownMethod) is not (text[:1] == ":" or text[:2] == "a:" or not text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"&",
        b"=",
        b"method",
        b"method=",
        b"x=y",
        b"Method=a",
        b"method=a&=b",
        b"method=a&x=%",
        b"method=a&x=%4",
        b"method=a&x=%4g",
        b"method=a&x=%u0041",
        b"method=a&x=%%41",
        b"method=a&%zz=b",
        b"method=a&x=%ff",
        b"method=a&x=%c0%80",
        b"method=a&x=%ed%a0%80",
        b"method=a&x=\xe9",
        b"method=a&x=%c3",
        b"method=a&x=%00",
        b"method=a&x=\0",
        b"method=a&x%00=y",
        b"\0" * 1000,
        b"\x80" * 1000,
        b"\xef\xbb\xbfmethod=a",
        b"PK\x03\x04",
        b"<html>",
    ],
)
@pytest.mark.parametrize("encoding", Encoding)
def test_what_is_no_command_is_refused(body: bytes, encoding: Encoding) -> None:
    with pytest.raises(Malformed) as refused:
        read(body, encoding)
    assert refused.value.message.isascii()
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("ending", [b"", b"\n", b"\npayload"])
def test_a_command_can_be_as_long_as_the_bound(ending: bytes, announced: bool) -> None:
    line = b"method=a&x=".ljust(MAX_COMMAND, b"y")
    command, payload = read(line + ending, announced=announced)
    assert len(command.parameters["x"]) == MAX_COMMAND - len(b"method=a&x=")
    assert (payload or b"") == ending[1:]
    with pytest.raises(TooLong):
        read(line + b"y" + ending, announced=announced)


def test_a_form_can_be_as_long_as_the_bound() -> None:
    for line in b"method=a&x=\n", b"method=a&x=".ljust(MAX_COMMAND - 1, b"y") + b"\n":
        read(line.ljust(MAX_COMMAND, b"y"), FORM)
        with pytest.raises(TooLong):
            read(line.ljust(MAX_COMMAND + 1, b"y"), FORM)
    with pytest.raises(TooLong):
        read(b"method=a&x=".ljust(MAX_COMMAND, b"y") + b"\n", FORM)


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("length", [None, 10**9])
def test_of_a_command_that_is_too_long_only_a_little_is_read(length: int | None, encoding: Encoding) -> None:
    source = Trickle(b"method=a&x=" + b"y" * 1_000_000, 5000)
    with pytest.raises(TooLong, match="64 KiB"):
        read_command(source, length, encoding)
    assert source.taken < MAX_COMMAND + 16 * 1024


def test_no_byte_beyond_the_announced_length_is_taken() -> None:
    body, following = b"method=put+document\npayload", b"POST /next HTTP/1.1\r\n"
    for step in 1, 7, 100_000:
        source = Trickle(body + following, step)
        _, payload = read_command(source, len(body), VERMEER)
        assert payload is not None
        assert payload.read() == b"payload"
        assert payload.read() == payload.read(5) == b""
        assert source.taken == len(body)


def test_the_payload_knows_how_much_is_left_and_stays_on_the_source_until_it_is_read() -> None:
    line, content = b"method=put+document\n", bytes(range(256)) * 4096
    source = Trickle(line + content, 100_000)
    _, payload = read_command(source, len(line) + len(content), VERMEER)
    assert payload is not None
    assert payload.length == len(content)
    assert source.taken <= 8 * 1024
    assert payload.read(0) == b""
    assert payload.read(3) == content[:3]
    assert payload.length == len(content) - 3
    assert payload.read() == content[3:]
    assert payload.length == 0


def test_the_payload_of_a_chunked_request_has_no_announced_length() -> None:
    _, payload = read_command(Trickle(b"method=put+document\npayload"), None, VERMEER)
    assert payload is not None
    assert payload.length is None
    assert payload.read() == b"payload"


@pytest.mark.parametrize("encoding", Encoding)
def test_a_request_that_breaks_off_is_not_taken_for_a_whole_one(encoding: Encoding) -> None:
    body = b"method=uncheckout+document&document_name=a"
    with pytest.raises(IncompleteBody):
        read_command(io.BytesIO(body), len(body) + 1, encoding)
    for fault in OSError("reset"), ConnectionError(), ValueError("bad chunk"):
        with pytest.raises(IncompleteBody):
            read_command(Broken(body, fault), None, encoding)


def test_a_payload_that_breaks_off_says_so_or_ends_short() -> None:
    _, payload = read_command(Broken(b"method=a\npay", ConnectionError()), 100, VERMEER)
    assert payload is not None
    with pytest.raises(ConnectionError):
        payload.read()
    _, payload = read_command(io.BytesIO(b"method=a\npay"), 100, VERMEER)
    assert payload is not None
    assert payload.read() == b"pay"
    assert payload.length == 100 - len(b"method=a\npay")


def test_parameters_are_asked_for_by_type() -> None:
    command = parse_command(b"method=a&number=10&none=&list=[a;b]&bad=x")
    assert command.require("number", parse_int) == 10
    assert command.get("list", parse_vector, ()) == ("a", "b")
    assert command.get("none", parse_int, 7) == command.get("missing", parse_int, 7) == 7
    assert command.require("none", str) == ""
    with pytest.raises(Malformed, match="missing"):
        command.require("missing", str)
    with pytest.raises(Malformed, match="The parameter bad is wrong: A whole number from"):
        command.get("bad", parse_int, 7)
    with pytest.raises(Malformed, match="The parameter none is wrong: A whole number from"):
        command.require("none", parse_int)


names = texts.filter(lambda name: name not in ("", "method"))


@untimed
@given(st.dictionaries(names, texts), st.binary(), st.sampled_from([1, 7, 8192]), st.booleans(), st.sampled_from(["", ":6.0.2.5523"]))
def test_commands_come_back(parameters: dict[str, str], content: bytes, step: int, announced: bool, version: str) -> None:
    line = client.command(f"put document{version}", parameters)
    body = line + b"\n" + content
    for encoding in Encoding:
        command, payload = read_command(Trickle(body, step), len(body) if announced else None, encoding)
        assert command == Command(Method("put document", version[1:] or None), parameters)
        assert payload is not None
        assert payload.read() == content


@untimed
@given(st.dictionaries(names, texts), st.sampled_from([b"&", b"\n&", b"&\r\n", b"\n"]), st.sampled_from([1, 7, 8192]))
def test_forms_come_back(parameters: dict[str, str], separator: bytes, step: int) -> None:
    body = client.command("open service", parameters, separator)
    assert read_command(Trickle(body, step), len(body), FORM) == (Command(Method("open service"), parameters), None)


@untimed
@given(documents)
def test_documents_come_back_through_a_whole_request(info: DocInfo) -> None:
    command, _ = read(client.command("put document", {"document": client.document(info)}) + b"\n")
    assert command.require("document", parse_document) == info


@untimed
@given(
    st.binary()
    | st.lists(st.sampled_from([b"method=", b"a", b"put+document", b"&", b"\n", b"%", b"%0a", b"=", b"+", b"\xff"])).map(b"".join)
)
def test_any_bytes_are_read_or_refused_however_they_arrive(body: bytes) -> None:
    def outcome(step: int, length: int | None, encoding: Encoding) -> object:
        try:
            command, payload = read_command(Trickle(body, step), length, encoding)
        except BadRequest as refused:
            return refused.message
        return command, payload.read() if payload else None

    for encoding in Encoding:
        whole = outcome(8192, len(body), encoding)
        assert outcome(1, len(body), encoding) == outcome(3, None, encoding) == whole


@pytest.mark.parametrize("unit", [b"&", b"\n", b"\r", b"=", b"a=b&", b"%41", b"%0a", b"%", b"+", b"a", b"&method=put", b"\xc3\xa9"])
@pytest.mark.parametrize("encoding", Encoding)
def test_twice_the_bytes_are_at_most_twice_the_work(encoding: Encoding, unit: bytes) -> None:
    def work(times: int) -> int:
        body = b"method=a&x=" + unit * times
        return lines_run(lambda: read_command(Trickle(body, 16), len(body), encoding))

    assert work(600) <= 2 * work(300) + 200


def test_a_payload_can_be_read_byte_by_byte() -> None:
    payload = Payload(b"abc", io.BytesIO(b"defg"), 6)
    assert b"".join(iter(lambda: payload.read(1), b"")) == b"abcdef"
