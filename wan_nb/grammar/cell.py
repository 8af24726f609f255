r"""The ``%%wan`` cell: a line of options and a body of text become one frozen `Cell`. Nothing is looked up.

::

    %%wan --first-frame cat.png --seeds 1,2     words by POSIX rules; ``;`` at the end silences the output
    a cat sits down                             text before the first separator is variant A
    --- fast                                    ``---`` alone, or with a label, starts a variant
    a cat dashes across the room

Unlabelled variants are called by the letter of their place, or the next one that is free. Outer blank lines of a text
do not count; everything else arrives as typed. Three escapes exist: ``\---`` at the start of a line is a literal
``---``, ``\;`` at the end of the cell a literal ``;``, and ``\{{`` is left to the template.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.arguments import as_whole, shown
from wan_nb.errors import InvalidOption, InvalidRequest, did_you_mean, nearest
from wan_nb.grammar import options, slips, typed_signs
from wan_nb.grammar.variants import read_body, silenced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Cell"]


def _as_typed(text: str) -> object:
    return text


def _frozen(pairs: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    return MappingProxyType(dict(pairs or {}))


@dataclass(frozen=True)
class Cell:
    r"""What a ``%%wan`` cell asks for.

    Attributes
    ----------
    variants : tuple of (label, text)
        A single prompt without a separator has the label ``""``.
    fields : mapping
        Request fields that were given, by the API's names.
    vary : mapping of str to tuple
        Values by request field or placeholder.
    wait : bool or None
        None: as the front end suggests.
    max_cost : float or None
        In the currency of the service.

    Examples
    --------
    >>> cell = Cell.parse("-f cat.png --seeds 1,2", "a cat sits\n--- fast\na cat runs\n")
    >>> cell.variants
    (('A', 'a cat sits'), ('fast', 'a cat runs'))
    >>> cell.is_study
    True
    """

    variants: tuple[tuple[str, str], ...] = ()
    fields: Mapping[str, Any] = field(default_factory=_frozen)
    seeds: tuple[int, ...] = ()
    vary: Mapping[str, tuple[Any, ...]] = field(default_factory=_frozen)
    name: str | None = None
    tags: tuple[str, ...] = ()
    out: str | None = None
    wait: bool | None = None
    take: int | None = None
    dry_run: bool = False
    race: bool = False
    criterion: str | None = None
    max_cost: float | None = None
    raw: bool = False
    help: bool = False
    silent: bool = False

    @property
    def is_study(self) -> bool:
        """Several cells of a plan rather than one run."""
        several = len(self.variants) > 1 or any(label for label, _ in self.variants)
        return several or self.race or bool(self.seeds or self.vary)

    @classmethod
    def parse(cls, line: str, body: str, expand: options.Expand = _as_typed) -> Cell:
        """Read a cell.

        Parameters
        ----------
        line : str
            What follows ``%%wan`` on the first line.
        body : str
            Everything below it.
        expand : callable, optional
            Turns one word of the line into what its ``{{name}}`` stands for.

        Raises
        ------
        InvalidOption
            The text does not follow the grammar; the message names the nearest spelling.
        InvalidRequest
            A value is outside what the catalog allows.
        """
        line, silent = silenced(line)
        typed_signs.refuse_parted_values(line)
        words = options.split(line)
        values, rest = options.parse(words, options.CELL, expand)
        typed_signs.refuse_rest(words, rest, shown(" ".join(map(str, rest))))
        if values.pop("help", False):
            return cls(help=True, silent=silent)
        if not values.get("raw"):
            slips.refuse(body)
        variants, ended = read_body(slips.unescaped(body), literal=bool(values.get("raw")))
        given = {name: _material(name, values.pop(name), expand) for name in [*values] if name in catalog.BY_NAME}
        vary = _read_vary(values.pop("vary", []), expand)
        given, vary = _checked(given, vary)
        tags = tuple(dict.fromkeys(word for words in values.pop("tag", []) for word in words))
        cell = cls(variants, _frozen(given), vary=_frozen(vary), tags=tags, silent=silent or ended, **values)
        cell._check()
        return cell

    def _check(self) -> None:
        if self.criterion is not None and not self.race:
            raise InvalidOption(
                "--criterion says what a race asks.",
                remedy="Add --race; of a grid the vote asks it: %wan vote --criterion.",
            )
        if self.race and "seed" in self.fields:
            raise InvalidOption("a race takes new seeds in each step.", field="seed", remedy="Leave --seed away.")
        if self.seeds and "seed" in self.fields:
            raise InvalidOption("--seed and --seeds exclude each other.", field="seed")
        for key in self.vary:
            if key in self.fields or (key == "seed" and self.seeds):
                raise InvalidOption(f"{key} is both given and varied.", remedy="Keep one of the two.")
            if key not in catalog.BY_NAME and (self.raw or not self._has_placeholder(key)):
                raise _no_axis(key, self.variants, self.raw)

    def _has_placeholder(self, key: str) -> bool:
        from wan_nb.grammar.template import placeholders

        return any(key in placeholders(text) for _, text in self.variants)

    def to_text(self) -> str:
        """The cell as it would be typed; parsing it gives an equal one.

        Raises
        ------
        InvalidOption
            A value cannot be typed: an object, or text with a line break.
        """
        words = [*self._words()]
        line = " ".join(["%%wan", *words, *([";"] if self.silent else [])])
        return line + "\n" + slips.write_prompts(self.variants)

    def _words(self) -> Iterator[str]:
        for option in options.CELL:
            name = {"tag": "tags"}.get(option.name, option.name)
            value = self.fields.get(name) if name in catalog.BY_NAME else getattr(self, name)
            if option.name == "vary":
                for key, values in self.vary.items():
                    yield _quoted(f"--vary={key}={json.dumps(values, ensure_ascii=False, default=_untypable)}")
            elif isinstance(value, Mapping):
                yield from (_quoted(f"{option.flag}={number}={_typed(item)}") for number, item in value.items())
            elif option.many:
                yield from (_quoted(f"{option.flag}={_typed(item)}") for item in value or ())
            elif isinstance(value, bool):
                yield from (text for text, switch in option.spellings.items() if switch is value and text[:2] == "--")
            elif isinstance(value, tuple):
                yield from [f"{option.flag}={','.join(map(str, value))}"] if value else []
            elif value is not None:
                yield _quoted(f"{option.flag}={_typed(value)}")


def _material(name: str, value: Any, expand: options.Expand) -> Any:
    """Several materials of one field as one list, voices as a mapping from the number of their reference."""
    spec = catalog.BY_NAME[name]
    if spec.where == "item":
        return _by_number(spec, value, expand)
    if not spec.listed:
        return value
    return [one for each in value for one in (each if isinstance(each, (list, tuple)) else [each])]


def _by_number(spec: catalog.Field, texts: Sequence[str], expand: options.Expand) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for text in texts:
        number, equals, rest = text.partition("=")
        one = expand(rest if equals else text)
        pairs = one if isinstance(one, Mapping) and not equals else {number.strip(): one if equals else None}
        for key, each in pairs.items():
            whole = as_whole(key, typed=True)
            if whole is None or whole < 1 or each is None or (isinstance(each, str) and not each.strip()):
                raise InvalidOption(
                    f"{spec.flag} {shown(text, typed=True)} is not understood.",
                    field=spec.name,
                    remedy=f"Write {spec.flag} 1=voice.mp3: the number of the reference, images first.",
                )
            if whole in found:
                raise InvalidOption(f"{spec.flag} {whole} is given twice.", field=spec.name)
            found[whole] = each
    return found


def _checked(given: dict[str, Any], vary: dict[str, tuple[Any, ...]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values as the model that follows from them takes them; of several models each request is checked later."""
    from wan_nb.api.checks import check_value

    if "model" in vary:
        return given, vary
    row = catalog.model(catalog.model_for({**vary, **given}))

    def held(name: str, value: Any) -> Any:
        spec = row.field(name) or catalog.BY_NAME.get(name)
        if spec is None or spec.limits:
            return value
        try:
            return check_value(spec, value)
        except InvalidRequest as error:
            error.details["flag"] = spec.flag
            raise

    return (
        {name: held(name, value) for name, value in given.items()},
        {name: tuple(held(name, value) for value in values) for name, values in vary.items()},
    )


