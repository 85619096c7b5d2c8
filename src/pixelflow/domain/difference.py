"""What lies between two pipelines, step by step."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a step: a mapping of ``from`` and ``to``, of which one lacks where the field did."""

    field: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepChange:
    """One step: ``step`` is the whole of one that came or went, ``fields`` tells what changed in one that
    stayed."""

    id: str
    change: Literal["added", "removed", "changed"]
    step: Raw | None = None
    fields: Sequence[FieldChange] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """The steps that differ, in the order of the newer pipeline; ``moved`` when those in both are in another
    order."""

    steps: Sequence[StepChange]
    moved: bool

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.steps and not self.moved

    @property
    def lines(self) -> list[str]:
        """For people: ``+`` added, ``-`` removed, ``~`` changed."""
        return [line for step in self.steps for line in _lines(step)] + (
            ["~ the steps are in another order"] if self.moved else []
        )


def difference(old: Sequence[Raw], new: Sequence[Raw]) -> Difference:
    """Steps are the same by their id."""
    before, after = ({step["id"]: step for step in steps} for steps in (old, new))
    found = [StepChange(name, "removed", before[name]) for name in before if name not in after]
    for name, step in after.items():
        if name not in before:
            found.append(StepChange(name, "added", step))
        elif fields := _fields(before[name], step):
            found.append(StepChange(name, "changed", fields=fields))
    moved = [name for name in before if name in after] != [name for name in after if name in before]
    return Difference(found, moved)


def _fields(old: Raw, new: Raw) -> list[FieldChange]:
    return [
        FieldChange(name, {end: step[name] for end, step in (("from", old), ("to", new)) if name in step})
        for name in dict.fromkeys([*old, *new])
        if _text(old.get(name, ...)) != _text(new.get(name, ...))
    ]


def _lines(step: StepChange) -> list[str]:
    if step.step is not None:
        told = ", ".join(f"{name}={_text(value)}" for name, value in step.step.items() if name != "id")
        return [f"{'+' if step.change == 'added' else '-'} {step.id}: {told}"]
    return [f"~ {step.id}: {each.field} {_told(each.values)}" for each in step.fields]


def _told(values: Mapping[str, Any]) -> str:
    if "from" not in values:
        return f"= {_text(values['to'])} (was not set)"
    if "to" not in values:
        return f"is no longer set (was {_text(values['from'])})"
    return f"{_text(values['from'])} → {_text(values['to'])}"


def _text(value: object) -> str:
    return "" if value is ... else json.dumps(value, ensure_ascii=False, sort_keys=True)
