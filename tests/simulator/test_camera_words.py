"""Which camera a prompt asks for: what is said of the camera counts, and not what the subject does."""

from __future__ import annotations

import pytest

from wan_nb.simulator.drawing.camera import camera_words, move_of

STILL = (
    "steam rises from the cup, static camera",
    "steam drifts, stationary camera",
    "steam drifts over the cup; the camera does not move",
    "no camera movement, steam rises",
    "the camera doesn't move",
    "the camera doesn’t pan or zoom",
    "steam goes up around the cup, locked-off shot",
    "tripod shot, the steam curls to the left",
    "steam rises while the camera stays still",
    "without moving the camera, let the steam rise towards the lens",
    "static",
    "fixed camera. steam rises quickly",
    "the camera stays where it is as the steam rises towards the camera",
    "STEAM RISES, CAMERA LOCKED",
    "do not move the camera",
    "the camera never moves",
    "A motionless camera watches the steam rise",
    "steam swirls around the cup, the camera is fixed on a tripod",
    "no zoom, no pan",
    "static shot of the cup, steam rising",
    "steam rises from the cup and the camera remains still",
    "camera: static",
    "the viewpoint does not change, the cup turns to the right",
    "热气慢慢升起，固定镜头",
    "镜头不动，热气升起",
    "镜头保持静止，蒸汽向上飘",
    "没有镜头运动，热气旋转",
    "画面固定不动，咖啡冒热气",
    "机位固定，热气升起",
    "无运镜，热气升起",
    "运镜：固定",
    "不要移动镜头",
    "镜头一动不动，咖啡慢慢旋转",
)

MOVES = {
    "slow zoom in": {"in"},
    "the camera moves in slowly": {"in"},
    "the camera moves out fast": {"out"},
    "the camera pulls back until the whole table is seen": {"out"},
    "zoom in, pan left": {"in", "left"},
    "pan slowly to the left": {"left"},
    "camera moves left and up": {"left", "up"},
    "the steam grows into the smoke of a launch, the camera tilts up": {"up"},
    "the camera circles around the cup": {"orbit"},
    "slow orbit": {"orbit"},
    "handheld camera": {"shake"},
    "zoom in without shaking": {"in"},
    "no handheld camera, slow zoom in": {"in"},
    "the rocket takes off, the camera pans right": {"right"},
    "the cat walks to the left, zoom in": {"in"},
    "镜头向左移动": {"left"},
    "镜头缓缓上移": {"up"},
    "火箭升起，镜头推近": {"in"},
    "向下 环绕 手持 快速": {"down", "orbit", "shake"},
    "不要晃动，镜头拉远": {"out"},
}

NONE = (
    "steam drifts over the cup",
    "the cat looks around",
    "she speaks into the camera",
    "the camera follows the cat as it turns",
    "the cup that was left on the right table",
    "the camera is not static",
    "the cat does not move",
    "",
)

SUBJECT = {
    "a cat walks slowly towards the camera": {"in"},
    "steam rises from the cup": {"up"},
    "the rocket takes off": {"up"},
    "leaves are falling": {"down"},
    "the earth rotates": {"orbit"},
    "热气升起": {"up"},
}


@pytest.mark.parametrize("prompt", STILL)
def test_a_camera_that_shall_not_move_stands_whatever_the_subject_does(prompt: str) -> None:
    assert set(camera_words(prompt)) == {"static"}
    move = move_of(prompt, 5)
    assert (move.dx, move.dy, move.arc, move.shake) == (0, 0, 0, 0)
    assert move.zoom < 1.02


@pytest.mark.parametrize("prompt", MOVES)
def test_what_is_said_of_the_camera_counts_alone(prompt: str) -> None:
    assert set(camera_words(prompt)) == MOVES[prompt]


@pytest.mark.parametrize("prompt", NONE)
def test_what_names_no_move_leaves_it_to_the_seed(prompt: str) -> None:
    assert camera_words(prompt) == {}
    assert move_of(prompt, 1) != move_of(prompt, 2)


@pytest.mark.parametrize("prompt", SUBJECT)
def test_a_camera_of_which_nothing_is_said_follows_the_subject(prompt: str) -> None:
    assert set(camera_words(prompt)) == SUBJECT[prompt]


def test_each_move_comes_with_the_word_that_names_it() -> None:
    assert camera_words("steam rises from the cup") == {"up": "rises"}
    assert camera_words("the camera circles, then zooms in") == {"orbit": "circles", "in": "zooms in"}
