"""The form's side in the kernel: drafts, files in pieces, and one run per order."""

from __future__ import annotations

import hashlib
import json
import threading
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import odd_files
import pytest
from PIL import Image

from wan_nb.api import catalog
from wan_nb.errors import InvalidMedia, InvalidOption
from wan_nb.grammar.cell import Cell
from wan_nb.handles.default import form
from wan_nb.handles.session import Session
from wan_nb.widgets.form.form import Form
from wan_nb.widgets.form.form_draft import Draft, field_specs, fields_from
from wan_nb.widgets.form.form_upload import CHUNK, Uploads

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def session(simulator: Any, tmp_path: Path) -> Iterator[Session]:
    with Session(simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs", gap=0.05) as session:
        yield session


@pytest.fixture
def draft(session: Session) -> Draft:
    return Draft(session.workspace)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of three seconds."""
    return odd_files.clip(tmp_path_factory.mktemp("clip") / "a.mp4", 3, size=(480, 368))


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of a voice, as a reference may have it."""
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(8000 * 2 * 4))
    return path


# --- controls


@pytest.mark.parametrize("model", catalog.MODELS)
def test_every_field_of_a_model_has_a_control_with_its_limits(model: str) -> None:
    specs = {spec["name"]: spec for spec in field_specs(model)}
    assert set(specs) == {field.name for field in catalog.model(model).fields}
    for field in catalog.model(model).fields:
        assert (specs[field.name]["minimum"], specs[field.name]["maximum"]) == (field.minimum, field.maximum)
        if field.where != "model":
            assert specs[field.name]["choices"] == list(field.choices)
    assert json.loads(json.dumps(list(specs.values()))) == list(specs.values())


def test_before_a_model_is_decided_every_material_that_decides_has_a_control() -> None:
    specs = {spec["name"]: spec for spec in field_specs()}
    wanted = {name for row in catalog.MODELS.values() for name in row.chosen_by or () if row.field(name)}
    assert wanted <= set(specs)
    assert {"prompt", "ratio", "driving_audio"} <= set(specs)
    assert specs["first_clip"]["max_bytes"] == 100_000_000
    assert specs["driving_audio"]["suffixes"] == [".wav", ".mp3"]


# --- draft


def test_empty_draft_asks_for_a_prompt_and_knows_its_price(draft: Draft) -> None:
    said = draft.check()
    assert not said["ready"]
    assert list(said["problems"]) == ["prompt"]
    assert said["price"] == "≈ CNY 3.00"
    assert said["mode"] == ""


def test_mode_is_named_from_what_is_given(draft: Draft, photos: Path) -> None:
    draft.give("first_frame", str(photos / "cat.jpg"))
    assert draft.check()["mode"] == "image to video"
    draft.give("last_frame", str(photos / "coffee.jpg"))
    draft.give("driving_audio", str(photos / "voice.mp3"))
    said = draft.check()
    assert said["mode"] == "first and last frame, with your audio"
    assert said["ready"]
    assert said["media"]["first_frame"]["name"] == "cat.jpg"
    assert "JPEG" in said["media"]["first_frame"]["facts"]


def test_facts_of_a_material_are_shown(draft: Draft, photos: Path) -> None:
    draft.give("driving_audio", str(photos / "voice.mp3"))
    facts = draft.check()["media"]["driving_audio"]["facts"]
    assert facts.startswith("MP3 · ")
    assert " s · " in facts


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("duration", "16", "2 to 15"),
        ("duration", "", "whole number"),
        ("duration", "abc", "whole number"),
        ("seed", "-1", "0 to"),
        ("seed", "1.5", "whole number"),
        ("resolution", "4K", "720P"),
        ("prompt", "x" * 5001, "1 more"),
        ("negative_prompt", "🎬" * 501, "1 more"),
    ],
)
def test_what_is_wrong_is_said_beside_its_control(
    draft: Draft, photos: Path, name: str, value: str, words: str
) -> None:
    draft.give("first_frame", str(photos / "cat.jpg"))
    draft.set(name, value)
    said = draft.check()
    assert list(said["problems"]) == [name]
    assert words in said["problems"][name]
    assert not said["ready"]


