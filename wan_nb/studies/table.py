"""Prompts from a dict, a list, a table or a file, read as written or refused with what is wrong.

A file is read by Python's own csv module and its cells are texts: labels such as ``01``, ``NA`` or ``False`` stay what
they are. Anything that could be read in two ways is refused, because the wrong one would be paid for.
"""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.api.checks import check_value, from_text
from wan_nb.arguments import listed, shown
from wan_nb.errors import InvalidOption, InvalidRequest, did_you_mean, nearest
from wan_nb.grammar.variants import as_typed, free_letter, labels_for, parted, read_variants
from wan_nb.paths import local
from wan_nb.studies.study_cell import BLOCK_FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["rows_of"]

Row = tuple[str, dict[str, Any]]
"""A label with the fields that its prompt has of its own."""


_READ = (".csv", ".tsv", ".tab", ".txt")
_READERS = {".xlsx": "read_excel", ".xls": "read_excel", ".ods": "read_excel", ".json": "read_json",
            ".jsonl": "read_json", ".parquet": "read_parquet", ".feather": "read_feather"}  # fmt: skip
_NAMED = re.compile(r"\S+\.[A-Za-z][A-Za-z0-9]{1,7}")
_LARGEST = 10_000_000
_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16",
          b"\xfe\xff": "utf-16"}  # fmt: skip
"""Byte order marks, those first that begin with another one."""
_PACKED = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"PAR1", b"\x1f\x8b")
_CONTROL = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SHEET_ERROR = re.compile(r"#(?:NAME\?|REF!|VALUE!|N/A|DIV/0!|NULL!|NUM!|SPILL!|CALC!)")
_DELIMITERS = (",", ";", "\t")


def rows_of(variants: Any) -> list[Row]:
    """Labels with their own fields.

    Parameters
    ----------
    variants : str, path, mapping, list, DataFrame or another iterable
        A text is a prompt, or several parted by ``---`` lines as in a cell, or the path of a file.

    Raises
    ------
    InvalidOption
        Nothing in it, a file that cannot be read without a guess, a column that is no field, or one label for two
        things.
    """
    if isinstance(variants, str) and not _names_file(variants):
        parts = read_variants(variants) if parted(variants) else (("", variants),)
        rows = [(label or "A", {"prompt": text}) for label, text in parts]
    elif isinstance(variants, str | os.PathLike):
        rows = _file_rows(variants)
    elif isinstance(variants, Mapping):
        labels = labels_for([str(label) for label in variants])
        rows = list(zip(labels, map(_own, variants.values()), strict=True))
    elif hasattr(variants, "columns") or hasattr(variants, "column_names"):
        rows = _table_rows(variants)
    elif isinstance(variants, Iterable) and not isinstance(variants, bytes | bytearray | set | frozenset):
        given = listed(variants, "a study")
        rows = list(zip(labels_for([""] * len(given)), map(_own, given), strict=True))
    else:
        raise InvalidOption(f"prompts come as a dict, a list, a table or a CSV file, not as {type(variants).__name__}.")
    if not rows:
        raise InvalidOption("a study needs at least one prompt.")
    return rows


def _own(given: Any) -> dict[str, Any]:
    return dict(given) if isinstance(given, Mapping) else {"prompt": given}


def _names_file(text: str) -> bool:
    """Whether a text is the name of a file rather than a prompt."""
    name = text.strip()
    if "\n" in name or len(name) > 1000:
        return False
    if _NAMED.fullmatch(name) or name.lower().endswith((*_READ, *_READERS)):
        return True
    with suppress(OSError, ValueError):
        return Path(name).is_file()
    return False


# -- files -----------------------------------------------------------------------------------------------------------


def _file_rows(given: str | os.PathLike[str]) -> list[Row]:
    if isinstance(given, str) and "://" in given:
        raise InvalidOption(
            f"{given:.60} is an address, not a file.", remedy="wan_nb.study(pandas.read_csv(URL)) reads it."
        )
    path = local(given.strip() if isinstance(given, str) else given)
    suffix = path.suffix.lower()
    if suffix not in _READ:
        how = (
            f"wan_nb.study(pandas.{_READERS[suffix]}(...))"
            if suffix in _READERS
            else f"wan_nb.study([{shown(path.name)}])"
        )
        what = "reads it" if suffix in _READERS else "takes it for a prompt"
        raise InvalidOption(f"{path.name:.60} is no CSV file, as a study is read from.", remedy=f"{how} {what}.")
    return _consistent(list(_records(path.name, _decoded(path))))