def _read_vary(texts: Sequence[str], expand: options.Expand) -> dict[str, tuple[Any, ...]]:
    from wan_nb.grammar.template import as_text

    axes: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        key, equals, listed = text.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key.isidentifier():
            raise InvalidOption(
                f"--vary {shown(text, typed=True)} is not understood.", remedy="Write --vary duration=5,10."
            )
        if key == "prompt":
            raise InvalidOption("prompts are varied by `--- label` lines in the cell, not by --vary.", field="prompt")
        if key in axes:
            raise InvalidOption(f"--vary {key} is given twice.")
        values = _read_list(key, listed, expand)
        spec = catalog.BY_NAME.get(key)
        axes[key] = tuple(options.typed_value(spec, v) if spec else as_text(key, v) for v in values)
        plain = [value for value in axes[key] if isinstance(value, (str, int))]  # arrays answer == with arrays
        if len(set(plain)) < len(plain):
            raise InvalidOption(f"--vary {key} names a value twice.")
    return axes


def _read_list(key: str, text: str, expand: options.Expand) -> list[Any]:
    if text.strip().startswith("["):
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise InvalidOption(
                f"--vary {key}: {error.msg} at character {error.pos + 1} of {shown(text, typed=True)}.",
                remedy="""Quote the whole: --vary 'mood=["calm, slow", "fast"]'.""",
            ) from None
        values = [expand(value) if isinstance(value, str) else value for value in values]
    else:
        values = [expand(part.strip()) for part in text.split(",")]
        if len(values) == 1 and isinstance(values[0], (list, tuple)):
            values = [*values[0]]
        if "" in [value for value in values if isinstance(value, str)]:
            raise InvalidOption(f"--vary {key} holds an empty value.", remedy='A JSON list may: KEY=["", "x"].')
    if not values:
        raise InvalidOption(f"--vary {key} has no values.", remedy="Write --vary duration=5,10.")
    return values


def _no_axis(key: str, variants: Sequence[tuple[str, str]], raw: bool) -> InvalidOption:
    from wan_nb.grammar.template import placeholders

    names = [*catalog.BY_NAME, *(name for _, text in variants if not raw for name in placeholders(text))]
    why = "and --raw leaves no placeholders" if raw else f"and no {{{{{key}}}}} stands in the cell"
    return InvalidOption(
        f"--vary {key}: no request field is called so, {why}.", remedy=did_you_mean(nearest(key, names))
    )


def _quoted(word: str) -> str:
    if "\n" in word or "\r" in word:
        raise InvalidOption(f"{word.partition('=')[0]} holds a line break, which an option cannot.")
    flag, equals, value = word.partition("=")
    return flag + equals + shlex.quote(value)


def _typed(value: Any) -> Any:
    return value if isinstance(value, (str, int, float)) else _untypable(value)


def _untypable(value: Any) -> Any:
    raise InvalidOption(f"a {type(value).__name__} cannot be typed; only text, numbers and switches can.")