def test_all_that_is_wrong_is_said_at_once(draft: Draft) -> None:
    draft.set("duration", 99)
    draft.set("prompt", "x" * 6000)
    assert {"duration", "prompt"} <= set(draft.check()["problems"])


def test_emptied_fields_are_not_sent(draft: Draft, photos: Path) -> None:
    draft.give("first_frame", str(photos / "cat.jpg"))
    for name in ("prompt", "negative_prompt", "seed"):
        draft.set(name, "7")
        draft.set(name, " ")
    assert draft.check()["ready"]
    assert not {"prompt", "negative_prompt", "seed"} & set(draft.fields())


@pytest.mark.parametrize(
    "source",
    ["nowhere.png", "https://", "http:// spaces", "ftp://x/y.png", "", "\x00", "https://[::1/a.png", "a" * 5000],
)
def test_a_source_that_is_none_is_said_beside_its_control(draft: Draft, source: str) -> None:
    draft.give("first_frame", source)
    assert "first_frame" in draft.check()["problems"]
    draft.drop("first_frame")
    assert list(draft.check()["problems"]) == ["prompt"]


def test_a_bad_frame_is_the_only_complaint_about_frames(draft: Draft, tmp_path: Path) -> None:
    Image.new("RGB", (100, 100)).save(tmp_path / "tiny.png")
    draft.give("first_frame", str(tmp_path / "tiny.png"))
    (message,) = draft.check()["problems"].values()
    assert "100" in message


def test_a_url_is_taken_without_being_looked_at(draft: Draft) -> None:
    draft.give("first_frame", "https://example.org/cat.png?Signature=secret")
    said = draft.check()
    assert said["ready"]
    assert said["media"]["first_frame"]["name"] == "https://example.org/cat.png"


def test_a_field_that_does_not_exist_changes_nothing(draft: Draft) -> None:
    before = draft.check()
    draft.set("first_frame", "x")
    draft.set("api_key", "x")
    draft.give("prompt", "x")
    assert draft.check() == before


def test_code_of_a_draft_is_its_request(draft: Draft, photos: Path) -> None:
    draft.give("first_frame", str(photos / "cat.jpg"))
    draft.set("prompt", "a {{cat}}")
    draft.set("duration", "8")
    code = draft.code()
    assert "duration=8" in code["Python"]
    assert code["%%wan"].startswith("%%wan --raw ")


# --- which model


def test_the_model_follows_from_what_is_given(draft: Draft, photos: Path, clip: Path) -> None:
    def seen() -> tuple[str, str]:
        said = draft.check()
        return said["model"], said["mode"]

    draft.set("prompt", "a cat walks")
    assert seen() == ("wan2.7-t2v", "text to video")
    draft.give("first_frame", str(photos / "cat.jpg"))
    assert seen() == ("wan2.7-i2v", "image to video")
    draft.drop("first_frame")
    draft.give("reference_image#1", str(photos / "cat.jpg"))
    assert seen() == ("wan2.7-r2v", "reference to video")
    draft.drop("reference_image#1")
    draft.give("video", str(clip))
    assert seen() == ("wan2.7-videoedit", "edit")
    assert draft.check()["ready"]
    draft.set("model", "happyhorse-1.0-video-edit")
    assert seen() == ("happyhorse-1.0-video-edit", "edit")


def test_another_model_keeps_what_fits_and_puts_the_rest_aside(draft: Draft, photos: Path) -> None:
    draft.give("first_frame", str(photos / "cat.jpg"))
    draft.give("driving_audio", str(photos / "voice.mp3"))
    draft.set_all({"prompt": "a cat", "negative_prompt": "blur", "duration": "2", "seed": "7", "resolution": "1080P"})
    draft.set_all({"model": "happyhorse-1.1-i2v", "duration": "2"})
    said = draft.check()
    assert said["ready"], said["problems"]
    assert said["values"]["negative_prompt"] is None
    assert (said["values"]["seed"], said["values"]["resolution"], said["values"]["duration"]) == ("7", "1080P", 5)
    assert list(said["media"]) == ["first_frame"]
    assert sorted(said["aside"]) == [
        "Driving audio: happyhorse-1.1-i2v takes none",
        "Duration 2: happyhorse-1.1-i2v does not take it",
        "Negative prompt blur: happyhorse-1.1-i2v takes none",
    ]
    assert {spec["name"] for spec in said["fields"]} == {f.name for f in catalog.model("happyhorse-1.1-i2v").fields}
    draft.set("model", "")
    said = draft.check()
    assert said["aside"] == []
    assert (said["values"]["negative_prompt"], said["values"]["duration"]) == ("blur", "2")
    assert set(said["media"]) == {"first_frame", "driving_audio"}
    assert said["model"] == "wan2.7-i2v"


