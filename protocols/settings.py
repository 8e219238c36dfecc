"""What is wrong with a configuration file, in words for whoever has to mend it."""

from __future__ import annotations

import difflib

from pydantic import BaseModel, ValidationError


def wrong_settings(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Every problem as ``section.name: what is wrong``.

    Args:
        error: why the file was refused.
        model: of the whole file; an unknown name is compared with those it knows.
    """
    known = _names(model)
    told = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(part) for part in problem["loc"]) or "file"
        told.append(f"{place}: {_reason(problem['type'], place, problem['msg'], known)}")
    return told


def _reason(kind: str, place: str, text: str, known: set[str]) -> str:
    if kind == "missing":
        return "is missing"
    if kind != "extra_forbidden":
        return text.removeprefix("Value error, ")
    close = difflib.get_close_matches(place.rpartition(".")[2], known, n=1)
    return f"unknown setting; did you mean {close[0]}?" if close else "unknown setting"


def _names(model: type[BaseModel]) -> set[str]:
    schema = model.model_json_schema()
    sections = [schema, *schema.get("$defs", {}).values()]
    return {name for section in sections for name in section.get("properties", {})}
