"""TLS: what new connections are encrypted with, from files that can be exchanged while the server runs."""

from __future__ import annotations

import hashlib
import logging
import ssl
from pathlib import Path

from davlock.errors import DavlockError

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

_log = logging.getLogger("davlock.server")


class TlsError(DavlockError):
    """A certificate or its key cannot be used. Tells which file, and why."""


class Certificate:
    """A certificate with its key. Called, it gives the context for a new connection, which `reload` may replace."""

    def __init__(self, certificate: Path, key: Path | None = None) -> None:
        """certificate: a PEM file, the server's first, then those that sign it. key: of the first; None if it is in the same file.

        Raises TlsError.
        """
        self._files = certificate, key or certificate
        self._context = _context(*self._files)

    def __call__(self) -> ssl.SSLContext:
        return self._context

    def reload(self) -> None:
        """Use for new connections what the files are now; if that cannot be used, the log says so, and nothing changes."""
        try:
            self._context = _context(*self._files)
        except TlsError as error:
            _log.error("the old certificate stays in use: %s", error.message)
        else:
            _log.info("the certificate %s is used for new connections", self._files[0])


def fingerprint(certificate: Path) -> str:
    """Of the first certificate in a PEM file, as browsers and clients show it: SHA-256."""
    text = certificate.read_text("ascii")
    der = ssl.PEM_cert_to_DER_cert(text[text.index(_BEGIN) : text.index(_END) + len(_END)])
    return hashlib.sha256(der).digest().hex(":").upper()


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    # Looked at first: OpenSSL's errors do not say which of the two files they are about, and it would ask a terminal for a password.
    if _BEGIN.encode() not in _read(certificate, "certificate"):
        raise TlsError(f"The certificate {certificate} is not a PEM file with a certificate in it.")
    text = _read(key, "key")
    if b"PRIVATE KEY-----" not in text:
        raise TlsError(f"The key {key} is not a PEM file with a private key in it.")
    if b"ENCRYPTED" in text:
        raise TlsError(f"The key {key} is encrypted; davlock needs it without a password.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # costs us more than whoever asks for it
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsError(f"The key {key} does not belong to the certificate {certificate}.") from error
        reason = (error.reason or str(error)).replace("_", " ").lower()
        raise TlsError(f"The certificate {certificate} cannot be used with the key {key}: {reason}.") from error
    except OSError as error:  # exchanged since it was looked at
        raise TlsError(f"The certificate {certificate} cannot be read: {error.strerror}.") from error
    return context


def _read(file: Path, what: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise TlsError(f"The {what} {file} cannot be read: {error.strerror}.") from error
