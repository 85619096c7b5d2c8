"""A pipeline: what the caller sent, checked step by step and turned into operations."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pixelflow.domain.errors import InvalidRequest, Problem
from pixelflow.domain.limits import MAX_FETCHED_REFERENCES, MAX_REFERENCES, MAX_STEPS
from pixelflow.domain.media import BY_NAME
from pixelflow.operations.base import Operation
from pixelflow.operations.encoding import Encoding
from pixelflow.operations.identity import Identity, identities
from pixelflow.operations.problems import MAX_PROBLEMS, allowed, found, plain, shown, unknown
from pixelflow.operations.references import files_in, steps_in, urls_in
from pixelflow.operations.registry import operations
from pixelflow.operations.spellings import ACTIONS, parameters


@dataclass(frozen=True, slots=True)
class Step:
    """One checked step; ``source`` is the id of the step whose image it takes, ``None`` for the job's own."""

    id: str
    operation: Operation
    encoding: Encoding
    source: str | None = None
    output: bool = True
    on_error: Literal["fail", "skip"] = "fail"

    @property
    def refers(self) -> frozenset[str]:
        """Ids of the steps whose images it needs beside the one that it takes."""
        return steps_in(self.operation.needs())


@dataclass(frozen=True)
class Pipeline:
    """Checked steps, each after those whose images it needs, and the same as the caller sent them."""

    steps: Sequence[Step]
    raw: Sequence[Mapping[str, Any]]

    @cached_property
    def outputs(self) -> Sequence[Step]:
        """The steps whose results are kept, in the order in which they were sent."""
        kept = {step.id: step for step in self.steps if step.output}
        return [kept[raw["id"]] for raw in self.raw if raw["id"] in kept]

    @cached_property
    def needs(self) -> frozenset[str]:
        """The files beside the source that any step refers to: assets, and earlier jobs' pictures."""
        return files_in(name for step in self.steps for name in step.operation.needs())

    @cached_property
    def identities(self) -> Mapping[str, Identity]:
        """What each kept output depends on beside the source's bytes, by step."""
        return identities(self.steps)

    def leading_to(self, outputs: Collection[str]) -> list[dict[str, Any]]:
        """The steps without which these outputs cannot be made, as they were sent, the others' not kept."""
        by_id = {step.id: step for step in self.steps}
        wanted, found = list(outputs), set[str]()
        while wanted:
            step = by_id[wanted.pop()]
            if step.id not in found:
                found.add(step.id)
                wanted += [*filter(None, [step.source]), *step.refers]
        return [
            {**raw} if raw["id"] in outputs else {**raw, "output": False}
            for raw in self.raw
            if raw["id"] in found
        ]


STEP_ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""What a step may be called: its id is a part of file names and URLs."""


class _Frame(BaseModel):
    """The keys that every step has beside its operation's parameters and the encoding options."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    id: str = Field(pattern=STEP_ID, examples=["thumb"])
    action: str
    source: str | None = Field(default=None, alias="from")
    output: bool = True
    on_error: Literal["fail", "skip"] = "fail"


_FRAME_KEYS = ("id", "action", "from", "output", "on_error")
ENCODING_KEYS = tuple(Encoding.model_fields)
PLAIN = Encoding()
MAX_ID = 64


def parse(raw: object) -> Pipeline:
    """Check a pipeline; raises InvalidRequest with every problem: step, field, value, what is allowed."""
    if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_STEPS:
        found = f"this one has {len(raw)}" if isinstance(raw, list) else f"this is {shown(raw)}"
        message = f"a pipeline is a list of 1 to {MAX_STEPS} steps, {found}"
        value = len(raw) if isinstance(raw, list) else plain(raw)
        raise InvalidRequest([Problem(message, "pipeline", None, value, f"a list of 1 to {MAX_STEPS} steps")])
    problems: list[Problem] = []
    steps = [step for index, item in enumerate(raw) if (step := _step(index, item, problems))]
    if not problems:
        steps = _ordered(steps, problems)
    if not problems and len(files := files_in(name for step in steps for name in step.operation.needs())) > (
        MAX_REFERENCES
    ):
        message = (
            f"the steps refer to {len(files)} assets and earlier pictures, at most {MAX_REFERENCES} can be"
        )
        problems.append(Problem(message, "pipeline", None, len(files), f"at most {MAX_REFERENCES}"))
    if not problems and len(urls := urls_in(files)) > MAX_FETCHED_REFERENCES:
        message = f"the steps refer to {len(urls)} URLs, at most {MAX_FETCHED_REFERENCES} can be"
        problems.append(
            Problem(message, "pipeline", None, len(urls), f"at most {MAX_FETCHED_REFERENCES}, or assets")
        )
    if problems:
        raise InvalidRequest(problems[:MAX_PROBLEMS])
    return Pipeline(steps, raw)


