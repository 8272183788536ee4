"""The composition: the only module that names concrete classes. What stands behind which path, and in which order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from davlock import paths, processors, rules
from davlock.auth.accounts import Accounts
from davlock.auth.api import NO_API, Api
from davlock.auth.authenticator import Authenticator
from davlock.auth.cors import share
from davlock.auth.origins import Origins
from davlock.auth.tokens import Tokens
from davlock.config import Config, document_management, policy
from davlock.dav.door import WebDavDoor
from davlock.dav.methods import is_archived
from davlock.dav.reading import Announced
from davlock.dav.requests import raw_path
from davlock.documents import Tree
from davlock.errors import DavlockError
from davlock.fprpc import door as fprpc
from davlock.fprpc.calls import Settings
from davlock.fprpc.door import FrontPageDoor
from davlock.library import Library
from davlock.locks import LockManager
from davlock.rest import calls as rest_calls
from davlock.rest import door as rest
from davlock.rest.door import RestDoor
from davlock.rest.listening import Listening
from davlock.server import serve as serve_http
from davlock.server.limits import Limits
from davlock.server.proxies import Proxies
from davlock.server.tls import Certificate, TlsError
from davlock.state.sqlite import SqliteState
from davlock.webhooks.delivery import Delivery
from davlock.webhooks.registry import Webhooks
from davlock.webhooks.sending import Sender
from davlock.webhooks.targets import Targets

_log = logging.getLogger("davlock")

FORGET_SECONDS = 3600.0
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Site:
    """One served folder, open in this process: config, state, library, accounts, tokens. A context manager."""

    def __init__(self, config: Config) -> None:
        """Raises OSError if the folder cannot be used, DavlockError if its state cannot."""
        tree = Tree(config.root)
        tree.private.mkdir(mode=0o700, exist_ok=True)
        self.config = config
        self.state = SqliteState(tree.private / "state.db")
        limits = rules.Limits(config.locks.minimum_seconds, config.locks.default_seconds, config.locks.maximum_seconds)
        documents = config.documents
        self.library = Library(self.state, tree, LockManager(limits), policy(config), documents.max_upload_bytes, documents.tunnel_seconds)
        self.accounts = Accounts(self.state)
        self.tokens = Tokens(self.state)
        self.sender = Sender(Targets(config.webhooks.require_https, config.webhooks.allow))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.library.close()


def open_site(config: Config) -> Site:
    """The site of a configuration, for one process."""
    return Site(config)


def application(site: Site) -> Application:
    """The WSGI application: from where, who is it, then which door."""
    doors = Doors(site)
    api = Api(rest.serves, rest.is_open, rest.spell, Origins(site.config.rest.cors_origins))
    auth = site.config.auth
    authenticator = Authenticator(site.accounts, site.tokens, auth.realm, api, free_failures=auth.free_failures)
    return Proxies(site.config.trusted_proxies).reveal(share(authenticator.protect(doors), api))


class Doors:
    """Leads a request to its door by its path. A new door is one more line here."""

    def __init__(self, site: Site) -> None:
        self._library = site.library
        config = site.config
        announced = Announced(config.webdav.ms_author_via, document_management(config), config.webdav.combined_requests)
        self._webdav = WebDavDoor(site.library, announced)
        self._frontpage = FrontPageDoor(site.library, Settings(config.fprpc.reopen_own == "extend", config.fprpc.default_minutes))
        listening = Listening(site.library, config.events.streams or max(config.threads // 4, 1), config.events.stream_seconds)
        told = Webhooks(site.state, site.sender, config.webhooks.enabled)
        shown = (config.rest.time_zone, config.rest.new_documents, config.rest.max_json_bytes)
        self._rest = RestDoor(site.library, site.tokens, rest_calls.Settings(*shown, listening, told))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = raw_path(environ)
        if "/_" in path or path[:4].lower() == "/api":  # most are not, and WebDAV's without a closer look
            return self._special(path, environ, start_response)
        return self._webdav(environ, start_response)

    def _special(self, path: str, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Leads to a door whose paths begin with a name of its own."""
        if path == "/_davlock/health":
            return self._health(start_response)
        if fprpc.serves(path) and environ["REQUEST_METHOD"] in ("GET", "HEAD", "POST"):
            return self._frontpage(environ, start_response)
        if rest.takes(environ["REQUEST_METHOD"], path, lambda: self._library.look(paths.parse(path).path, "") is not None):
            return self._rest(environ, start_response)
        if paths.is_reserved(path) and not is_archived(path) and environ["REQUEST_METHOD"] in ("GET", "HEAD", "POST", "PROPFIND"):
            # Explorer and Office probe such names whatever the folder: there is simply nothing.
            return _say(start_response, "404 Not Found", "There is nothing here.")
        return self._webdav(environ, start_response)

    def _health(self, start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            with self._library.reading():
                return _say(start_response, "200 OK", "ok")
        except DavlockError as error:
            return _say(start_response, "503 Service Unavailable", error.message)


def _say(start_response: Callable[..., Any], status: str, sentence: str) -> Iterable[bytes]:
    body = f"{sentence}\n".encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(status, [*headers, ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")])
    return [body]


def certificate_file(config: Config) -> Path:
    """Where the certificate is that is used, if there is any."""
    return config.root / paths.PRIVATE / "self-signed.pem" if config.tls.self_signed else Path(config.tls.certificate)


def _certificate(config: Config) -> Certificate | None:
    """What connections are encrypted with, None for plain HTTP. Raises TlsError, OSError."""
    file = certificate_file(config)
    if config.tls.self_signed:
        try:
            from davlock.server import selfsigned
        except ImportError as error:
            raise TlsError("--self-signed needs one more package; get it with: pip install 'davlock[self-signed]'") from error
        selfsigned.ensure(file, config.host)
    return Certificate(file, Path(config.tls.key) if config.tls.key else None) if config.tls else None


def _forget_now_and_then(site: Site) -> None:
    """Housekeeping only: nothing that is answered depends on it."""
    while True:
        time.sleep(FORGET_SECONDS)
        try:
            site.library.upkeep.forget()
        except Exception:
            _log.exception("could not forget what was kept for its time; it is tried again in an hour")


def work(config: Config) -> Application:
    """The application of one process, with what that does beside answering. Raises what open_site() raises."""
    site = open_site(config)
    site.library.upkeep.recover()
    threading.Thread(target=_forget_now_and_then, args=(site,), name="forget", daemon=True).start()
    if config.webhooks.enabled:
        file, notice = config.root / ".davlock" / "webhooks.turn", site.library.outbox.notice_expired
        Delivery(site.state, site.sender, file, notice, config.webhooks.most_errors).start()
    return application(site)


def serve(config: Config, ready: Callable[[str, int], None]) -> None:
    """Serves until SIGTERM or SIGINT; ready(host, port) is called once everything accepts.

    SIGHUP: the files of the certificate are read again. Raises what open_site() raises, and TlsError.
    """
    with open_site(config) as site:
        for done in site.library.upkeep.recover():
            _log.warning("recovered: %s", done)
        for aside in site.library.upkeep.tidy():
            _log.warning("set aside in .davlock/rescued: %s", aside)
    certificate, clients = _certificate(config), config.clients
    serve_http(
        lambda: work(config),
        host=config.host,
        port=config.port,
        workers=config.workers or processors.usable(),
        threads=config.threads,
        pinned=config.pinned,
        drain_seconds=config.drain_seconds,
        ready=ready,
        limits=Limits(
            connections=clients.connections,
            connections_per_peer=clients.connections_per_address,
            idle_seconds=clients.idle_seconds,
            head_seconds=clients.head_seconds,
            body_seconds=clients.body_seconds,
            answer_seconds=clients.answer_seconds,
            least_rate=clients.least_rate,
        ),
        spell=_spell,
        tls=certificate,
        is_exempt=Proxies(config.trusted_proxies).knows,
        at_hangup=certificate.reload if certificate else None,
    )


def _spell(target: str, status: int, sentence: str) -> tuple[str, bytes]:
    """How the door at an address would have refused what could not be read."""
    return (rest.spell if rest.serves(target.partition("?")[0]) else NO_API.spell)(status, sentence)