def test_what_does_not_go_together_is_put_aside_said_and_comes_back(draft: Draft, photos: Path, voice: Path) -> None:
    """Frames and references of wan3.0 exclude each other; the last one given stays."""
    cat = str(photos / "cat.jpg")
    draft.set_all({"prompt": "a cat", "model": "wan3.0-video"})
    draft.give("reference_image#1", cat)
    draft.give("reference_image#2", str(photos / "rocket.jpg"))
    draft.give("reference_audio#1", str(voice))
    draft.give("first_frame", cat)
    said = draft.check()
    assert said["ready"], said["problems"]
    assert (said["mode"], list(said["media"])) == ("image to video", ["first_frame"])
    assert sorted(said["aside"]) == [
        "Reference audio: it does not go with First frame", "Reference image: it does not go with First frame",
    ]  # fmt: skip
    draft.give("last_frame", cat)
    assert draft.check()["mode"] == "first and last frame"
    draft.drop("first_frame")
    draft.drop("last_frame")
    said = draft.check()
    assert (said["mode"], said["aside"]) == ("reference to video", [])
    assert said["lists"]["reference_image"] == ["reference_image#1", "reference_image#2"]
    assert set(said["media"]) == {"reference_image#1", "reference_image#2", "reference_audio#1"}


def test_a_closed_combination_keeps_what_goes_with_the_new_material(draft: Draft, photos: Path, clip: Path) -> None:
    for name in ("first_frame", "last_frame"):
        draft.give(name, str(photos / "cat.jpg"))
    draft.give("driving_audio", str(photos / "voice.mp3"))
    draft.give("first_clip", str(clip))
    said = draft.check()
    assert (said["mode"], set(said["media"])) == ("continue a clip to a last frame", {"last_frame", "first_clip"})
    assert sorted(said["aside"]) == [
        "Driving audio: it does not go with First clip", "First frame: it does not go with First clip",
    ]  # fmt: skip
    draft.drop("first_clip")
    said = draft.check()
    assert (said["mode"], said["aside"]) == ("first and last frame, with your audio", [])


def test_a_reference_that_is_put_aside_takes_its_voice_along_and_both_come_back(
    draft: Draft, photos: Path, voice: Path, clip: Path
) -> None:
    """Nothing says which model: it follows from what is given, and from what comes back."""
    draft.set("prompt", "a cat")
    draft.give("reference_image#1", str(photos / "cat.jpg"))
    draft.give("reference_voice#reference_image#1", str(voice))
    draft.set("model", "wan2.7-t2v")
    assert draft.check()["media"] == {}
    draft.set("model", "")
    said = draft.check()
    assert (said["model"], said["aside"]) == ("wan2.7-r2v", [])
    assert set(said["media"]) == {"reference_image#1", "reference_voice#reference_image#1"}
    assert said["ready"], said["problems"]
    draft.drop("reference_image#1")
    draft.give("first_frame", str(photos / "cat.jpg"))
    draft.give("video", str(clip))
    assert draft.check()["aside"] == ["First frame: wan2.7-videoedit takes none"]
    draft.drop("video")
    said = draft.check()
    assert (said["model"], said["mode"], said["aside"]) == ("wan2.7-i2v", "image to video", [])


def test_defaults_are_those_of_the_model(draft: Draft, clip: Path) -> None:
    draft.give("video", str(clip))
    assert (draft.values["duration"], draft.values["audio_setting"], draft.values["ratio"]) == (0, "auto", None)
    draft.set("model", "wan3.0-video")
    assert (draft.values["duration"], draft.values["ratio"], draft.values["audio"]) == (5, "adaptive", True)
    assert draft.check()["aside"] == ["Video: wan3.0-video takes none"]


