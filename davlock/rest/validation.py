"""What would be wrong with a document that somebody wants to save."""

from __future__ import annotations

from typing import Any

from davlock import paths
from davlock.errors import BadRequest, Forbidden, ParentMissing
from davlock.rest import codec, fields, names, places
from davlock.rest.calls import Call
from davlock.rest.types import DocumentEntityInput


def problems(call: Call, entity: dict[str, Any]) -> dict[str, str]:
    """Sentences by property; none if nothing is wrong. A name that is amended is not."""
    found: dict[str, str] = {}
    checked = DocumentEntityInput()
    known, empty = codec.fields(DocumentEntityInput), fields.shown({}, call.present)
    for name, value in entity.items():
        if field := known.get(name.lower()):
            try:
                one = codec.convert({name: value}, DocumentEntityInput)
                fields.changes(one, empty, {}, call.present)
                names.amended(one.name or "", paths.ROOT)
                setattr(checked, field.attribute, getattr(one, field.attribute))
            except BadRequest as error:
                found[field.name] = error.message
    try:
        places.place(call, checked.path or call.settings.new_documents)
    except (ParentMissing, Forbidden) as error:
        found["Path"] = error.message
    if checked.document_id and call.library.catalogue.known(checked.document_id) is None:
        found["DocumentId"] = "There is no document with this number; it may have been deleted."
    return found
