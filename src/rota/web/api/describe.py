"""What the API's description says of each call, taken from the views that are answered."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from rota.read.shape import as_json, schema_of

__all__ = ["answer", "answers"]

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "expected": {"type": "string"},
        "found": {"type": "string"},
        "where": {"type": "string"},
        "retry": {
            "type": "object",
            "properties": {
                "safe": {"enum": [True, False, "after-check"]},
                "after": {"type": ["number", "null"]},
                "why": {"type": "string"},
            },
        },
        "did": {"enum": ["nothing", "part", "all"]},
        "next": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["type", "title", "status", "detail", "retry", "did", "next"],
}


def answer(view: Any, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    """A view as JSON."""
    return JSONResponse(as_json(view), status, headers)


def answers(
    view: Any, *, many: bool = False, status: int = 200, what: str = "As asked."
) -> dict[int | str, Any]:
    """The ``responses`` of a call that answers with a view, or with several, and with problems otherwise."""
    schema = schema_of(view) if view is not None else {"type": "object"}
    body = {"type": "array", "items": schema} if many else schema
    return {
        status: {"description": what, "content": {"application/json": {"schema": body}}},
        "4XX": {"description": "A problem.", "content": {"application/problem+json": {"schema": _PROBLEM}}},
        "5XX": {"description": "A fault.", "content": {"application/problem+json": {"schema": _PROBLEM}}},
    }
