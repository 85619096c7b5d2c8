"""Makes a page of each operation, their index and the gallery: ``python docs/build/operations.py``.

Pages come from the operations' models; each example goes through the decoders that ``pixelflow process`` has.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from io import BytesIO
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Any, get_args
from zipfile import ZipFile

from examples import EXAMPLES, Example
from pictures import DRAWN
from PIL import Image
from pydantic import BaseModel, BeforeValidator

from pixelflow.cli import local
from pixelflow.cli.configuration import read_settings
from pixelflow.cli.inputs import inputs
from pixelflow.cli.steps import read_steps
from pixelflow.operations.base import Operation
from pixelflow.operations.pipeline import parse
from pixelflow.operations.problems import allowed
from pixelflow.operations.registry import FAMILIES, operations
from pixelflow.operations.spellings import ACTIONS, Spellings, parameters

DOCS = Path(__file__).parents[1]
HERE = "operations"
PICTURES = f"{HERE}/pictures"
LISTED = 12
"""Files of a zip that are named."""
COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Result:
    """What an example's last step made."""

    file: bytes
    extension: str
    told: Mapping[str, Any]

    @property
    def image(self) -> bool:
        return self.extension not in {"json", "zip"}


def build(docs: Path) -> None:
    """Write all pictures and pages below this folder."""
    pictures = docs / PICTURES
    pictures.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWN.items():
        (pictures / name).write_bytes(draw())
    results = {action: _run(EXAMPLES[action], pictures) for action in _own()}
    for action, result in results.items():
        if result.image:
            (pictures / f"{action}.{result.extension}").write_bytes(result.file)
        (docs / HERE / f"{action}.md").write_text(_lines(_page(action, result, pictures)))
    (docs / HERE / "README.md").write_text(_lines(_index()))
    (docs / "gallery.md").write_text(_lines(_gallery(results)))


def _own() -> Mapping[str, type[Operation]]:
    """The built-in operations, without those of installed plug-ins."""
    return {
        action: model
        for action, model in operations().items()
        if model.__module__.rpartition(".")[2] in FAMILIES
    }


def _run(example: Example, pictures: Path) -> Result:
    steps = _steps(example)
    with TemporaryDirectory() as folder:
        assets = {name: pictures / file for name, file in example.assets.items()}
        file = _processed(pictures / example.source, steps, assets, Path(folder))
        told: dict[str, Any] = {}
        if example.told:
            known = _processed(file, [{"id": "told", "action": "info"}], {}, Path(folder))
            told = {name: json.loads(known.read_bytes())[name] for name in example.told}
        return Result(file.read_bytes(), file.suffix[1:], told)


def _processed(
    source: Path, steps: Sequence[Mapping[str, Any]], assets: Mapping[str, Path], folder: Path
) -> Path:
    """The file that the last step makes."""
    settings = read_settings({"worker_pool_size": 1})
    reports: list[local.Report] = []
    asyncio.run(
        local.process(
            inputs([str(source)], folder),
            parse(list(steps)),
            assets,
            settings.pool_options,
            settings.image_limits,
            reports.append,
        )
    )
    (report,) = reports
    if report.error is not None:
        raise SystemExit(f"{steps}: {report.error.message}")
    (made,) = (each.path for each in report.written if each.step == steps[-1]["id"])
    return made


def _steps(example: Example) -> list[dict[str, Any]]:
    return [{"id": step["action"], **step} for step in example.steps]


def _page(action: str, result: Result, pictures: Path) -> Iterator[str]:
    model, example = _own()[action], EXAMPLES[action]
    yield f"# `{action}`"
    yield ""
    yield cleandoc(model.__doc__ or "")
    yield ""
    frames = "works on every frame of an animation" if model.animated else "takes no animation"
    makes = {"image": frames, "json": "makes JSON", "zip": "makes a zip"}[model.produces]
    others = ", ".join(f"`{theirs}`" for theirs, ours in ACTIONS.items() if ours == action)
    yield (
        f"Of the family [{model.family}](README.md#{model.family}); {makes}."
        + (f" Taken for it as well: {others}." if others else "")
    )
    yield ""
    yield from _shown(action, example, result, pictures)
    yield "## Parameters"
    yield ""
    if not model.model_fields:
        yield "It has none."
    else:
        yield from _parameters(model)
    yield ""
    if model.produces == "image":
        yield "The [encoding options](../pipelines.md#encoding) say how its image is written."
        yield ""
    yield from _spellings(model)


