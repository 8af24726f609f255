"""The plan of a study: from variants, seeds and varied values to its requests. Nothing is sent.

What is compared is a *variant*: a prompt, or a prompt with a varied parameter. What it is compared on is a *block*: the
same materials and the same seed for every variant. Two clips of one block differ in nothing but what is asked.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import random
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.api.checks import check_value
from wan_nb.arguments import listed
from wan_nb.arguments import shown as quoted
from wan_nb.errors import InvalidOption, did_you_mean, nearest
from wan_nb.grammar.template import expand as fill
from wan_nb.grammar.template import placeholders
from wan_nb.html.code import Grid
from wan_nb.studies.ranking.remarks import ACROSS_MODELS
from wan_nb.studies.study_cell import BLOCK_FIELDS, Cell, digest, labelled, plain, shown
from wan_nb.studies.table import rows_of
from wan_nb.studies.votes import MIN_BLOCKS
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wan_nb.api.request import VideoRequest
    from wan_nb.log.row import Row
    from wan_nb.studies.race.race_plan import RacePlan

__all__ = ["MAX_CELLS", "Cell", "Plan", "expand", "grid_of"]

MAX_CELLS = 1000
"""Most cells of a study: each is a paid clip."""

_MEDIA = frozenset(catalog.MATERIALS)
_SOUNDS = tuple(spec.name for spec in catalog.FIELDS if spec.drives)


@printed
@dataclass(frozen=True)
class Plan:
    """A study before it is bought.

    Attributes
    ----------
    written : tuple of Cell
        In the order in which a person wrote them.
    cells : tuple of Cell
        In the order in which they are sent: a block's cells together, blocks and cells shuffled by the name, so that
        neither a variant nor a seed always comes first.
    variants, blocks : tuple of str
        Labels as they were written, each once.
    warnings : tuple of str
        What makes the comparison weaker than it looks, in words.
    named : bool
        Whether a person gave the name; only then it is part of derived seeds.
    alias : str or None
        What the first edition called a study of this content that nobody has named.
    race : RacePlan or None
        Its steps, where its seeds are bought in steps.
    remark : str
        What else is to be known before it is bought.
    """

    name: str
    written: tuple[Cell, ...]
    named: bool = True
    alias: str | None = None
    race: RacePlan | None = None
    remark: str = ""

    @classmethod
    def of(cls, name: str | None, cells: Sequence[Cell], alias: str | None) -> Plan:
        """A plan under its name, or else under one that is made of its content."""
        if name:
            return cls(name, tuple(cells))
        own = f"study-{digest(cells)}"
        return cls(own, tuple(cells), named=False, alias=None if alias == own else alias)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:  # noqa: D102  # all are described above
        return _shuffled(self.written, self.name)

    @cached_property
    def variants(self) -> tuple[str, ...]:  # noqa: D102
        return tuple(dict.fromkeys(cell.variant for cell in self.written))

    @cached_property
    def blocks(self) -> tuple[str, ...]:  # noqa: D102
        return tuple(dict.fromkeys(cell.block for cell in self.written))

    @property
    def shape(self) -> str:
        """Its size in words: ``3 variants × 4 seeds, 12 clips``."""
        pictures = len({cell.materials for cell in self.written})
        seeds = len({cell.fields.get("seed") for cell in self.written})
        on = "seed" if pictures < 2 else "picture" if seeds < 2 else "picture with a seed"
        counts = (len(self.variants), "variant"), (len(self.blocks), on), (len(self.cells), "clip")
        variants, blocks, clips = (_counted(count, word) for count, word in counts)
        return f"{variants} {'in a race on' if self.race else '×'} {blocks}, {clips}"

    def in_order(self, rows: Iterable[Row | None]) -> list[Row]:
        """The runs that are there, by block and variant as they were written."""
        there = [row for row in rows if row is not None]
        return sorted(there, key=lambda row: (self.blocks.index(str(row.block)), self.variants.index(str(row.variant))))

    @cached_property
    def warnings(self) -> tuple[str, ...]:  # noqa: D102
        return (*filter(None, [self.remark]), *_warnings(self.written, race=self.race is not None))


def expand(
    variants: Any,
    *,
    name: str | None = None,
    seeds: Sequence[int] = (),
    vary: Mapping[str, Sequence[Any]] | None = None,
    fields: Mapping[str, Any] | None = None,
    material: Callable[[Any, str], Any] | None = None,
    usual: str = "",
) -> Plan:
    """Plan a study.

    Parameters
    ----------
    variants : str, mapping, sequence, DataFrame or path of a CSV file
        Prompts by label; a list gets the labels A, B, C. A table has a column ``prompt``, may have ``label``, and every
        further column is a field of the request; rows of one label may differ in seed and materials. A file is UTF-8
        or UTF-16, parted by commas, semicolons or tabs. A text that looks like the name of a file is one.
    name : str, optional
        Made from the content when it is missing, so that the same plan finds its runs again.
    seeds : sequence of int
        Each variant gets each seed. None: one, derived from the materials and the name.
    vary : mapping of str to sequence
        Values of a field of the request, or of a ``{{placeholder}}`` of the prompts.
    fields : mapping
        What all requests share.
    material : callable, optional
        Told a given material and its field, returns it checked (`Session.material`): it is then known by its content,
        under whatever name.
    usual : str
        Model of cells that name none; without it what is given decides.

    Returns
    -------
    Plan

    Raises
    ------
    InvalidOption
        Empty or equal variants, double labels, a placeholder without values or values without a placeholder, a field
        that is given twice, a table without prompts, or more than `MAX_CELLS` cells.

    Examples
    --------
    >>> plan = expand({"calm": "a {{who}} walks", "fast": "a {{who}} runs"}, seeds=[1, 2], vary={"who": ["cat", "dog"]})
    >>> len(plan.cells), plan.blocks, plan.variants
    (8, ('seed 1', 'seed 2'), ('calm · cat', 'calm · dog', 'fast · cat', 'fast · dog'))
    """
    shared = dict(fields or {})
    rows = rows_of(variants)
    for label, own in rows:
        if not str(own.get("prompt") or "").strip():
            raise InvalidOption(f"variant {quoted(label)} is empty.", field="prompt")
    given_seeds = listed(seeds, "seeds")
    chosen_seeds = [check_value(catalog.BY_NAME["seed"], seed) for seed in given_seeds]
    axes = _axes(rows, shared, chosen_seeds, {key: listed(values, key) for key, values in (vary or {}).items()})
    total = len(rows) * math.prod(len(values) for values in axes.values())
    if total > MAX_CELLS:
        raise InvalidOption(
            f"the grid has {total:,} cells, more than {MAX_CELLS:,}.",
            remedy="Each is a paid clip: vary less, or begin with three seeds.",
        )
    written = _cells(rows, shared, {**axes, "seed": given_seeds} if chosen_seeds else axes)
    ready = _ready(material)
    cells = labelled(
        _cells(
            [(label, ready(own)) for label, own in rows],
            ready(shared),
            {key: [ready({key: value})[key] for value in values] for key, values in axes.items()},
        )
    )
    cells = _of_one_model(cells, usual)
    _check_distinct(cells)
    return Plan.of(name, cells, _first_name(written))


def _of_one_model(cells: list[Cell], usual: str) -> list[Cell]:
    """The same cells, with the usual model, or that which follows from all together where they would follow several."""
    followed = {catalog.model_for(cell.fields) for cell in cells}
    if all(cell.fields.get("model") for cell in cells) or (len(followed) == 1 and not usual):
        return cells
    model = usual or catalog.chosen(name for cell in cells for name, value in cell.fields.items() if value is not None)
    return [replace(cell, fields={"model": model, **cell.fields}) for cell in cells]


def grid_of(plan: Plan, requests: Sequence[VideoRequest]) -> Grid:
    """What a plan asks for, to be written as code; `requests` are those of its cells, in their order."""
    asked = dict(zip(map(id, plan.cells), requests, strict=True))
    told = [(cell, asked[id(cell)].public()) for cell in plan.written]
    if plan.race is None:
        return Grid.of(((cell.variant, body) for cell, body in told), named=plan.named)
    # A race chooses its seeds itself: what began it are its variants and pictures.
    first = {(cell.variant, cell.materials): _without_seed(body) for cell, body in reversed(told)}
    begun = dict.fromkeys((cell.variant, cell.materials) for cell, _ in told)
    return Grid.of(((key[0], first[key]) for key in begun), named=plan.named, race=plan.race.chosen)


def _without_seed(body: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in body.get("parameters", {}).items() if name != "seed"}
    return {**body, "parameters": given}


def _cells(
    rows: Sequence[tuple[str, Mapping[str, Any]]], shared: Mapping[str, Any], axes: Mapping[str, Sequence[Any]]
) -> list[Cell]:
    return [
        _cell(label, {**shared, **own}, dict(zip(axes, values, strict=True)), alone=len(rows) == 1)
        for label, own in rows
        for values in itertools.product(*axes.values())
    ]


def _ready(material: Callable[[Any, str], Any] | None) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """How fields get the type that they are sent in; each material is looked at once, however many cells use it."""
    looked: dict[Any, Any] = {}

    def one(name: str, value: Any) -> Any:
        if name not in _MEDIA or material is None or value is None:
            return plain(name, value)
        key = (name, value if isinstance(value, str) else id(value))
        if key not in looked:
            looked[key] = material(value, name)
        return looked[key]

    return lambda fields: {name: one(name, value) for name, value in fields.items()}


def _counted(count: int, word: str) -> str:
    first, gap, rest = word.partition(" ")
    return f"{count} {first}{'' if count == 1 else 's'}{gap}{rest}"


def _first_name(cells: Sequence[Cell]) -> str:
    """Name that the first edition made of the labels: votes in older logs stand under it."""
    labels = repr([(cell.variant, cell.block, cell.fields.get("prompt")) for cell in cells])
    return f"study-{hashlib.sha256(labels.encode()).hexdigest()[:6]}"


def _axes(
    rows: Sequence[tuple[str, dict[str, Any]]],
    shared: Mapping[str, Any],
    seeds: Sequence[int],
    vary: dict[str, list[Any]],
) -> dict[str, list[Any]]:
    asked: set[str] = set()
    if set(vary) - set(catalog.BY_NAME):
        asked = {name for _, own in rows for name in placeholders(str(own["prompt"]))}
    for key, values in vary.items():
        if not values:
            raise InvalidOption(f"nothing to vary {quoted(key)} over.")
        if key in catalog.BY_NAME and key in shared:
            raise InvalidOption(f"{key} is given once and varied: say which.", field=key)
        if key not in catalog.BY_NAME and key not in asked:
            known = [*catalog.BY_NAME, *sorted(asked)]
            raise InvalidOption(
                f"{quoted(key)} is no field and no {{{{placeholder}}}} of a prompt. {did_you_mean(nearest(key, known))}"
            )
    if missing := asked - set(vary):
        name = min(missing)
        raise InvalidOption(f"{{{{{name}}}}} has no values. {did_you_mean(nearest(name, vary))}")
    if seeds and ("seed" in shared or "seed" in vary):
        raise InvalidOption("seed is given, and seeds too: say which.", field="seed")
    if len(set(seeds)) < len(seeds):
        raise InvalidOption("a seed is named twice; the same request is the same clip.", field="seed")
    return {**({"seed": list(seeds)} if seeds else {}), **vary}


def _cell(label: str, given: Mapping[str, Any], chosen: Mapping[str, Any], *, alone: bool) -> Cell:
    filling = {key: value for key, value in chosen.items() if key not in catalog.BY_NAME}
    fields = {**given, **{key: value for key, value in chosen.items() if key in catalog.BY_NAME}}
    if filling:
        fields["prompt"] = fill(str(fields["prompt"]), filling)
    varied = [shown(key, value) for key, value in chosen.items() if key not in BLOCK_FIELDS]
    parts = varied if alone and varied else [label, *varied]
    block = [shown(name, fields[name]) for name in catalog.MATERIALS if fields.get(name) is not None]
    if fields.get("seed") is not None:
        block.append(f"seed {fields['seed']}")
    return Cell(" · ".join(parts), " · ".join(block) or "one seed", fields)


def _check_distinct(cells: Sequence[Cell]) -> None:
    seen: dict[Any, Cell] = {}
    for cell in cells:
        # Two prompts that differ in nothing but spaces are one prompt, paid twice.
        asked = [(name, " ".join(value.split()) if isinstance(value, str) else value) for name, value in cell.asked]
        twin = seen.setdefault((*asked, *cell.on), cell)
        if twin is not cell:
            raise InvalidOption(
                f"{quoted(twin.variant)} and {quoted(cell.variant)} ask for the same: "
                f"{quoted(cell.fields.get('prompt'))}.",
                field="prompt",
                remedy="Change one of the prompts, or leave out what is there under two names; one request "
                "is one clip.",
            )


def _shuffled(cells: Sequence[Cell], name: str) -> tuple[Cell, ...]:
    draw = random.Random(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
    blocks = sorted({cell.block for cell in cells})
    draw.shuffle(blocks)
    order = []
    for block in blocks:
        inside = [cell for cell in cells if cell.block == block]
        draw.shuffle(inside)
        order += inside
    return tuple(order)


def _warnings(cells: Sequence[Cell], *, race: bool) -> list[str]:
    variants = {cell.variant for cell in cells}
    blocks = {block: {c.variant for c in cells if c.block == block} for block in {c.block for c in cells}}
    found = []
    if len(variants) == 1:
        found.append(
            "There is one variant only: you will see how much clips differ by chance, not which prompt is better."
        )
        return found
    if len({cell.fields.get("model") for cell in cells}) > 1:
        found.append(ACROSS_MODELS)
    if any(cell.fields.get("prompt_extend") for cell in cells):
        found.append(
            "--prompt-extend is on: the service rewrites each prompt unseen, so the variants differ in that too."
        )
    if len({any(name in cell.fields for name in _SOUNDS) for cell in cells}) > 1:
        found.append("Some clips have your sound and some have not: compare them without sound.")
    if race:
        return found  # its seeds are bought in steps, for those that can still win
    if any(held != variants for held in blocks.values()):
        found.append("The comparison is not paired: some variants lack a seed or a frame that others have.")
    elif len(blocks) < MIN_BLOCKS:
        found.append(
            f"{len(blocks)} picture{'s' * (len(blocks) > 1)} or seed{'s' * (len(blocks) > 1)} can show a tendency; to "
            f"decide between prompts takes at least {MIN_BLOCKS}."
        )
    return found
