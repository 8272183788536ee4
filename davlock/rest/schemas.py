"""JSON Schema of the types (OpenAPI 3.1): of what goes out, and of what may come in, which is more (codec.py)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from davlock.rest import codec, xml

Schema = dict[str, Any]
REFERENCE = "#/components/schemas/"
_NULL: Schema = {"type": "null"}
_SCALARS = ("string", "integer", "number", "boolean")


class Schemas:
    """The schemas of all types that go out and come in; of what is selected, every property may be null. components: the named ones."""

    def __init__(self, outgoing: Iterable[Any], incoming: Iterable[Any], selected: Iterable[Any]) -> None:
        out, into = list(outgoing), list(incoming)
        self._out, told = _schemas(out)
        self._into, taken = _schemas(into)
        # what goes out and comes in is two schemas
        self._renamed = {name: f"{name}Input" if name in told else name for name in taken}
        self.components: dict[str, Schema] = {name: _outgoing(schema) for name, schema in told.items()}
        self.components |= {self._renamed[name]: self._incoming(schema) | {"title": _element(name)} for name, schema in taken.items()}
        for kind in selected:
            self._let_be_null(self._out[repr(kind)], set())

    def outgoing(self, kind: Any) -> Schema:
        """Of a type that answers are made of."""
        return _outgoing(self._out[repr(kind)])

    def incoming(self, kind: Any) -> Schema:
        """Of a type that bodies are made of."""
        return self._incoming(self._into[repr(kind)])

    def parameter(self, kind: Any) -> Schema:
        """Of a type that is one parameter of a query."""
        schema = _without_null(self._incoming(self._into[repr(kind)]))
        schema.pop("xml", None)
        if "items" in schema:
            schema["items"].pop("xml", None)
        return schema

    def form(self, kind: Any) -> Schema | None:
        """Of the same as a form, which has plain properties only; None if that cannot be sent as one."""
        schema = self.xml(kind) or {}
        plain = {name: each for name, each in schema.get("properties", {}).items() if _is_plain(each)}
        if not plain or not set(schema.get("required", ())) <= set(plain):
            return None
        for name, each in plain.items():
            if each.get("type") == "array":
                # A form cannot say that a list is empty; and a list of one looks like what is in it.
                some = each | {"minItems": 1} if name in schema.get("required", ()) else each
                plain[name] = {"anyOf": [some, each["items"]]}
        return {"type": "object", "properties": plain, "required": schema.get("required", [])}

    def xml(self, kind: Any) -> Schema | None:
        """Of the same as XML, in which nothing is null: it is left out. None for what may be a list or an object: there XML cannot tell."""
        schema = self._explicit(self.incoming(kind))
        return None if "anyOf" in schema else schema | {"xml": schema.get("xml", {}) | {"name": _element(xml.name(kind))}}

    def _explicit(self, schema: Schema) -> Schema:
        schema = _without_null(schema)
        if "$ref" in schema:
            schema = self.components[schema["$ref"].removeprefix(REFERENCE)] | {key: schema[key] for key in schema if key != "$ref"}
        return _each_part(schema, self._explicit)

    def _let_be_null(self, schema: Schema, seen: set[str]) -> None:
        """`$select` can reach what a schema refers to."""
        for part in (schema, schema.get("items", {}), schema.get("additionalProperties", {}), *schema.get("anyOf", ())):
            name = part.get("$ref", "").removeprefix(REFERENCE)
            if name and name not in seen and "properties" in self.components[name]:
                seen.add(name)
                properties = self.components[name]["properties"]
                for key, each in properties.items():
                    self._let_be_null(each, seen)
                    properties[key] = _or_null(each)

    def _incoming(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(REFERENCE)
            return schema | {"$ref": REFERENCE + self._renamed[name]}
        if "enum" in schema and "title" in schema:
            number = {"type": "integer", "minimum": 0, "maximum": len(schema["enum"]) - 1}
            return {key: schema[key] for key in ("title", "description") if key in schema} | {"anyOf": [{"enum": schema["enum"]}, number]}
        if schema.get("type") == "integer" and "enum" not in schema and not {"minimum", "maximum", "exclusiveMinimum"} & set(schema):
            return schema | {"minimum": -codec.INT32, "maximum": codec.INT32 - 1}
        schema = _each_part(schema, self._incoming)
        if "properties" in schema:
            schema["properties"] = {name: _or_null(each) if "default" in each else each for name, each in schema["properties"].items()}
        return schema


def _schemas(kinds: list[Any]) -> tuple[dict[str, Schema], dict[str, Schema]]:
    unique = list({repr(kind): kind for kind in kinds}.values())
    schemas, components = msgspec.json.schema_components(unique, ref_template=REFERENCE + "{name}")
    return dict(zip(map(repr, unique), schemas, strict=True)), components


def _outgoing(schema: Schema) -> Schema:
    schema = _each_part(schema, _outgoing)
    schema.pop("default", None)
    if "properties" in schema:
        schema["required"] = list(schema["properties"])
    return schema


def _each_part(schema: Schema, adapt: Any) -> Schema:
    changed = dict(schema)
    if "description" in schema:
        changed["description"] = " ".join(schema["description"].split())
    if "properties" in schema:
        changed["properties"] = {name: adapt(each) for name, each in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        changed["additionalProperties"] = adapt(schema["additionalProperties"])
    if "anyOf" in schema:
        changed["anyOf"] = [adapt(each) for each in schema["anyOf"]]
    if isinstance(schema.get("items"), dict):
        item = adapt(schema["items"])
        changed["xml"] = {"wrapped": True}
        changed["items"] = item | {"xml": {"name": _item(item)}}
    return changed


def _item(schema: Schema) -> str:
    """What an item of a list is named in XML."""
    if "$ref" in schema:
        return _element(schema["$ref"].removeprefix(REFERENCE))
    type_name: str = schema.get("type", "Value")
    return {"integer": "int", "number": "double", "object": "Dictionary"}.get(type_name, type_name)


def _element(name: str) -> str:
    return name.removesuffix("Input") or name


def _is_plain(schema: Schema) -> bool:
    if schema.get("type") == "array":
        return _is_plain(schema["items"]) and schema["items"].get("type") != "array"
    return schema.get("type") in _SCALARS or "enum" in schema or any("enum" in each for each in schema.get("anyOf", ()))


def _or_null(schema: Schema) -> Schema:
    if "anyOf" in schema:
        return schema if _NULL in schema["anyOf"] else schema | {"anyOf": [*schema["anyOf"], _NULL]}
    kept: Schema = {key: schema[key] for key in ("default", "description", "xml") if key in schema}
    return kept | {"anyOf": [{key: value for key, value in schema.items() if key not in ("default", "description")}, _NULL]}


def _without_null(schema: Schema) -> Schema:
    """What a form or a query can say of it: there is no null there."""
    members = [each for each in schema.get("anyOf", ()) if each != _NULL]
    if not members or len(members) == len(schema["anyOf"]):
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    default = {"default": schema["default"]} if schema.get("default") is not None else {}
    return rest | default | (members[0] if len(members) == 1 else {"anyOf": members})
