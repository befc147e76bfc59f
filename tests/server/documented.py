"""Holds every reply that a test gets to what /openapi.json says of its route."""

import json
from functools import cache

from jsonschema import Draft202012Validator
from starlette.routing import Match


@cache
def app():
    """One for all tests: making the document takes a quarter of a second, and no setting changes what is answered."""
    from server.app import create_app
    from server.settings import load_settings

    return create_app(load_settings())


@cache
def validator(path, method, status):
    api = app().openapi()
    schema = api["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": api["components"]})


async def documented(response):
    """An event hook of httpx: fails the test whose reply has a status, a type or a shape that is not documented."""
    method, path = response.request.method.lower(), _template(response.request)
    operation = app().openapi()["paths"].get(path, {}).get(method)
    if operation is None:
        return
    responses, status = operation["responses"], str(response.status_code)
    shown = f"{response.request.method} {path} answered {status}"
    assert status in responses or "default" in responses, f"{shown}, which is not documented"
    status = status if status in responses else "default"
    kind = response.headers.get("content-type", "").partition(";")[0]
    content = responses[status].get("content", {})
    if status in ("202", "204") and not content:
        return
    assert kind in content, f"{shown} as {kind!r}; documented: {', '.join(content)}"
    if kind == "application/json":
        await response.aread()
        told = [
            f"{e.json_path}: {e.message[:300]}" for e in validator(path, method, status).iter_errors(response.json())
        ]
        assert not told, f"{shown}, not as documented: {told[:3]}; {json.dumps(response.json())[:500]}"


def _template(request):
    """The route's path with its parameters, as the document has it."""
    from server.app import ROUTERS

    scope = {"type": "http", "method": request.method, "path": request.url.path, "headers": [], "root_path": ""}
    for route in (route for module in ROUTERS for route in module.router.routes):
        if route.matches(scope)[0] is Match.FULL:
            return route.path.replace(":path}", "}")
    return None
