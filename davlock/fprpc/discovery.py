"""What a server is and where: _vti_inf.html, and the methods with which every session begins (MS-FPSE 3.1.5.3)."""

from __future__ import annotations

from dataclasses import replace

from davlock import msnumbers, paths
from davlock.errors import BadName, Forbidden
from davlock.fprpc.calls import Call, Operation, Reply
from davlock.fprpc.refusals import Refused
from davlock.fprpc.values import integer, string, strings

# A version that clients know: that of the server whose answers are on record (Windows SharePoint Services 3.0).
VERSION = (12, 0, 0, 6219)
_PRINTED = ".".join(map(str, VERSION))

_INFORMATION = """\
<!-- FrontPage Configuration Information
FPVersion="12.0.0.000"
FPShtmlScriptUrl="_vti_bin/shtml.dll/_vti_rpc"
FPAuthorScriptUrl="_vti_bin/_vti_aut/author.dll"
FPAdminScriptUrl="_vti_bin/_vti_adm/admin.dll"
TPScriptUrl="_vti_bin/owssvr.dll"
-->
"""


def information() -> bytes:
    """The page _vti_inf.html: one field in a line; the URLs are relative to the folder that the page was asked for in."""
    return _INFORMATION.encode("ascii")


def server_version(call: Call) -> Reply:
    """Which version, and that there are `checkout document` and `uncheckout document` (source control)."""
    major, minor, phase, increment = map(str, VERSION)
    version = {"major ver": major, "minor ver": minor, "phase ver": phase, "ver incr": increment}
    return Reply([("server version", version), ("source control", "1")])


def url_to_web_url(call: Call) -> Reply:
    """Splits a path on the server into that of its site and the rest: there is one site, the root."""
    try:
        path = replace(call, site=paths.ROOT).address(call.command.require("url", str)).path
    except (BadName, Forbidden) as error:
        raise Refused(msnumbers.BAD_URL, error.message) from error
    return Reply([("webUrl", paths.ROOT), ("fileUrl", path[1:])])


def open_service(call: Call) -> Reply:
    """What the site can do, and how the client should behave. Its name is that of the URL; service_name is deprecated."""
    if not call.library.is_folder(call.site):
        raise Refused(msnumbers.BAD_URL, "There is no such folder on this server.")
    meta = {
        "vti_casesensitiveurls": integer(1, "X"),
        "vti_longfilenames": integer(1, "X"),
        "vti_welcomenames": strings([], "X"),
        "vti_username": string(call.caller.principal, "X"),
        "vti_servertz": string("+0000", "X"),
        "vti_sourcecontrolsystem": string("lw", "X"),
        "vti_sourcecontrolproject": string("<STS-based Locking>", "X"),
        "vti_sourcecontrolcookie": string("fp_internal", "X"),
        # Checks out what it opens for editing, without asking.
        "vti_scnoprompt": integer(1, "X"),
        "vti_hasfulltextsearch": integer(0, "X"),
        # There are no dialog pages (owssvr.dll): the client shows lists in dialogs of its own.
        "vti_doclibwebviewenabled": integer(0, "X"),
        "vti_language": integer(1033),
        "vti_extenderversion": string(_PRINTED),
    }
    name = "" if call.site == paths.ROOT else call.site
    return Reply([("service", {"service_name": name, "meta_info": meta})])


METHODS: dict[str, Operation] = {
    "server version": server_version,
    "url to web url": url_to_web_url,
    "open service": open_service,
}
