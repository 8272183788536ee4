"""`python -m davlock`."""

from davlock.cli import main

main(prog_name="davlock")
