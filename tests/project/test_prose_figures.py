"""Figures that prose shares with code: each sentence is read with the figure of the code, the catalog or a result."""

from __future__ import annotations

import json
import math
import re
import tomllib
from functools import cache
from typing import Any

import pytest
from simulator_control import ROOT
from tools import docs, notebooks

import wan_nb
from wan_nb.api import catalog
from wan_nb.grammar import options
from wan_nb.log.states import Status
from wan_nb.magics.verbs import VERBS
from wan_nb.settings import EMBED_MOST, Settings
from wan_nb.studies.race import race_plan, steering
from wan_nb.studies.ranking import rule
from wan_nb.studies.votes import MIN_BLOCKS
from wan_nb.widgets.static_outputs import LIGHT

WORDS = dict(
    enumerate(["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"])
)
I2V = catalog.model("wan2.7-i2v")
HOUR = 3600
LETTERS = f"{I2V.field('prompt').max_characters:,}".replace(",", " ")


@cache
def page(name: str) -> str:
    """Prose of a page or notebook with its white space as single blanks."""
    path = ROOT / name
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return " ".join(text.split())


def measured(name: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / f"tests/bench/results/{name}.json").read_text(encoding="utf-8")))


def field(name: str) -> Any:
    return I2V.field(name)


def price(seconds: int, tier: str = "720P", region: str = "beijing") -> float:
    return float(seconds * I2V.prices.regions[region][tier])


def lesson(name: str) -> Any:
    import sys

    sys.path.insert(0, str(notebooks.FOLDER))
    try:
        import lesson_checks
    finally:
        sys.path.pop(0)
    return getattr(lesson_checks, name)


def equals_that_win() -> int:
    """Most of 100 simulated sessions of equals that end with a winner, in per cent."""
    found = measured("decisions")["false"]
    shown = [world for name, world in found.items() if "variants, luck" in name or name == "4 pictures, 1 rater"]
    return round(100 * max(world["decided"]["value"] for world in shown))


def clear_ones_found() -> list[int]:
    found = measured("decisions")["right"]
    return [round(100 * found[f"2 logits, luck {luck}"]["right"]["value"]) for luck in (1, 0)]


BUDGET = Settings.resolve({}).budget
PYTHON = re.search(r"[\d.]+", tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])
BINDER = re.search(r"takes (\d+ MB) of memory", page("notebooks/README.md"))
README, LESSON, RACE = "README.md", "notebooks/lesson.ipynb", "notebooks/prompt_ab.ipynb"
QUICK, REAL, LOG = "notebooks/quickstart.ipynb", "notebooks/real_service.ipynb", "notebooks/log_and_dataframe.ipynb"
REF = "notebooks/reference/"

MINUTES = re.search(r"about (\w+) minutes on two cores", page("tests/README.md"))
MINUTES_OF = {
    name: int(minutes) for name, minutes in re.findall(r"\[(\w+)\]\(\S+ipynb\) \| [^|]+ \| (\d+) min", page(README))
}
CORE = int(re.findall(r"\| \d+ to (\d+) \|", page(f"{REF}classroom.md"))[-1])

