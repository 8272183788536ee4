"""davlock check."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from davlock.app import open_site
from davlock.checks import Finding, Progress
from davlock.cli.options import configured, json_option
from davlock.cli.printing import plain, print_json
from davlock.config import Config

_CLEAR = "\r\x1b[K"  # the line that the progress bar is on


@click.command()
@json_option
@configured
def check(config: Config, as_json: bool) -> None:
    """Verify documents, versions, drafts and what davlock knows of them, and repair what can be.

    Exits with 1 if something is damaged, otherwise with 0: all is well, or was repaired, or has a name that cannot be
    served. What was kept for its time is forgotten then. A server may be running meanwhile.
    """
    findings = []
    has_bar = not as_json and sys.stderr.isatty()
    with open_site(config) as site:
        with _progress(has_bar) as progress:
            for finding in site.library.upkeep.check(progress):
                findings.append(finding)
                if has_bar:
                    click.echo(_CLEAR, nl=False, err=True)
                if not as_json:
                    click.echo(_line(finding, config))
        outcomes = Counter(finding.outcome for finding in findings)
        if not outcomes["damaged"]:  # what rows and files disagree about may be all that is left
            site.library.upkeep.tidy()
    if as_json:
        print_json([asdict(finding) for finding in findings])
    elif findings:
        click.echo(", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())) + ".")
    else:
        click.echo("Everything is as it should be.")
    if outcomes["damaged"]:
        raise click.exceptions.Exit(1)


def _line(finding: Finding, config: Config) -> str:
    return f"{finding.outcome:12}{plain(finding.path or str(config.root))}: {plain(finding.problem)}"


@contextmanager
def _progress(has_bar: bool) -> Iterator[Progress]:
    """Takes what the check tells of its progress, for a terminal."""
    if not has_bar:
        yield lambda todo, done: None
        return
    with click.progressbar(length=0, label="Reading", file=sys.stderr) as bar:

        def tell(todo: int, done: int) -> None:
            bar.length = (bar.length or 0) + todo
            bar.update(done)

        yield tell