def _shown(action: str, example: Example, result: Result, pictures: Path) -> Iterator[str]:
    before = example.shown or example.source
    if result.image:
        after = f"{action}.{result.extension}"
        yield "| before | after |"
        yield "|---|---|"
        yield f"| ![before](pictures/{before}) | ![after](pictures/{after}) |"
        yield f"| {_size((pictures / before).read_bytes())} | {_size(result.file)} |"
    else:
        yield f"![the picture](pictures/{before})"
    yield ""
    yield "```json"
    steps = _steps(example)
    yield json.dumps(steps[0]) if len(steps) == 1 else _each_on_a_line(steps)
    yield "```"
    yield ""
    yield "```bash"
    yield _command(example)
    yield "```"
    yield ""
    if result.extension == "json":
        yield from _json("The output:", json.loads(result.file))
    if result.extension == "zip":
        yield from _listing(result.file)
    if result.told:
        yield from _json("What [`info`](info.md) tells of the result:", result.told)


def _json(title: str, value: object) -> Iterator[str]:
    yield title
    yield ""
    yield "```json"
    yield json.dumps(value, indent=2, ensure_ascii=False)
    yield "```"
    yield ""


def _listing(file: bytes) -> Iterator[str]:
    names = ZipFile(BytesIO(file)).namelist()
    yield f"The zip holds {len(names)} files:"
    yield ""
    yield "```"
    yield from names[:LISTED]
    if len(names) > LISTED:
        yield f"and {len(names) - LISTED} more"
    yield "```"
    yield ""


def _command(example: Example) -> str:
    steps = _steps(example)
    given = quote(_short(steps[0])) if len(steps) == 1 else "steps.json"
    assets = "".join(f" \\\n  --asset {name}={_path(file)}" for name, file in example.assets.items())
    line = f"pixelflow process {_path(example.source)} -o results"
    between = " " if len(line) + len(given) < 110 else " \\\n  "
    return f"{line}{between}-p {given}{assets}"


def _short(step: Mapping[str, Any]) -> str:
    """A step as the command line has it, or JSON where that cannot say it."""
    values = ",".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in step.items()
        if name not in {"id", "action"}
    )
    text = f"{step['action']}:{values}" if values else str(step["action"])
    if "[" not in text and "{" not in text and read_steps([text]) == [step]:
        return text
    return json.dumps(step)


def _path(file: str) -> str:
    return f"docs/{PICTURES}/{file}"


def _each_on_a_line(steps: Sequence[Mapping[str, Any]]) -> str:
    return "[\n" + ",\n".join(f"  {json.dumps(step)}" for step in steps) + "\n]"


def _size(file: bytes) -> str:
    with Image.open(BytesIO(file)) as picture:
        frames = getattr(picture, "n_frames", 1)
        return f"{picture.width} × {picture.height}" + (f", {frames} frames" if frames > 1 else "")


def _parameters(model: type[BaseModel]) -> Iterator[str]:
    yield from _table(model)
    for part, users in _parts(model).items():
        yield ""
        yield f"In {' and '.join(f'`{user}`' for user in users)}:"
        yield ""
        yield from _table(part)


def _parts(model: type[BaseModel]) -> Mapping[type[BaseModel], list[str]]:
    """The models of values with keys of their own, and the parameters that have such values."""
    parts: defaultdict[type[BaseModel], list[str]] = defaultdict(list)
    for name, field in model.model_fields.items():
        for each in _inside(field.annotation):
            if isinstance(each, type) and issubclass(each, BaseModel):
                parts[each].append(name)
    return parts


