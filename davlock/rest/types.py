"""The values of the API, spelled as SuperOffice spells them (rest-types.json); what davlock adds to them comes after a blank line.

On the wire every property is there, what is absent is null. Times are strings (presentation.py says in which zone).
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from davlock.rest import moments

# What can be kept as the text of an XML element, which is how WebDAV shows it. Patterns are told by the schema only: where a value is used,
# it is refused in words.
TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*$"
Text = Annotated[str, Meta(extra_json_schema={"pattern": TEXT})]
MAX_LINE = 254  # characters
Line = Annotated[str, Meta(max_length=MAX_LINE, extra_json_schema={"pattern": TEXT})]
FileName = Annotated[str, Meta(extra_json_schema={"pattern": r"^[^/\\]*$"})]
Moment = Annotated[str, Meta(extra_json_schema={"pattern": moments.PATTERN})]
# One line of text, as library.checked_text() wants it; for a reason there has to be something in it.
_LINE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]*"
_VISIBLE = r"[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufffe\uffff]"
Remark = Annotated[str, Meta(max_length=4096, pattern=f"^{_LINE}$")]
Reason = Annotated[str, Meta(max_length=4096, pattern=f"^{_LINE}{_VISIBLE}{_LINE}$")]
ExtraField = Annotated[str, Meta(max_length=4096, pattern=f"^{_LINE}={_LINE}$")]
ExtraFields = Annotated[list[ExtraField], Meta(max_length=100)]
# Nearly: paths.parse() knows exactly.
Path = Annotated[str, Meta(extra_json_schema={"pattern": r"^(?!(?:.*/)?\.+(?:/|$))[^\\\u0000-\u001f\u007f-\u009f\ufffd-\uffff]*$"})]
Number = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]


class Type(msgspec.Struct, rename="pascal"):
    """A value with named properties. Property names of what comes in are compared without regard to case (codec.py)."""


class ReturnType(Enum):
    """What a client is to make of the Value of a ReturnInfo."""

    NONE = "None"
    MESSAGE = "Message"
    SO_PROTOCOL = "SoProtocol"
    CUSTOM_GUI = "CustomGui"
    OTHER = "Other"
    URL = "URL"


class CheckoutState(Enum):
    """Whose checkout a document has, as the caller sees it."""

    NOT_CHECKED_OUT = "NotCheckedOut"
    CHECKED_OUT_OWN = "CheckedOutOwn"
    CHECKED_OUT_OTHER = "CheckedOutOther"
    LOCKING_NOT_SUPPORTED = "LockingNotSupported"


class LockSemantics(Enum):
    """What can be done with a document beside saving it."""

    NONE = "None"
    LOCKING = "Locking"
    VERSIONING = "Versioning"


class Completed(Enum):
    """How far what a document is about has come."""

    UNKNOWN = "Unknown"
    NOT_STARTED = "NotStarted"
    STARTED = "Started"
    COMPLETED = "Completed"


class DocumentType(Enum):
    """What a document is."""

    UNKNOWN = "Unknown"
    IN_DIARY = "inDiary"
    IN_CHECKLIST = "inChecklist"
    NOTE = "Note"
    DOCUMENT = "Document"
    SAVED_REPORT = "SavedReport"
    BOOKING_FOR_DIARY = "BookingForDiary"
    BOOKING_FOR_CHECKLIST = "BookingForChecklist"
    MERGE_DRAFT = "MergeDraft"
    MERGE_FINAL = "MergeFinal"


class AssociateType(Enum):
    """What kind of user somebody is."""

    UNKNOWN = "Unknown"
    INTERNAL = "InternalAssociate"
    RESOURCE = "ResourceAssociate"
    EXTERNAL = "ExternalAssociate"
    ANONYMOUS = "AnonymousAssociate"
    SYSTEM = "SystemAssociate"


class ReturnInfo(Type):
    """What became of a call that may be refused. VersionId: of the version that it has made; blank for the latest one."""

    external_reference: str = ""
    version_id: str = ""
    success: bool = False
    type: ReturnType = ReturnType.NONE
    value: str = ""
    additional_info: str = ""


class Hold(Type):
    """A lock or checkout that stands. LockId: a number that no other one has. Kind: LOCK (of a WebDAV client), EDIT (a short-term
    checkout), CHECKOUT. Path: what it stands on; with Deep, also everything below. Name: its holder. Until: null while nobody ends it.
    Owner: what the holder's program says of him.
    """

    lock_id: int
    kind: Literal["LOCK", "EDIT", "CHECKOUT"]
    scope: Literal["exclusive", "shared"]
    deep: bool
    path: str
    document_id: int
    name: str
    associate_id: int
    is_own: bool
    since: str
    until: str | None
    door: str
    comment: str
    owner: str


class Obstacle(Type):
    """Why the caller cannot do something with a document now. Remedy: what would make it possible."""

    action: Literal["check out", "save", "check in", "rename or delete"]
    path: str
    hold: Hold
    remedy: str


class CheckoutInfo(Type):
    """Who holds a document. State, AssociateId and Name are SuperOffice's."""

    state: CheckoutState
    associate_id: int = 0
    name: str = ""

    since: str | None = None
    until: str | None = None
    door: str = ""
    comment: str = ""
    holds: list[Hold] = []
    obstacles: list[Obstacle] | None = None


