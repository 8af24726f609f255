"""Answers to the exercises of the lesson, right and wrong, English and Chinese, as cells of a real shell."""

from __future__ import annotations

import re
import shutil
import wave
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tools import notebooks

from wan_nb.studies.ranking.fit import fit
from wan_nb.studies.votes import Vote

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.examples

pytest_plugins = ["fixtures_shell"]


@pytest.fixture
def student(wan: Any, simulator: Any, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Student:
    """A shell in the folder of the lesson, its first clip made."""
    shutil.copytree(photos, "data")
    shutil.copytree(photos, "own")
    shutil.copy("own/rocket.jpg", "own/coffee.jpg")  # another picture of that name
    shutil.copy("data/coffee.jpg", "kaffee.jpg")
    with wave.open("own/other.wav", "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(14 * 16000))
    wan.unattended()
    monkeypatch.syspath_prepend(notebooks.FOLDER)
    wan("import wan_nb\nfrom PIL import Image\nfrom lesson_checks import check\n%config WanMagics.wait = False")
    wan("%%wan -f data/coffee.jpg --duration 2 --name lesson --out cup --wait\nsteam, slow zoom in")
    wan("%%wan -f data/rocket.jpg --duration 2 --name lesson --out other --wait\na rocket")

    return Student(wan, capsys)


@dataclass
class Student:
    """Runs the cells of answers, and asks the lesson what it thinks of them."""

    wan: Any
    capsys: Any

    def give(self, cell: str) -> Any:
        self.wan("answer = None")
        self.wan(cell)
        return self.wan["answer"]

    def told(self, number: int, answer: Any) -> str:
        self.capsys.readouterr()
        self.wan(f"check({number}, answer, cup)", answer=answer)
        # A clip that is ready by now shows itself before it.
        said = re.findall(r"^(?:not yet|✓|there are) .*|^not yet: .*", self.capsys.readouterr().out, re.MULTILINE)
        return str(said[-1])

    def says(self, number: int, cell: str) -> str:
        return self.told(number, self.give(cell))


def holds(student: Student, number: int, right: list[str], wrong: dict[str, str]) -> None:
    assert len(right) >= 20
    assert len(wrong) >= 20
    answers = {cell: student.give(cell) for cell in (*right, *wrong)}  # clips are made while others are asked for
    told = {cell: student.told(number, answer) for cell, answer in answers.items()}
    assert {cell: told[cell] for cell in right if told[cell] != f"✓ exercise {number}"} == {}
    assert {cell: told[cell] for cell in wrong if not re.search(f"^not yet: .*{wrong[cell]}", told[cell])} == {}


# --- 1: the camera stands still

STILL = "%%wan -f data/coffee.jpg --duration 2 --name lesson --out answer\n"
NOT_STILL = {
    "steam drifts over the cup": "does not say that the camera stands still",
    "steam rises from the cup": "'rises' moves",
    "热气升起": "'升起' moves",
    "steam drifts, zoom in": "'zoom in' moves",
    "the camera pans left": "'pans left' moves",
    "handheld camera": "'handheld' moves",
    "热气升起，镜头推近": "'推近' moves",
    "手持拍摄，热气": "'手持' moves",
    "the camera is not static": "does not say",
    "static camera, then zoom in": "'zoom in' moves",
    "the camera moves slowly to the right": "'right' moves",
    "slow orbit around the cup": "'orbit' moves",
    "镜头向左移动": "'左移' moves|'向左' moves",
    "the cup stands still": "does not say",
    "杯子静止不动": "does not say",
    "static camera, then it moves to the right": "'right' moves",
    "static camera, at the end zoom in on the cup": "'zoom in' moves",
    "固定镜头，最后环绕杯子": "'环绕' moves",
    "推镜头，热气升起": "'推镜' moves",
}


@pytest.mark.notebook  # it makes forty clips
@pytest.mark.timeout(600)
def test_exercise_1(student: Student) -> None:
    right = [
        *(
            f"{STILL}{prompt}"
            for prompt in (
                "steam drifts over the cup, static camera",
                "steam rises from the cup, static camera",
                "stationary camera, steam rises",
                "the camera does not move",
                "the camera doesn't move, steam curls around the cup",
                "steam goes up towards the lamp; the camera stays still",
                "tripod shot, the steam drifts to the left",
                "locked-off shot of a cup, steam rising",
                "no camera movement, steam rises",
                "steam rises\n\nstatic camera",
                "steam rises,\nthe camera\nis static",
                "热气慢慢升起，固定镜头",
                "镜头不动，热气升起",
                "咖啡冒着热气，机位固定",
                "不要移动镜头，热气向上飘",
                "close-up shot of steam rising from the cup, static camera",
                "a fly orbits the cup, locked camera",
                "镜头始终固定，热气环绕杯子",
                "一只手手持咖啡杯，镜头不动",
            )
        ),
        "%%wan --first-frame data/coffee.jpg -d 2 --name lesson --tag mine --out answer ;\nStatic shot of a cup.",
        "%%wan -f kaffee.jpg -d 2 --name lesson --out answer --seed 5\nstatic camera",
        "photo = Image.open('data/coffee.jpg')\n"
        "answer = wan_nb.submit('static camera', first_frame=photo, duration=2, name='lesson')",
        "%%wan -f data/coffee.jpg -a data/voice.mp3 -d 2 -r 1080P --name lesson --out answer\nstatic camera",
        "answer = wan_nb.submit('tripod', first_frame='data/coffee.jpg', duration=2, name='lesson', take=2)",
        "answer = wan_nb.study(['固定镜头', 'zoom in'], name='lesson', first_frame='data/coffee.jpg', duration=2)"
        ".submit(max_cost=9).wait().runs[0]",
    ]
    wrong = {
        **{f"{STILL}{prompt}": told for prompt, told in NOT_STILL.items()},
        "%%wan -f data/cat.jpg -d 2 --name lesson --out answer\nstatic camera": "first_frame should be data/coffee.jpg",
        "%%wan -f own/coffee.jpg -d 2 --name lesson --out answer\nstatic camera": "should be data/coffee.jpg",
        "%%wan -d 2 --name other --out answer\nstatic camera": "there is no first_frame: --first-frame data/coffee.jpg",
        "%%wan -f data/coffee.jpg -d 3 --name lesson --out answer\nstatic camera": "2 s, not 3",
        "%%wan -f data/coffee.jpg --name lesson --out answer\nstatic camera": "2 s, not 5",
        "%%wan -f data/coffee.jpg -d 2 --out answer\ntripod": "name should be lesson",
        "%%wan -f data/coffee.jpg -d 2 --name Lesson --out answer\nstatic camera": "name should be lesson",
        "%%wan -f data/coffee.jpg -l data/rocket.jpg -d 2 --name lesson --out answer\nfixed camera": "last_frame too",
        STILL.replace("--out", "--dry-run --out") + "static camera": "a run .* is wanted, not POST",
        "answer = 'static camera'": "a run .* is wanted, not 'static camera'",
        "pass": "there is no answer yet",
    }
    holds(student, 1, right, wrong)


# --- 2: from the coffee to the rocket

BOTH = "%%wan -f data/coffee.jpg -l data/rocket.jpg --duration 4 --name lesson --out answer"


@pytest.mark.notebook  # it makes forty clips
@pytest.mark.timeout(600)
def test_exercise_2(student: Student) -> None:
    right = [
        *(
            f"{BOTH}\n{prompt}"
            for prompt in (
                "the steam grows into the smoke of a launch, the camera tilts up",
                "the cup turns into a rocket",
                "a slow dissolve",
                "zoom in, then a rocket starts",
                "static camera",
                "x",
                "first a cup, then cut to a rocket",
                "热气变成火箭的烟，镜头上移",
                "咖啡变成火箭",
                "从咖啡到火箭，缓缓过渡",
            )
        ),
        f"{BOTH} --seed 3\na launch",
        f"{BOTH} -r 1080P\na launch",
        f"{BOTH} -a data/voice.mp3\na launch",
        f"{BOTH} --take 2\na launch",
        f"{BOTH} --negative-prompt text\na launch",
        BOTH.replace("-f ", "--first-frame=").replace("-l ", "--last-frame=") + "\na launch, tilt up",
        BOTH.replace("data/coffee.jpg", "kaffee.jpg") + "\na launch",
        "end = Image.open('data/rocket.jpg')\nanswer = wan_nb.submit('a launch', first_frame='data/coffee.jpg', "
        "last_frame=end, duration=4, name='lesson')",
        "answer = wan_nb.submit('发射', first_frame='data/coffee.jpg', last_frame='data/rocket.jpg', duration=4, "
        "name='lesson')",
        "answer = wan_nb.submit('a launch', first_frame='data/coffee.jpg', last_frame='data/rocket.jpg', duration=4, "
        "name='lesson').wait()",
    ]
    wrong = {
        "%%wan -f data/coffee.jpg -d 4 --name lesson --out answer\na launch": "no last_frame: --last-frame data/rock",
        "%%wan -l data/rocket.jpg -f data/rocket.jpg -d 4 --name lesson --out answer\na": "first_frame should be",
        "%%wan -f data/rocket.jpg -l data/coffee.jpg -d 4 --name lesson --out answer\na launch": "first_frame should",
        "%%wan -f data/coffee.jpg -l data/cat.jpg -d 4 --name lesson --out answer\na launch": "last_frame should be",
        "%%wan -f data/coffee.jpg -l own/coffee.jpg -d 3 --name lesson --out answer\na": "4 s, not 3",
        "%%wan -f own/coffee.jpg -l data/rocket.jpg -d 4 --name lesson --out answer\na": "first_frame should be",
        "%%wan -f data/cat.jpg -l data/rocket.jpg -d 4 --name lesson --out answer\n猫变火箭": "first_frame should be",
        BOTH.replace("--duration 4", "") + "\na launch": "4 s, not 5",
        BOTH.replace("--duration 4", "--duration 14") + "\na launch": "4 s, not 14",
        BOTH.replace("--duration 4", "--duration 2") + "\n发射": "4 s, not 2",
        BOTH.replace("--name lesson", "") + "\nno name": "name should be lesson",
        BOTH.replace("--name lesson", "--name launch") + "\na launch": "name should be lesson",
        BOTH.replace("--name lesson", "--tag lesson") + "\ntagged": "name should be lesson",
        BOTH + " --dry-run\na launch": "a run .* is wanted, not POST",
        BOTH + " --seeds 1,2 --max-cost 9\na launch": "a run .* is wanted",
        "answer = wan_nb.submit('a cup, then a rocket', duration=4)": "there is no first_frame",
        "%%wan -d 4 --name words --out answer\na cup, then a rocket": "there is no first_frame",
        "%%wan --reference-image data/coffee.jpg -d 4 --name refs --out answer\nImage 1": "there is no first_frame",
        "answer = cup": "there is no last_frame",
        "answer = 'data/rocket.jpg'": "a run .* is wanted",
        "answer = [cup, other]": "a run .* is wanted",
    }
    holds(student, 2, right, wrong)


# --- 3: the whole voice

VOICE = "%%wan -f data/astronaut.png -a data/voice.mp3 -d 14 --name lesson --out answer"


def test_exercise_3(student: Student) -> None:
    right = [
        *(
            f"{VOICE} --dry-run\n{prompt}"
            for prompt in (
                "she speaks into the camera, static camera",
                "she speaks",
                "an astronaut talks, slow zoom in",
                "a",
                "她对着镜头说话，固定镜头",
                "宇航员在说话",
                "她微笑",
            )
        ),
        *(
            f"{VOICE} --dry-run {more}\nshe speaks"
            for more in ("-r 1080P", "--seed 4", "--watermark", "--take 2", "--tag voice", "--negative-prompt text")
        ),
        VOICE.replace("--name lesson", "") + " --dry-run\nshe speaks",  # nothing is said of a name
        VOICE.replace("-d 14", "--duration=14") + " --dry-run\nshe speaks",
        VOICE.replace("-f ", "--first-frame ").replace("-a ", "--driving-audio ") + " --dry-run\nshe speaks",
        "who = 'data/astronaut.png'\nanswer = None",
        VOICE.replace("data/astronaut.png", "{{Path_of_her}}") + " --dry-run\nshe speaks",
        VOICE.replace("data/voice.mp3", "own/voice.mp3") + " --dry-run\nshe speaks",
        VOICE + "\nshe speaks",  # bought, which is allowed
        "answer = wan_nb.submit('说话', first_frame='data/astronaut.png', driving_audio='data/voice.mp3', duration=14)",
    ]
    right[16:18] = [
        "Path_of_her = Image.open('data/astronaut.png')\n"
        "get_ipython().run_cell_magic('wan', '-f {{Path_of_her}} -a data/voice.mp3 -d 14 --dry-run --out answer', 'a')"
    ]
    right.append(VOICE + " --dry-run --raw\n她说{话}")
    wrong = {
        **{
            VOICE.replace("-d 14", f"-d {seconds}") + " --dry-run\nshe speaks": "too short"
            for seconds in (2, 3, 5, 9, 10, 12, 13)
        },
        VOICE.replace("-d 14", "") + " --dry-run\n她说话": "5 s is too short",
        VOICE.replace("-d 14", "-d 15") + " --dry-run\nshe speaks": "15 s is longer",
        VOICE.replace("-a data/voice.mp3", "") + " --dry-run\nshe speaks": "there is no driving_audio",
        VOICE.replace("-f data/astronaut.png", "") + " --dry-run\nshe speaks": "there is no first_frame",
        VOICE.replace("astronaut.png", "cat.jpg") + " --dry-run\n猫说话": "first_frame should be data/astronaut.png",
        VOICE.replace("data/voice.mp3", "own/other.wav") + " --dry-run\nshe speaks": "driving_audio should be",
        VOICE + " -l data/cat.jpg --dry-run\nshe speaks": "there is a last_frame too",
        VOICE + " --seeds 1,2 --dry-run\nshe speaks": "one clip, please, not 2",
        VOICE + " --dry-run\n--- a\nshe speaks\n--- b\nshe sings": "one clip, please, not 2",
        "answer = 14": "a dry run .* is wanted, not 14",
        "answer = '14 s'": "a dry run .* is wanted",
        "answer = 13.8": "a dry run .* is wanted, not 13.8",
        "answer = cup": "first_frame should be data/astronaut.png",
        "answer = wan_nb.study('a', first_frame='data/astronaut.png', driving_audio='data/voice.mp3', duration=14)":
            "a dry run .* is wanted",
        "answer = 8.4": "a dry run .* is wanted",
    }  # fmt: skip
    holds(student, 3, right, wrong)


# --- 4: what should not be seen

CLEAN = "%%wan -f data/cat.jpg -d 2 --name lesson --out answer --dry-run --negative-prompt"


def test_exercise_4(student: Student) -> None:
    right = [
        *(
            f'{CLEAN} "{unwanted}"\nthe cat turns its head'
            for unwanted in (
                "text, subtitles, logo, shaky camera, blur",
                "text, shaky",
                "Text, camera shake",
                "letters, jitter",
                "words and unstable pictures",
                "writing, handheld camera",
                "captions, wobbling",
                "watermark, hand-held shot",
                "signs, trembling picture",
                "title, unsteady camera, noise",
                "logo; shaking",
                "文字，画面抖动",
                "字幕、水印、镜头晃动",
                "文字，不稳定的画面",
                "手持镜头，标题文字",
                "字，抖动，模糊",
                "text, 抖动",
                "无关文字，晃动",
            )
        ),
        f"{CLEAN}=text,shaky\n猫转头",
        "%%wan -f data/cat.jpg -d 3 --out answer --negative-prompt 'text, shaky camera'\nthe cat turns",
        "answer = wan_nb.submit('a cat', first_frame='data/cat.jpg', duration=2, negative_prompt='text, shaky')",
    ]
    wrong = {
        "%%wan -f data/cat.jpg -d 2 --out answer --dry-run\nthe cat, no text, not shaky": "no negative prompt",
        "%%wan -f data/cat.jpg -d 2 --out answer --dry-run\n猫，不要文字，不要抖动": "no negative prompt",
        **{
            f'{CLEAN} "{unwanted}"\nthe cat turns its head': told
            for unwanted, told in {
                "no text, no shaky camera": "without 'no'",
                "text, not shaky": "without 'not'",
                "don't show text, shaky": "without 'n't'",
                "without text, shaky pictures": "without 'without'",
                "avoid text, shaky": "without 'avoid'",
                "never text, shaky": "without 'never'",
                "No-text, shaky": "without 'No'",
                "不要文字，不要抖动": "without '不要'",
                "没有文字，抖动": "without '没有'",
                "无文字，抖动": "without '无'",
                "避免文字和抖动": "without '避免'",
                "blur, shaky": "against text",
                "抖动，模糊": "against text",
                "text": "against shaky",
                "文字，模糊": "against shaky",
                "text, blur, extra fingers": "against shaky",
            }.items()
        },
        f"{CLEAN.replace('cat.jpg', 'coffee.jpg')} 'text, shaky'\na cup": "first_frame should be data/cat.jpg",
        f"{CLEAN.replace('-f data/cat.jpg', '')} 'text, shaky'\na cat": "there is no first_frame",
        f"{CLEAN} 'text, shaky' --seeds 1,2\na cat": "one clip, please",
        "answer = 'text, shaky camera'": "a dry run .* is wanted",
    }
    holds(student, 4, right, wrong)


SAID = """
text, subtitles, shaky camera
Text and camera shake
subtitle; jitter
lettering, camera shaking
watermarks, shaking
numbers, letters, jerky motion
captions; jerky camera
text overlay, shake
on-screen text, vibration
words, vibrating camera
typography, wobble
any text, any shake
text; unsteadiness
text; unstable camera; noise
written words, shaky hands
logo, brand names, hand held
text, instability
handwriting, wobbly camera
characters, shaking
text, shakiness, blur
text and a shaking image
text, jerkiness
subtitles, swaying camera
text, camera sway
labels, shaky
text, shaky camera, nothing sharp
文字、抖动
字幕，晃动，模糊
文本，手抖
水印，画面不稳
画面抖动、出现文字
标题、镜头摇晃
文字，摇晃
文字，震颤
字符，颠簸
文字，画面跳动
文字 抖动
汉字，英文，抖动
题字，晃动镜头
不清晰的文字，抖动
模糊不清，文字，抖动
text, shaky camera, knots
text, shaky camera, note
snow, text, shaky
text, shaky camera, unknown objects
text, noisy shaky image
text on screen, camera shake, low quality
shaky footage, any kind of text
letters and words; shaking camera; blurry
subtitles, watermarks, jittery motion
unstable camera, captions
text, logo, camera wobble
words on the picture, handheld shake
shaky cam, text overlays
texts, shakes
inscriptions, shaky picture
text, trembling camera
banner text, quivering picture
camera jitter, signature, watermark, text
numbers, text, motion jitter
TEXT, SHAKY
font, typography, shaky
written text, unsteady hand
alphabet letters, wobbly
text artifacts, frame jitter
flickering text, shaking frame
text, camera movement shaking
texts and shakiness
text, stutter, shake
logos, letters, bumpy camera
text, shake, watermark, nonsense letters
文字、水印、抖动、模糊
字幕，镜头抖动
画面晃动，文字
文字，晃动的镜头
水印、字体、摇晃
文字、镜头不稳
文字，手抖
文字，画面摇动
字母，画面颤抖
英文字母，手持晃动
文字、抖动、低质量、变形
乱码文字，画面抖动
标语、字幕、抖动画面
logo，抖动
logo, 镜头抖动
文字 水印 晃动 模糊
文字，抖动，多余的手指，畸形
文字,抖
弹幕，抖动
台词，画面不稳定
字符，晃
text, shaky camera, noon light
text, shaky, nobody
文字，无聊的构图，抖动
文字，别扭的动作，抖动
文字，不自然的动作，抖动
文字，不协调，抖动
文字，非自然，抖动
text, unnatural motion, shaky
文字，没对焦，抖动
"""
NOT_SAID = """
no text, no shake
no text or shaking
don't show text or shake
do not show text, shaking
without any text, shaking
nothing written, no shaking
text, but not shaky
avoid text; avoid shaking
exclude text, shaking
remove text, shaking
free of text, shaking
text-free, shake-free
none of the text, shaking
shaky
text
blur, noise
steady camera, text
stable picture, no text
please no text, shake
neither text nor shake
zero text, zero shake
不要出现文字和抖动
没有文字、没有抖动
无文字，无抖动
禁止文字，抖动
别有字，别抖
不出现文字，不抖动
不能有文字和抖动
去掉文字，抖动
文字
抖动
模糊
避免出现字幕，抖动
勿出现文字，抖动
稳定镜头，文字
请勿添加文字，抖动
拒绝文字，抖动
不含文字、不抖
非文字，抖动
杜绝文字，抖动
排除文字，抖动
去字幕，抖动
no letters, no jitter
I don't want text or shaking
do not shake, do not write
please avoid any text and shaking
text should not appear, picture should not shake
there must be no text; no camera shake
without captions or shaky frames
text forbidden, shaking forbidden
steady, clean image
clear picture without writing
smooth camera
blur, extra fingers, bad hands
low quality, text
shaky camera
captions, blurry
camera movement, text
textless, shake-free
not any text, not any shake
never show text; never shake
stable
no
texture, shaky
context, shaky
watermark-free, stable
不要字幕，不要晃动
请不要出现文字，画面不要抖
没有水印，没有抖动
无字幕，稳定
无文字、无晃动
避免抖动，避免文字
画面稳定，没有文字
禁止出现文字、禁止抖动
别出现文字
不要有文字，晃动
模糊，变形
字幕
镜头晃动
高清，稳定
文字不要出现，抖动
严禁文字，抖动
切勿出现文字，晃动
消除文字，消除抖动
不可出现文字，抖动
不需要文字，抖动
不想要文字和抖动
文字和抖动都不要
减少抖动，文字
"""


def test_negative_prompts_in_other_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(notebooks.FOLDER)
    from lesson_checks import lacks

    assert {text: lacks(text) for text in SAID.strip().splitlines() if lacks(text)} == {}
    assert [text for text in NOT_SAID.strip().splitlines() if not lacks(text)] == []


# --- 5: a fair comparison

FAIR = "wan_nb.study({variants}, name={name!r}, first_frame='data/cat.jpg', seeds={seeds}, duration={duration}{more})"


def study(
    variants: str = "{'look': 'the cat looks', 'blink': 'the cat blinks'}",
    seeds: str = "range(1, 15)",
    duration: int = 2,
    more: str = "",
    name: str = "fair",
) -> str:
    return "answer = " + FAIR.format(variants=variants, seeds=seeds, duration=duration, more=more, name=name)


CELL = "%%wan -f data/cat.jpg --duration 2 --name fair --out answer {}\n--- look\n{}\n--- blink\n{}"
FOURTEEN = ",".join(map(str, range(1, 15)))


CHINESE = "{'看': '猫看着镜头', '眨': '猫慢慢眨眼，固定镜头'}"
THREE = "['a', 'b', 'c']"


def test_exercise_5(student: Student) -> None:
    dry = f"--seeds {FOURTEEN} --dry-run"
    right = [
        study(),
        study(seeds="range(1, 16)"),
        study(seeds="range(1, 17)"),
        study(seeds="list(range(14))"),
        study(seeds="[3, 1, 4, 15, 9, 2, 6, 5, 35, 8, 97, 93, 23, 84]"),
        study("['the cat looks', 'the cat blinks']"),
        study("{'A': 'a cat', 'B': 'a dog'}", name="other"),
        study(CHINESE),
        study("['猫', '狗']", seeds="range(100, 114)"),
        study(more=", resolution='720P'"),
        study(more=", negative_prompt='text'"),
        study(more=", model='wan3.0-video', resolution='480P'", duration=3),
        study(more=", take=2"),
        study(more=", tags=['class']"),
        study().replace("'data/cat.jpg'", "Image.open('data/cat.jpg')"),
        CELL.format(dry, "the cat looks", "the cat blinks"),
        CELL.format(dry, "猫看着镜头", "猫眨眼，固定镜头"),
        CELL.format(f"{dry} --max-cost 40", "the cat sits", "the cat runs"),
        CELL.format(f"--vary seed={FOURTEEN} --dry-run", "the cat sits", "the cat runs"),
        CELL.format(f"--seeds {FOURTEEN} --max-cost 40", "the cat sits still", "the cat runs fast"),  # bought
        CELL.format(f"--seeds {FOURTEEN},15,16 --dry-run", "the cat sits still", "the cat runs fast"),
        "wan_nb.study(['a', 'b'], name='kept', first_frame='data/cat.jpg', seeds=range(14), duration=2)"
        ".submit(max_cost=40)\nanswer = wan_nb.study(name='kept')",
        f"{study(name='raced')}.race(max_cost=40)",
        f"{study(seeds='()', name='raced')}.race(max_cost=27)",  # eleven seeds
        f"{study(seeds='[1]', name='raced')}.race(max_clips=24)",
        f"{study(seeds='()', name='raced')}.race(max_cost=90, max_clips=32, criterion='moves less')",
        f"{study(seeds='()', name='raced', variants=CHINESE)}.race(max_cost=38.4, strict=True)",
        f"{study(seeds='()', name='begun')}.race(max_cost=40).submit()",
        f"{study(seeds='()', name='begun too')}.race(max_cost=40).submit().study",
        CELL.format("--race --max-cost 40 --dry-run", "the cat looks", "the cat blinks"),
        CELL.format("--race --max-cost 40", "the cat looks", "the cat sleeps").replace("name fair", "name run"),
    ]
    wrong = {
        f"{study(name='raced')}.race()": "say what the whole race may cost",
        f"{study(name='raced')}.race(max_cost=45)": "43.20, more than 40",
        f"{study(name='raced')}.race(max_cost=26)": "the race takes 10 seeds: one vote against",
        f"{study(name='raced')}.race(max_clips=20)": "the race takes 10 seeds",
        f"{study(name='raced')}.race(max_clips=40)": "48.00, more than 40",
        f"{study(name='raced')}.race(max_cost=27, strict=True)": "the race takes 11 seeds",
        f"{study(name='raced')}.race(max_cost=40, raters=3)": "asks 3 people",
        f"{study(name='raced', duration=5)}.race(max_cost=40)": "the race takes 6 seeds",
        f"{study(THREE, name='raced')}.race(max_cost=40)": "two prompts, please, not 3",
        f"{study(name='raced')}.race(max_cost=40)".replace("cat.jpg", "rocket.jpg"): "should be data/cat.jpg",
        CELL.format("--race --max-cost 20 --dry-run", "the cat looks", "the cat blinks"): "the race takes 8 seeds",
        study("['the cat looks']"): "two prompts, please, not 1",
        study("['the cat looks', 'The cat  looks ']"): "two prompts, please, not 1",
        study(THREE): "two prompts, please, not 3",
        study("{'看': 'Cat', '眨': 'cat'}"): "two prompts, please, not 1",
        study(seeds="range(1, 7)"): "6 seeds: one vote against",
        study(seeds="[1]"): "1 seed:",
        study(seeds="range(13)"): "13 seeds",
        study(seeds="()"): "1 seed:",
        study(duration=3): "the whole costs 50.40, more than 40",
        study(seeds="range(17)"): "40.80, more than 40",
        study(more=", resolution='1080P'"): "56.00, more than 40",
        study(more=", vary={'duration': [2, 3]}").replace("duration=2, ", ""): "differ in prompt and seed alone",
        study(more=", vary={'resolution': ['720P', '1080P']}", seeds="range(7)"): "differ in prompt and seed alone",
        study("{'a': {'prompt': 'a', 'negative_prompt': 'text'}, 'b': 'b'}"): "differ in prompt and seed alone",
        study().replace("cat.jpg", "coffee.jpg"): "first_frame should be data/cat.jpg",
        study().replace("first_frame='data/cat.jpg', ", ""): "there is no first_frame",
        study(more=", last_frame='data/rocket.jpg'"): "last_frame too",
        study(more=", vary={'first_frame': ['data/cat.jpg', 'data/coffee.jpg']}").replace(
            "first_frame='data/cat.jpg', ", ""): "first_frame should be data/cat.jpg",
        CELL.format("--seeds 1,2,3,4,5,6 --dry-run", "猫看", "猫眨眼"): "6 seeds",
        CELL.format("--dry-run", "the cat looks", "the cat blinks"): "1 seed:",
        CELL.format(f"--seeds {FOURTEEN} --dry-run", "Cat", "cat"): "two prompts",
        "answer = [wan_nb.submit('a', first_frame='data/cat.jpg', duration=2), cup]": "a study .* is wanted",
        "answer = cup": "a study .* is wanted",
        "answer = 14.4": "a study .* is wanted, not 14.4",
    }  # fmt: skip
    holds(student, 5, right, wrong)


def test_the_whole_price_counts_where_half_is_bought(student: Student) -> None:
    student.says(5, "wan_nb.study(['a', 'b'], name='fair', first_frame='data/cat.jpg', seeds=range(9), duration=2)"
           ".submit(max_cost=40)\nanswer = None")  # fmt: skip
    dear = study("['a', 'b']", seeds="range(17)")
    assert student.says(5, dear) == "not yet: the whole costs 40.80, more than 40: make the clips shorter."


@pytest.mark.parametrize("raters", [1, 5])
def test_the_seeds_that_are_taught_decide(raters: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One voter decides with twelve seeds if all votes agree, with 14 and one against, 16 and two; five with six."""
    monkeypatch.syspath_prepend(notebooks.FOLDER)
    from lesson_checks import SEEDS

    def decided(seeds: int, against: int = 0) -> bool:
        sides = {True: ("better", "other"), False: ("other", "better")}
        votes = []
        for number in range(seeds * raters):
            left, right = sides[number % 2 == 0]
            better_left = left == ("other" if number // raters < against else "better")
            votes.append(
                Vote(
                    vote_id=str(number),
                    block=str(number // raters),
                    left_variant=left,
                    right_variant=right,
                    outcome="left" if better_left else "right",
                    rater=f"rater {number % raters}",
                    session=f"of {number % raters}",
                )
            )
        return fit(votes).decided

    if raters == 5:
        assert decided(6)
        return
    assert SEEDS == 14
    assert [decided(11), decided(12), decided(13, 1), decided(14, 1), decided(15, 2), decided(16, 2)] == [
        False, True, False, True, False, True,
    ]  # fmt: skip


# --- 6: it goes on

LONGER = "%%wan -c {{cup}} --duration 6 --name lesson --out answer"


@pytest.fixture
def whole_clips(simulator: Any) -> None:
    """One is continued, and the service takes no tiny ones."""
    simulator.config(clips="full")


@pytest.mark.notebook  # it makes forty clips
@pytest.mark.timeout(600)
def test_exercise_6(whole_clips: None, student: Student, simulator: Any) -> None:
    simulator.config(clips="tiny")
    right = [
        *(
            f"{LONGER}\n{prompt}"
            for prompt in (
                "the camera pulls back until the whole table is seen",
                "the steam clears",
                "static camera",
                "a hand takes the cup",
                "x",
                "镜头拉远，露出整张桌子",
                "一只手拿起杯子",
                "热气散去",
            )
        ),
        *(
            f"{LONGER} {more}\nit goes on"
            for more in (
                "--seed 3",
                "-r 1080P",
                "--take 2",
                "--tag end",
                "--negative-prompt text",
                "-l data/rocket.jpg",
            )
        ),
        LONGER.replace("{{cup}}", "{{cup.video}}") + "\nit goes on",
        "again = cup\nget_ipython().run_cell_magic('wan', '-c {{again}} -d 6 --name lesson --out answer', 'a')",
        "answer = wan_nb.submit('it goes on', first_clip=cup, duration=6, name='lesson')",
        "answer = wan_nb.submit('继续', first_clip=cup, duration=6, name='lesson')",
        "answer = wan_nb.submit('it goes on', first_clip=cup.video, duration=6, name='lesson').wait()",
        "answer = wan_nb.submit('it goes on', first_clip=wan_nb.run(cup.id), duration=6, name='lesson')",
    ]
    wrong = {
        LONGER.replace("{{cup}}", "{{other}}") + " --max-cost 9\nit goes on": "it continues another clip",
        LONGER.replace("{{cup}}", "{{other.video}}") + " --max-cost 9\n继续": "it continues another clip",
        LONGER.replace("--duration 6", "--duration 4") + "\nit goes on": "6 s, not 4",
        LONGER.replace("--duration 6", "--duration 8") + "\nit goes on": "6 s, not 8",
        LONGER.replace("--duration 6", "") + "\nit goes on": "6 s, not 5",
        LONGER.replace("--duration 6", "--duration 3") + "\n继续": "6 s, not 3",
        LONGER.replace("--name lesson", "") + "\nno name": "name should be lesson",
        LONGER.replace("--name lesson", "--name longer") + "\nit goes on": "name should be lesson",
        LONGER.replace("--name lesson", "--name 课") + "\n继续": "name should be lesson",
        LONGER.replace("-c {{cup}}", "-f {{cup.last_frame}}") + "\nit goes on": "does not continue a clip",
        LONGER.replace("-c {{cup}}", "-f data/coffee.jpg") + "\nit goes on": "does not continue a clip",
        LONGER.replace("-c {{cup}}", "-f {{cup.frame(1)}} -l data/rocket.jpg") + "\nit": "does not continue a clip",
        "%%wan --video {{cup}} --name edit --out answer\nmake it blue": "does not continue a clip",
        "%%wan -d 6 --name words --out answer\nthe cup goes on": "does not continue a clip",
        LONGER + " --dry-run\nit goes on": "a run .* is wanted, not POST",
        LONGER + " --seeds 1,2 --max-cost 9\nit goes on": "a run .* is wanted",
        "answer = cup": "does not continue a clip",
        "answer = other": "does not continue a clip",
        "answer = cup.video": "a run .* is wanted",
        "answer = wan_nb.film([cup, other], 'long.mp4')": "a run .* is wanted",
        "answer = 6": "a run .* is wanted, not 6",
    }
    holds(student, 6, right, wrong)


def test_exercise_6_without_its_first_clip(student: Student) -> None:
    assert "run its cell again" in student.says(6, "answer = cup\ncup = None")


# --- 7: the bill

BILL = "wan_nb.runs(study='lesson')['cost']"


def test_exercise_7(student: Student) -> None:
    right = [
        f"answer = {BILL}.sum()",
        f"answer = sum({BILL})",
        f"answer = {BILL}.sum().round(2)",
        f"answer = round({BILL}.sum(), 2)",
        f"answer = float({BILL}.sum())",
        f"answer = {BILL}.agg('sum')",
        f"answer = {BILL}.to_numpy().sum()",
        f"answer = {BILL}.cumsum().iloc[-1]",
        f"answer = {BILL}.mean() * len({BILL})",
        f"answer = sum({BILL}.tolist())",
        "answer = wan_nb.runs(study='lesson').cost.sum()",
        "runs = wan_nb.runs()\nanswer = runs[runs.study == 'lesson']['cost'].sum()",
        "runs = wan_nb.runs()\nanswer = runs.query('study == \"lesson\"')['cost'].sum()",
        "answer = wan_nb.runs().groupby('study')['cost'].sum()['lesson']",
        "answer = wan_nb.runs(study='lesson')[['cost']].sum().iloc[0]",
        "answer = wan_nb.runs(study='lesson', status='SUCCEEDED')['cost'].sum()",
        "answer = sum(wan_nb.run(id).cost for id in wan_nb.runs(study='lesson').index)",
        "answer = 2.4",
        f"from decimal import Decimal\nanswer = Decimal(str({BILL}.sum()))",
        f"from fractions import Fraction\nanswer = Fraction({BILL}.sum())",
        f"账单 = {BILL}.sum()\nanswer = 账单",
    ]
    wrong = {
        "wan_nb.submit('a', first_frame='data/cat.jpg', duration=2).wait()\nanswer = wan_nb.runs()['cost'].sum()":
            "not the sum of the column cost",
        f"answer = {BILL}": "a number is wanted, not run_id",
        f"answer = {BILL}.mean()": "not the sum",
        f"answer = {BILL}.max()": "not the sum",
        f"answer = {BILL}.count()": "not the sum",
        f"answer = len({BILL})": "not the sum",
        f"answer = {BILL}.iloc[0]": "not the sum",
        f"answer = int({BILL}.sum())": "not the sum",
        f"answer = {BILL}.sum() / 7": "not the sum",
        f"answer = str({BILL}.sum())": "a number is wanted, not '2.4",
        "answer = f'CNY {2.4}'": "a number is wanted, not 'CNY",
        "answer = '二块四'": "a number is wanted, not '二块四'",
        "answer = 0": "not the sum",
        "answer = float('nan')": "not the sum",
        "answer = True": "not the sum",
        "answer = -2.4": "not the sum",
        "answer = 2.41": "not the sum",
        "answer = 10**400": "not the sum",
        "answer = wan_nb.runs(study='lesson')": "a number is wanted",
        "answer = wan_nb.runs(study='lesson')['duration'].sum()": "not the sum",
        "answer = wan_nb.runs(study='lesson')[['cost']].sum()": "a number is wanted",
        "answer = wan_nb.cost()": "a number is wanted",
        "answer = [2.4]": "a number is wanted, not \\[2.4\\]",
    }  # fmt: skip
    holds(student, 7, right, wrong)


def test_an_exercise_that_there_is_not(student: Student) -> None:
    assert student.says(8, "answer = 1") == "there are the exercises 1 to 7."
