"""A file that was written, as a value that stays a path and shows itself as a link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wan_nb.frontends import notebook_folder, serves
from wan_nb.html.elements import tag
from wan_nb.html.text import bundle, megabytes, plain, source
from wan_nb.terminal import printed

__all__ = ["WrittenFile"]

_System = type(Path())  # a path of this system: Path itself cannot be subclassed before Python 3.12


@printed
class WrittenFile(_System):  # type: ignore[valid-type, misc]  # mypy knows no base class that is computed
    """Absolute path of a file that was written; as the last line of a cell it is a link that opens the file.

    Examples
    --------
    >>> WrittenFile("/srv/walk.html").name
    'walk.html'
    """

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Link and size in a notebook, path and size in a terminal."""
        path = Path(self)
        size = f" ({megabytes(path.stat().st_size)})" if path.is_file() else ""
        folder = notebook_folder()
        near = str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
        address = source(path, folder, serves(path))
        name = plain(near, 300)
        shown = tag("a", name, href=address, target="_blank") if address and size else tag("code", name)
        return bundle(tag("div", shown, size), plain(f"{near}{size}", 400))

    def __repr__(self) -> str:
        return f"{_System.__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path, (str(self),))