def test_a_length_that_the_service_chooses_is_priced_as_at_most(draft: Draft) -> None:
    draft.set_all({"model": "wan3.0-video", "prompt": "a cat", "duration": "-1"})
    assert draft.check()["price"] == "at most CNY 18.00"


@pytest.mark.parametrize("model", catalog.MODELS)
def test_every_model_can_be_chosen_and_left(draft: Draft, model: str, photos: Path) -> None:
    draft.give("first_frame", str(photos / "cat.jpg"))
    draft.set("prompt", "a cat")
    draft.set("model", model)
    said = draft.check()
    assert json.loads(json.dumps(said)) == said
    assert said["model"] == model
    draft.set("model", "")
    assert draft.check()["ready"]


# --- lists


def test_references_are_counted_in_their_order_and_a_voice_goes_along(
    draft: Draft, photos: Path, clip: Path, voice: Path
) -> None:
    for number, name in ((1, "cat.jpg"), (2, "coffee.jpg"), (3, "rocket.jpg")):
        draft.give(f"reference_image#{number}", str(photos / name))
    draft.give("reference_video#1", str(clip))
    draft.give("reference_voice#reference_image#3", str(voice))
    draft.set("prompt", "Image 1 and Image 2")

    def now() -> tuple[list[str], list[int]]:
        fields = draft.fields()
        return [Path(m.name).name for m in fields["reference_image"]], list(fields["reference_voice"])

    assert now() == (["cat.jpg", "coffee.jpg", "rocket.jpg"], [3])
    draft.order("reference_image", ["reference_image#3", "reference_image#1", "reference_image#2"])
    assert now() == (["rocket.jpg", "cat.jpg", "coffee.jpg"], [1])
    draft.order("reference_image", ["reference_image#3"])
    draft.order("reference_image", ["reference_image#3"] * 3)
    assert now() == (["rocket.jpg", "cat.jpg", "coffee.jpg"], [1])
    assert draft.check()["ready"], draft.check()["problems"]
    draft.drop("reference_image#3")
    assert "reference_voice" not in draft.fields()
    assert "reference_voice#reference_image#3" not in draft.check()["typed"]


def test_a_run_with_references_opens_with_all_of_them(session: Session, photos: Path, voice: Path) -> None:
    fields: Any = {
        "reference_image": [photos / "cat.jpg", photos / "coffee.jpg"],
        "reference_voice": {2: voice},
        "duration": 3,
    }
    run = session.submit("Image 1 meets Image 2", **fields)
    draft = Draft(session.workspace, fields_from(run, session.workspace))
    assert draft.check()["ready"], draft.check()["problems"]
    assert draft.check()["lists"]["reference_image"] == ["reference_image#1", "reference_image#2"]
    again = session.request(draft.prompts[""], **draft.fields()).public()
    assert again["parameters"] == run.row.request["parameters"]
    for one, other in zip(again["input"]["media"], run.row.request["input"]["media"], strict=True):
        assert (one["type"], one["identity"]) == (other["type"], other["identity"])
    assert "reference_voice" in again["input"]["media"][1]


def test_too_many_references_are_said_at_their_list(draft: Draft, photos: Path) -> None:
    draft.set("prompt", "a cat")
    for number in range(6):
        draft.give(f"reference_image#{number}", str(photos / "cat.jpg"))
    assert "reference_image" in draft.check()["problems"]


@pytest.mark.parametrize(
    "slot",
    ["reference_image", "reference_image#x", "reference_voice#reference_image#9", "reference_voice#1", "first_frame#1",
     "#", "prompt#1", "reference_image#1#2"],
)  # fmt: skip
def test_a_place_that_there_is_not_changes_nothing(draft: Draft, slot: str, photos: Path) -> None:
    before = draft.check()
    draft.give(slot, str(photos / "cat.jpg"))
    draft.refuse(slot, "x")
    assert draft.check() == before


# --- where it begins


