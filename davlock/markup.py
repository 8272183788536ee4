"""XML that others send, read without believing it: no DTD, no entities, no network, nothing without a bound."""

from __future__ import annotations

from lxml import etree

from davlock.errors import BadRequest


def parse(body: bytes, levels: int, elements: int) -> etree._Element:
    """The root element of a text in any encoding that declares itself, without comments and processing instructions.

    levels, elements: so many are possible. Raises BadRequest if there are more, if it is malformed (namespaces too), or has a DOCTYPE.
    """
    # Never collect_ids=False: lxml 6 then reads the external DTD, whatever load_dtd says.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise BadRequest(f"The XML of the request is malformed at line {line}, column {column}.") from None
    except (etree.LxmlError, ValueError):
        raise BadRequest("The XML of the request is malformed.") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadRequest("The XML of the request has a DOCTYPE; send it without one.")
    _check_size(root, levels, elements)
    return root


def _check_size(root: etree._Element, levels: int, elements: int) -> None:
    depth = count = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        if event == "end":
            depth -= 1
            continue
        depth, count = depth + 1, count + 1
        if depth > levels:
            raise BadRequest(f"The XML of the request is nested more than {levels} levels deep.")
        if count > elements:
            raise BadRequest(f"The XML of the request has more than {elements} elements.")
