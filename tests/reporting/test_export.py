"""A clip with its request in it: the original as it was, the copy readable by others, its run found again."""

from __future__ import annotations

import json
import shutil

import av
import media_files as make
import odd_files as odd
import pytest

from wan_nb.errors import InvalidOption, NotFound
from wan_nb.media import clips, written

PROMPT = 'a cat walks, 猫 $5 \\(x\\) <b>\nsecond "line" with sk-0123456789abcdef0123'


@pytest.fixture
def run(session, photos):
    return session.submit(PROMPT, first_frame=photos / "cat.jpg", duration=2).wait()


def comment(path) -> dict:
    """What any program reads as the comment of the file."""
    with av.open(str(path)) as container:
        return json.loads(container.metadata["comment"])


def test_an_export_is_the_clip_and_its_request(session, run, simulator, photos, tmp_path) -> None:
    before = run.video.read_bytes()
    path = run.export(tmp_path / "cat.mp4")
    data = path.read_bytes()
    assert run.video.read_bytes() == before == data[: len(before)]
    told = comment(path)
    assert told["run"] == run.id
    assert told["request"]["model"] == run.row.model
    assert told["request"]["parameters"] == run.request["parameters"]
    assert told["request"]["input"]["prompt"] == PROMPT.replace("sk-0123456789abcdef0123", "***")
    assert told["request"]["input"]["media"] == [
        {"type": "first_frame", "name": "cat.jpg", "identity": run.request["input"]["media"][0]["identity"]}
    ]
    for secret in (simulator.key, "sk-0123", str(photos), str(tmp_path), "Signature", "Expires", "oss://"):
        assert secret.encode() not in data[len(before) :]
    assert clips.inspect_clip(path).frames == clips.inspect_clip(run.video).frames


def test_the_run_of_a_clip_is_found_under_any_name(session, run, photos, tmp_path, monkeypatch) -> None:
    other = session.submit("another", first_frame=photos / "cat.jpg", duration=2).wait()
    monkeypatch.chdir(tmp_path)
    renamed = shutil.copy(run.video, tmp_path / "猫 final (2).mp4")
    export = run.export("cat.mp4")
    remade = tmp_path / "by another program.mp4"
    with av.open(str(export)) as source, av.open(str(remade), "w") as made:
        made.metadata.update({"comment": source.metadata["comment"]})
        stream = made.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)
    for file in (run.video, str(run.video), renamed, "cat.mp4", "./cat.mp4", export, remade):
        assert session.run(file) == run
    assert session.run(other.video) == other
    assert session.run(other.export(tmp_path / "o.mp4")) == other
    session.forget(run.id)
    assert session.run(export) == run


def test_what_no_run_made_is_said(session, run, tmp_path) -> None:
    strange = make.clip(tmp_path / "strange.mp4", 1)
    false = [
        {"wan_nb": "1", "run": run.id, "video_sha256": "0" * 64},  # another log's run of the same id
        {"wan_nb": "1", "run": "../../x", "video_sha256": 7},
        {"run": run.id},
        [run.id],
        "wan_nb",
    ]
    written_ones = [
        written.copy_with(strange, tmp_path / f"{n}.mp4", title="t", comment=json.dumps(each))
        for n, each in enumerate(false)
    ]
    text = tmp_path / "a.txt"
    text.write_text("no clip")
    for file in (strange, text, *written_ones, written.copy_with(strange, tmp_path / "n.mp4", title="", comment="{")):
        with pytest.raises(NotFound, match="no run of this log made"):
            session.run(file)
    with pytest.raises(NotFound, match="there is no file"):
        session.run("missing.mp4")
    with pytest.raises(InvalidOption, match="URL"):
        session.run("https://x.test/a.mp4")


def test_an_export_takes_no_clips_place(session, run, tmp_path) -> None:
    before = run.video.read_bytes()
    for path, match in ((run.video, "among the clips"), (tmp_path / "a.mov", "end in"), (tmp_path, "folder")):
        with pytest.raises(InvalidOption, match=match):
            run.export(path)
    assert run.video.read_bytes() == before
    run.video.unlink()
    with pytest.raises(NotFound, match="no clip on disk"):
        run.export(tmp_path / "a.mp4")


def test_a_box_that_reaches_to_the_end_of_the_file_does_not_take_in_the_words(tmp_path) -> None:
    clip = odd.with_open_mdat(odd.clip(tmp_path / "a.mp4", 1, movflags="+faststart"))
    before = clip.read_bytes()
    path = written.copy_with(clip, tmp_path / "b.mp4", title="猫", comment="said")
    assert written.comment_of(path) == "said"
    assert clips.inspect_clip(path).frames == 24
    assert clip.read_bytes() == before
