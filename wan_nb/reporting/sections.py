"""What a report says, section by section, as HTML that needs neither script nor network. Pure text."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from wan_nb.api.urls import in_text
from wan_nb.html.ranking import of_100
from wan_nb.html.text import escape, money, percent
from wan_nb.html.word_diff import diff_html
from wan_nb.sanitize import redact
from wan_nb.studies.measures.differences import paired
from wan_nb.studies.measures.words import measure_word
from wan_nb.studies.votes import as_given
from wan_nb.widgets import clip_pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wan_nb.reporting.data import Ranked, StudyData
    from wan_nb.studies.measures.differences import Difference
    from wan_nb.widgets.clip_pages import Clip

__all__ = ["body", "clean", "ranking_svg", "without_secrets"]

_MOST_ROWS = 500

_TOLD = 0.05
"""False discovery rate up to which a difference of measures is marked."""


def without_secrets(value: Any) -> Any:
    """The same value with every text in it redacted, and addresses in it as they may be shown.

    >>> without_secrets({"note": "see https://x.test/a.mp4?Signature=abc and sk-0123456789abcdef"})
    {'note': 'see https://x.test/a.mp4 and ***'}
    """
    if isinstance(value, str):
        return redact(in_text(value))
    if isinstance(value, dict):
        return {without_secrets(key): without_secrets(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_secrets(item) for item in value]
    return value


def clean(value: object, limit: int | None = None) -> str:
    """Text for a report: without_secrets, and safe inside an element and an attribute."""
    return escape(without_secrets("" if value is None else str(value)), limit)


def body(data: StudyData, *, player: bool, links: Mapping[str, str]) -> str:
    """The report without its head and its scripts.

    Parameters
    ----------
    data : StudyData
    player : bool
        Whether the page brings a player; its place is then kept free.
    links : mapping of str to str
        Addresses of clips, by run id.
    """
    clips = data.get("clips", ())
    place = '<div id="wan-compare"></div>' if player else ""
    costs = ", ".join(money(amount, currency) for currency, amount in (data.get("costs") or {}).items())
    simulated = sum(bool(clip.get("simulated")) for clip in clips)
    spent = f"Spent: {escape(costs)}." if costs else "Nothing was spent."
    which = "All clips" if simulated == len(clips) else f"{simulated} of {len(clips)} clips"
    apart = f" {which} are simulated and cost nothing." if simulated else ""
    reproduce = "".join(
        f"<h3>{title}</h3><pre>{clean(data.get(key))}</pre>"  # type: ignore[literal-required, unused-ignore]
        for title, key in (("The cell", "cell"), ("The same in Python", "python"))
        if data.get(key)
    )
    parts = [
        _head(data),
        _section("What the votes say", _verdict(data)),
        _section("The race", _table(data.get("race") or ())),
        _section("Clips", place + _sheet(clips, links)),
        _section("Prompts", _prompts(data)),
        _section("Measures", _measures(clips, data.get("definitions") or {})),
        _section("Plan", _table(data.get("plan") or ())),
        _section("Votes", _table(as_given(data.get("votes") or ()))),
        _section("Cost", f"<p>{spent}{apart}</p>" if "costs" in data else ""),
        _section("Make it again", reproduce),
        _section("Versions", _table([data["versions"]] if data.get("versions") else ())),
    ]
    return "".join(parts)


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>\n" if content else ""


def _head(data: StudyData) -> str:
    clips = data.get("clips", ())
    there = sum(clip_pages.public(clip)["playable"] for clip in clips)
    mark = ' <span class="simulated">SIMULATED</span>' if any(clip.get("simulated") for clip in clips) else ""
    variants = len({clip.get("variant") for clip in clips})
    blocks, seeds = ({clip.get(name) for clip in clips} for name in ("block", "seed"))
    on = "picture" if len(seeds) < len(blocks) and len(seeds) == 1 else "seed"
    counted = [(there, "clip"), (variants, "variant"), *([(len(blocks), on)] if "plan" in data else [])]
    about = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counted)
    notes = list(data.get("notes") or ())
    if there < len(clips):
        missing = [
            " ".join(filter(None, [str(clip["label"]), clip.get("block") and f"({clip['block']})"]))
            for clip in clips
            if not clip_pages.public(clip)["playable"]
        ]
        notes.append(f"{len(missing)} of {len(clips)} runs have no clip: {', '.join(missing[:12])}.")
    said = "".join(f'<p class="note">{clean(note)}</p>' for note in notes)
    created = f" · {clean(data.get('created'))}" if data.get("created") else ""
    return f'<header><h1>{clean(data.get("name"))}{mark}</h1><p class="about">{about}{created}</p>{said}</header>\n'


def _verdict(data: StudyData) -> str:
    sentences = [clean(text) for text in data.get("sentences") or ()]
    first = "".join(f'<p class="verdict">{text}</p>' for text in sentences[:1])
    rest = f"<ul>{''.join(f'<li>{text}</li>' for text in sentences[1:])}</ul>" if sentences[1:] else ""
    ranking = data.get("ranking") or ()
    if not ranking:
        return first + rest
    return first + rest + f'<div class="scroll">{ranking_svg(ranking)}</div>{_table(map(_ranked, ranking))}'


def _ranked(row: Ranked) -> dict[str, Any]:
    """One line of the ranking as people read it."""
    counts = {"won": "wins", "lost": "losses", "same": "ties", "seeds": "blocks"}
    said: dict[str, Any] = {
        "variant": row["variant"],
        "preferred, of 100 new seeds": of_100(row["preferred"]),
        "95 % interval": f"{of_100(row['preferred_low'])} to {of_100(row['preferred_high'])}",
    }
    if "p_best" in row:
        said["best with"] = percent(row["p_best"])
    return said | {title: row.get(name) for title, name in counts.items() if name in row}


def ranking_svg(ranking: Sequence[Ranked]) -> str:
    """Shares with their 95 % intervals as an inline picture; further right is better.

    >>> row = {"variant": "calm", "preferred": 0.6, "preferred_low": 0.4, "preferred_high": 0.8}
    >>> ranking_svg([row]).count("<circle")
    1
    """
    left, right, row_height = 170, 740, 30
    foot = row_height * len(ranking) + 8

    def x(value: float) -> float:
        return round(left + float(value) * (right - left), 1)

    lines = [f'<line x1="{x(0.5)}" y1="4" x2="{x(0.5)}" y2="{foot}"/>']
    for at, row in enumerate(ranking):
        y = row_height * at + 19
        lines.append(
            f'<text x="{left - 14}" y="{y + 4}" text-anchor="end">{clean(row["variant"], 24)}</text>'
            f'<line class="range" x1="{x(row["preferred_low"])}" y1="{y}" x2="{x(row["preferred_high"])}" y2="{y}"/>'
            f'<circle cx="{x(row["preferred"])}" cy="{y}" r="5"/>'
        )
    lines += [
        f'<text class="tick" x="{x(value)}" y="{foot + 14}" text-anchor="middle">{100 * value:.0f}</text>'
        for value in (0.0, 0.5, 1.0)
    ]
    title = "Of 100 new seeds, those on which it is preferred to the others, with the 95 % interval"
    return (
        f'<svg class="ranking" role="img" aria-label="{title}" viewBox="0 0 770 {foot + 40}">{"".join(lines)}'
        f'<text class="tick" x="{(left + right) / 2}" y="{foot + 32}" text-anchor="middle">{title}</text></svg>'
    )


def _sheet(clips: Sequence[Clip], links: Mapping[str, str]) -> str:
    """Strips of all clips: what is seen without JavaScript, and on paper."""
    names = clip_pages.differing(clips)
    return f'<div class="sheet">{"".join(_figure(clip, names, links) for clip in clips)}</div>' if clips else ""


def _figure(clip: Clip, names: Sequence[str], links: Mapping[str, str]) -> str:
    known = clip_pages.public(clip, names)
    picture = ""
    if clip.get("strip"):
        data = base64.b64encode(clip["strip"] or b"").decode()
        picture = f'<img data-strip="{clean(clip["id"])}" src="data:image/jpeg;base64,{data}" alt="Frames of the clip">'
    facts = [f"{name} {value}" for name, value in known["params"].items()]
    facts += [f"seed {known['seed']}"] if known["seed"] is not None else []
    facts += [money(known["cost"], known["currency"])] if known["cost"] and not known["simulated"] else []
    facts += [f"{known['rating']} of 5 stars"] if known["rating"] else []
    facts += [known["note"]] if known["note"] else []
    link = f' · <a href="{clean(links[clip["id"]])}">clip</a>' if clip["id"] in links else ""
    mark = ' <span class="simulated">SIMULATED</span>' if known["simulated"] else ""
    caption = f"<b>{clean(known['label'])}</b>{mark}<br>{clean(' · '.join(facts))}{link}"
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def _prompts(data: StudyData) -> str:
    prompts = dict(data.get("prompts") or {})
    for clip in data.get("clips", ()):
        prompts.setdefault(clip.get("variant") or clip["label"], clip.get("prompt") or "")
    texts = {name: str(without_secrets(text)) for name, text in prompts.items() if text}
    first = next(iter(texts.values()), "")
    told = {name: diff_html(first, text) if data.get("marked", True) else clean(text) for name, text in texts.items()}
    lines = [f"<dt>{clean(name)}</dt><dd>{text}</dd>" for name, text in told.items()]
    return f'<dl class="prompts">{"".join(lines)}</dl>' if lines else ""


def _measures(clips: Sequence[Clip], definitions: Mapping[str, str]) -> str:
    measured = [clip for clip in clips if clip.get("measures")]
    if not measured:
        return ""
    each = _table([{"clip": clip["label"], "seed": clip.get("seed"), **_worded(clip["measures"])} for clip in measured])
    names = {name for clip in measured for name, value in clip["measures"].items() if value is not None}
    told = [
        f"<tr><th>{clean(measure_word(name))}</th><td>{clean(text)}</td></tr>"
        for name, text in definitions.items()
        if name in names
    ]
    meaning = f"<table>{''.join(told)}</table>" if told else ""
    # Too wide for paper; the CSV has it.
    return _differences(measured) + _fold("Each clip", each, "screen") + _fold("What they mean", meaning)


def _worded(measures: Mapping[str, Any]) -> dict[str, Any]:
    return {measure_word(name): value for name, value in measures.items()}


def _fold(title: str, content: str, kind: str = "") -> str:
    return f'<details class="{kind}"><summary>{title}</summary>{content}</details>' if content else ""


def _differences(clips: Sequence[Clip]) -> str:
    """Variants against the first one, inside their blocks; measures in which nothing differs are left out."""
    variants = list(dict.fromkeys(clip.get("variant") or clip["label"] for clip in clips))
    values = [
        {"variant": clip.get("variant") or clip["label"], "block": clip.get("block"), "measures": clip["measures"]}
        for clip in clips
    ]
    rows: dict[str, dict[str, Any]] = {}
    compared = paired(values, base=variants[0])
    for found in compared:
        if found.more or found.fewer:
            row = rows.setdefault(found.measure, {"measure": measure_word(found.measure), variants[0]: found.base_mean})
            row[f"{found.variant} − {found.base}"] = _difference(found)
    if not rows:
        return ""
    said = (
        f"Each variant against {clean(variants[0])}, on the same picture and seed. Amounts: mean difference, its 95 % "
        "interval over seeds and its size (Hedges' g). Counts and shares: on how many seeds there is more and less, "
        "and the exact 95 % interval of how often more, of 100 seeds that differ. Of "
        f"{len(compared)} comparisons some look large by chance: those with * hold after a correction for all of them "
        "(Benjamini-Hochberg, 5 %). Checks and sort keys, no verdict."
    )
    return f"<p>{said}</p>{_table(rows.values())}"


def _difference(found: Difference) -> str:
    mark = " *" if found.q <= _TOLD else ""
    if found.low is not None and found.high is not None:
        size = "" if found.effect is None else f", g {found.effect:+.2g}"
        return f"{found.mean:+.3g} ({found.low:+.3g} to {found.high:+.3g}{size}){mark}"
    often = ""
    if found.more_low is not None and found.more_high is not None:
        often = f" ({100 * found.more_low:.0f} to {100 * found.more_high:.0f})"
    return f"{found.mean:+.3g}, more in {found.more}, less in {found.fewer} of {found.blocks}{often}{mark}"


def _table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as they are; numbers to the right, long tables cut with a word about it."""
    rows = list(rows)
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row))
    numeric = {name for name in names if all(_is_number(row.get(name)) for row in rows)}
    kind = {name: ' class="number"' if name in numeric else "" for name in names}
    header = "".join(f'<th scope="col"{kind[name]}>{clean(name).replace("_", " ")}</th>' for name in names)
    lines = ["".join(f"<td{kind[name]}>{_shown(row.get(name))}</td>" for name in names) for row in rows[:_MOST_ROWS]]
    cut = f"<p>{len(rows) - _MOST_ROWS} more rows are in the CSV.</p>" if len(rows) > _MOST_ROWS else ""
    content = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{header}</tr></thead><tbody>{content}</tbody></table></div>{cut}'


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _shown(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 (NaN is not itself)
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else clean(value, 2_000)
