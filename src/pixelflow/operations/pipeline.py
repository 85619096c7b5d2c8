"""A pipeline: what the caller sent, checked step by step and turned into operations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pixelflow.domain.errors import InvalidRequest, Problem
from pixelflow.domain.limits import MAX_STEPS
from pixelflow.operations.base import Operation
from pixelflow.operations.encoding import Encoding
from pixelflow.operations.registry import operations


@dataclass(frozen=True, slots=True)
class Step:
    """One checked step; ``source`` is the id of the step whose image it takes, ``None`` for the job's own."""

    id: str
    operation: Operation
    encoding: Encoding
    source: str | None = None
    output: bool = True
    on_error: Literal["fail", "skip"] = "fail"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Checked steps, each after its source, and the same as the caller sent them."""

    steps: Sequence[Step]
    raw: Sequence[Mapping[str, Any]]

    @property
    def outputs(self) -> Sequence[Step]:
        """The steps whose results are kept, in the order in which they were sent."""
        kept = {step.id: step for step in self.steps if step.output}
        return [kept[raw["id"]] for raw in self.raw if raw["id"] in kept]

    @property
    def needs(self) -> frozenset[str]:
        """Ids of the assets that any step refers to."""
        return frozenset[str]().union(*(step.operation.needs() for step in self.steps))


class _Frame(BaseModel):
    """The keys that every step has beside its operation's parameters and the encoding options."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    action: str
    source: str | None = Field(default=None, alias="from")
    output: bool = True
    on_error: Literal["fail", "skip"] = "fail"


_FRAME_KEYS = frozenset({"id", "action", "from", "output", "on_error"})


def parse(raw: object) -> Pipeline:
    """Check a pipeline; raises InvalidRequest with every problem: step, field, value, what is allowed."""
    if not isinstance(raw, list):
        raise InvalidRequest(
            [
                Problem(
                    "pipeline must be a list of steps",
                    "pipeline",
                    value=type(raw).__name__,
                    allowed="a list of 1 to 20 steps",
                )
            ]
        )
    if not 1 <= len(raw) <= MAX_STEPS:
        raise InvalidRequest(
            [
                Problem(
                    f"a pipeline has 1 to {MAX_STEPS} steps, this one has {len(raw)}",
                    "pipeline",
                    value=len(raw),
                    allowed=f"1 to {MAX_STEPS} steps",
                )
            ]
        )
    problems: list[Problem] = []
    steps = [step for index, item in enumerate(raw) if (step := _step(index, item, problems))]
    if not problems:
        steps = _ordered(steps, problems)
    if problems:
        raise InvalidRequest(problems)
    return Pipeline(steps, raw)


def _step(index: int, item: object, problems: list[Problem]) -> Step | None:
    if not isinstance(item, dict):
        problems.append(
            Problem(
                "a step must be an object",
                f"pipeline[{index}]",
                value=type(item).__name__,
                allowed="an object",
            )
        )
        return None
    name = item["id"] if isinstance(item.get("id"), str) else f"#{index + 1}"
    before = len(problems)
    frame = _checked(
        _Frame, {key: value for key, value in item.items() if key in _FRAME_KEYS}, name, problems
    )
    known = operations()
    action = item.get("action")
    if not isinstance(action, str) or action not in known:
        if isinstance(action, str):
            problems.append(
                Problem(f"there is no operation {action!r}", "action", name, action, ", ".join(sorted(known)))
            )
        return None
    model = known[action]
    encodes = model.produces == "image"
    own = {key: value for key, value in item.items() if key not in _FRAME_KEYS}
    options = {
        key: own.pop(key)
        for key in list(own)
        if encodes and key in Encoding.model_fields and key not in model.model_fields
    }
    operation = _checked(model, own, name, problems)
    encoding = _checked(Encoding, options, name, problems)
    if frame is None or operation is None or encoding is None or len(problems) > before:
        return None
    return Step(frame.id, operation, encoding, frame.source, frame.output, frame.on_error)


def _ordered(steps: Sequence[Step], problems: list[Problem]) -> list[Step]:
    by_id: dict[str, Step] = {}
    for step in steps:
        if by_id.setdefault(step.id, step) is not step:
            problems.append(
                Problem(
                    f"two steps are called {step.id!r}",
                    "id",
                    step.id,
                    step.id,
                    "an id of its own for each step",
                )
            )
    for step in steps:
        if step.source is not None and step.source not in by_id:
            problems.append(
                Problem(
                    f"there is no step {step.source!r} to take the image from",
                    "from",
                    step.id,
                    step.source,
                    ", ".join(by_id),
                )
            )
        elif step.source is not None and by_id[step.source].operation.produces != "image":
            problems.append(
                Problem(
                    f"step {step.source!r} makes no image",
                    "from",
                    step.id,
                    step.source,
                    "a step that makes an image",
                )
            )
    if problems:
        return []
    try:
        order = list(
            TopologicalSorter(
                {step.id: [step.source] if step.source else [] for step in steps}
            ).static_order()
        )
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        problems.append(
            Problem(
                f"the steps go round in a circle: {cycle}",
                "from",
                error.args[1][0],
                cycle,
                "steps that lead back to the source",
            )
        )
        return []
    if not any(step.output for step in steps):
        problems.append(
            Problem("no step keeps its output", "output", steps[-1].id, False, "true on at least one step")
        )
    return [by_id[name] for name in order]


def _checked(model: type[Any], values: Mapping[str, Any], step: str, problems: list[Problem]) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for found in error.errors(include_url=False):
            field = str(found["loc"][0]) if found["loc"] else "step"
            problems.append(Problem(found["msg"], field, step, found.get("input"), None))
        return None