def test_several_prompts_are_one_study(draft: Draft, session: Session, photos: Path) -> None:
    assert Draft(draft.workspace, {"seed": 0}).seeds() == [0, 1, 2]
    draft.give("first_frame", str(photos / "cat.jpg"))
    for name, value in {"duration": "2", "seeds": "4", "seed": "11", "prompt": "--- calm\na cat\n---\na dog;"}.items():
        draft.set(name, value)
    said = draft.check()
    assert (said["ready"], said["clips"], said["price"]) == (True, 8, "≈ CNY 9.60")
    prompts, fields = draft.study()
    study = session.study(prompts, **fields).state()
    assert {(request.prompt, request.seed) for request in study.requests} == {
        (prompt, seed) for prompt in ("a cat", "a dog;") for seed in (11, 12, 13, 14)
    }
    code = draft.code(study)
    parsed = Cell.parse(*code["%%wan"].removeprefix("%%wan").split("\n", 1))
    assert parsed.variants == (("calm", "a cat"), ("B", "a dog;"))
    assert parsed.seeds == (11, 12, 13, 14)
    assert "seeds=[11, 12, 13, 14]" in code["Python"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"prompt": "--- a\n--- b\na dog"}, "prompt"),
        ({"prompt": "a cat\n---calm\na dog"}, "prompt"),
        ({"prompt": "— calm\na dog"}, "prompt"),
        ({"prompt": "--- a\na cat\n--- a\na dog"}, "prompt"),
        ({"prompt": "a cat\n---\n" + "x" * 5001}, "prompt"),
        ({"prompt": "a cat\n---\na dog", "seeds": "0"}, "seeds"),
        ({"prompt": "a cat\n---\na dog", "seeds": "x"}, "seeds"),
        ({"prompt": "a cat\n---\na dog", "seed": "x"}, "seed"),
    ],
)
def test_what_is_wrong_with_several_prompts_is_said(draft: Draft, photos: Path, values: Any, field: str) -> None:
    draft.give("first_frame", str(photos / "cat.jpg"))
    for name, value in values.items():
        draft.set(name, value)
    assert list(draft.check()["problems"]) == [field]


def test_lines_that_would_part_prompts_are_kept_when_a_run_is_opened(session: Session, photos: Path) -> None:
    prompt = "a cat\n---\nand a dog"
    draft = Draft(session.workspace, {"prompt": prompt, "first_frame": str(photos / "cat.jpg")})
    assert draft.check()["clips"] == 0
    assert draft.prompts == {"": prompt}


def test_a_material_that_cannot_be_sent_again_is_asked_for_beside_its_control(session: Session) -> None:
    signed = "https://example.invalid/cat.jpg?OSSAccessKeyId=LTAI5t&Expires=9999999999&Signature=abc"
    run = session.submit("a cat walks", first_frame=signed, duration=2)
    draft = Draft(session.workspace, fields_from(run, session.workspace))
    assert draft.values["prompt"] == "a cat walks"
    assert "first_frame" in draft.check()["problems"]
    assert "Give it anew" in draft.check()["problems"]["first_frame"]
    draft.give("first_frame", signed)
    assert not draft.check()["problems"]


def test_form_begins_with_an_earlier_run(session: Session, photos: Path) -> None:
    run = session.submit("a cat walks", first_frame=photos / "cat.jpg", duration=3, seed=11).wait(30)
    expected = {"prompt": "a cat walks", "duration": 3, "seed": 11}
    for source in (run, run.id[:8], run.video, str(run.video.with_suffix(".json")), session.runs().iloc[0]):
        fields = fields_from(source, session.workspace)
        assert {name: fields[name] for name in expected} == expected
        widget = form(source, session=session)
        assert widget.values["prompt"] == "a cat walks"
        assert widget.checked["ready"]
        widget.close()


