"""A log, a media folder, a state folder that somebody else has written to: none of our files is read, none deleted."""

from __future__ import annotations

import csv
import io
import json
import math
import socket
import sqlite3
import threading
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from common import FIELDS
from PIL import Image

from wan_nb.errors import InvalidMedia, WanError
from wan_nb.maintenance.bundle import pack
from wan_nb.maintenance.doctor import examine
from wan_nb.simulator import launch
from wan_nb.widgets.form.form_draft import Draft, fields_from

if TYPE_CHECKING:
    from wan_nb.handles.run import Run

FIDELITY = "first_ssim320"

SECRET = b"the secret of somebody's home folder"


@pytest.fixture
def made(session, cat, tmp_path) -> Run:
    """A run with its clip; beside the media folder lies a file that is none of its."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("secret", "secret.mp4", "secret.json", "notes.txt"):
        (home / name).write_bytes(SECRET)
    return session.submit("a cat walks", first_frame=cat, name="walk", tags=["keep"], **FIELDS).wait()


def written(session, **columns: object) -> None:
    """Change every row, as whoever shares the log can."""
    with sqlite3.connect(session.folder / "runs.db") as log:
        for column, value in columns.items():
            log.execute(f"UPDATE runs SET {column} = ?", [value])
    log.close()


def everything(session, run, folder: Path) -> bytes:
    """What a person sees and takes home of a run."""
    study = session.study(
        {"a": "a cat walks"}, name="other", first_frame=str(folder / "frame.jpg"), seeds=[1], **FIELDS
    )
    told = [
        *run._repr_mimebundle_().values(),
        repr(run.row),
        repr(examine(session.workspace)),
        repr(examine(session.workspace, mend=True)),
    ]
    told += [session.runs().to_csv(), session.runs(measures=True).to_csv(), repr(session.video(run.row)), repr(study)]
    for row in session.log.find():
        told += [repr(session.workspace.strip(row)), repr(session.workspace.light(row))]
    with zipfile.ZipFile(pack(session.workspace, folder / "all.zip")) as packed:
        return "".join(map(str, told)).encode() + b"".join(map(packed.read, packed.namelist()))


PLACES = [
    "{home}/secret", "{home}/secret.mp4", "../home/secret.mp4", "videos/../../home/secret.mp4", "videos/link.mp4",
    "videos/folder/secret.mp4", "runs.db", "videos/../runs.db", "simulator/secret", "", ".", "..", "videos",
    "videos/..", "videos/\0.mp4", "videos/" + "a" * 5000, "file://{home}/secret", "~/secret", "C:\\secret",
    "//host/share/secret.mp4",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[:30].replace("\0", "NUL"))
def test_a_clip_that_the_log_places_elsewhere_is_not_read(session, made, cat, tmp_path, place) -> None:
    videos = session.store.root / "videos"
    (videos / "link.mp4").symlink_to(tmp_path / "home" / "secret.mp4")
    (videos / "folder").symlink_to(tmp_path / "home")
    (tmp_path / "frame.jpg").write_bytes(Path(cat).read_bytes())
    written(session, video=place.format(home=tmp_path / "home"))
    assert made.video is None
    assert SECRET not in everything(session, made, tmp_path)
    for call in (made.frame, lambda: made.tail(2), lambda: session.submit("on", first_frame=made, **FIELDS)):
        with pytest.raises(WanError):
            call()
    assert {path.read_bytes() for path in (tmp_path / "home").iterdir()} == {SECRET}


def test_a_sidecar_that_is_a_link_is_not_packed(session, made, tmp_path) -> None:
    sidecar = made.video.with_suffix(".json")
    sidecar.unlink()
    sidecar.symlink_to(tmp_path / "home" / "secret.json")
    with zipfile.ZipFile(pack(session.workspace, tmp_path / "all.zip")) as packed:
        assert SECRET not in b"".join(map(packed.read, packed.namelist()))
        assert [name for name in packed.namelist() if name.endswith(".mp4")] == [f"videos/{made.id}.mp4"]


def test_a_media_folder_that_is_itself_a_link_is_one_like_any_other(session, made) -> None:
    root = session.store.root
    root.rename(root.with_name("moved"))
    root.symlink_to(root.with_name("moved"))
    assert made.video == root / "videos" / f"{made.id}.mp4"


@pytest.mark.parametrize("run_id", ["../../home/secret", "../home/secret", "/tmp/secret", "*", "..", "link", ""])
def test_nothing_is_deleted_elsewhere(session, made, tmp_path, run_id) -> None:
    videos = session.store.root / "videos"
    (videos / ".other.1.part").write_bytes(b"of another run")
    (videos / "link.mp4").symlink_to(tmp_path / "home" / "secret.mp4")
    run_id = run_id.replace("/tmp/secret", str(tmp_path / "home" / "secret"))
    written(session, run_id=run_id)
    clip = videos / f"{made.id}.mp4"
    with suppress(WanError):
        session.forget(run_id)
    assert {path.read_bytes() for path in (tmp_path / "home").iterdir()} == {SECRET}
    assert (videos / ".other.1.part").exists()
    assert clip.exists()


def test_what_is_made_from_a_clip_is_kept_below_our_folder_whatever_its_hash_says(session, made, tmp_path) -> None:
    written(session, video_sha256="../../home/secret")
    (tmp_path / "home" / "secret.strip.jpg").write_bytes(SECRET)
    assert SECRET not in (session.workspace.strip(made.row) or b"")
    assert session.workspace.light(made.row)[0].is_relative_to(session.store.root / "proxies")


def _recorded(session, **item: object) -> None:
    (row,) = session.log.find()
    body = row.request
    body["input"]["media"] = [{**body["input"]["media"][0], **item}]
    written(session, request=json.dumps(body))


@pytest.mark.parametrize("key", ["path", "name"])
def test_a_material_that_the_log_places_elsewhere_is_not_sent(session, simulator, made, tmp_path, key) -> None:
    """A picture that the log names goes out again only if it is the one that the run was made from."""
    picture = tmp_path / "home" / "private.png"
    Image.new("RGB", (640, 480), "red").save(picture)
    before = simulator.counters()
    item = {"path": None, "name": str(picture)} if key == "name" else {"path": str(picture)}
    _recorded(session, **item)
    with pytest.raises(InvalidMedia, match="no longer where it was, or is another file"):
        made.again(seed=5)
    draft = Draft(session.workspace, fields_from(made, session.workspace))
    assert not draft.media
    assert "another file" in str(draft.check())
    assert math.isnan(session.runs(measures=True).astype({FIDELITY: float}).loc[made.id, FIDELITY])
    assert simulator.counters()["creates_received"] == before["creates_received"]


def test_ones_own_picture_outside_of_the_folder_goes_out_again(session, made) -> None:
    assert made.again(seed=5).wait().status == "SUCCEEDED"


def test_a_simulator_of_another_machine_is_not_spoken_to(tmp_path) -> None:
    hosts = ["evil.example:80", "127.0.0.1.evil.example:1", "user@10.0.0.1:1", "0.0.0.0:1", "[::ffff:10.0.0.1]:1"]
    hosts += ["localhost.evil.example:1", "1.1.1.1", "127.0.0.1", "127.0.0.1@10.0.0.1:1", "[::1", "127.0.0.1:99999"]
    for url in (*(f"http://{host}/api/v1" for host in hosts), 5, None, ["http://127.0.0.1:1"]):
        (tmp_path / "simulator.json").write_text(json.dumps({"url": url, "pid": 1}))
        assert launch.find(tmp_path) is None  # a connection to another machine is an error of this test, see conftest


def test_an_address_in_a_row_gets_neither_key_nor_task(session, made, simulator) -> None:
    """The service that a row names is a word to show."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"
        written(session, service=url, identity=f"{url}#0", status="RUNNING", video=None)
        stop = threading.Event()

        def listen() -> None:
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                heard.append(connection.recv(65536))
                connection.close()

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            assert session.resume() == []
            repr(made), made._repr_mimebundle_(), examine(session.workspace, mend=True)
            made.wait(timeout=20)
            made.again(seed=7).wait()
        finally:
            stop.set()
            listener.join()
    assert heard == []


FORMULAS = ['=HYPERLINK("http://x")', "\n=1+1", "\r\n\t=1+1", " +1", "\u3000@SUM(1)", "＝1+1", "\u200b-1", "\x00=1"]


@pytest.mark.parametrize("formula", FORMULAS, ids=repr)
def test_no_cell_of_a_table_that_we_write_is_a_formula(session, made, tmp_path, formula) -> None:
    texts = [
        "study", "variant", "block", "prompt", "negative_prompt", "model", "resolution", "first_frame", "last_frame",
        "service_status", "error_code", "error_message", "task_id", "request_id", "service", "currency", "note", "tags",
        "fingerprint", "version", "driving_audio", "first_clip", "video", "video_sha256",
    ]  # fmt: skip
    written(session, **dict.fromkeys(texts, formula), run_id=formula)
    pack(session.workspace, tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as packed:
        table = packed.read("runs.csv").decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(table, newline=""))
    hurt = [name for name, cell in row.items() if cell and not cell.startswith("'") and formula.strip()[-3:] in cell]
    assert hurt == []
    assert row["run_id"].startswith("'")
    assert row["tags"].startswith("'")
