"""Which camera a prompt asks for: what is said of the camera counts, and not what the subject does."""

from __future__ import annotations

import pytest

from wan_nb.simulator.drawing.camera import move_of
from wan_nb.simulator.drawing.camera_words import camera_words

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


ALSO_STILL = """
the camera holds steady while steam rises
camera on a tripod, steam rises
steam rises gently, no camera motion
The camera is still. Steam rises.
the frame stays fixed, steam rises
steam curls up from the cup, fixed camera
steam rises; camera does not move at all
steam rises, the camera remains where it is
locked camera, steam drifts upwards
a still shot: steam rises
static, steam rising
steam rises slowly. Camera: fixed.
fixed shot of a cup of coffee, the steam swirls around
unmoving camera, steam swirls
steady camera, steam rises
the view does not change, steam rises
Camera stands still, the steam moves up and to the left
the shot is static, steam goes up
with a static camera, steam rises towards the ceiling
no zoom, no pan, no tilt: the steam rises
don't move the camera, steam rises
steam rises without any camera movement
keep the camera still, let the steam rise
keep the camera steady while steam rises
hold the camera still as the steam drifts right
static camera angle, the steam rises
the camera is not moving, steam rises
the camera isn't moving
the camera stays put
the camera rests on the table, steam rises
still camera
no camera moves
camera fixed in place, steam spins
the camera is mounted on a tripod
Camera locked off, steam rising in the cold air
frozen camera
steam rises up. The camera stands completely still.
static framing, steam
the camera holds its position
the camera won't move
the camera should not move
the camera mustn't move
the camera may not move, steam rises
the camera keeps still
zero camera movement
immobile camera
stable camera, steam rises
the camera is locked
the camera never moves or zooms
A static close-up of the cup, steam rising
static wide shot, steam rises
static close up shot
close-up, static camera, steam rises
steam rises from the cup, camera completely static
镜头固定，热气缓缓上升
固定机位拍摄，咖啡的热气袅袅升起
镜头静止，热气升起
镜头保持不动，蒸汽升起
静态镜头，热气向上飘散
镜头不要移动，热气升起
摄像机固定，热气飘动
定机位，热气升起
固定镜头拍摄咖啡，热气旋转上升
镜头不晃动，不移动，热气升起
镜头始终不动，热气升起
热气上升，没有运镜
相机不动，蒸汽向右飘
镜头锁定，热气升起
三脚架拍摄，热气升起
画面静止，只有热气在动
镜头完全静止，热气慢慢升起来
镜头稳定不动，热气升起
稳定镜头，热气升起
镜头不推不拉，热气升起
镜头无运动，热气升起
镜头无任何移动，热气升起
机位不变，热气升起
摄影机静止不动
镜头别动
咖啡冒着热气，镜头定住不动
固定视角，热气升起
视角不变，热气升起
锁定机位，热气升起
全程固定镜头
特写，固定镜头，热气升起
静止镜头特写，热气袅袅
a static camera shows the steam moving upwards
static shot of steam moving upwards around the cup
Static camera. Steam curls up and to the right.
camera: static; steam: rises slowly
Camera movement: none
Camera movement: static
camera motion: no
camera = fixed
The camera is perfectly still while the steam slowly rises and turns around
fix the camera on the cup, steam goes up
lock the camera, steam rises
freeze the camera
nothing but the steam moves, static camera
the camera doesn't follow the steam, it stays still
the steam rises to the left while the camera stands still
Static camera, medium shot, the steam rising towards the window
a single static take, steam rising
static, locked-down camera
steam rises. No camera move.
no moving camera
no camera zoom, no pan
steam rises, no pans or zooms
the camera stays in one place
camera doesn't budge
camera does not pan, tilt or zoom
Do not pan. Do not zoom. Steam rises.
with the camera fixed, steam curls up
the camera, completely still, watches the steam rise
the tripod-mounted camera shows rising steam
steam rising, camera on tripod
fixed lens, fixed frame
unmoved camera
STEAM RISES; STATIC CAMERA!
steam rises (static camera)
"static camera", steam
steam rises - static camera
steam rises | static camera
steam rises / camera static
steam rises—the camera stays still
the camera keeps its position
no movement in the camera
no movement from the camera
camera at rest
the lens does not move
the viewpoint stays fixed
the background does not move, static camera
the camera cannot move
the camera ought not to move
keep camera still
keep camera static, steam rises
camera must stay still
camera stays fixed on the cup as steam rises to the left
静态画面，热气升起
镜头：固定
运镜：无
镜头运动：无
运镜方式：固定镜头
镜头全程静止，热气升腾向上
固定镜头。热气从杯中升起，向右飘散。
摄像机不移动，热气升起
不移动镜头
不要推拉镜头，热气升起
不推镜头不摇镜头，固定
相机保持静止
机位不动
用三脚架固定拍摄
镜头纹丝不动，热气升起
静物镜头，镜头静止
热气在静止的镜头前升起
固定镜头下，热气缓缓上升
画面保持稳定，热气升起
拍摄角度不变
镜头没有任何运动，热气旋转上升
镜头不做任何移动
steam curls upward from the mug; the camera remains perfectly still
The shot is static. Steam rises.
Fixed camera angle, steam swirling around
camera locked in place while steam rises
no zoom, no pan, steam rises slowly
camera stays where it is, steam floats up
the camera isn't moving, and steam rises
A still shot of a coffee cup with rising steam
the camera is not moving at all
without any camera movement, the steam rises to the left
static frame: steam drifts right
Camera: fixed. Steam goes up.
a steady tripod shot with gently rising steam
the camera never moves; only the steam rises
do not move the camera
camera doesn’t move
immobile camera, steam spirals up
the picture stays still apart from the steam
STATIC CAMERA
static shot, the steam dances around the rim
motionless camera as the steam drifts towards the window
stationary shot. the spoon turns around
locked camera; nothing moves but the steam
zero camera motion, steam rising fast
camera holds still
camera frozen, steam rises
the camera stands still while steam goes up
fixed lens, slow steam
camera on a tripod, steam rises up
the camera is fixed on the cup and does not move
the camera is still and the steam rises
镜头保持不动，热气缓缓上升
镜头静止，热气飘向左边
静止镜头，热气旋转上升
摄像机固定不动，热气升腾
镜头不要动，热气升起
镜头不移动，热气向右飘
固定机位，热气缭绕
机位不变，热气上升
定镜拍摄，热气上升
没有镜头运动，热气升起
无镜头移动，热气升起
相机不动，热气升起
镜头完全静止，热气缓缓飘动
镜头始终固定，热气环绕杯子
静态镜头，咖啡旋转
不推拉镜头，不摇镜头，热气上升
镜头别动，热气升起
镜头固定；热气往上飘
热气升起，镜头没有移动
热气升起，而镜头一直不动
a fly orbits the cup, static camera
a car on a bumpy road, static camera
a handheld fan spins, static camera
女孩手持鲜花，固定镜头
一只手手持咖啡杯，镜头不动
俯拍，固定镜头，热气上升
俯拍固定镜头，热气上升
俯拍镜头，机位固定
仰视镜头，固定机位
仰拍，镜头不动
top-down shot, fixed camera, steam rises
top-down static shot of a cup
a pan on the left, static camera
a truck drives left, static camera
the crane goes up, the camera is fixed
camera looking down at the cup, static
shot from the left, static camera
shot of steam curling around the cup, fixed camera
close-up shot of steam rising from a cup, static camera
close-up shot of a coffee cup, steam rising, locked camera
medium shot, steam rises, camera fixed
a shot of a rocket taking off, camera does not move
wide shot of a dancer spinning, static camera
overhead shot of a spinning spoon, no camera movement
特写镜头，热气升起，机位固定
近景镜头：热气升起，镜头固定不动
远景镜头，火箭升空，镜头静止
low angle shot looking up at the cup, static
steam drifts over the cup; close-up; static
the steam rises toward the camera, which stays still
steam rises past the lens, camera static
the camera watches the steam rise, it does not move
the camera, fixed on a tripod, watches the steam rise
view from above, steam rises, nothing but the steam moves, static camera
camera still, steam slowly rises and turns around the cup
the woman walks closer, camera static
a person approaches the table, static camera
the cat rotates around itself, camera does not follow
the camera does not follow the steam
the camera does not zoom or pan
the camera neither moves nor zooms
the camera refuses to move
steam is shaking in the wind, static camera
the table trembles, static camera
the image is still, only steam moves upwards
a fixed shot: the sun rises behind the cup
locked-down camera, milk is poured in
steam rises. Camera movement: none.
camera movement: static
Camera motion = none, steam rises
运镜：无，热气升起
摄影机不动，人物从左向右走
背景向左移动，固定镜头
镜头对准杯子不动，热气升起
镜头定格在咖啡杯上，热气上升
镜头停留在咖啡杯上，热气上升
画面固定，咖啡向上冒热气
全程固定镜头，蒸汽向右上方飘
咖啡杯静物，镜头固定，慢慢升起的蒸汽
steam slowly rises from the hot coffee, the camera is completely locked and does not zoom
The steam curls upwards. Fixed camera.
no camera move at all, only the steam moves to the right
static camera; someone pushes the cup to the left
a hand reaches in and lifts the cup up, static camera
the cup spins around, fixed camera
the spoon falls down into the cup, camera locked
milk is poured in, tripod
steam goes out of the cup, static shot
camera does not zoom in
the camera should stay fixed, steam rises
Only the steam moves, the camera is static.
steam is rising up to the ceiling while the camera keeps still
a close up of a cup with steam rising up, camera is static
the viewer sees steam rising; the camera never moves
static camera, shallow depth of field, steam moving closer
an aeroplane takes off, fixed camera
the crowd moves in, the camera stays put
a ball rolls to the left of the frame, static camera
a train tracks left, static camera
the picture shows a cup, the camera stands still
the shot shows steam rising, static camera
filmed with a fixed camera: steam circles around the rim
steam rises in a fixed frame
静态镜头拍摄热气升起
固定镜头拍摄一杯咖啡，热气旋转上升
镜头一直保持静止，咖啡杯里的热气向上飘
镜头不要推近，保持固定
相机固定在三脚架上，热气升腾
热气上升，摄像机保持不动
用固定机位，拍摄蒸汽往右飘动
一个人走近咖啡杯，镜头固定不动
人物转圈，固定镜头
汽车向右行驶，固定机位
镜头完全不动。热气缓缓升起。
镜头不运动，热气升起
无镜头运动，蒸汽上升
热气升起（固定镜头）
静止画面，只有蒸汽向上
不要有任何镜头移动，热气上升
镜头锁死，蒸汽袅袅上升
定点拍摄，热气上升
镜头维持不动
咖啡的热气在转，镜头不转
"""
NOT_STILL = """
steam rises
the camera pushes in on the cup
slow dolly in
steam rises, camera tilts up
the camera follows the steam upwards
the camera drifts to the right
steam rises, pan right
the camera orbits the cup
the camera circles the cup slowly
handheld shot, steam rises
shaky camera
zoom out slowly
the camera pulls back
aerial drone shot flying over the cup
the camera rises with the steam
static at first, then the camera zooms in
the camera is never still
the camera does not stay still
not a static camera
no static camera
don't keep the camera still
a camera that is anything but static
the camera moves
camera movement
moving camera
tracking shot, steam rises
the cup stands still
the cup does not move
still life of a cup
the coffee is still hot
the steam is still rising
a static cup, zoom in
the steam stays in the cup
the steam holds its shape
stop motion
the camera is fixed on the cup and zooms in
a steady zoom in
the camera is still moving
the camera still pans to the left
crane shot going up
whip pan
the camera glides around the cup
the camera sways
steam, arc shot
the camera travels along the table
a quiet table, warm light
close-up of the cup
wide shot of the table
bird's eye view
the camera tilts
pan
zoom
the camera spins
first-person view walking towards the cup
热气升起
镜头缓缓推近
镜头向上移动
镜头环绕咖啡杯
镜头跟随热气上升
手持镜头，热气升起
镜头拉远
镜头摇向右边
运镜流畅
镜头晃动，热气升起
杯子静止不动
杯子不动
热气静静升起
先固定镜头，再推近
镜头不固定
镜头不是静止的
镜头不要静止
非固定镜头
不要固定镜头
镜头移动
航拍
咖啡特写
镜头从左移到右
镜头旋转
镜头上升
推镜头
拉镜头
镜头跟拍
一镜到底
the cat stays in the frame
a shot of still water
the scene remains calm
the camera stays with the cat
fixed shot, the image trembles
static camera with a slight shake
static camera, slight shake
static camera, but it slowly moves to the right
first static, then it zooms in
the camera does not stop moving
the camera doesn't stop moving
the camera keeps moving
camera keeps panning
the camera remains in motion
steam stays fixed in the frame
the camera isn't static
the camera isn't fixed
the camera is not locked
the camera is no longer still
camera without a tripod
no tripod
handheld, not on a tripod
the camera is unstable
not steady camera
unsteady camera
moving shot, static cup
dynamic camera
the static cup, the camera moves
static electricity, steam rises
standstill
the cup is fixed on the table
still, the camera moves in
the camera moves, not static
the cup doesn't move, the camera does
the cup does not move, the camera circles it
zoom in on the static cup
tilt up from the fixed table
the camera moves from a fixed point to the left
the shot starts static and pushes in
static camera that zooms in
the camera is still zooming
the steam does not move
don't move the cup
steam rises without moving the cup
never hold the camera still
without a static camera
avoid a static camera
no fixed camera
画面中杯子静止
镜头前的杯子静止不动
镜头稳定移动
镜头平稳推近
镜头不停移动
镜头不断移动
固定的杯子，镜头移动
静静的咖啡
杯子固定在桌上
桌子不动，镜头拉远
镜头不再静止
镜头没有固定
不用三脚架
别用固定镜头
无固定镜头
避免静止镜头
镜头跟着热气动
静止的杯子，环绕拍摄
稳定器跟拍
热气不动
镜头时静时动
镜头从静止开始推近
slow push in on the cup
the camera glides to the left
camera circles the cup
the camera rises slowly
tilt down to the table
dolly out, steam rises
camera tracks right
whip pan to the right
the camera follows the steam upward
camera drifts toward the cup
the lens moves closer
crane up
arc shot around the cup
not a static shot: the camera orbits
steam rises, then the camera tilts up
the camera stays still, then zooms in
first a static shot, then pan left
a handheld shot of a cup
the camera won't stand still
镜头缓缓推进
镜头拉远，热气升起
镜头环绕杯子
镜头向上摇
不是固定镜头
镜头从左向右移动
手持镜头，轻微晃动
先固定镜头，然后推近
镜头不断推近
镜头下降
镜头在移动
运镜：推
镜头快速右摇
a cup of coffee
一杯咖啡
the steam stays still
a steady hand pours milk
牛奶不断流入
static camera, then zoom in on the cup
static shot, at the end slow push in to the face
fixed camera; finally pan left to the window
the camera stands still, then orbits the cup
static camera, then we zoom in
固定镜头，最后环绕杯子
固定镜头，最后推近杯子
a shot that orbits the cup
slow orbit
环绕拍摄杯子
缓慢环绕
shot moving closer to the cup
tracking shot to the left
a dolly shot moving in
crane shot rising above the cup
close-up shot, slowly rising camera
handheld shot
handheld
handheld footage of a cup
handheld style
手持
手持跟拍
手持镜头拍摄咖啡
shot slowly moving around the cup
aerial shot circling the cup
drone shot rising above the cup
pov shot moving forwards
tilt shot up
camera looking down, then tilts up
camera tilts down
the camera moves from the left to the right
push-in shot
摇镜头
移镜头
跟镜头
升镜头
甩镜头
镜头俯冲而下
旋转镜头
the camera slowly turns around
rotating shot
spinning camera
rising shot
camera slowly zooms into the cup
camera zoom in
slow zoom
the camera gently pushes forward
the camera slowly moves up
the camera is moving to the left
camera pan from left to right
the camera goes around the cup
camera flies over the table
pull out slowly
zooming in
camera moves closer to the cup
steam rises while the camera tilts up
the camera follows the steam
first person view, walking closer
shaky handheld footage of a cup
the camera does not stay fixed
camera not static, moves left
the camera stops being static
no static shot, please zoom in
steam rises and the camera also rises
dolly zoom on the cup
the picture zooms in
the frame slowly moves to the right
the camera starts static and then pulls back
镜头慢慢推进
镜头慢慢拉近咖啡杯
镜头上摇
镜头缓慢向右平移
镜头绕着杯子转
镜头跟着热气往上
镜头微微晃动
手持拍摄
镜头由远及近
画面慢慢放大
镜头逐渐远离
先静止后推进
镜头不是固定的
镜头从下往上
运动镜头
缓慢推镜
缓慢拉镜头
左移镜头
镜头升起
"""


def test_a_camera_that_stands_in_other_words() -> None:
    told = {prompt: camera_words(prompt) for prompt in ALSO_STILL.strip().splitlines()}
    assert {prompt: words for prompt, words in told.items() if set(words) != {"static"}} == {}


def test_a_still_subject_or_a_negation_is_no_camera_that_stands() -> None:
    told = {prompt: camera_words(prompt) for prompt in NOT_STILL.strip().splitlines()}
    assert {prompt: words for prompt, words in told.items() if set(words) == {"static"}} == {}
