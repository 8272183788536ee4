"""What davlock costs, beside stock WsgiDAV, on this machine: `python -m benchmarks`."""
