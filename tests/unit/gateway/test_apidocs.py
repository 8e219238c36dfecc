"""The API's description says of every operation what it is shown and which act it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from gateway.access.policy import Act
from gateway.app import create_app
from gateway.examples import EXAMPLES
from gateway.shapes import Asked, ProblemDocument, Told
from tests.simulators.seeded import gateway_on


async def test_every_operation_says_what_it_is_shown_and_which_act_it_is(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        document = create_app(services).openapi()
    assert document["openapi"].startswith("3.1")
    assert set(document["components"]["securitySchemes"]) == {"key", "session"}
    acts = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert "security" in operation, (method, path)
            assert operation["tags"], (method, path)
            acts.add(operation.get("x-evidock-act"))
            open_to_all = operation["security"] == []
            assert not (open_to_all and "x-evidock-act" in operation), (method, path)
    assert acts == {None, *(act.value for act in Act)}
    assert document["paths"]["/healthz"]["get"]["security"] == []
    assert document["paths"]["/api/v1/clips"]["get"]["x-evidock-act"] == "clips.read"


def _models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


async def test_every_example_is_one_of_what_it_is_an_example_of(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        document = create_app(services).openapi()
    known = [model for base in (Asked, Told) for model in _models(base)]
    models = {model.__name__: model for model in known}
    # Names that two features have stand with their module's.
    models |= {f"{model.__module__}.{model.__name__}".replace(".", "__"): model for model in known}
    models["Problem"] = ProblemDocument
    for name, example in EXAMPLES.items():
        assert document["components"]["schemas"][name]["examples"] == [example]
        read = models[name].model_validate_json(json.dumps(example))
        told = read.model_dump(mode="json", include=set(example))
        assert set(told) == set(example), name
        assert all(told[key] == each for key, each in example.items() if isinstance(each, str))


async def test_acts_on_cases_tell_how_they_are_refused_on_what_changed(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        paths = create_app(services).openapi()["paths"]
    refused = {
        f"{method} {path.removeprefix('/api/v1')}"
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "412" in operation["responses"]
    }
    case = "/cases/{case_no}"
    acts = ("renumber", "merge", "transfer", "seal", "unseal", "excuses", "links")
    assert refused == {
        f"put {case}",
        *(f"post {case}/{act}" for act in acts),
        f"delete {case}/links/{{clip}}",
        f"post {case}/proposals/{{clip}}/accept",
        f"post {case}/proposals/{{clip}}/reject",
    }
