"""The API's own description: the OpenAPI document, and a page to read it on.

The page is made here and loads nothing: a console for evidence runs no script from elsewhere.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse

from gateway.access.gate import OPEN_TO_ALL
from gateway.shapes import ProblemDocument

PREFIX = "/api/v1"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#eee8;padding:.1em .3em}dt{margin-top:1rem}dd{margin:.2rem 0 .2rem 2rem}"
    ":root{color-scheme:light dark}"
)


def install(app: FastAPI) -> None:
    """Add the OpenAPI document and its page to the application."""
    app.add_api_route(
        f"{PREFIX}/docs",
        lambda: _page(app.openapi()),
        include_in_schema=False,
        name="docs",
        dependencies=[OPEN_TO_ALL],
    )
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]  # FastAPI's documented way


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = ProblemDocument.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        schemas |= schemas["Problem"].pop("$defs", {})
        app.openapi_schema = schema
    return app.openapi_schema


def _page(document: dict[str, Any]) -> HTMLResponse:
    items = [
        _operation(method, path, operation, document)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    title = escape(document["info"]["title"])
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
        f"<style>{_STYLE}</style><h1>{title}</h1>"
        f"<p>{escape(document['info']['description'])}</p>"
        f"<p><a href=openapi.json>OpenAPI document</a></p><dl>{''.join(items)}</dl></html>",
        headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


def _operation(method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    takes = [
        f"<dd><code>{escape(item['name'])}</code> ({escape(item['in'])}) "
        f"{escape(item.get('description') or item['schema'].get('description', ''))}</dd>"
        for item in operation.get("parameters", ())
    ]
    takes += _body(operation, document)
    says = escape(operation.get("description") or operation.get("summary", ""))
    return f"<dt><code>{method.upper()} {escape(path)}</code></dt><dd>{says}</dd>{''.join(takes)}"


def _body(operation: dict[str, Any], document: dict[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = _resolved(content.get("application/json", {}).get("schema", {}), document)
    required = schema.get("required", ())
    return [
        f"<dd><code>{escape(name)}</code> (body, "
        f"{'required' if name in required else 'optional'}: {escape(_type(field, document))}) "
        f"{escape(field.get('description', ''))}</dd>"
        for name, field in schema.get("properties", {}).items()
    ]


def _type(field: dict[str, Any], document: dict[str, Any]) -> str:
    field = _resolved(field, document)
    if "enum" in field:
        return " | ".join(json.dumps(value) for value in field["enum"])
    if "anyOf" in field:
        return " | ".join(_type(each, document) for each in field["anyOf"])
    return str(field.get("type", "any"))


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found
