from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import argon2
import pytest

from davlock.auth.accounts import Accounts, ensure_first
from davlock.errors import BadRequest, Exists, NotFound
from davlock.state.sqlite import SqliteState
from davlock.state.sqlite_rows import SqliteRows

REPOSITORY = Path(__file__).resolve().parents[2]
ENSURE = """
import sys
from pathlib import Path
from davlock.auth.accounts import Accounts, ensure_first
from davlock.state.sqlite import SqliteState
accounts = Accounts(SqliteState(Path(sys.argv[1])))
print("here", flush=True)
sys.stdin.readline()
print(ensure_first(accounts) or "-")
"""


def test_an_account_is_verified_by_its_password_only(accounts: Accounts) -> None:
    accounts.add("Alice", "right")
    verified = accounts.verify("ALICE", "right")
    assert verified is not None
    assert (verified.name, verified.admin) == ("alice", False)
    assert accounts.verify("alice", "wrong") is None
    assert accounts.verify("alice", "") is None
    assert accounts.verify("alice", "right\0") is None
    assert accounts.verify("bob", "right") is None


def test_a_name_that_nobody_has_is_checked_like_any_other(accounts: Accounts, caplog: pytest.LogCaptureFixture) -> None:
    assert accounts.verify("nobody", "password") is None
    assert not caplog.records  # a made-up hash that argon2 refuses unread would be quick, and reported


def test_passwords_are_hashed_as_owasp_recommends(accounts: Accounts, state: SqliteState) -> None:
    accounts.add("alice", "right")
    accounts.add("bob", "right")
    hashes = [account.password_hash for account in accounts.list()]
    assert hashes[0] != hashes[1]
    for password_hash in hashes:
        parameters = argon2.extract_parameters(password_hash)
        assert parameters.type is argon2.Type.ID
        assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)


def test_a_hash_with_other_parameters_is_replaced_when_its_password_is_seen(accounts: Accounts, state: SqliteState) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("right")
    with state.deciding() as rows:
        rows.put_account("alice", weak, True)
    assert accounts.verify("alice", "wrong") is None
    assert accounts.get("alice").password_hash == weak
    assert accounts.verify("alice", "right")
    assert argon2.extract_parameters(accounts.get("alice").password_hash).memory_cost == 19456
    assert accounts.get("alice").admin
    assert accounts.verify("alice", "right")


def test_a_password_changed_while_the_old_one_is_checked_stays_changed(accounts: Accounts, tmp_path: Path) -> None:
    class Slow(SqliteState):
        """Comes to a decision only after somebody else has changed the password."""

        @contextmanager
        def deciding(self) -> Iterator[SqliteRows]:
            accounts.set_password("alice", "new")
            with super().deciding() as rows:
                yield rows

    slow = Slow(tmp_path / "state.db")
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("old")
    with SqliteState.deciding(slow) as rows:
        rows.put_account("alice", weak, False)
    assert Accounts(slow).verify("alice", "old")
    assert accounts.verify("alice", "new")
    assert accounts.verify("alice", "old") is None


def test_a_damaged_hash_lets_nobody_in(accounts: Accounts, state: SqliteState, caplog: pytest.LogCaptureFixture) -> None:
    with state.deciding() as rows:
        rows.put_account("alice", "not a hash", False)
    assert accounts.verify("alice", "not a hash") is None
    assert "damaged" in caplog.text


def test_a_password_is_the_same_however_its_letters_are_composed(accounts: Accounts) -> None:
    accounts.add("alice", "Zu\u0308rich")
    assert accounts.verify("alice", "Z\u00fcrich")
    accounts.add("bob", "Z\u00fcrich")
    assert accounts.verify("bob", "Zu\u0308rich")


def test_a_new_password_replaces_the_old_one_and_nothing_else(accounts: Accounts) -> None:
    before = accounts.add("alice", "old", admin=True)
    accounts.set_password("Alice", "new")
    assert accounts.verify("alice", "old") is None
    after = accounts.verify("alice", "new")
    assert after is not None
    assert (after.admin, after.since) == (True, before.since)


