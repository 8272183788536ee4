"""Credentials become a principal, once, in front of every door."""