def _table(model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema()
    yield "| parameter | takes | default | meaning |"
    yield "|---|---|---|---|"
    for name, one in schema["properties"].items():
        default = _default(name, one, schema.get("required", ()))
        meaning = _cell(one.get("description", ""))
        yield f"| `{name}` | {_cell(allowed(model, name))} | {default} | {meaning} |"


def _default(name: str, schema: Mapping[str, Any], required: Sequence[str]) -> str:
    if name in required:
        return "to be given"
    default = schema.get("default")
    return "" if default is None else f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _spellings(model: type[Operation]) -> Iterator[str]:
    """What other tools call its parameters and their values."""
    rows = [
        (f"`{ours}`", f"`{theirs}`")
        for theirs, ours in parameters(model.action).items()
        if ours in model.model_fields and theirs not in model.model_fields
    ]
    rows += _words("", model)
    for part, users in _parts(model).items():
        rows += _words(f"{users[0]}.", part)
    if rows:
        yield "## Other spellings"
        yield ""
        yield "Taken for ours, with capitals and hyphens too, and never shown."
        yield ""
        yield "| ours | taken as well |"
        yield "|---|---|"
        for ours, theirs in rows:
            yield f"| {ours} | {theirs} |"
        yield ""


def _words(before: str, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        words: defaultdict[str, list[str]] = defaultdict(list)
        for each in _inside(field.annotation, *field.metadata):
            if isinstance(each, BeforeValidator) and isinstance(each.func, Spellings):
                for theirs, ours in each.func.ours.items():
                    words[ours].append(f"`{theirs}`")
        taken = allowed(model, name)
        for ours, others in words.items():
            if ours in taken:
                yield f"`{before}{name}`: `{ours}`", ", ".join(others)


def _inside(*annotations: Any) -> Iterator[Any]:
    """All that annotations are made of, however deep."""
    for each in annotations:
        yield each
        yield from _inside(*get_args(each))


def _families() -> Mapping[str, list[str]]:
    families: defaultdict[str, list[str]] = defaultdict(list)
    for action, model in _own().items():
        families[model.family].append(action)
    return families


def _index() -> Iterator[str]:
    yield "# Operations"
    yield ""
    yield (
        "What a step can do, by family; [pipelines](../pipelines.md) tells how steps go together, the\n"
        "[gallery](../gallery.md) shows all at once. These pages are made from the operations by\n"
        "`python docs/build/operations.py`."
    )
    for family, actions in _families().items():
        yield ""
        yield f"## {family}"
        yield ""
        yield "| operation | what it does |"
        yield "|---|---|"
        for action in actions:
            yield f"| [`{action}`]({action}.md) | {_cell(_sentence(_own()[action]))} |"


def _sentence(model: type[Operation]) -> str:
    return cleandoc(model.__doc__ or "").split("\n\n")[0]


def _gallery(results: Mapping[str, Result]) -> Iterator[str]:
    yield "# Gallery"
    yield ""
    yield "Every operation on a small picture, most of them on this one; each name leads to its page."
    yield ""
    yield f"![the photo](./{PICTURES}/parrots.webp)"
    for family, actions in _families().items():
        yield ""
        yield f"## {family}"
        yield ""
        yield "| " + " | ".join([" "] * COLUMNS) + " |"
        yield "|" + "---|" * COLUMNS
        for start in range(0, len(actions), COLUMNS):
            row = actions[start : start + COLUMNS]
            cells = [_exhibit(action, results[action]) for action in row]
            yield "| " + " | ".join(cells + [" "] * (COLUMNS - len(row))) + " |"


def _exhibit(action: str, result: Result) -> str:
    link = f"[`{action}`]({HERE}/{action}.md)"
    if result.image:
        return f"{link}<br>![{action}]({PICTURES}/{action}.{result.extension})"
    if result.extension == "zip":
        return f"{link}<br>a zip of {len(ZipFile(BytesIO(result.file)).namelist())} files"
    keys = ", ".join(f"`{key}`" for key in json.loads(result.file))
    return f"{link}<br>JSON: {keys}"


def _lines(lines: Iterator[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    build(DOCS)
