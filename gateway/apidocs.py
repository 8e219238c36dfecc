"""The API's own description: the OpenAPI document, and a page to read it on.

The page is made here and loads nothing: a console for evidence runs no script from elsewhere.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse

from gateway.access.gate import COOKIE, OPEN_TO_ALL, act_of, is_open, routes_of
from gateway.examples import EXAMPLES
from gateway.problems import MEDIA_TYPE
from gateway.shapes import ProblemDocument

PREFIX = "/api/v1"
_SCHEMES: Final = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A case system's key: `Authorization: Bearer evc_…`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A person's browser, after signing in.",
    },
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#eee8;padding:.1em .3em}dt{margin-top:1rem}dd{margin:.2rem 0 .2rem 2rem}"
    ":root{color-scheme:light dark}"
)


router = APIRouter(include_in_schema=False)


@router.get("/docs", dependencies=[OPEN_TO_ALL])
def get_docs(request: Request) -> HTMLResponse:
    """The OpenAPI document as a page."""
    return _page(request.app.openapi())


def install(app: FastAPI) -> None:
    """Let the application describe itself."""
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
        for name, example in EXAMPLES.items():
            schemas[name]["examples"] = [example]
        _say_who_may(app, schema)
        _say_what_is_heeded(schema)
        app.openapi_schema = schema
    return app.openapi_schema


def _say_who_may(app: FastAPI, schema: dict[str, Any]) -> None:
    """What each operation is shown, and which act of the policy it is (docs/accounts.md)."""
    schema["components"]["securitySchemes"] = _SCHEMES
    for route in routes_of(app.routes, unguarded=app.openapi_url):
        known = route.path_format if route.path_format in schema["paths"] else None
        path = known or f"{PREFIX}{route.path_format}"
        for method in route.methods or ():
            operation = schema["paths"].get(path, {}).get(method.lower())
            if operation is None:
                continue
            operation["security"] = [] if is_open(route) else [{name: []} for name in _SCHEMES]
            if (act := act_of(route)) is not None:
                operation["x-evidock-act"] = act.value


def _say_what_is_heeded(schema: dict[str, Any]) -> None:
    """How an act is refused on what has changed since its asker read it."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    refusal = {"description": "`changed-meanwhile`: see `If-Match`.", "content": content}
    for operations in schema["paths"].values():
        for operation in operations.values():
            names = {each["name"] for each in operation.get("parameters", ())}
            if "if-match" in names:
                operation["responses"]["412"] = refusal


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
