"""What a person reads who mistyped a configuration file."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from protocols.settings import wrong_settings


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Uplink(Strict):
    port: int
    host: str = "localhost"

    @field_validator("host")
    @classmethod
    def _no_space(cls, value: str) -> str:
        if " " in value:
            msg = "a host has no spaces"
            raise ValueError(msg)
        return value


class File(Strict):
    uplink: Uplink


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (
            {"uplink": {"prot": 1}},
            ["uplink.port: is missing", "uplink.prot: unknown setting; did you mean port?"],
        ),
        ({"uplink": {"port": 1, "zzz": 1}}, ["uplink.zzz: unknown setting"]),
        ({"uplink": {"port": 1, "host": "a b"}}, ["uplink.host: a host has no spaces"]),
        ({"uplink": {"port": 1}, "upling": {}}, ["upling: unknown setting; did you mean uplink?"]),
        ([], ["file: Input should be a valid dictionary or instance of File"]),
    ],
)
def test_every_problem_names_its_place_and_what_to_do(document: object, told: list[str]) -> None:
    with pytest.raises(ValidationError) as refused:
        File.model_validate(document)
    assert wrong_settings(refused.value, File) == told