@pytest.mark.parametrize("content", ["", "{}", "[]", "not json", '{"request": 1}'])
def test_a_sidecar_that_is_none_is_refused(session: Session, tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises((InvalidOption, AttributeError)):
        fields_from(tmp_path / "x.json", session.workspace)


# --- files in pieces


def send(uploads: Uploads, field: str, name: str, data: bytes, *, sha256: str | None = None) -> Path:
    uploads.begin(field, name, len(data))
    for index, start in enumerate(range(0, len(data), CHUNK)):
        assert uploads.piece(field, index, data[start : start + CHUNK]) == min(start + CHUNK, len(data))
    path, called = uploads.end(field, hashlib.sha256(data).hexdigest() if sha256 is None else sha256)
    assert called == name
    return path


def test_a_file_arrives_as_it_was_sent(tmp_path: Path) -> None:
    data = bytes(range(256)) * 20_000
    path = send(Uploads(tmp_path), "first_frame", "my photo.JPG", data)
    assert path.read_bytes() == data
    assert path.name == hashlib.sha256(data).hexdigest() + ".jpg"
    assert send(Uploads(tmp_path), "first_frame", "same.jpg", data, sha256="") == path
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("field", "name", "size", "words"),
    [
        ("first_frame", "notes.txt", 10, "JPEG, PNG"),
        ("first_frame", "../../x", 10, "JPEG, PNG"),
        ("first_frame", "a.jpg", 20_000_001, "limit is 20 MB"),
        ("driving_audio", "a.mp3", 15_000_001, "limit is 15 MB"),
        ("first_clip", "a.mp4", 120_000_000, "limit is 100 MB"),
        ("first_frame", "a.jpg", 0, "limit"),
        ("first_frame", "a.jpg", -1, "limit"),
        ("prompt", "a.jpg", 10, "takes no file"),
    ],
)
def test_a_file_that_may_not_come_is_refused_before_it_is_sent(
    tmp_path: Path, field: str, name: str, size: int, words: str
) -> None:
    with pytest.raises(InvalidMedia, match=words):
        Uploads(tmp_path).begin(field, name, size)


def test_pieces_out_of_order_and_too_many_are_refused(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    for index, data in ((1, b"x"), (0, b"xxxx"), (-1, b"x")):
        uploads.begin("first_frame", "a.jpg", 3)
        with pytest.raises(InvalidMedia, match="in order"):
            uploads.piece("first_frame", index, data)
        with pytest.raises(InvalidMedia, match="in order"):
            uploads.piece("first_frame", 0, b"x")


@pytest.mark.parametrize("sha256", ["0" * 64, "zz"])
def test_a_file_that_changed_on_the_way_is_refused(tmp_path: Path, sha256: str) -> None:
    with pytest.raises(InvalidMedia, match="whole"):
        send(Uploads(tmp_path), "first_frame", "a.jpg", b"abc", sha256=sha256)
    uploads = Uploads(tmp_path)
    uploads.begin("first_frame", "a.jpg", 3)
    uploads.piece("first_frame", 0, b"ab")
    with pytest.raises(InvalidMedia, match="whole"):
        uploads.end("first_frame", "")
    assert not list(tmp_path.iterdir())


# --- messages


class Heard(Form):
    """A form whose answers stay here."""

    def send(self, content: Any, buffers: Any = None) -> None:
        if not hasattr(self, "said"):
            self.said, self.told = [], threading.Condition()
        with self.told:
            self.said.append((content, buffers))
            self.told.notify_all()

    def say(self, kind: str, *buffers: bytes, **content: Any) -> None:
        self._on_message(self, {"kind": kind, **content}, list(buffers))

    def wait(self, kind: str, count: int = 1) -> dict[str, Any]:
        def enough() -> bool:
            return sum(content["kind"] == kind for content, _ in self.said) >= count

        with self.told:
            assert self.told.wait_for(enough, timeout=30), self.said
            return [content for content, _ in self.said if content["kind"] == kind][-1]


@pytest.fixture
def heard(session: Session) -> Iterator[Heard]:
    widget = Heard(Draft(session.workspace), session.views, submit=session.submit, study=session.study)
    widget.send({"kind": "begun"})
    yield widget
    widget.close()


def test_what_is_typed_is_checked_and_kept_for_a_reloaded_page(heard: Heard) -> None:
    heard.say("set", values={"prompt": "a cat", "duration": "99"}, n=3)
    said = heard.wait("checked")
    assert said["n"] == 3
    assert "duration" in said["checked"]["problems"]
    assert heard.get_state("values")["values"]["prompt"] == "a cat"
    assert heard.get_state("checked")["checked"]["problems"]["duration"]


def test_a_photo_comes_in_pieces_and_is_previewed(heard: Heard, photos: Path) -> None:
    data = (photos / "cat.jpg").read_bytes()
    heard.say("begin", field="first_frame", name="my cat.jpg", size=len(data))
    heard.wait("got")
    heard.say("piece", data, field="first_frame", index=0)
    assert heard.wait("got", 2)["received"] == len(data)
    heard.say("end", field="first_frame", sha256=hashlib.sha256(data).hexdigest())
    heard.wait("preview")
    said = heard.wait("checked")["checked"]
    assert said["ready"]
    assert said["media"]["first_frame"]["name"] == said["typed"]["first_frame"] == "my cat.jpg"
    (preview,) = [buffers for content, buffers in heard.said if content["kind"] == "preview"]
    assert preview[0][:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"kind": "rm"},
        {"kind": "set"},
        {"kind": "set", "values": [1]},
        {"kind": "give"},
        {"kind": "piece", "field": "first_frame", "index": "x"},
        {"kind": "begin", "field": "first_frame", "name": "a.jpg", "size": "10"},
        {"kind": "end", "field": "x"},
        {"kind": "listen", "field": "x"},
        {"kind": "code"},
    ],
)
def test_a_message_that_means_nothing_breaks_nothing(heard: Heard, content: dict[str, Any]) -> None:
    heard._on_message(heard, content, [])
    heard.say("set", values={"prompt": "still here"}, n=1)
    with heard.told:
        assert heard.told.wait_for(lambda: any(said.get("n") == 1 for said, _ in heard.said), timeout=30)
    assert heard.values["prompt"] == "still here"


