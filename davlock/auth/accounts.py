"""Accounts: who may log in, with which password."""

from __future__ import annotations

import base64
import ctypes
import logging
import os
import secrets
import threading
import unicodedata
from contextlib import suppress
from dataclasses import replace

import argon2
from argon2.exceptions import Argon2Error, InvalidHashError, VerifyMismatchError

from davlock import processors
from davlock.auth.principals import canonical
from davlock.errors import BadRequest, DavlockError, Exists, NotFound, Unavailable
from davlock.model import Account
from davlock.state import State

FIRST_NAME = "admin"
MAX_PASSWORD_CHARACTERS = 1024  # at four bytes each they still fit into an Authorization header of 8 KiB

# OWASP's recommendation for argon2id.
_MEMORY_KIB, _PASSES = 19_456, 2
_hasher = argon2.PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1)
_hashing = threading.BoundedSemaphore(2)  # each takes 19 MiB, and anybody can ask for one
_M_MMAP_THRESHOLD = -3  # malloc.h

_TYPEABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # without the look-alikes 0 o, 1 i l

_log = logging.getLogger("davlock.auth")


class Accounts:
    """The accounts kept in a state. Names are taken in any spelling and kept in the canonical one.

    Every method raises BadRequest for an impossible name, Unavailable or StorageFull as the state does.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        _return_big_blocks()

    def add(self, name: str, password: str, admin: bool = False) -> Account:
        """A new account. Raises Exists, and BadRequest for an impossible password."""
        name, password_hash = canonical(name), _hash(password)
        with self._state.deciding() as rows:
            if rows.account(name):
                raise Exists(f"There is a user {name} already.")
            rows.put_account(name, password_hash, admin)
            return Account(name, password_hash, admin, rows.now)

    def add_first(self, name: str, password: str) -> bool:
        """Adds an administrator if there is no account at all; whether it did."""
        name, password_hash = canonical(name), _hash(password)
        with self._state.deciding() as rows:
            if rows.accounts():
                return False
            rows.put_account(name, password_hash, True)
            return True

    def set_password(self, name: str, password: str) -> None:
        """Also ends his sessions. Raises NotFound, and BadRequest for an impossible password."""
        name, password_hash = canonical(name), _hash(password)
        with self._state.deciding() as rows:
            account = rows.account(name)
            if account is None:
                raise _unknown(name)
            rows.put_account(name, password_hash, account.admin)
            # Perhaps somebody else knew it; what he has begun with it must not go on. Tokens have their own end.
            rows.end_access_tokens(each.id for each in rows.access_tokens(name) if each.is_session)

    def remove(self, name: str) -> None:
        """Raises NotFound."""
        name = canonical(name)
        with self._state.deciding() as rows:
            if not rows.remove_account(name):
                raise _unknown(name)

    def get(self, name: str) -> Account:
        """Raises NotFound."""
        name = canonical(name)
        with self._state.reading() as rows:
            account = rows.account(name)
        if account is None:
            raise _unknown(name)
        return account

    def is_empty(self) -> bool:
        return not self.list()

    def verify(self, name: str, password: str) -> Account | None:
        """The account if it exists and this is its password. What is refused takes as long for any name."""
        name, password = canonical(name), _normal(password)
        with self._state.reading() as rows:
            account = rows.account(name)
        if not _matches(account.password_hash if account else _hash_of_nothing(), password) or account is None:
            return None
        return self._rehash(account, password) if _hasher.check_needs_rehash(account.password_hash) else account

    def _rehash(self, account: Account, password: str) -> Account:
        try:
            password_hash = _hash(password)
            with self._state.deciding() as rows:
                if rows.account(account.name) == account:  # not if the password was changed meanwhile
                    rows.put_account(account.name, password_hash, account.admin)
                    return replace(account, password_hash=password_hash)
        except DavlockError as error:
            _log.warning("The password of %r could not be stored with today's parameters: %s", account.name, error)
        return account

    def list(self) -> tuple[Account, ...]:
        """All accounts, by name."""
        with self._state.reading() as rows:
            return tuple(rows.accounts())


def ensure_first(accounts: Accounts) -> str | None:
    """Where nobody can log in yet: creates the user admin and returns the password, to be shown once; else None."""
    if not accounts.is_empty():
        return None
    password = "-".join("".join(secrets.choice(_TYPEABLE) for _ in range(5)) for _ in range(4))  # 99 bits
    return password if accounts.add_first(FIRST_NAME, password) else None


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no user {name}.")


def _normal(password: str) -> str:
    # One password, whether a Mac or another machine composed its letters (RFC 8265 §4.2.2).
    return unicodedata.normalize("NFC", password)


def _hash(password: str) -> str:
    if not password:
        raise BadRequest("A password cannot be empty.")
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise BadRequest(f"A password cannot be longer than {MAX_PASSWORD_CHARACTERS} characters.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
        raise BadRequest("A password cannot contain control characters.")  # RFC 7617 §2
    with _hashing, processors.roaming():
        try:
            return _hasher.hash(_normal(password))
        except Argon2Error as error:
            raise Unavailable("The server has no memory to store a password at the moment. Try again.") from error


def _matches(password_hash: str, password: str) -> bool:
    with _hashing, processors.roaming():
        try:
            return _hasher.verify(password_hash, password)
        except VerifyMismatchError:
            return False
        except InvalidHashError:
            _log.error("A stored password is damaged; set it again with: davlock user passwd NAME")
            return False
        except Argon2Error as error:
            raise Unavailable("The server has no memory to check a password at the moment. Try again.") from error


def _return_big_blocks() -> None:
    """Has malloc give blocks of 1 MiB and more back to the system when they are freed.

    glibc would keep 19 MiB for every thread that has ever hashed: 300 MB in a worker of 16 threads. Other C libraries
    do it by themselves.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 20)


def _hash_of_nothing() -> str:
    """What a name that nobody has is checked against, so that time does not tell: no password is known to match it."""
    salt, digest = (base64.b64encode(os.urandom(length)).decode().rstrip("=") for length in (16, 32))
    return f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p=1${salt}${digest}"
