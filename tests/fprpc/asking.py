"""Questions about documents and folders, and changes of them, as programs put them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from davlock.fprpc.values import MetaDict, MetaValue, parse_meta
from tests.fprpc.client import escaped, metadict, vector
from tests.fprpc.conftest import Packet, Rpc


def urls(*names: str) -> str:
    return vector(map(escaped, names))


def ask(rpc: Rpc, user: str, *names: str, site: str = "", **parameters: str | int) -> Packet:
    return rpc(user, "getDocsMetaInfo", site, url_list=urls(*names), **parameters)


def meta(rpc: Rpc, user: str, name: str) -> dict[str, MetaValue]:
    """What somebody is told of one document or folder."""
    answer = ask(rpc, user, name)
    found = answer.documents() | (answer.folders() if "urldirs" in answer.values.pairs else {})
    assert list(found) == [name], answer.raw
    return {key: parse_meta(value) for key, value in found[name].items()}


def tell(rpc: Rpc, user: str, given: Mapping[str, MetaDict], **parameters: str | int) -> Packet:
    """setDocsMetaInfo."""
    infos = vector(metadict(each) for each in given.values())
    return rpc(user, "setDocsMetaInfo", url_list=urls(*given), metaInfoList=infos, **parameters)


def listed(rpc: Rpc, folder: str, user: str = "alice", **parameters: str | int) -> Packet:
    answer = rpc(user, "list documents", initialUrl=folder, **parameters)
    assert answer.status == 0, answer.raw
    return answer


def failed(answer: Packet) -> list[str]:
    return answer.values.list("failedUrls").texts


def remove(rpc: Rpc, user: str, names: Iterable[str], **parameters: str | int) -> Packet:
    return rpc(user, "remove documents", url_list=urls(*names), **parameters)