def test_removing_and_adding(accounts: Accounts) -> None:
    assert accounts.is_empty()
    accounts.add("bob", "b")
    accounts.add("alice", "a")
    assert [account.name for account in accounts.list()] == ["alice", "bob"]
    assert not accounts.is_empty()
    with pytest.raises(Exists):
        accounts.add("ALICE", "other")
    assert accounts.verify("alice", "a")
    accounts.remove("Alice")
    assert accounts.verify("alice", "a") is None
    for missing in (accounts.remove, accounts.get):
        with pytest.raises(NotFound):
            missing("alice")
    with pytest.raises(NotFound):
        accounts.set_password("alice", "new")


@pytest.mark.parametrize("password", ["", "a\0b", "a\nb", "\x7f", "\ud800", "a" * 1025])
def test_an_impossible_password_is_refused(accounts: Accounts, password: str) -> None:
    accounts.add("alice", "old")
    with pytest.raises(BadRequest):
        accounts.add("bob", password)
    with pytest.raises(BadRequest):
        accounts.set_password("alice", password)
    assert accounts.verify("alice", "old")
    assert len(accounts.list()) == 1


def test_the_first_user_is_an_administrator_whose_password_is_told_once(accounts: Accounts) -> None:
    password = ensure_first(accounts)
    assert password is not None
    first = accounts.verify("admin", password)
    assert first is not None
    assert first.admin
    assert ensure_first(accounts) is None
    assert accounts.verify("admin", password)


def test_no_first_user_is_made_beside_others(accounts: Accounts) -> None:
    accounts.add("alice", "a")
    assert ensure_first(accounts) is None
    assert [account.name for account in accounts.list()] == ["alice"]


def test_the_first_password_is_long_easy_to_type_and_never_the_same(tmp_path: Path) -> None:
    states = [SqliteState(tmp_path / f"{number}.db") for number in range(5)]
    found = {ensure_first(Accounts(state)) for state in states}
    assert len(found) == 5
    for password in found:
        assert password is not None
        letters = password.replace("-", "")
        assert len(letters) >= 17  # of 31 letters: more than 80 bits
        assert not set(letters) - set("abcdefghjkmnpqrstuvwxyz23456789")


def test_of_processes_that_start_together_one_creates_the_first_user(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    accounts = Accounts(SqliteState(file))
    starting = [
        subprocess.Popen([sys.executable, "-c", ENSURE, str(file)], cwd=REPOSITORY, text=True, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
        for _ in range(4)
    ]  # fmt: skip
    for process in starting:
        assert process.stdout and process.stdout.readline() == "here\n"
    for process in starting:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate()[0].strip() for process in starting]
    passwords = [password for password in told if password != "-"]
    assert len(told) == 4
    assert len(passwords) == 1
    assert accounts.verify("admin", passwords[0])


def test_no_password_is_logged(accounts: Accounts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    accounts.add("alice", "s3cret-one")
    accounts.verify("alice", "s3cret-two")
    assert "s3cret" not in caplog.text


def test_many_threads_that_check_passwords_do_not_each_keep_the_memory(tmp_path: Path) -> None:
    script = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from davlock.auth.accounts import Accounts
from davlock.state.sqlite import SqliteState
accounts = Accounts(SqliteState(Path(sys.argv[1])))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ThreadPoolExecutor(16) as pool:
    list(pool.map(lambda _: accounts.verify("nobody", "x"), range(48)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    argv = [sys.executable, "-c", script, str(tmp_path / "state.db")]
    told = subprocess.run(argv, cwd=REPOSITORY, text=True, check=True, capture_output=True).stdout
    assert int(told) < 100 * 1024  # KiB; two at a time need 38 MiB, sixteen 304 MiB
