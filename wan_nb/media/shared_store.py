"""A store of clips that several machines share, through fsspec.

Any URL that fsspec knows will do: ``s3://bucket/class``, ``gs://``, ``abfs://``, ``sftp://``, ``file://``, ``memory://``.
Keys are the backend's own business (its environment or files); none are read or kept here.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from wan_nb.errors import InvalidOption, WanError
from wan_nb.sanitize import Secret, remember_url, reveal, said
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Remote"]

T = TypeVar("T")

_OBJECTS: Final = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss"})
"""Stores that know objects, no folders: what is not whole has no name there."""

_S3: Final = {"config_kwargs": {"connect_timeout": 10, "read_timeout": 30, "retries": {"max_attempts": 2}}}
"""A bucket that does not answer is given up after a minute or two, not after half an hour."""


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
        self._place: tuple[Any, str] | None = None

    def __repr__(self) -> str:
        return f"Remote({self.kind!r})"

    def open(self) -> None:
        """Find out whether the URL can be used at all, before anything is paid.

        Raises
        ------
        InvalidOption
            fsspec or the package of this kind of store is not installed, or the URL means nothing to it.
        """
        self._reached()

    def put(self, path: Path, name: str) -> None:
        """Store a whole file. It gets its name when all of it has arrived.

        An object store names nothing before its last byte; elsewhere it is a rename within the store.
        """

        def put(fs: Any, target: str) -> None:
            if self.kind in _OBJECTS:
                fs.put_file(str(path), target)
                return
            folder, _, last = target.rpartition("/")
            draft = f"{folder}/.{last}.{secrets.token_hex(4)}.part"
            fs.makedirs(folder, exist_ok=True)
            try:
                fs.put_file(str(path), draft)
                fs.mv(draft, target)
            except BaseException:
                with suppress(Exception):
                    fs.rm_file(draft)
                raise

        self._do("could not take a file", name, put)

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where it is not there. A file is asked for itself: a listing may come late."""
        with suppress(FileNotFoundError):
            return int(self._do("did not tell of a file", name, lambda fs, place: fs.info(place))["size"] or 0)
        return None

    def get(self, name: str, path: Path) -> None:
        """Copy a file to `path`."""
        self._do("did not give a file", name, lambda fs, place: fs.get_file(place, str(path)))

    def remove(self, name: str) -> None:
        """Delete a file; one that is not there is fine."""
        with suppress(FileNotFoundError):
            self._do("could not delete a file", name, lambda fs, place: fs.rm_file(place))

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every whole file in a folder by its relative name, in one request where the store can."""
        found: list[dict[str, Any]] = []
        with suppress(FileNotFoundError):
            found = self._do("did not list its files", folder, lambda fs, place: fs.ls(place, detail=True))
        return {
            f"{folder}/{entry['name'].rpartition('/')[2]}": int(entry["size"] or 0)
            for entry in found
            if entry["type"] == "file" and not entry["name"].endswith(".part")
        }

    def _do(self, what: str, name: str, work: Callable[[Any, str], T]) -> T:
        """Do something with a file.

        What fails is done once more on a new connection, which reads the keys anew: those of many stores live for an
        hour, and whoever renews them has renewed them outside of this process.
        """
        for last in (False, True):
            fs, root = self._reached()
            try:
                return work(fs, f"{root}/{name}")
            except FileNotFoundError:
                raise
            except Exception as error:  # noqa: BLE001  # each backend has its own
                self._place = None
                if last:
                    raise WanError(
                        f"the shared store ({self.kind}://) {what}: {said(error)}", remedy=_remedy(error)
                    ) from None
        raise AssertionError

    def _reached(self) -> tuple[Any, str]:
        if self._place is None:
            self._place = self._connected()
        return self._place

    def _connected(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise InvalidOption(
                f"WAN_NB_MEDIA is a {self.kind}:// store, which needs fsspec.", remedy='pip install "wan-nb[shared]"'
            ) from None
        try:
            # What others store is to be seen at once, so no listings are remembered; and keys are read anew.
            given = _S3 if self.kind in {"s3", "s3a"} else {}
            fs, root = url_to_fs(reveal(self._url), use_listings_cache=False, skip_instance_cache=True, **given)
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


def _remedy(error: Exception) -> str:
    kept = "What is paid is kept: `%wan resume` goes on when it works again."
    return f"Renew the keys of the store. {kept}" if isinstance(error, PermissionError) else kept