CLAIMS: list[tuple[str, str, Any]] = [
    # money
    (README, "(CNY {} and USD {} unless you change it)", (f"{BUDGET['CNY']:g}", f"{BUDGET['USD']:g}")),
    (f"{REF}promises.md", "(CNY {} and USD {} in 24 hours", (f"{BUDGET['CNY']:g}", f"{BUDGET['USD']:g}")),
    (REAL, "CNY {} and USD {}, unless you change it", (f"{BUDGET['CNY']:g}", f"{BUDGET['USD']:g}")),
    ("notebooks/README.zh.md", "CNY {} 或 USD {}", (f"{BUDGET['CNY']:g}", f"{BUDGET['USD']:g}")),
    (REAL, "2 seconds in 720P, CNY {:.2f} or USD {:.2f}", (price(2), price(2, region="singapore"))),
    (LESSON, "At CNY {:.2f} a second that is CNY {:.2f}", (price(1), price(14))),
    (LESSON, "2 prompts × {} seeds × 2 s × CNY {:.2f} = CNY {:.2f}", (14, price(1), 2 * 14 * price(2))),
    (LESSON, "all clips together may cost at most CNY {}", (lesson("MOST_COST"),)),
    (REAL, "Resolution is **{}**", (field("resolution").default,)),
    (REAL, "the service's own {} costs more", (field("resolution").api_default,)),
    (f"{REF}options.md", "**{}** ({} costs more)", (field("resolution").default, field("resolution").api_default)),
    (REAL, "prices of `{}`", (I2V.name,)),
    # what the service takes and keeps
    (LESSON, "up to {} characters", (LETTERS,)),
    (f"{REF}models.md", "A prompt has at most {} characters, a negative prompt {}",
     (LETTERS, field("negative_prompt").max_characters)),
    (LESSON, "in at most {} characters", (field("negative_prompt").max_characters,)),
    (LESSON, "Clips are short, {} seconds at most", (field("duration").maximum,)),
    (REAL, "The link to a result works for {:g} hours", (catalog.LIMITS.task_life / HOUR,)),
    (REAL, "its link lives {:g} h", (catalog.LIMITS.task_life / HOUR,)),
    (REAL, "the service forgets tasks after {:g} h", (catalog.LIMITS.task_life / HOUR,)),
    (f"{REF}errors.md", "has forgotten it after {:g} hours", (catalog.LIMITS.task_life / HOUR,)),
    (REAL, "temporary store ({:g} hours)", (catalog.LIMITS.upload_life / HOUR,)),
    (f"{REF}promises.md", "({:g} minutes, an hour on workspace hosts)", (catalog.LIMITS.shared_request / 60,)),
    (f"{REF}models.md", "They go together in {} ways", (WORDS[len(I2V.modes)],)),
    (QUICK, "here the {} seconds of `cat`", (WORDS[field("duration").default],)),
    (QUICK, "{} seconds are {} new ones", (WORDS[8], WORDS[8 - field("duration").default])),
    (REAL, "`beijing` bills in {}, `singapore` in {}",
     [catalog.REGIONS[name].currency for name in ("beijing", "singapore")]),
    # decisions
    (f"{REF}decisions.md", "at least {} votes on {} seeds", (rule.MIN_VOTES, MIN_BLOCKS)),
    (f"{REF}decisions.md", "with {:.1f} %", (100 * rule.SURE,)),
    (f"{REF}decisions.md", "at most {} in 100 sessions end with a winner", (equals_that_win(),)),
    (f"{REF}decisions.md", "preferred on {:.0f} of 100 seeds", (100 / (1 + math.exp(-2)),)),
    (f"{REF}decisions.md", "{} to {} of 100 sessions find it within 40 seeds", clear_ones_found()),
    (f"{REF}decisions.md", "buys {} seeds for all variants first, then {} at a time",
     (steering.FIRST_SEEDS, steering.NEXT_SEEDS)),
    (f"{REF}decisions.md", "evidence of {:g} to 1 the first beats", (race_plan.BEATS,)),
    (f"{REF}decisions.md", "`strict=True`: {:g} to 1", (race_plan.BEATS_STRICT,)),
    (f"{REF}decisions.md", "at most {:.0f} of 100 races", (200 / race_plan.BEATS,)),
    (f"{REF}decisions.md", "{} new seeds for all; later {}", (steering.FIRST_SEEDS, steering.NEXT_SEEDS)),
    (f"{REF}decisions.md", "A gap of 1.5 logits is {:.0f} in 4 votes", (4 / (1 + math.exp(-1.5)),)),
    (f"{REF}decisions.md", "five voters who agree decide with {}", (MIN_BLOCKS,)),
    (f"{REF}decisions.md", "standard error of the simulation is {:.1f} at 4 %, {:.1f} at 91 %, {:.1f} in the middle",
     [100 * (p * (1 - p) / 1000) ** 0.5 for p in (0.04, 0.91, 0.5)]),
    (RACE, "{} seeds first", (WORDS[steering.FIRST_SEEDS],)),
    (RACE, "buy {} more seeds", (WORDS[steering.NEXT_SEEDS],)),
    (RACE, "{} new seeds, for those that can still win", (WORDS[steering.NEXT_SEEDS],)),
    (RACE, "**{:g} to 1 decides.**", (race_plan.BEATS,)),
    (RACE, "the same {} pairs", (WORDS[steering.FIRST_SEEDS],)),
    (RACE, "{} pairs take a minute", (WORDS[steering.FIRST_SEEDS],)),
    (LESSON, "that is evidence of {:g} to 1", (race_plan.BEATS,)),
    (LESSON, "in 1 of {:g} tries all five are the same side", (2**5 / 2,)),
    (LESSON, "need {} seeds: more voters", (MIN_BLOCKS,)),
    (LESSON, "when all votes agree, {} when one is against", (lesson("SEEDS"),)),
    (README, "{} when one is against; five voters who agree need {}", (lesson("SEEDS"), MIN_BLOCKS)),
    (f"{REF}classroom.md", "With five voters who agree, {} seeds decide", (WORDS[MIN_BLOCKS],)),
    (f"{REF}classroom.md", "--seeds {} --name class", (",".join(str(n + 1) for n in range(MIN_BLOCKS)),)),
    # names, counts, places
    (README, "You need Python {} or newer", (PYTHON and PYTHON[0],)),
    ("notebooks/README.zh.md", "需要 Python {} 以上", (PYTHON and PYTHON[0],)),
    (README, "prompts that move pictures, with {} exercises", (WORDS[len(lesson("_CHECKS"))],)),
    ("notebooks/README.zh.md", "{}道练习", ("零一二三四五六七八九"[len(lesson("_CHECKS"))],)),
    (f"{REF}log.md", "`status` is one of {}.", (", ".join(Status),)),
    (f"{REF}front_ends.md", "a light copy of at most {:g} MB", (LIGHT / 1e6,)),
    (f"{REF}front_ends.md", "({:g} MB a notebook in all)", (EMBED_MOST / 1e6,)),
    (f"{REF}front_ends.md", "ten clips took at most {}", (BINDER and BINDER[1],)),
    (README, "for about {} minutes", (MINUTES and MINUTES[1],)),
    (f"{REF}classroom.md", "The core: {} minutes", (CORE,)),
    (LESSON, "{} minutes, for people who have never", (MINUTES_OF["lesson"],)),
    (QUICK, "a lesson of {} minutes", (MINUTES_OF["lesson"],)),
    (README, "a [lesson](notebooks/lesson.ipynb) of {} minutes", (MINUTES_OF["lesson"],)),
    ("notebooks/README.md", "or teach it, in {} minutes", (MINUTES_OF["lesson"],)),
    (QUICK, "It takes about {} minutes", (WORDS[MINUTES_OF["quickstart"]],)),
    (REAL, "`-r {}` and `--prompt-extend` give you the service's", (field("resolution").api_default,)),
]  # fmt: skip


