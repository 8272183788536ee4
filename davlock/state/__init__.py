"""Rows: what davlock knows besides the documents themselves. One narrow protocol, one database behind it."""

from davlock.state.protocol import Rows, State

__all__ = ["Rows", "State"]
