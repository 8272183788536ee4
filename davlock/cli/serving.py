"""davlock serve."""

from __future__ import annotations

import errno
import functools
import ipaddress
import logging
import socket
import sys
from pathlib import Path

import click

from davlock.app import certificate_file, open_site
from davlock.app import serve as serve_until_stopped
from davlock.auth.accounts import ensure_first
from davlock.cli.options import config_option, served, system_user
from davlock.cli.refusals import told
from davlock.config import Config, load
from davlock.server.tls import fingerprint


@click.command()
@click.argument("root", required=False, type=click.Path(path_type=Path))
@config_option
@click.option("--host", metavar="H", help="Address to listen on [default: 127.0.0.1, this machine only].")
@click.option("--port", metavar="P", type=int, help="Port to listen on; 0 takes a free one [default: 8080].")
@click.option("--workers", metavar="N", type=int, help="Processes that answer requests [default: 0, one on each processor, but at most 4].")
@click.option("--self-signed", is_flag=True, help="HTTPS with a certificate made here, which clients must be told to accept.")
@click.option("--insecure-http", is_flag=True, default=None, help="Let passwords cross a network unencrypted.")
def serve(root: Path | None, file: Path | None, self_signed: bool, **options: object) -> None:
    """Serve the folder ROOT until SIGTERM or Ctrl-C.

    ROOT may also be written in the configuration file. At the first start a user named admin is created and its
    password is printed.
    """
    if root is None and file is None:
        raise click.UsageError("Say which folder to serve: davlock serve ROOT, or --config FILE.")
    config = served(load(file, root=root, tls={"self_signed": True} if self_signed else None, **options))
    _refuse_to_leak_passwords(config)
    logging.basicConfig(level=config.log.level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    with open_site(config) as site:
        password = ensure_first(site.accounts)
    if password:
        click.echo(
            f"davlock: created user admin with password {password} "
            f"(shown once; change it with: davlock user passwd admin --root {config.root})"
        )
    try:
        serve_until_stopped(config, functools.partial(_tell_ready, config))
    except OSError as error:
        raise click.ClickException(_why_not_serving(config, error)) from error
    except RuntimeError as error:  # a worker process could not start; it has said why
        raise click.ClickException(f"The server could not start: {error}.") from error


def _tell_ready(config: Config, host: str, port: int) -> None:
    scheme = "https" if config.tls else "http"
    click.echo(f"davlock: serving {config.root} at {scheme}://{f'[{host}]' if ':' in host else host}:{port}/")
    if config.tls.self_signed:
        click.echo(f"davlock: the certificate is self-signed; accept it where this is its SHA-256: {fingerprint(certificate_file(config))}")


def _refuse_to_leak_passwords(config: Config) -> None:
    if _is_loopback(config.host) or config.tls or config.insecure_http:
        return
    raise click.ClickException(
        f"{config.host} can be reached from other machines, and passwords would travel unencrypted; give davlock a certificate "
        "(tls.certificate in the configuration, or --self-signed to try it out), listen on 127.0.0.1 behind a proxy with TLS on this "
        "machine, or say --insecure-http if nobody else can listen in that network."
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _why_not_serving(config: Config, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {config.port} of {config.host} is taken by another program; choose another one with --port."
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{config.host} is not an address of this machine; choose another one with --host."
    if error.errno == errno.EACCES and not error.filename:
        return f"The user {system_user()} may not listen on port {config.port}; choose one from 1024 on with --port."
    return told(error)