def _decoded(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        remedy = f"wan_nb.study([{shown(path.name)}]) would take it for a prompt."
        raise InvalidOption(f"{path.name:.60} cannot be read as a table: {why}.", remedy=remedy) from error
    if len(data) > _LARGEST:
        raise InvalidOption(f"{path.name:.60} is larger than {_LARGEST // 10**6} MB, which is no list of prompts.")
    if data.startswith(_PACKED):
        raise InvalidOption(
            f"{path.name:.60} is a workbook or another packed file, whatever its name says.",
            remedy="Save it as CSV UTF-8, or give the table: wan_nb.study(pandas.read_excel(...)).",
        )
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding).lstrip("\ufeff")
        if _CONTROL.search(text) or _misread(text):
            raise UnicodeError
    except UnicodeError as error:
        line = data[: getattr(error, "start", 0)].count(b"\n") + 1
        where = f" (line {line})" if hasattr(error, "start") else ""
        raise InvalidOption(
            f"{path.name:.60} is not UTF-8{where}.",
            remedy='Save it again as UTF-8: "CSV UTF-8" in Excel, or open(..., encoding="gbk") and write it anew.',
        ) from None
    return text


def _misread(text: str) -> bool:
    """Whether a text is one of GBK or its like that happens to be UTF-8: 一只猫 reads as a word of three scripts.

    Only characters of two bytes come about so.
    """
    if not text.isascii() and max(text) < "\u0800":
        for word in re.findall(r"[^\x00-\x7f]+", text):
            signs = [c for c in word if unicodedata.category(c)[0] in "LM" or unicodedata.category(c) == "Cn"]
            scripts = {unicodedata.name(c, "none").partition(" ")[0] for c in signs}
            if "none" in scripts or len(scripts - {"COMBINING"}) > 1:
                return True
    return False


