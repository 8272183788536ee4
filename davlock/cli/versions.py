"""davlock versions, show, restore: what documents have been."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote

import click

from davlock import paths
from davlock.app import open_site
from davlock.cli.options import configured, json_option, operator
from davlock.cli.printing import iso, lines, local, plain, print_json, print_table, size
from davlock.cli.saving import STDOUT, force_option, write_out
from davlock.config import Config
from davlock.errors import BadRequest, IsFolder, NoSuchVersion, NotFound
from davlock.library import Library
from davlock.model import Document, Version

_SHORT_HASH = 12  # hexadecimal digits
_NUMBERED = re.compile(r"(.*)@([0-9]{1,9})", re.DOTALL)

_deleted_option = click.option(
    "--deleted", is_flag=True, help="The document that was last deleted from this path, even if another one is there now."
)


@click.command()
@click.argument("path")
@_deleted_option
@json_option
@configured
def versions(config: Config, path: str, deleted: bool, as_json: bool) -> None:
    """Show all versions of the document at PATH, such as /plans/2027.docx, the first one first."""
    at = paths.parse(path).path
    with open_site(config) as site:
        document = _document(site.library, at, deleted)
        found = site.library.archive.versions(document)
    if as_json:
        print_json([_record(at, version) for version in found])
    elif not found:
        click.echo(f"{plain(at)} was deleted, and none of its versions is kept.")
    else:
        head = ("VERSION", "WHEN", "WHO", "DOOR", "SIZE", "CONTENT", "SHA256", "COMMENT")
        print_table(head, [_row(version) for version in found])
        if document.path is None:
            latest = quote(f"{at}@{found[-1].number}")
            click.echo(f"{plain(at)} was deleted; davlock restore {plain(latest)} brings it back.", err=True)


@click.command()
@click.argument("which", metavar="PATH@N")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Write its content there; - is standard output.")
@force_option
@_deleted_option
@json_option
@configured
def show(config: Config, which: str, output: Path | None, force: bool, deleted: bool, as_json: bool) -> None:
    """Show everything about version N of the document at PATH, or write its content to a file."""
    if as_json and output == STDOUT:
        raise click.UsageError("Choose --json or --output -: both would print to standard output.")
    at, number = _parse(which)
    with open_site(config) as site:
        document = _document(site.library, at.path, deleted)
        version = _version(site.library, document, at.path, number)
        if output:
            version, content = site.library.archive.open_version(document, number)
            write_out(content, output, force, config.root, version.sha256)
    if as_json:
        print_json(_record(at.path, version))
    elif output is None:
        click.echo(_described(at.path, version))
    elif output != STDOUT:
        click.echo(f"Wrote version {number} of {plain(at.path)} ({size(version.size)}) to {output}.")


@click.command()
@click.argument("which", metavar="PATH@N")
@click.option("--comment", metavar="TEXT", default="", help="What the new version says of itself [default: Version N restored].")
@_deleted_option
@json_option
@configured
def restore(config: Config, which: str, comment: str, deleted: bool, as_json: bool) -> None:
    """Make version N of the document at PATH its newest version again; a deleted document comes back by it.

    Nothing is lost: what it is now stays as an earlier version. Refused while somebody has it locked or checked out.
    """
    at, number = _parse(which)
    with open_site(config) as site:
        document = _document(site.library, at.path, deleted)
        if _version(site.library, document, at.path, number).is_newest:
            raise BadRequest(f"Version {number} is what {at.path} is now; there is nothing to restore.")
        site.library.archive.restore(document, number, at, operator(), comment)
        restored = site.library.catalogue.identify(at.path)
        version = _version(site.library, restored, at.path, restored.version)
    if as_json:
        print_json(_record(at.path, version))
    else:
        click.echo(f"Restored version {number} of {plain(at.path)}; it is version {version.number} now.")


def _parse(which: str) -> tuple[paths.Address, int]:
    """The address and number in `/a.txt@3`; a name may contain `@` too. Raises BadRequest."""
    found = _NUMBERED.fullmatch(which)
    if found is None:
        raise BadRequest(f"{which} does not end with the number of a version, as in /plans/2027.docx@3; davlock versions PATH lists them.")
    return paths.parse(found[1]), int(found[2])


def _document(library: Library, path: str, deleted: bool) -> Document:
    """The document at a path, or the one that was deleted from it. Raises NotFound, IsFolder."""
    if deleted:
        gone = library.archive.deleted(path)
        if gone is None:
            raise NotFound(f"No document was deleted from {path}, or it is remembered no longer.")
        return gone
    if library.is_folder(path):
        raise IsFolder(f"{path} is a folder; only documents have versions.")
    if library.look(path, ""):
        return library.catalogue.identify(path)
    if gone := library.archive.deleted(path):
        return gone
    raise NotFound(f"There is no document {path}, and none is remembered; a path begins at the served folder, as in /plans/2027.docx.")


def _version(library: Library, document: Document, path: str, number: int) -> Version:
    found = next((version for version in library.archive.versions(document) if version.number == number), None)
    if found is None:
        raise NoSuchVersion(f"{path} has no version {number}, or keeps it no longer; davlock versions {quote(path)} lists them.")
    return found


def _row(version: Version) -> tuple[str, ...]:
    who = (local(version.changed), version.changed_by, version.door)
    sha256 = (version.sha256 or "")[:_SHORT_HASH]
    return str(version.number), *who, size(version.size), _content(version), sha256, version.comment


def _content(version: Version) -> str:
    return "newest" if version.is_newest else "kept" if version.is_kept else "not kept"


def _described(path: str, version: Version) -> str:
    return lines(
        {
            "path": path,
            "version": version.number,
            "when": local(version.changed),
            "who": version.changed_by,
            "door": version.door,
            "comment": version.comment,
            "extra": "; ".join(version.extra),
            "size": str(version.size),
            "sha256": version.sha256 or "unknown",
            "content": _content(version),
            "document": version.document,
        }
    )


def _record(path: str, version: Version) -> dict[str, object]:
    return {
        "path": path,
        "document": version.document,
        "version": version.number,
        "changed": version.changed,
        "changed_iso": iso(version.changed),
        "changed_by": version.changed_by,
        "door": version.door,
        "comment": version.comment,
        "extra": version.extra,
        "size": version.size,
        "sha256": version.sha256,
        "is_kept": version.is_kept,
        "is_newest": version.is_newest,
    }
