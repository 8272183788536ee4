"""The WebDAV door: RFC 4918, classes 1, 2 and 3."""