@pytest.mark.parametrize(("where", "sentence", "figures"), CLAIMS, ids=lambda value: str(value)[:60])
def test_a_figure_of_the_prose_is_that_of_the_code(where: str, sentence: str, figures: Any) -> None:
    assert sentence.format(*figures) in page(where)


# --- names that prose says

PAGES = [README, "notebooks/README.md", "notebooks/README.zh.md", *(f"{REF}{path.name}" for path in docs.PAGES[1:]),
         *(f"notebooks/{path.name}" for path in sorted(notebooks.FOLDER.glob("*.ipynb")))]  # fmt: skip
FLAGS = {text for option in options.CELL for text in option.spellings} | {
    f"--{option.name.replace('_', '-')}" for verb in VERBS.values() for option in verb.options
}
ELSEWHERE = {"--write", "--run", "--max-cost", "--dist", "--help"}
"""Options of programs and of every verb."""


@pytest.mark.parametrize("name", PAGES)
def test_options_verbs_names_and_files_of_the_prose_are_there(name: str) -> None:
    text = page(name)
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+(?=[`\s,.)=])", text))
    assert flags - FLAGS - ELSEWHERE == set()
    assert set(re.findall(r"`%wan ([a-z]+)", text)) <= VERBS.keys()
    assert {word for word in re.findall(r"\bwan_nb\.(\w+)\(", text) if not hasattr(wan_nb, word)} == set()
    files = re.findall(r"`((?:tests|notebooks|binder)/[\w/.]+\.\w+)`", text)
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_a_log_of_a_million_answers_as_a_small_one() -> None:
    """As the notebook of the log says: the bar is that of the benchmark."""
    rows = measured("log")["rows"]
    grown = next(row for what, row in rows.items() if what.startswith("append"))
    assert "a log of a million rows answers as fast as a small one" in page(LOG)
    assert grown["value"] <= 1.5


def test_enough_is_checked() -> None:
    assert len(CLAIMS) >= 65
    said = sum(len(set(re.findall(r"`(?:--[a-z-]+|%wan [a-z]+)", page(name)))) for name in PAGES)
    assert len(CLAIMS) + said >= 80