def _step(index: int, item: object, problems: list[Problem]) -> Step | None:
    if not isinstance(item, dict):
        message = f"step {index + 1} is {shown(item)}, not an object"
        problems.append(
            Problem(message, f"pipeline[{index}]", None, plain(item), "an object with id and action")
        )
        return None
    name = item["id"][:MAX_ID] if isinstance(item.get("id"), str) else f"#{index + 1}"
    before = len(problems)
    frame: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for key, value in item.items():
        (frame if key in _FRAME_KEYS else own)[key] = value
    checked = _checked(_Frame, frame, name, _FRAME_KEYS, problems)
    known, action = operations(), item.get("action")
    if not isinstance(action, str):
        return None
    model = known.get(action) or known.get(ACTIONS.get(action, ""))
    if model is None:
        message = f"step {shown(name)}: {unknown('operation', action, known)}"
        problems.append(Problem(message, "action", name, plain(action), ", ".join(sorted(known))))
        return None
    _respell(model, own, name, problems)
    options: dict[str, Any] = {}
    if model.produces == "image":
        options = {key: own.pop(key) for key in ENCODING_KEYS if key in own and key not in model.model_fields}
    if model.moves:
        options = {"format": "webp", **options}
    names = (*model.model_fields, *(ENCODING_KEYS if model.produces == "image" else ()), *_FRAME_KEYS)
    operation = _checked(model, own, name, names, problems)
    encoding = _checked(Encoding, options, name, names, problems) if options else PLAIN
    if model.moves and encoding is not None:
        _check_moving(encoding.format, name, problems)
    if checked is None or operation is None or encoding is None or len(problems) > before:
        return None
    return Step(checked.id, operation, encoding, checked.source, checked.output, checked.on_error)


def _check_moving(name: str, step: str, problems: list[Problem]) -> None:
    known = BY_NAME.get(name)
    if known is not None and not known.animated:
        moving = ", ".join(other.name for other in BY_NAME.values() if other.animated and other.writes)
        message = f"step {shown(step)}: {name} has no animation; allowed is one of {moving}"
        problems.append(Problem(message, "format", step, name, moving))


def _respell(model: type[Operation], own: dict[str, Any], step: str, problems: list[Problem]) -> None:
    """Give parameters their own names."""
    for theirs, ours in parameters(model.action).items():
        if theirs not in own or theirs in model.model_fields or ours not in model.model_fields:
            continue
        value = own.pop(theirs)
        if ours in own:
            message = f"step {shown(step)}: {theirs} is another spelling of {ours}: give one of them"
            problems.append(Problem(message, ours, step, plain(value), allowed(model, ours)))
        else:
            own[ours] = value


def _ordered(steps: Sequence[Step], problems: list[Problem]) -> list[Step]:
    by_id: dict[str, Step] = {}
    for step in steps:
        if by_id.setdefault(step.id, step) is not step:
            message = f"two steps are called {step.id!r}"
            problems.append(Problem(message, "id", step.id, step.id, "an id of its own for each step"))
    for step in steps:
        if step.source is not None:
            _check_reference(step, step.source, "from", by_id, problems)
        for name in sorted(step.refers):
            _check_reference(step, name, step.operation.refers_in, by_id, problems)
    if problems:
        return []
    if not any(step.output for step in steps):
        message = "no step keeps its output"
        problems.append(Problem(message, "output", steps[-1].id, False, "true on at least one step"))
    for step in steps:
        _check_format(step, by_id, problems)
    sources = {step.id: [*([step.source] if step.source else ()), *sorted(step.refers)] for step in steps}
    if not any(sources.values()):
        return list(steps)
    try:
        return [by_id[name] for name in TopologicalSorter(sources).static_order()]
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        message = f"the steps go round in a circle: {circle}"
        allowed = "steps that lead back to the source"
        problems.append(Problem(message, "from", error.args[1][0], circle, allowed))
        return []


def _check_reference(
    step: Step, name: str, field: str, by_id: Mapping[str, Step], problems: list[Problem]
) -> None:
    if name not in by_id:
        message = f"step {step.id!r}: there is no step {shown(name)} to take the image from"
        others = ", ".join(other for other in by_id if other != step.id)
        allowed = others or "nothing: it is the only step"
        problems.append(Problem(message, field, step.id, plain(name), allowed))
    elif by_id[name].operation.produces != "image":
        message = f"step {step.id!r}: step {name!r} makes no image"
        problems.append(Problem(message, field, step.id, name, "a step that makes an image"))


def _check_format(step: Step, by_id: Mapping[str, Step], problems: list[Problem]) -> None:
    """Whether what it makes can be written in the format that it names."""
    name = step.encoding.format
    if not step.output or step.operation.produces != "image" or name == "same":
        return
    for each in step.encoding.candidates if name == "auto" else (name,):
        at: Step | None = step
        said: str | None = None
        for _ in by_id:  # steps that go round in a circle are told of elsewhere
            if at is None or (said := at.operation.unwritable(each)) is not None:
                break
            at = by_id[at.source] if at.source else None
        if said and at is not None:
            message = f"step {step.id!r}: {said} (step {at.id!r} asks for it)"
            problems.append(Problem(message, "format", step.id, name))
            return


def _checked(
    model: type[Any], values: Mapping[str, Any], step: str, names: Iterable[str], problems: list[Problem]
) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems += found(model, error, values, step, names)
        return None