def test_two_orders_by_a_double_click_are_one_run(heard: Heard, simulator: Any, photos: Path) -> None:
    heard.say("give", field="first_frame", text=str(photos / "cat.jpg"))
    heard.say("submit", values={"prompt": "a cat walks", "duration": "2"}, n=1)
    heard.say("submit", values={"prompt": "a cat walks", "duration": "2"}, n=2)
    assert "is on its way" in heard.wait("said")["text"]
    assert len(simulator.tasks()) == 1
    heard._worker.close()
    assert len([c for c, _ in heard.said if c["kind"] == "said"]) == 1


def test_several_prompts_are_ordered_once_and_shown(
    heard: Heard, session: Session, simulator: Any, photos: Path
) -> None:
    heard.say("give", field="first_frame", text=str(photos / "cat.jpg"))
    values = {"prompt": "a cat walks\n---\na cat runs", "duration": "2", "seeds": "2"}
    heard.say("submit", values=values, n=1)
    assert "4 clips on the way" in heard.wait("said")["text"]
    with heard._buying:  # it takes the next order when all of this one is shown
        pass
    heard.say("submit", values=values, n=2)
    assert "all clips were there already" in heard.wait("said", 2)["text"]
    (name,) = session.log.studies()
    assert len(session.runs(study=name)) == 4
    session.study(name=name).wait()
    assert len(simulator.tasks()) == 4
    assert f'wan_nb.study(name="{name}")' in heard.wait("said", 2)["text"]


def test_what_is_wrong_is_not_sent(heard: Heard, simulator: Any) -> None:
    heard.say("submit", values={"prompt": "a cat", "duration": "99"}, n=1)
    assert "nothing was sent" in heard.wait("said")["text"]
    assert simulator.tasks() == []


def test_a_refusal_of_the_service_is_said_in_the_form(heard: Heard, simulator: Any, photos: Path) -> None:
    simulator.faults(endpoint="create", status=400, code="Arrearage", message="Access denied, <b>pay</b>.")
    heard.say("give", field="first_frame", text=str(photos / "cat.jpg"))
    heard.say("submit", values={"prompt": "a cat", "duration": "2"}, n=1)
    said = heard.wait("said")["text"]
    assert "Arrearage" in said
    assert "<b>pay</b>" in said
