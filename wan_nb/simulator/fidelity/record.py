"""``python -m wan_nb.simulator record`` buys the cheapest clips and records what the service answers meanwhile.

``python -m wan_nb.simulator compare FILE`` sends the requests of a recording to a simulator and says where it differs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from wan_nb.api import catalog
from wan_nb.api.request import VideoRequest
from wan_nb.api.transport import httpx
from wan_nb.errors import WanError
from wan_nb.sanitize import said
from wan_nb.settings import Settings, for_the_simulator
from wan_nb.simulator import launch
from wan_nb.simulator.fidelity.differences import differences
from wan_nb.simulator.fidelity.exchange import DOCUMENTED, Answer, Exchange, Step, read, scrubbed
from wan_nb.simulator.fidelity.perform import perform, replay, task_id
from wan_nb.terminal import ask, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

__all__ = ["main"]

_GAP = 15.0
"""Seconds between two looks at a task of the service, as its pages ask."""

_SIMULATED_GAP = 0.1
_PROMPT = "A cat walks across a sunny yard."
_BILLED = ("clip", "canceled")
"""Steps that may be billed: a clip that is waited for, and one that is canceled, which the service may refuse."""


def main(arguments: Sequence[str]) -> int:
    """Run ``record`` or ``compare``; 0 when it did what was asked, 1 with one line that says why not."""
    options = _options(arguments)
    try:
        if options.command == "record":
            return _record(options)
        return _compare(options.file)
    except KeyboardInterrupt:
        return _failed("interrupted; what was recorded stays in the file.")
    except OSError as error:
        return _failed(f"{error.filename or 'the simulator'}: {said(error)}")
    except (WanError, ValueError, httpx.HTTPError) as error:
        return _failed(said(error))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m wan_nb.simulator", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    record = commands.add_parser("record", help="record the real service; the key is read from DASHSCOPE_API_KEY")
    record.add_argument("--service", metavar="NAME", help="a region (default beijing) or a base URL")
    record.add_argument("--max-cost", type=float, default=2.0, metavar="N", help="most that the clips may cost")
    record.add_argument("--yes", action="store_true", help="do not ask before buying")
    record.add_argument("-o", "--out", type=Path, metavar="FILE", help="a new file")
    compare = commands.add_parser("compare", help="play a recording to a simulator and say where it differs")
    compare.add_argument("file", type=Path, nargs="?", default=DOCUMENTED, help="what the documentation gives, if none")
    return parser.parse_args(arguments)


def _record(options: argparse.Namespace) -> int:
    settings = Settings.resolve(service=options.service)
    if not settings.api_key:
        return _failed("there is no key: set DASHSCOPE_API_KEY to the one of your account.")
    named = catalog.REGIONS.get(settings.service)
    region = named or catalog.region_of(settings.service)
    url = _base_url(settings, named)
    request = _cheapest(region)
    price = round(len(_BILLED) * request.price(region), 2)
    say(
        f"{len(_BILLED)} clips of {request.duration} s by {request.model} in {request.resolution} at {url}: "
        f"at most {region.currency} {price:.2f} (list price of {request.row.prices.read})."
    )
    if not price <= options.max_cost:
        return _failed(f"that is more than --max-cost {options.max_cost:g}: nothing was sent.")
    if not options.yes and not _agreed():
        return _failed("nothing was sent.")
    now = datetime.now(UTC)
    source = f"{named.name if named else 'a base URL'}, {now:%Y-%m-%d}"
    path = options.out or Path(f"recording-{now:%Y%m%d-%H%M%S}.jsonl")
    with path.open("x", encoding="utf-8") as file:
        asyncio.run(_recorded(_steps(request), url, settings.api_key, source, file))
    say(f"{path}: recorded, without key, links and ids.")
    return _compare(path)


async def _recorded(steps: list[Step], url: str, key: str, source: str, file: IO[str]) -> None:
    async for step, answer in perform(steps, url, key, gap=_gap(url)):
        scrub = Answer(answer.status, answer.type, scrubbed(answer.body))
        file.write(Exchange(step, scrub, source).line() + "\n")
        file.flush()
        say(f"{step.name}: HTTP {answer.status}" + _bought(step, answer))


def _bought(step: Step, answer: Answer) -> str:
    """How a clip that may be billed is had; the service keeps it for a day."""
    task = task_id(answer)
    return f" · task {task}: %wan adopt {task} keeps its clip" if step.name in _BILLED and task else ""


def _base_url(settings: Settings, region: catalog.Region | None) -> str:
    if region is None:
        return settings.service
    if settings.workspace:
        return region.workspace_url(settings.workspace)
    if not region.base_url:
        raise WanError(f"{region.name} is reached by the host of a workspace: set WAN_NB_WORKSPACE to its id.")
    return region.base_url


def _gap(url: str) -> float:
    here = httpx.URL(url).host in {"127.0.0.1", "localhost", "::1"}
    return _SIMULATED_GAP if here else _GAP


def _cheapest(region: catalog.Region) -> VideoRequest:
    """The clip that costs least of those that are made from a prompt alone."""
    made = []
    for row in catalog.MODELS.values():
        duration, tiers = row.field("duration"), row.field("resolution")
        if row.mode([]) is None or duration is None or tiers is None or region.name not in row.regions:
            continue
        given = {"model": row.name, "prompt": _PROMPT, "duration": duration.minimum, "seed": 1}
        made += [VideoRequest(**given, resolution=tier) for tier in tiers.choices]
    return min(made, key=lambda request: request.price(region))


def _steps(request: VideoRequest) -> list[Step]:
    """What is asked: what costs nothing first, then a clip, its end and its link, and one that is canceled."""
    start = {"X-DashScope-Async": "enable"}
    resolve = {**start, "X-DashScope-OssResourceResolve": "enable"}
    body = request.payload({})
    wrong = {**body, "parameters": {**body["parameters"], "resolution": "1P"}}
    post, model = catalog.CREATE_PATH, request.model
    form = {
        **{
            name: f"<{place} permit>" for name, place in (("OSSAccessKeyId", "oss_access_key_id"), ("policy", "policy"))
        },
        "Signature": "<signature permit>",
        "x-oss-object-acl": "<x_oss_object_acl permit>",
        "x-oss-forbid-overwrite": "<x_oss_forbid_overwrite permit>",
        "key": "<upload_dir permit>/picture.png",
        "success_action_status": "200",
    }
    return [
        Step("no key", post, "POST", headers=start, key="none", body=wrong),
        Step("wrong key", post, "POST", headers=start, key="wrong", body=wrong),
        Step("not asynchronous", post, "POST", body=wrong),
        Step("no such model", post, "POST", headers=start, body={**wrong, "model": f"{model}x"}),
        Step("unknown id", "/tasks/<unknown id>"),
        Step("cancel of an unknown id", "/tasks/<unknown id>/cancel", "POST"),
        Step("permit", "/uploads", query={"action": "getPolicy", "model": model}),
        Step("upload", "<upload_host permit>", "POST", key="none", form=form),
        Step("upload once more", "<upload_host permit>", "POST", key="none", form=form),
        Step("late refusal", post, "POST", headers=resolve, body=wrong),
        Step("late refusal is told", "/tasks/<task late refusal>", until="FAILED"),
        Step("clip", post, "POST", headers=start, body=body),
        Step("clip waits", "/tasks/<task clip>"),
        Step("canceled", post, "POST", headers=start, body=body),
        Step("cancel", "/tasks/<task canceled>/cancel", "POST"),
        Step("canceled is told", "/tasks/<task canceled>", until="CANCELED"),
        Step("clip runs", "/tasks/<task clip>", until="RUNNING"),
        Step("cancel what runs", "/tasks/<task clip>/cancel", "POST"),
        Step("clip is done", "/tasks/<task clip>", until="SUCCEEDED"),
        Step("link", "<link clip is done>", "HEAD", key="none"),
        Step("link with a wrong signature", "<link clip is done>x", key="none"),
        Step("list", "/tasks/", query={"model_name": model, "page_no": "1", "page_size": "10"}),
        Step("list of a longer page", "/tasks/", query={"page_no": "1", "page_size": "1000"}),
    ]


def _agreed() -> bool:
    if not (sys.stdin and sys.stdin.isatty()):
        say("Nobody can be asked here: --yes buys.")
        return False
    return ask("Buy? [y/N] ").strip().lower() in {"y", "yes"}


def _compare(path: Path) -> int:
    """Say where a simulator of its own answers otherwise than a recording."""
    exchanges = read(path)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        url = launch.ensure(Path(folder), environ=for_the_simulator())
        answers = asyncio.run(replay([exchange.step for exchange in exchanges], url))
    found = [(one.step.name, differences(one, answer)) for one, answer in zip(exchanges, answers, strict=True)]
    for name, differs in found:
        for difference in differs:
            say(f"{name}: {difference}")
    same = sum(not differs for _, differs in found)
    say(f"The simulator answers {same} of {len(found)} requests as they are recorded.")
    return 0


def _failed(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 1
