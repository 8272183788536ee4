"""The OpenAPI document as a page for people: one file, without scripts, and nothing that is fetched from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import Any

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.6rem}h2{margin:2.2rem 0 .6rem;font-size:1.2rem;border-bottom:1px solid #ccc}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:#f5f5f5;padding:.7rem;overflow:auto}
details{margin:.25rem 0;border:1px solid #ddd;border-radius:4px}summary{padding:.4rem .7rem;cursor:pointer}
details>div{padding:.2rem .9rem .8rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0}
th{font-weight:600;color:#555}b.verb{display:inline-block;min-width:4.2rem}nav{display:flex;flex-wrap:wrap;gap:.1rem .8rem}
th,td{white-space:nowrap}td:last-child{white-space:normal;overflow-wrap:anywhere;width:100%}h4{margin:1rem 0 .2rem}p{margin:.6rem 0}
@media(max-width:40rem){summary,a{overflow-wrap:anywhere}th,td{display:block;white-space:normal;overflow-wrap:anywhere;padding:0}
tr{display:block;padding:.3rem 0}}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#242424}details,h2{border-color:#444}th{color:#aaa}a{color:#8bf}}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_COMPONENTS = "#/components/"


def page(document: dict[str, Any]) -> bytes:
    """The page of an OpenAPI document, as HTML in UTF-8."""
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(document, path, verb, operation))
    title = escape(document["info"]["title"])
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>{title} API</title>",
        f"<style>{_STYLE}</style><h1>{title} API</h1>",
        *(f"<p>{_marked(each)}</p>" for each in document["info"]["description"].split("\n\n")),
        "<p>For programs: <a href=openapi.json>openapi.json</a> (OpenAPI 3.1).</p>",
        f"<nav>{''.join(f'<a href=#{_anchor(tag)}>{escape(tag)}</a>' for tag in by_tag)}<a href=#types>Types</a></nav>",
        *(f"<h2 id={_anchor(tag)}>{escape(tag)}</h2>{''.join(told)}" for tag, told in by_tag.items()),
        "<h2 id=login>Logging in</h2>",
        _table((name, escape(each.get("description", ""))) for name, each in document["components"]["securitySchemes"].items()),
        "<h2 id=headers>Headers</h2>",
        _table((name, escape(each["description"])) for name, each in document["components"]["parameters"].items()),
        "<h2 id=refusals>Refusals</h2>",
        _table((status, escape(each["description"])) for status, each in document["components"]["responses"].items()),
        "<h2 id=types>Types</h2>",
        *(_type(name, schema) for name, schema in document["components"]["schemas"].items()),
    ]
    return "\n".join(parts).encode()


def _operation(document: dict[str, Any], path: str, verb: str, operation: dict[str, Any]) -> str:
    own = [each for each in operation.get("parameters", ()) if "$ref" not in each]
    rows = [
        (
            each["name"],
            f"{escape(each['in'])}{', required' if each.get('required') and each['in'] != 'path' else ''}",
            f"{_shape(each['schema'])}{_described(each)}",
        )
        for each in own
    ]
    body = operation.get("requestBody", {}).get("content", {})
    done = [(status, each) for status, each in operation["responses"].items() if "$ref" not in each]
    refused = [f"<a href=#refusals>{status}</a>" for status, each in operation["responses"].items() if "$ref" in each]
    return "".join(
        [
            f"<details id={escape(operation['operationId'])}><summary><b class=verb>{verb.upper()}</b> <code>{escape(path)}</code> ",
            f"{escape(operation['summary'])}</summary><div>",
            f"<p>{_marked(operation['description'])}</p>" if "description" in operation else "",
            _rows(rows),
            f"<h4>Body</h4>{_contents(body)}" if body else "",
            "".join(f"<h4>{status} {escape(each['description'])}</h4>{_contents(each.get('content', {}))}" for status, each in done),
            f"<p>Refusals: {', '.join(refused)}</p></div></details>",
        ]
    )


def _contents(content: dict[str, Any]) -> str:
    by_shape: dict[str, list[str]] = {}
    for media_type, each in content.items():
        by_shape.setdefault(_shape(each.get("schema", {})), []).append(media_type)
    told = "".join(f"<p>{shape} <small>({escape(', '.join(types))})</small></p>" for shape, types in by_shape.items())
    first: dict[str, Any] = next(iter(content.values()), {})
    examples = [(each["summary"], each["value"]) for each in first.get("examples", {}).values()]
    examples += [("Example", first["example"])] if "example" in first else []
    return told + "".join(f"<p>{escape(text)}:</p><pre>{escape(_json(value))}</pre>" for text, value in examples)


def _type(name: str, schema: dict[str, Any]) -> str:
    text = f"<p>{_marked(schema['description'])}</p>" if "description" in schema else ""
    required = schema.get("required", ())
    rows = [(each, "" if each in required else "optional", _shape(shape)) for each, shape in schema.get("properties", {}).items()]
    told = _rows(rows) if rows else f"<p>{_shape(schema)}</p>"
    return f"<details id=type-{escape(name)}><summary><code>{escape(name)}</code></summary><div>{text}{told}</div></details>"


def _shape(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href=#type-{name}>{name}</a>"
    if "anyOf" in schema:
        return " or ".join(_shape(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(each)) or '&quot;&quot;'}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_shape(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"dictionary of {_shape(schema['additionalProperties'])}"
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = f" from {low} to {high}" if low is not None and high is not None else ""
    return escape(f"{schema.get('type', 'anything')}{bounds}")


def _described(parameter: dict[str, Any]) -> str:
    text: str = parameter.get("description", "")
    return f". {_marked(text[0].upper() + text[1:])}" if text else ""


def _marked(text: str) -> str:
    """Text with `code` in it."""
    return "".join(f"<code>{escape(part)}</code>" if number % 2 else escape(part) for number, part in enumerate(text.split("`")))


def _table(rows: Any) -> str:
    return f"<table>{''.join(f'<tr><th>{escape(name)}<td>{text}' for name, text in rows)}</table>"


def _rows(rows: list[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    return f"<table>{''.join(f'<tr><td><code>{escape(name)}</code><td>{how}<td>{shape}' for name, how, shape in rows)}</table>"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _anchor(tag: str) -> str:
    return escape(tag.lower().replace(" ", "-"))
