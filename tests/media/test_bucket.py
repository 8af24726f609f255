"""Clips in a bucket: one that is slow, fails, holds halves, lists late, and whose keys expire."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from bucket import MISSING, NAME, Bucket, a_bucket

from wan_nb.errors import WanError
from wan_nb.media.store import Store
from wan_nb.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Person = Callable[[str], Store]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")

CLIP = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 400
SHA = hashlib.sha256(CLIP).hexdigest()
VIDEO = "videos/3f9c01ab77de.mp4"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with a_bucket() as bucket:
        for name, value in bucket.env.items():
            monkeypatch.setenv(name, value)
        yield bucket


@pytest.fixture
def person(bucket: Bucket, tmp_path: Path) -> Person:
    def one(name: str) -> Store:
        store = Store.of(Settings.resolve({"WAN_NB_MEDIA": bucket.place}, folder=tmp_path / name))
        store.open()
        return store

    return one


def fetched(store: Store) -> None:
    store.path(VIDEO).write_bytes(CLIP)
    store.path(VIDEO).with_suffix(".json").write_text("{}")


def test_a_clip_goes_in_whole_and_comes_out_whole(bucket: Bucket, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    fetched(ada)
    assert not ben.bring(VIDEO, SHA)
    assert ada.share(VIDEO)
    assert not ada.share(VIDEO)
    assert bucket.names() == {f"clips/{VIDEO}": len(CLIP), "clips/videos/3f9c01ab77de.json": 2}
    assert ben.bring(VIDEO, SHA)
    assert ben.path(VIDEO).read_bytes() == CLIP
    # Two objects, no copies of drafts, no question about the bucket itself.
    assert sum(method == "PUT" for method, _ in bucket.requests) == 2
    ada.remove("3f9c01ab77de")
    assert bucket.names() == {}


def test_what_is_half_written_is_not_taken_and_is_put_again(bucket: Bucket, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    fetched(ada)
    bucket.client().put_object(Bucket=NAME, Key=f"clips/{VIDEO}", Body=CLIP[:1000])
    with pytest.raises(WanError, match=r"not the clip that was delivered.*\n.*doctor --mend"):
        ben.bring(VIDEO, SHA)
    assert not ben.path(VIDEO).exists()
    assert ada.share(VIDEO)
    assert ben.bring(VIDEO, SHA)


def test_a_listing_that_comes_late_loses_nothing(bucket: Bucket, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    bucket.late = True
    fetched(ada)
    ada.share(VIDEO)
    assert ben.sizes() == {}
    assert ben.sizes([VIDEO, "videos/000000000000.mp4"]) == {VIDEO: len(CLIP)}
    assert ben.bring(VIDEO, SHA)


@pytest.mark.parametrize("failing", [1, 3])
def test_a_bucket_that_fails_for_a_while_is_asked_again(bucket: Bucket, person: Person, failing: int) -> None:
    ada = person("ada")
    fetched(ada)
    bucket.failing = failing
    ada.share(VIDEO)
    assert bucket.names()[f"clips/{VIDEO}"] == len(CLIP)


def test_a_bucket_that_is_gone_is_told_and_found_again(
    bucket: Bucket, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)
    ada = person("ada")
    fetched(ada)
    bucket.failing = 1000
    with pytest.raises(WanError, match=r"s3://.*\n.*%wan resume"):
        ada.share(VIDEO)
    bucket.failing = 0
    assert ada.share(VIDEO)


def test_keys_that_expire_are_read_anew(bucket: Bucket, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, ben = person("ada"), person("ben")
    fetched(ada)
    ada.share(VIDEO)
    assert ben.remote.size(VIDEO) == len(CLIP)
    bucket.expired.add("first")
    with pytest.raises(WanError, match=r"expired.*\nRenew the keys of the store. What is paid is kept"):
        ben.bring(VIDEO, SHA)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "second")  # as a file of keys that is renewed
    assert ben.bring(VIDEO, SHA)
    assert ada.remote.size(VIDEO) == len(CLIP)
