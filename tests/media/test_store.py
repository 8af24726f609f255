"""Where clips live: a folder, or a store that several machines share through fsspec."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import fsspec
import pytest

from wan_nb.errors import InvalidOption, WanError
from wan_nb.media.shared_store import Remote
from wan_nb.media.store import Store
from wan_nb.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "videos/3f9c01ab77de.mp4"
CLIP = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store that outlives its handles."""
    if request.param == "file":
        yield f"file://{tmp_path}/class/clips"
    else:
        yield "memory://class/clips"
        fsspec.filesystem("memory").store.clear()


def person(url: str, folder: Path) -> Store:
    store = Store.of(Settings.resolve({"WAN_NB_MEDIA": url}, folder=folder))
    store.open()
    return store


def fetched(store: Store, name: str = NAME, clip: bytes = CLIP) -> None:
    """A clip as it stands after its download."""
    store.path(name).write_bytes(clip)
    store.path(name).with_suffix(".json").write_text('{"schema": 1}')


def test_a_clip_that_one_puts_in_another_brings(url: str, tmp_path: Path) -> None:
    ada, ben = person(url, tmp_path / "ada"), person(url, tmp_path / "ben")
    assert not ben.bring(NAME)
    fetched(ada)
    ada.share(NAME)
    assert ben.sizes() == ada.sizes() == {NAME: len(CLIP)}
    assert ben.bring(NAME, hashlib.sha256(CLIP).hexdigest())
    assert ben.path(NAME).read_bytes() == CLIP
    assert ben.path(NAME).with_suffix(".json").read_text() == '{"schema": 1}'
    assert sorted(path.name for path in (tmp_path / "ben" / "videos").iterdir()) == [
        "3f9c01ab77de.json",
        "3f9c01ab77de.mp4",
    ]


def test_forgetting_deletes_it_here_and_there(url: str, tmp_path: Path) -> None:
    ada, ben = person(url, tmp_path / "ada"), person(url, tmp_path / "ben")
    fetched(ada)
    ada.share(NAME)
    ada.remove("3f9c01ab77de")
    ada.remove("3f9c01ab77de")  # nothing there any more
    assert not ben.bring(NAME)
    assert ada.sizes() == {}
    assert list((tmp_path / "ada" / "videos").iterdir()) == []


def test_nothing_half_gets_the_name(url: str, tmp_path: Path) -> None:
    ada = person(url, tmp_path / "ada")
    fetched(ada)
    fs = fsspec.filesystem(url.partition("://")[0])
    seen = []

    class Watched(type(fs)):  # the store's own view of it while a file is put
        cachable = False

        def mv(self, *args, **kwargs):
            seen.append(sorted(name.rpartition(".")[2] for name in self.find(ada.remote._place[1])))
            return super().mv(*args, **kwargs)

    ada.remote._place = (Watched(), ada.remote._place[1])
    ada.share(NAME)
    assert seen == [["part"], ["json", "part"]]


def test_a_put_that_breaks_off_leaves_nothing(url: str, tmp_path: Path) -> None:
    ada = person(url, tmp_path / "ada")
    fetched(ada)

    fs, root = ada.remote._reached()

    class Full(type(fs)):
        cachable = False

        def mv(self, *args, **kwargs):
            raise RuntimeError("no space left")

    ada.remote._place = None
    ada.remote._connected = lambda: (Full(), root)  # it is tried on a second connection too
    with pytest.raises(WanError, match="could not take a file: no space left"):
        ada.share(NAME)
    assert fs.find(root) == []
    assert ada.path(NAME).read_bytes() == CLIP


def test_what_is_not_the_delivered_clip_is_refused(url: str, tmp_path: Path) -> None:
    ada, ben = person(url, tmp_path / "ada"), person(url, tmp_path / "ben")
    fetched(ada, clip=CLIP[:-1])
    ada.share(NAME)
    with pytest.raises(WanError, match="not the clip that was delivered"):
        ben.bring(NAME, hashlib.sha256(CLIP).hexdigest())
    assert not ben.path(NAME).exists()


def test_a_clip_that_is_here_is_neither_brought_nor_put_again(url: str, tmp_path: Path) -> None:
    ada, ben = person(url, tmp_path / "ada"), person(url, tmp_path / "ben")
    fetched(ada)
    ada.share(NAME)
    fetched(ben, clip=b"mine")
    ben.share(NAME)
    assert ben.bring(NAME)
    assert ben.path(NAME).read_bytes() == b"mine"
    assert ada.remote.sizes("videos")[NAME] == len(CLIP)


def test_a_folder_is_used_in_place(tmp_path: Path) -> None:
    shared = tmp_path / "mounted"
    ada, ben = person(str(shared), tmp_path / "ada"), person(str(shared), tmp_path / "ben")
    fetched(ada)
    ada.share(NAME)
    assert ada.remote is None
    assert ben.bring(NAME)
    assert ben.path(NAME) == shared / NAME


@pytest.mark.parametrize(
    ("url", "message"),
    [("nosuch://bucket/x", "no store that fsspec knows"), ("s3://bucket/x", "needs another package")],
)
def test_a_store_that_cannot_be_used_is_said_before_anything_else(url: str, message: str, tmp_path: Path) -> None:
    if url.startswith("s3"):
        try:
            import s3fs  # noqa: F401
        except ImportError:
            pass
        else:
            url = "dropbox://x"
    with pytest.raises(InvalidOption, match=message):
        person(url, tmp_path)


def test_a_password_in_the_url_is_shown_nowhere(tmp_path: Path) -> None:
    url = "nosuch://ada:hunter2@host/x"
    settings = Settings.resolve({"WAN_NB_MEDIA": url})
    with pytest.raises(InvalidOption) as caught:
        Remote(url).open()
    assert "hunter2" not in f"{settings!r} {Remote(url)!r} {caught.value}"


def alone(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_the_extra_the_error_says_what_to_install() -> None:
    code = """
import sys
sys.modules["fsspec"] = None  # as if it were not installed
from wan_nb.media.shared_store import Remote
from wan_nb.errors import InvalidOption
try:
    Remote("s3://bucket/class").open()
except InvalidOption as error:
    print(error)
"""
    assert 'pip install "wan-nb[shared]"' in alone(code)


def test_fsspec_is_loaded_only_for_a_url() -> None:
    code = """
import sys
from pathlib import Path
from wan_nb.media.store import Store
from wan_nb.settings import Settings
for media in ("clips", "C:/clips", "memory://clips"):
    Store.of(Settings.resolve({}, media=media, folder="x")).open()
    print("fsspec" in sys.modules, end=" ")
"""
    assert alone(f"import os, tempfile; os.chdir(tempfile.mkdtemp())\n{code}") == "False False True"
