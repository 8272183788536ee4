"""The servers under test: how they are configured, started, killed, and what /proc says about their processes."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.client import Client
from benchmarks.load import HOST, Wrong

USERS = {"alice": "alice's benchmark password", "bob": "bob's benchmark password"}
REPOSITORY = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0
STOP_SECONDS = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Server:
    """One server over a folder of its own. home: where the folder `root`, its log and its configuration are."""

    name: str
    home: Path
    command: Callable[[Server], list[str]]
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def root(self) -> Path:
        return self.home / "root"

    def client(self, user: str | None = "alice") -> Client:
        return Client(self.port, (user, USERS[user]) if user else None)

    def start(self) -> float:
        """Seconds from the start of the process to its first answer to a user. Raises Wrong if there is none."""
        self.port = _free_port()
        argv = self.command(self)
        with (self.home / "log").open("ab") as log:
            begin = time.monotonic()
            self._process = subprocess.Popen(argv, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() - begin > START_SECONDS:
                self.kill()
                raise Wrong(f"{self.name} did not start; it said: {(self.home / 'log').read_text(errors='replace')[-500:]}")
            time.sleep(0.001)
        return time.monotonic() - begin

    def _answers(self) -> bool:
        with contextlib.suppress(ConnectionError), socket.create_connection((HOST, self.port), 1):
            with self.client() as client:
                client.expect((200,), "OPTIONS", "/")
            return True
        return False

    def stop(self) -> None:
        """SIGTERM, and whatever is left after a while SIGKILL."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
            self.kill()

    def kill(self) -> None:
        """SIGKILL for all its processes at once, which are a session of their own."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def processes(self) -> list[int]:
        """The process that was started and all its descendants."""
        children: dict[int, list[int]] = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit() and (stat := _stat(int(entry))):
                children.setdefault(int(stat[1]), []).append(int(entry))
        found = [self._process.pid] if self._process else []
        for pid in found:
            found += children.get(pid, [])
        return found

    def cpu_seconds(self) -> float:
        """User and system time so far, with that of children that have ended."""
        return sum(sum(map(int, stat[11:15])) for pid in self.processes() if (stat := _stat(pid))) / _TICKS

    def memory(self, key: str = "VmRSS") -> dict[int, float]:
        """MiB of each process: VmRSS is what it has now, VmHWM the most it had since forget_peak()."""
        found = {}
        for pid in self.processes():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(f"{key}:"):
                    found[pid] = int(line.split()[1]) / 1024
        return found

    def forget_peak(self) -> None:
        """Makes VmHWM begin again (proc(5), clear_refs). Raises Wrong where the kernel cannot."""
        for pid in self.processes():
            try:
                Path(f"/proc/{pid}/clear_refs").write_text("5")
            except OSError as error:
                raise Wrong(f"this kernel cannot measure a peak: {error}") from error


def davlock(home: Path, workers: int) -> Server:
    """davlock as it comes: logins, locks and documents on the disk before they are acknowledged."""
    server = Server(
        "davlock",
        home,
        lambda s: [sys.executable, "-m", "davlock", "serve", str(s.root), "--port", str(s.port), "--workers", str(workers)],
    )
    server.root.mkdir(parents=True)
    for name, password in USERS.items():
        davlock_command("user", "add", name, "--root", str(server.root), "--password-stdin", given=password + "\n")
    return server


def davlock_command(*arguments: str, given: str = "") -> str:
    """Runs a davlock command to its end and returns what it printed. Raises Wrong if it fails."""
    argv = [sys.executable, "-m", "davlock", *arguments]
    done = subprocess.run(argv, cwd=REPOSITORY, input=given, capture_output=True, text=True)
    if done.returncode:
        raise Wrong(f"davlock {' '.join(arguments)} failed: {done.stdout}{done.stderr}")
    return done.stdout


def stock(home: Path) -> Server:
    """WsgiDAV with its own defaults: cheroot, its number of threads, locks in memory. Only Basic, and no log, are set."""

    def command(server: Server) -> list[str]:
        configuration = {
            "host": HOST,
            "port": server.port,
            "provider_mapping": {"/": str(server.root)},
            "simple_dc": {"user_mapping": {"*": {name: {"password": password} for name, password in USERS.items()}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
            "verbose": 1,
            "logging": {"enable_loggers": []},
        }
        file = server.home / "wsgidav.json"
        file.write_text(json.dumps(configuration))
        return [sys.executable, "-m", "wsgidav.server.server_cli", "--config", str(file), "-q"]

    server = Server("stock", home, command)
    server.root.mkdir(parents=True)
    return server


def peers() -> dict[str, Callable[[Path], Server]]:
    """What else a user could have, and has on this machine, by name."""
    found: dict[str, Callable[[Path], Server]] = {}
    if _apache() and _apache_modules():
        found["apache"] = apache
    if shutil.which("rclone"):
        found["rclone"] = rclone
    return found


def apache(home: Path) -> Server:
    """mod_dav as its manual sets it up; only logins are added."""

    def command(server: Server) -> list[str]:
        modules = _apache_modules()
        names = ["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "mime", "dav", "dav_fs", "dav_lock"]
        lines = [f'LoadModule {name}_module "{modules}/mod_{name}.so"' for name in names]
        if os.geteuid() == 0:
            lines += ["User nobody", f"Group #{os.stat(server.home).st_gid}"]
            _give(server.home, "nobody")
        lines += [
            f'ServerRoot "{server.home}"',
            "ServerName localhost",
            f"Listen {HOST}:{server.port}",
            f'PidFile "{server.home}/pid"',
            f'DefaultRuntimeDir "{server.home}"',
            f'ErrorLog "{server.home}/error.log"',
            "TypesConfig /etc/mime.types",
            f'DavLockDB "{server.home}/locks"',
            f'DocumentRoot "{server.root}"',
            "MaxKeepAliveRequests 0",
            f'<Directory "{server.root}">',
            "Dav On",
            "AuthType Basic",
            "AuthName benchmark",
            "AuthBasicProvider file",
            f'AuthUserFile "{_password_file(server.home)}"',
            "Require valid-user",
            "</Directory>",
        ]
        file = server.home / "httpd.conf"
        file.write_text("\n".join(lines) + "\n")
        return [_apache(), "-D", "FOREGROUND", "-f", str(file)]

    return _peer("apache", home, command)


def rclone(home: Path) -> Server:
    """rclone serve webdav with its own defaults and logins."""

    def command(server: Server) -> list[str]:
        passwords = str(_password_file(server.home))
        return ["rclone", "serve", "webdav", str(server.root), "--addr", f"{HOST}:{server.port}", "--htpasswd", passwords]

    return _peer("rclone", home, command)


def _peer(name: str, home: Path, command: Callable[[Server], list[str]]) -> Server:
    server = Server(name, home, command)
    server.root.mkdir(parents=True)
    return server


def _apache() -> str:
    folders = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
    return shutil.which("apache2", path=folders) or shutil.which("httpd", path=folders) or ""


def _apache_modules() -> str:
    folders = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules")
    return next((each for each in folders if Path(each, "mod_dav_fs.so").exists()), "")


def _password_file(home: Path) -> Path:
    """As htpasswd -s would make it: what both read, and checks fastest."""
    digests = {name: base64.b64encode(hashlib.sha1(password.encode()).digest()).decode() for name, password in USERS.items()}
    file = home / "passwords"
    file.write_text("".join(f"{name}:{{SHA}}{digest}\n" for name, digest in digests.items()))
    return file


def _give(home: Path, user: str) -> None:
    """Apache does not answer as root."""
    home.parent.chmod(0o711)
    for folder, _, files in os.walk(home):
        for each in (folder, *(os.path.join(folder, name) for name in files)):
            shutil.chown(each, user)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on, which is number 3; empty once the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
