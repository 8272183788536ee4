"""The checkouts of this door as WebDAV shows them, and the locks of WebDAV as this one does."""

from __future__ import annotations

import time

from davlock.fprpc.values import MetaValue
from davlock.wording import moment
from tests.dav.stories import actives, proppatch, refused, setting, transfer
from tests.fprpc.conftest import Rpc
from tests.fprpc.holding import check_out, uncheck
from tests.fprpc.states import an_hour_passes, meta, put, seconds
from tests.fprpc.statuses import CHECKED_OUT
from tests.serving import Client, Serving

LOCK = '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>'


def test_webdav_sees_and_respects_a_short_term_checkout(rpc: Rpc, serving: Serving, document: str, alice: Client, bob: Client) -> None:
    path = f"/{document}"
    shown = meta(check_out(rpc, "alice", document))
    (active,) = actives(bob.propfind(path, "lockdiscovery").xml())
    assert (active.holder, active.door) == ("alice", "fprpc")
    assert 590 <= active.seconds <= 600
    until = moment(seconds(shown, "vti_sourcecontrollockexpires"))
    tried = bob.put(path, b"no"), bob.request("DELETE", path), transfer(bob, "MOVE", path, f"{path}.x"), bob.request("LOCK", path, LOCK)
    for answer in tried:
        assert answer.status == 423
        told = refused(answer).message
        assert "alice" in told and until in told and "FrontPage" in told, told
    assert proppatch(bob, path, setting("<Z:a>1</Z:a>")).status in (207, 423)
    assert alice.put(path, b"alice may, in every door").status == 204

    check_out(rpc, "alice", document, force=2, timeout=60)
    assert 3590 <= actives(bob.propfind(path, "lockdiscovery").xml())[0].seconds <= 3600
    uncheck(rpc, "alice", document)
    assert actives(bob.propfind(path, "lockdiscovery").xml()) == []
    bob.unlock(path, bob.lock(path))
    check_out(rpc, "alice", document)
    an_hour_passes(serving, document)
    assert actives(bob.propfind(path, "lockdiscovery").xml()) == []
    assert bob.put(path, b"bob may now").status == 204


def test_frontpage_sees_and_respects_a_lock(rpc: Rpc, serving: Serving, document: str, alice: Client) -> None:
    path = f"/{document}"

    def shown() -> dict[str, str]:
        return rpc("bob", "getDocsMetaInfo", url_list=f"[{document}]").documents()[document]

    token = alice.lock(path, timeout="Second-600")
    assert shown()["vti_sourcecontrolcheckedoutby"] == "SR|alice"
    first = MetaValue("T", "R", shown()["vti_sourcecontrollockexpires"][3:]).seconds
    assert 590 <= first - time.time() <= 601
    answer = check_out(rpc, "bob", document)
    until = moment(first)
    assert answer.status == CHECKED_OUT and "alice" in answer.message and until in answer.message and "WebDAV" in answer.message
    assert "alice" in put(rpc, "bob", document, b"bob was here").message

    alice.request("LOCK", path, If=f"(<{token}>)", Timeout="Second-3600")
    assert 3590 <= MetaValue("T", "R", shown()["vti_sourcecontrollockexpires"][3:]).seconds - time.time() <= 3601
    alice.unlock(path, token)
    assert "vti_sourcecontrolcheckedoutby" not in shown()
    alice.lock(path)
    an_hour_passes(serving, document)
    an_hour_passes(serving, document)
    assert "vti_sourcecontrolcheckedoutby" not in shown()
    assert check_out(rpc, "bob", document).status == 0
