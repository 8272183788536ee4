"""The HTTP front: strict parsing, honest bodies, worker processes, draining. Built on cheroot.

`serve` runs an application; `Server` and `listen` are its parts, for embedding.
"""

from __future__ import annotations

from davlock.server.processes import serve
from davlock.server.servers import Server, listen

__all__ = ["Server", "listen", "serve"]
