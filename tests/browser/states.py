"""What the kernel would send for boards and forms in every state."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from wan_nb.html.text import ACTIVE, GROUPS, STATES
from wan_nb.log.row import Row
from wan_nb.log.states import Status
from wan_nb.widgets.board import board_row
from wan_nb.widgets.form.form_draft import field_specs
from wan_nb.widgets.output.outputs import NOTHING

PHOTOS = Path(__file__).parents[2] / "notebooks/data"
LABELS = ("calm", "fast", "夜の街", "dash", "slow", "near", "far", "still", "wild")


def row(index: int, status: str, **changes: Any) -> Row:
    """A run in a state, begun about a minute ago."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "study": "walk",
        "variant": LABELS[index % len(LABELS)],
        "prompt": "a cat walks slowly towards the camera, soft light, shallow depth of field",
        "status": Status(status),
        "duration": 5,
        "resolution": "720P",
        "seed": 7,
        "cost": 3.0,
        "currency": "CNY",
        "created_at": now - timedelta(seconds=50),
        "submitted_at": now - timedelta(seconds=48),
        "started_at": now - timedelta(seconds=40) if status in {"RUNNING", "DOWNLOADING"} else None,
    }
    if status == "SUCCEEDED":
        values |= {"queue_s": 3.0, "run_s": 61.0, "billed_s": 5.0, "width": 1280, "height": 720, "has_audio": True}
        values |= {"bytes": 2_523_431, "video": f"videos/{index}.mp4"}
    if status == "FAILED":
        values["error_message"] = "Input data may contain inappropriate content."
    return Row(f"{index:04x}9c12ab34", **{**values, **changes})


def every_state() -> list[Row]:
    """One run in each state, every second one simulated."""
    return [row(i, status, simulated=i % 2 == 0) for i, status in enumerate(Status)]


def board(
    rows: list[Row], *, title: str = "walk", money: str = "", expected_s: float | None = 63.0, notify: bool = False
) -> dict[str, Any]:
    """State of the board's model."""
    shown = [board_row(r, video=Path.cwd() / str(r.video) if r.video else None, expected_s=expected_s) for r in rows]
    looks = {name: look._asdict() for name, look in STATES.items()}
    words = {"title": title, "empty": NOTHING, "money": money, "notify": notify, "offer": {"text": "", "button": ""}}
    return {"rows": shown, "about": {**words, "states": looks, "groups": GROUPS, "active": sorted(ACTIVE)}}


def form(model: str = "wan2.7-i2v", **changes: Any) -> dict[str, Any]:
    """State of the form's model, empty unless told otherwise."""
    values = {
        "model": model, "prompt": None, "negative_prompt": None, "resolution": "720P", "duration": 5,
        "seed": None, "prompt_extend": False, "watermark": False, "seeds": 3,
    }  # fmt: skip
    checked = {
        "problems": {"first_frame": "nothing is given: wan2.7-i2v needs first_frame or first_clip."},
        "ready": False, "mode": "", "price": "≈ CNY 3.00", "clips": 0, "media": {}, "typed": {},
        "lists": {}, "aside": [], "model": model,
    }  # fmt: skip
    about = {"service": "simulator", "simulated": True, "files": {"image": ["cat.jpg"], "audio": [], "clip": []}}
    state = {"fields": field_specs(model), "values": values, "checked": checked, "about": {**about, "chunk": 2_000_000}}
    for name, change in changes.items():
        state[name] = {**state[name], **change}
    state["checked"] = {"fields": state["fields"], "values": state["values"], **state["checked"]}
    return state


def filled() -> dict[str, Any]:
    """A form that is nearly ready: two materials, and one that is too small."""
    frame = {"name": "cat.jpg", "facts": "JPEG · 1200×800 · 0.2 MB", "note": "", "url": None, "kind": "image"}
    audio = {"name": "voice.mp3", "facts": "MP3 · 8.0 s · 65 kB", "note": "", "url": None, "kind": "audio"}
    return form(
        values={"prompt": "A cat made of spray paint comes alive on a concrete wall, handheld camera", "seed": 7},
        checked={
            "problems": {"last_frame": "tiny.png has 100×100 pixels; each side has 240 to 8000."},
            "mode": "first and last frame, with your audio",
            "media": {"first_frame": frame, "driving_audio": audio},
            "typed": {"first_frame": "cat.jpg", "last_frame": "tiny.png", "driving_audio": "voice.mp3"},
        },
    )


def references() -> dict[str, Any]:
    """A form with a list of references, one with a voice, and something that was put aside."""
    media = {
        f"reference_image#{number}": {
            "name": name,
            "facts": "JPEG · 1200×800",
            "note": "",
            "url": None,
            "kind": "image",
        }
        for number, name in ((1, "cat.jpg"), (2, "coffee.jpg"), (4, "rocket.jpg"))
    }
    voice = {"name": "voice.mp3", "facts": "MP3 · 8.0 s · 65 kB", "note": "", "url": None, "kind": "audio"}
    media["reference_voice#reference_image#2"] = voice
    return form(
        "wan2.7-r2v",
        values={"prompt": "Image 1 waves at Image 2", "ratio": "16:9"},
        checked={
            "problems": {},
            "ready": True,
            "mode": "reference to video",
            "media": media,
            "typed": {slot: one["name"] for slot, one in media.items()},
            "lists": {"reference_image": ["reference_image#1", "reference_image#2", "reference_image#4"]},
            "aside": ["Last frame: wan2.7-r2v takes none"],
        },
    )


def picture(width: int, height: int, *, frames: int = 1) -> bytes:
    """A JPEG of the cat, as a preview or as a strip."""
    cat = Image.open(PHOTOS / "cat.jpg").convert("RGB").resize((width, height))
    sheet = Image.new("RGB", (width * frames, height))
    for place in range(frames):
        sheet.paste(cat.rotate(place * 4), (width * place, 0))
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=75)
    return out.getvalue()
