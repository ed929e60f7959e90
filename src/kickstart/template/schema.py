"""What a template is: Backstage's `scaffolder.backstage.io/v1beta3`, described by Pydantic models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

API_VERSION = "scaffolder.backstage.io/v1beta3"


def _pages(value: Any) -> Any:
    """One page may stand without its list."""
    if value is None:
        return []
    return [value] if isinstance(value, dict) else value


class Metadata(BaseModel):
    """A catalog entity's metadata; portals add keys of their own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(min_length=1, max_length=63)
    title: str = ""
    description: str = ""
    tags: list[str] = []
    annotations: dict[str, str] = {}


class Step(BaseModel):
    """One action with its input. A portal ignores keys that it does not know."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str = ""
    name: str = ""
    action: str
    condition: str | bool | None = Field(default=None, alias="if")
    each: Any = None
    input: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _leave_the_portals_keys(cls, value: Any) -> Any:
        """A portal's own keys (`backstage:permissions`, `EXPERIMENTAL_...`) are not ours to judge."""
        if isinstance(value, dict):
            return {k: v for k, v in value.items() if ":" not in k and not k.startswith("EXPERIMENTAL_")}
        return value

    @property
    def unknown(self) -> list[str]:
        """The keys that no step has."""
        return list(self.model_extra or ())


class Output(BaseModel):
    """What a portal and our summary show after the last step."""

    model_config = ConfigDict(extra="allow", frozen=True)

    links: list[dict[str, Any]] = []
    text: list[dict[str, Any]] = []


class Spec(BaseModel):
    """Parameters, steps and output."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    owner: str = ""
    parameters: Annotated[list[dict[str, Any]], BeforeValidator(_pages)] = []
    steps: list[Step]
    output: Output = Output()


class Template(BaseModel):
    """The whole of template.yaml."""

    model_config = ConfigDict(extra="allow", frozen=True)

    api_version: Literal["scaffolder.backstage.io/v1beta3"] = Field(alias="apiVersion")
    kind: Literal["Template"]
    metadata: Metadata
    spec: Spec

    def step_id(self, index: int) -> str:
        """Return the id of the step at `index`, which Backstage numbers from 1 when it has none."""
        return self.spec.steps[index].id or f"step-{index + 1}"
