"""A store of clips that several machines share, through fsspec.

Any URL that fsspec knows will do: ``s3://bucket/class``, ``gs://``, ``abfs://``, ``sftp://``, ``file://``, ``memory://``.
Keys are the backend's own business (its environment or files); none are read or kept here.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wan_nb.errors import InvalidOption, WanError
from wan_nb.sanitize import Secret, remember_url, reveal, said
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Remote"]


@printed
class Remote:
    """Files by relative names below one URL. Every call blocks; `FileNotFoundError` means just that.

    Parameters
    ----------
    url : str
        May hold a password, as fsspec allows: it is in no message.
    """

    def __init__(self, url: str) -> None:
        remember_url(url)
        self._url = Secret(url)
        self.kind = url.partition("://")[0]

    def __repr__(self) -> str:
        return f"Remote({self.kind!r})"

    def open(self) -> None:
        """Find out whether the URL can be used at all, before anything is paid.

        Raises
        ------
        InvalidOption
            fsspec or the package of this kind of store is not installed, or the URL means nothing to it.
        """
        _ = self._place

    def put(self, path: Path, name: str) -> None:
        """Store a whole file. It gets its name when all of it has arrived, as a rename or a copy within the store."""
        fs, root = self._place
        target = f"{root}/{name}"
        folder, _, last = target.rpartition("/")
        draft = f"{folder}/.{last}.{secrets.token_hex(4)}.part"
        with self._said("could not take"):
            fs.makedirs(folder, exist_ok=True)
            try:
                fs.put_file(str(path), draft)
                fs.mv(draft, target)
            except BaseException:
                with suppress(Exception):
                    fs.rm_file(draft)
                raise

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        fs, root = self._place
        with self._said("did not tell of"):
            return bool(fs.exists(f"{root}/{name}"))

    def get(self, name: str, path: Path) -> None:
        """Copy a file to `path`."""
        fs, root = self._place
        with self._said("did not give"):
            fs.get_file(f"{root}/{name}", str(path))

    def remove(self, name: str) -> None:
        """Delete a file; one that is not there is fine."""
        fs, root = self._place
        with suppress(FileNotFoundError), self._said("could not delete"):
            fs.rm_file(f"{root}/{name}")

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every whole file in a folder by its relative name, in one request where the store can."""
        fs, root = self._place
        found: list[dict[str, Any]] = []
        with suppress(FileNotFoundError), self._said("did not list"):
            found = fs.ls(f"{root}/{folder}", detail=True)
        return {
            f"{folder}/{entry['name'].rpartition('/')[2]}": int(entry["size"] or 0)
            for entry in found
            if entry["type"] == "file" and not entry["name"].endswith(".part")
        }

    @cached_property
    def _place(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise InvalidOption(
                f"WAN_NB_MEDIA is a {self.kind}:// store, which needs fsspec.", remedy='pip install "wan-nb[shared]"'
            ) from None
        try:
            # What others store is to be seen at once, so no listings are remembered.
            fs, root = url_to_fs(reveal(self._url), use_listings_cache=False)
        except ImportError as error:
            raise InvalidOption(
                f"a {self.kind}:// store needs another package: {said(error)}",
                remedy=f'pip install "fsspec[{self.kind}]"',
            ) from None
        except Exception as error:  # noqa: BLE001  # each backend has its own
            raise InvalidOption(
                f"WAN_NB_MEDIA is no store that fsspec knows ({type(error).__name__}, {self.kind}://).",
                remedy="A folder, or a URL such as s3://bucket/folder.",
            ) from None
        return fs, str(root).rstrip("/")

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:  # noqa: BLE001  # each backend has its own
            raise WanError(f"the shared store ({self.kind}://) {what} a file: {said(error)}") from None