def _records(name: str, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Label, which may be empty, and fields of each row of a file."""
    told = re.match(r"sep=(.)\r?\n", text)  # which Excel writes and reads
    skipped, text = (1, text[told.end() :]) if told else (0, text)
    delimiter = told[1] if told else _delimiter(name, text)
    records = _parsed(name, text, delimiter, skipped)
    line, header = next(records, (1, []))
    columns = [cell.strip().strip("\ufeff\u200b") for cell in header]
    rows = list(records)
    for row_line, cells in rows:
        if len(cells) != len(columns):
            raise InvalidOption(
                f"{name:.60}, line {row_line}: {_count(len(cells), 'value')} for {_count(len(columns), 'column')} "
                f"({', '.join(columns)[:60]}).",
                remedy=f"A text with a {_called(delimiter)} in it needs double quotes around it.",
            )
    kept = _kept_columns(name, line, columns, [cells for _, cells in rows])
    _check_columns(f"{name:.60}, line {line}", [columns[place] for place in kept])
    for row_line, cells in rows:
        where = f"{name:.60}, line {row_line}"
        yield _record(where, {columns[place]: cells[place] for place in kept})


def _delimiter(name: str, text: str) -> str:
    """The one with which the first line names a column ``prompt``."""
    for delimiter in _DELIMITERS:
        _, header = next(_parsed(name, text, delimiter, 0), (1, []))
        columns = [cell.strip().strip("\ufeff\u200b") for cell in header]
        if "prompt" in columns and len(columns) > 1:
            return delimiter
    return "\t" if name.lower().endswith((".tsv", ".tab")) else ","


def _parsed(name: str, text: str, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Number of the first line and cells of each record that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidOption(
                f"{name:.60}, line {line}: {error}.",
                remedy="A quote inside a quoted text is written twice, and the last one closes it.",
            ) from None
        if any(cell.strip() for cell in cells):
            yield line, cells


def _kept_columns(name: str, line: int, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Places of the columns that have a name; those without are an index, which is counted, or empty."""
    kept = []
    for place, column in enumerate(columns):
        cells = [cells[place].strip() for cells in rows]
        counted = cells in ([str(n) for n in range(len(rows))], [str(n) for n in range(1, len(rows) + 1)])
        if column and not re.fullmatch(r"Unnamed: \d+", column):
            kept.append(place)
        elif any(cells) and not counted:
            raise InvalidOption(f"{name:.60}, line {line}: column {place + 1} has no name, and values.")
    return kept


def _record(where: str, cells: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    label, own = "", {}
    for column, cell in cells.items():
        text = cell.replace("\r\n", "\n")
        if not text.strip():
            continue
        try:
            if column == "label":
                label = text.strip()
            elif column == "prompt":
                own[column] = as_typed(_sound(text))
            else:
                spec = catalog.BY_NAME[column]
                value = from_text(spec, text if spec.max_characters else text.strip())
                own[column] = value if spec.limits else _checked(column, value)
        except InvalidRequest as error:
            raise InvalidOption(f"{where}: {error.message}", field=column, remedy=error.remedy) from None
    if "prompt" not in own:
        raise InvalidOption(f"{where}: the prompt is empty.", field="prompt")
    return label, own


def _checked(column: str, value: Any) -> Any:
    """A value that some model takes; the request is checked by its own."""
    try:
        return check_value(catalog.BY_NAME[column], value)
    except InvalidRequest:
        return check_value(catalog.usual(column), value)


def _sound(text: str) -> str:
    """A prompt that nothing has damaged on its way into the file."""
    if _SHEET_ERROR.fullmatch(text.strip()) or "\ufffd" in text:
        raise InvalidOption(
            f"the prompt {shown(text.strip())} is what a program has left of a text.",
            remedy="Write it into the file anew.",
        )
    return text


def _called(delimiter: str) -> str:
    return {",": "comma", ";": "semicolon", "\t": "tab"}.get(delimiter, repr(delimiter))


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


# -- tables ----------------------------------------------------------------------------------------------------------


def _table_rows(table: Any) -> list[Row]:
    if hasattr(table, "to_pandas"):  # of polars or Arrow
        table = table.to_pandas()
    columns = [str(column).strip() for column in table.columns]
    _check_columns("the table", columns)
    # A gap makes a column of whole numbers one of fractions; this gives them back.
    whole = table.set_axis(columns, axis="columns").convert_dtypes().astype(object)
    records = whole.where(whole.notna(), None).to_dict("records")
    if not records:
        raise InvalidOption("the table has no rows.")
    return _consistent(
        [
            (
                "" if (label := record.get("label")) is None else str(label).strip(),
                {key: value for key, value in record.items() if key != "label" and value is not None},
            )
            for record in records
        ]
    )


def _check_columns(where: str, columns: Sequence[str]) -> None:
    if "prompt" not in columns:
        there = ", ".join(columns)[:120]
        raise InvalidOption(
            f"{where}: no column 'prompt', only {there or 'nothing'}. {did_you_mean(nearest('prompt', columns))}",
            remedy="The first line names the columns, with commas, semicolons or tabs between: prompt, maybe label.",
        )
    for column in columns:
        if column not in {"label", *catalog.BY_NAME}:
            raise InvalidOption(
                f"{where}: the column {shown(column)} is no field of a request. "
                + did_you_mean(nearest(column, catalog.BY_NAME))
            )
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise InvalidOption(f"{where}: the column {shown(twice)} is there twice.")


def _consistent(rows: Sequence[tuple[str, dict[str, Any]]]) -> list[Row]:
    """Rows with a label each; rows of one label ask for one thing."""
    if not rows:
        raise InvalidOption("the table has no rows.")
    used = {label for label, _ in rows if label}
    labelled = []
    for place, (label, own) in enumerate(rows):
        labelled.append((label or free_letter(place, used), own))
        used.add(labelled[-1][0])
    asked: dict[str, dict[str, Any]] = {}
    for label, own in labelled:
        what = {key: value for key, value in own.items() if key not in BLOCK_FIELDS}
        if asked.setdefault(label, what) != what:
            raise InvalidOption(
                f"the table asks for two things under the label {shown(label)}.",
                remedy="Labels tell the variants apart; rows of one label differ in seed and materials only.",
            )
    return labelled
