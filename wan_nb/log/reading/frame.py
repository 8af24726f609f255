"""The rows of the log as a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.log.row import COLUMNS
from wan_nb.log.states import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

__all__ = ["to_frame"]


def to_frame(
    ids: Sequence[str],
    cells: Sequence[Sequence[Any]],
    names: Sequence[str],
    *,
    extra: Mapping[str, Mapping[str, float | None]] | None = None,
) -> pd.DataFrame:
    """Build the typed DataFrame, column by column.

    Parameters
    ----------
    ids : sequence of str
        One per run.
    cells : sequence of sequences
        The values of each column, as the log keeps them (times as microseconds, tags as text).
    names : sequence of str
        Of the columns, from `COLUMNS`.
    extra : mapping, optional
        More columns of numbers (``Float64``), ``{name: {run_id: value}}``.

    Returns
    -------
    pandas.DataFrame
        The same dtypes for no rows as for many.
    """
    import pandas as pd

    series = {name: _series(values, COLUMNS[name]) for name, values in zip(names, cells, strict=True)}
    for name, found in (extra or {}).items():
        series[name] = _series([found.get(run_id) for run_id in ids], "Float64")
    return pd.DataFrame(series, index=pd.Index(_series(ids, "string"), name="run_id"), copy=False)


def _series(values: Sequence[Any], dtype: str) -> Any:
    import numpy as np
    import pandas as pd

    if dtype == "category":
        return pd.Categorical(values, categories=[status.value for status in Status])
    if dtype.startswith("datetime"):
        missing = np.iinfo(np.int64).min  # numpy's "not a time"
        whole = np.array([missing if value is None else value for value in values], dtype=np.int64)
        whole[np.abs(whole) > np.iinfo(np.int64).max // 1000] = missing  # nanoseconds end in the years 1677 and 2262
        return pd.DatetimeIndex(whole.view("datetime64[us]").astype("datetime64[ns]")).tz_localize("UTC")
    return pd.array(values, dtype=dtype)  # type: ignore[call-overload]