class VersionInfo(Type):
    """A version of a document that was checked in or saved."""

    external_reference: str
    document_id: int
    version_id: str
    checked_in_date: str
    checked_in_by_name: str
    checked_in_by_associate_id: int
    description: str
    display_text: str
    extra_fields: list[str]

    is_kept: bool
    length: int


class CommandInfo(Type):
    """A command that can be carried out on a document beside checking it out, in and undoing that."""

    name: str
    display_name: str
    display_tooltip: str
    icon_hint: str
    return_type: ReturnType


class TableRight(Type):
    """What the caller may do with something: names of rights joined by a comma, and why not more."""

    mask: str = "FULL"
    reason: str = ""


class FieldRight(Type):
    """What the caller may do with a property."""

    mask: str = "Update"
    reason: str = ""


class FieldProperty(Type):
    """What can be said of a property."""

    field_right: FieldRight
    field_type: str
    field_length: int = 0


class Associate(Type):
    """A user. AssociateId stays the same for ever; 0 for somebody who is not known here."""

    associate_id: int = 0
    name: str = ""
    person_id: int = 0
    rank: int = 0
    tooltip: str = ""
    type: AssociateType = AssociateType.UNKNOWN
    group_idx: int = 0
    full_name: str = ""
    formal_name: str = ""
    deleted: bool = False
    ej_user_id: int = 0
    user_name: str = ""
    extra_fields: dict[str, str] = {}
    custom_fields: dict[str, str] = {}
    table_right: TableRight | None = None
    field_properties: dict[str, FieldProperty] = {}


class Visibility(Enum):
    """For whom a document is meant."""

    ALL = "All"
    ASSOCIATE = "Associate"
    GROUP = "Group"


class VisibleFor(Type):
    """Somebody whom a document is meant for. It is kept and shown; nobody is kept from anything by it."""

    visible_id: int = 0
    visibility: Visibility = Visibility.ALL
    display_value: str = ""
    table_right: TableRight | None = None
    field_properties: dict[str, FieldProperty] = {}


class VisibleForInput(Type):
    """Somebody whom a document shall be meant for."""

    visible_id: Number | None = None
    visibility: Visibility | None = None
    display_value: Line | None = None


