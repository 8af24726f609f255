"""What SQLite and PostgreSQL spell differently: a list of ids as a table, and texts in the order of their bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["bytewise", "in_order"]


class _InOrder(FunctionElement[Any]):
    name = "in_order"
    inherit_cache = True


class _Bytewise(FunctionElement[Any]):
    name = "bytewise"
    inherit_cache = True


def in_order(ids: Sequence[str]) -> sa.TableValuedAlias:
    """A table of ids, each once: ``value``, and ``key`` for their order. As many as one likes: it is one parameter."""
    text = json.dumps(list(dict.fromkeys(ids)))
    return _InOrder(sa.bindparam("ids", text, sa.Text, unique=True)).table_valued("key", "value")


def bytewise(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The text of a column, sorted the same on every server, whatever its language."""
    return _Bytewise(column)


@compiles(_InOrder, "sqlite")
def _(element: _InOrder, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **how)})"


@compiles(_InOrder, "postgresql")
def _(element: _InOrder, compiler: SQLCompiler, **how: Any) -> str:
    given = f"jsonb_array_elements_text(CAST({compiler.process(element.clauses, **how)} AS jsonb))"
    return f"(SELECT value, ordinality AS key FROM {given} WITH ORDINALITY)"  # noqa: S608 - the compiler's own text


@compiles(_Bytewise, "sqlite")
def _(element: _Bytewise, compiler: SQLCompiler, **how: Any) -> str:
    return compiler.process(element.clauses, **how)


@compiles(_Bytewise, "postgresql")
def _(element: _Bytewise, compiler: SQLCompiler, **how: Any) -> str:
    return f'({compiler.process(element.clauses, **how)}) COLLATE "C"'
