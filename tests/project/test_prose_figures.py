"""Figures that prose shares with code: each sentence is read with the figure of the code, the catalog or a result.

``PYTHONPATH=tests:tests/support python tests/project/test_prose_figures.py`` prints them as a table: page, sentence,
and what it is kept true by.
"""

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
from wan_nb.log.budget import WINDOW
from wan_nb.log.states import Status
from wan_nb.magics.verbs import VERBS
from wan_nb.settings import EMBED_MOST, Settings
from wan_nb.studies.race import race_plan, steering
from wan_nb.studies.ranking import rule
from wan_nb.studies.ranking.fit import fit
from wan_nb.studies.votes import MIN_BLOCKS, Vote
from wan_nb.widgets.output.static_outputs import LIGHT

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


def intervals_that_hold() -> list[int]:
    shares = [cell["inside"]["value"] for cell in measured("decisions")["coverage"].values()]
    return [round(100 * share) for share in (min(shares), max(shares))]


def voice_seconds() -> float:
    import av

    with av.open(str(notebooks.FOLDER / "data/voice.mp3")) as container:
        return float(container.duration or 0) / av.time_base


@cache
def least_seeds(against: int = 0, raters: int = 1) -> int:
    """Seeds from which on the ranking decides, where so many votes are against and all others agree."""

    def votes(seeds: int) -> list[Vote]:
        return [
            Vote(
                vote_id=f"{seed} {rater}",
                block=str(seed),
                left_variant="a" if seed % 2 else "b",
                right_variant="b" if seed % 2 else "a",
                outcome="left" if (seed % 2 == 1) == (seed >= against) else "right",
                rater=f"rater {rater}",
                session=f"of {rater}",
            )
            for seed in range(seeds)
            for rater in range(raters)
        ]

    return next(seeds for seeds in range(1, 40) if fit(votes(seeds)).decided)


def vote_keys() -> dict[str, str]:
    """Key of each outcome in the comparison and on the ballot page."""
    text = (ROOT / "wan_nb/widgets/static/vote.js").read_text(encoding="utf-8")
    return {outcome: key for key, outcome in re.findall(r'key: "(.)", label: [^}]*?outcome: "(\w+)"', text)}


KEYS = vote_keys()
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
    (f"{REF}models.md", "With `{}` they go together in {} ways", (I2V.name, WORDS[len(I2V.modes)],)),
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
    (f"{REF}decisions.md", "hold the truth in {} to {} of 100 sessions", intervals_that_hold()),
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
    (f"{REF}decisions.md",
     "One voter decides with {} seeds when all votes agree, with {} when one is against, with {} when two are",
     lambda: [least_seeds(against) for against in (0, 1, 2)]),
    (f"{REF}decisions.md", "five voters who agree decide with {}", lambda: (least_seeds(raters=5),)),
    (f"{REF}decisions.md", "at most {} clips", (measured("race")["about"]["clips"],)),
    (f"{REF}decisions.md", "luck of a clip {:g} logit", (measured("race")["about"]["luck"],)),
    (LESSON, "it takes {} seeds when all votes agree, {} when one is against, and {} when two are",
     lambda: [least_seeds(against) for against in (0, 1, 2)]),
    (LESSON, "with one vote against can decide from {} seeds on", lambda: (lesson("race_seeds")(race_plan.BEATS),)),
    (LESSON, "**Five voters** who agree need {} seeds", lambda: (least_seeds(raters=5),)),
    (README, "One voter needs {} seeds when all votes agree, {} when one is against",
     lambda: (least_seeds(), least_seeds(1))),
    (f"{REF}classroom.md", "one voter would need {} or more", lambda: (WORDS[least_seeds()],)),
    (RACE, "Keys: `{left}` or `{right}` is better, `{tie}` the same, `{both_bad}` both bad", KEYS),
    (README, "{left} {right} better, {tie} same, {both_bad} both bad, u undo", KEYS),
    (f"{REF}classroom.md", "vote with the keys `{left}`, `{right}` and `{tie}`", KEYS),
    # names, counts, places
    (LESSON, "The sound lasts {:.1f} s, a clip has whole seconds", (voice_seconds(),)),
    (LESSON, "| 42 to {} | the bill | {} |", (MINUTES_OF["lesson"], len(lesson("_CHECKS")))),
    ("notebooks/forms.ipynb", "the model of a first frame makes {} at most", (field("duration").maximum,)),
    (README, "a budget limits what is spent in {:g} hours", (WINDOW.total_seconds() / HOUR,)),
    (f"{REF}errors.md", "the budget is of the last {:g} hours", (WINDOW.total_seconds() / HOUR,)),
    (REAL, "against a cap over the last {:g} hours", (WINDOW.total_seconds() / HOUR,)),
    ("notebooks/README.zh.md", "一堂 {} 分钟的课", (MINUTES_OF["lesson"],)),
    ("notebooks/README.zh.md", "任意 {:g} 小时内", (WINDOW.total_seconds() / HOUR,)),
    (f"{REF}promises.md", "an hour on workspace hosts" if catalog.LIMITS.workspace_request == HOUR else "{}", ()),
    ("notebooks/README.md", "takes {} of memory at most", (BINDER and BINDER[1],)),
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


@pytest.mark.parametrize(
    ("where", "sentence", "figures"), CLAIMS, ids=lambda value: value[:60] if isinstance(value, str) else ""
)
def test_a_figure_of_the_prose_is_that_of_the_code(where: str, sentence: str, figures: Any) -> None:
    assert told(sentence, figures) in page(where)


def told(sentence: str, figures: Any) -> str:
    """A sentence with its figures, which come by place or by name; those that take long, from a function."""
    figures = figures() if callable(figures) else figures
    return sentence.format(**figures) if isinstance(figures, dict) else sentence.format(*figures)


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
    assert len({f"{where}: {told(sentence, figures)}" for where, sentence, figures in CLAIMS}) >= 80


def claims_table() -> str:
    """Every claim with its page, and the expression that it is kept true by."""
    import ast
    from pathlib import Path

    source = Path(__file__).read_text(encoding="utf-8")
    (listed,) = [
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "CLAIMS"
    ]
    rows = []
    for (where, sentence, figures), node in zip(CLAIMS, listed.elts, strict=True):  # type: ignore[attr-defined]
        kept = " ".join((ast.get_source_segment(source, node.elts[2]) or "").split())
        rows.append(f"| {where} | {told(sentence, figures).replace('|', '/')} | `{kept}` |")
    return "\n".join(["| page | what it says | kept true by |", "| --- | --- | --- |", *rows])


if __name__ == "__main__":
    print(claims_table())