class DocumentEntityInput(Type):
    """A document as it shall be; what is null or missing becomes as in a new one. What the server decides, and what belongs to a CRM, may
    be there and is ignored. Name: another one renames the file. Path (davlock's): of the folder, or of the document in it.
    """

    document_id: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    attention: Line | None = None
    header: Line | None = None
    name: FileName | None = None
    our_ref: Line | None = None
    your_ref: Line | None = None
    description: Annotated[str, Meta(max_length=2047, extra_json_schema={"pattern": TEXT})] | None = None
    date: Moment | None = None
    completed: Completed | None = None
    active_links: Number | None = None
    type: DocumentType | None = None
    lock_semantics: LockSemantics | None = None
    suggested_document_id: Number | None = None
    snum: Number | None = None
    user_defined_fields: dict[Line, Text] | None = None
    extra_fields: dict[Line, Text] | None = None
    custom_fields: dict[Line, Text] | None = None
    publish_event_date: Moment | None = None
    publish_to: Moment | None = None
    publish_from: Moment | None = None
    is_published: bool | None = None
    visible_for: list[VisibleForInput] | None = None

    path: Text | None = None


class DocumentEntity(Type):
    """A document. What belongs to a CRM (contact, person, sale …) is always null here."""

    document_id: int = 0
    updated_by: Associate | None = None
    created_by: Associate | None = None
    attention: str | None = ""
    header: str | None = ""
    name: str | None = ""
    our_ref: str | None = ""
    your_ref: str | None = ""
    created_date: str | None = None
    updated_date: str | None = None
    description: str | None = ""
    document_template: dict[str, Any] | None = None
    person: dict[str, Any] | None = None
    associate: Associate | None = None
    contact: dict[str, Any] | None = None
    project: dict[str, Any] | None = None
    date: str | None = None
    external_ref: str | None = ""
    completed: Completed | None = Completed.NOT_STARTED
    active_links: int | None = 0
    type: DocumentType | None = DocumentType.DOCUMENT
    links: list[dict[str, Any]] | None = []
    lock_semantics: LockSemantics | None = LockSemantics.VERSIONING
    sale: dict[str, Any] | None = None
    suggested_document_id: int | None = 0
    snum: int | None = 0
    user_defined_fields: dict[str, str] | None = {}
    extra_fields: dict[str, str] | None = {}
    custom_fields: dict[str, str] | None = {}
    publish_event_date: str | None = None
    publish_to: str | None = None
    publish_from: str | None = None
    is_published: bool | None = False
    visible_for: list[VisibleFor] | None = []
    table_right: TableRight | None = None
    field_properties: dict[str, FieldProperty] | None = {}

    path: str | None = ""


class SlimDocument(Type):
    """A document in a few words (SuperOffice calls this type Document)."""

    document_id: int = 0
    attention: str = ""
    header: str = ""
    name: str = ""
    our_ref: str = ""
    your_ref: str = ""
    description: str = ""
    document_template: str = ""
    is_published: bool = False
    person_id: int = 0
    person_full_name: str = ""
    associate_full_name: str = ""
    contact_id: int = 0
    contact_name: str = ""
    project_id: int = 0
    project_name: str = ""
    associate_id: int = 0
    snum: int = 0
    sale_id: int = 0
    sale_name: str = ""


class Links(Type):
    """Where more about something is."""

    self: str
    archive: str


class DocumentEntityWithLinks(DocumentEntity, rename="pascal"):
    """A document, and where more about it is."""

    links_: Links | None = field(default=None, name="_Links")


class Error(Type):
    """A refusal."""

    error: bool
    error_type: str
    error_message: str
    error_source: str


class HoldPage(Type):
    """Locks and checkouts. Next: the URL of what follows, null if nothing does."""

    value: list[Hold]
    next: str | None


class BatchItem(Type):
    """What became of one document in a batch: Result, or the Error that it met."""

    document_id: int
    result: ReturnInfo | None
    error: Error | None


class RescuedDraft(Type):
    """What somebody wrote into his checkout of a document and never checked in. Ended: when and how the checkout did, by whom and why."""

    draft_id: int
    document_id: int
    path: str
    name: str
    associate_id: int
    size: int
    saved: str
    ended: str | None
    how: str
    ended_by: str
    reason: str


class Page(msgspec.Struct):
    """Rows of a list. nextLink: the URL of what follows, null if nothing does."""

    metadata: str = field(name="odata.metadata")
    next_link: str | None = field(name="odata.nextLink")
    value: list[dict[str, Any]]
