"""JupyterHub behind its proxy: a prefix, a login, XSRF checks, and every message through two servers."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from .lab import Notebook, environment, write_notebook, write_settings
from .programs import REPO, Program, answers, beside, free_ports, npm
from .test_lab import photo, play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{public}/"
c.JupyterHub.hub_port = {hub}
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.ConfigurableHTTPProxy.command = ["node", {proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--LabApp.expose_app_in_browser=True"]
c.Spawner.notebook_dir = {notebooks!r}
c.Spawner.default_url = "/lab"
c.Spawner.environment = {environment!r}
c.Spawner.start_timeout = c.Spawner.http_timeout = 240
"""
PLAN = "wan_nb.study({'calm': 'a', 'wild': 'b'}, name='walk', first_frame='cat.jpg', duration=3, seeds=[1])"
WAITING = "wan_nb.submit('a cat waits', first_frame='cat.jpg', duration=3)"


class Hub(Program):
    """JupyterHub, whose one person is called somebody."""

    entry = ""

    def __init__(self, root: Path) -> None:
        self.notebooks = root / "notebooks"
        self.notebooks.mkdir(parents=True)
        write_settings(root, {})
        proxy = npm(root / "npm", "configurable-http-proxy") / "configurable-http-proxy/bin/configurable-http-proxy"
        python = beside(root / "venv", "jupyterhub")
        public, hub, api = free_ports(3)
        env = environment(root)
        told = {name: env[name] for name in env if name.startswith(("JUPYTER", "IPYTHON", "PYTHONPATH"))}
        (root / "jupyterhub_config.py").write_text(
            CONFIG.format(
                public=public, hub=hub, api=api, proxy=str(proxy), python=python, environment=told,
                home=str(root / "home"), notebooks=str(self.notebooks),
            )
        )  # fmt: skip
        address = f"http://127.0.0.1:{public}/"
        door = f"{address}hub/spawn"
        find = lambda: f"{address}user/somebody/" if answers(door) else None  # noqa: E731
        super().__init__(root, [python, "-m", "jupyterhub"], env=env, find=find)
        self.door = door


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Hub(tmp_path / "hub") as hub:
        yield hub


@pytest.mark.front_end(
    "JupyterHub behind its proxy: a prefix, a login, XSRF checks",
    "a photograph of 15 MB given to the form, live board, cancelling, Buy, vote; clips play, also from folders "
    "above the notebook's",
)
def test_upload_run_buy_and_vote_behind_the_proxy(
    hub: Hub, page: Any, simulator: Any, tmp_path: Path, shots: Path
) -> None:
    """The clips lie in the root of the server, the notebook three folders below."""
    simulator.config(run=1.0, clips="full")
    shutil.copy(REPO / "notebooks/data/cat.jpg", hub.notebooks / "cat.jpg")
    connect = f"import wan_nb; wan_nb.connect({simulator.url!r}, api_key='sk-test', gap=0.1)"
    up = f"import os; os.chdir({str(hub.notebooks)!r}); {connect}"
    cells = [up, "wan_nb.form()", PLAN, f"{PLAN}.submit(max_cost=99).wait().vote()", WAITING]
    write_notebook(hub.notebooks / "a/b/c/n.ipynb", *cells)
    page.goto(hub.door)
    page.get_by_label("Username:").fill("somebody")
    page.get_by_label("Password:").fill("a-password")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/user/somebody/lab**", timeout=240_000)
    book = Notebook(page, hub, "a/b/c/n.ipynb")
    for index in range(3):
        book.run(index)
    for index in (1, 2):
        book.wait_html(index)

    form = book.cell(1)
    form.get_by_label("Prompt", exact=True).fill("grain dances")
    form.get_by_label("Duration", exact=True).fill("3")
    group = form.get_by_role("group", name="First frame", exact=True)
    group.locator("input[type=file]").set_input_files(photo(tmp_path / "photo.jpg"))
    group.get_by_text(re.compile(r"JPEG · 3400×2600 · 1\d\.\d MB")).wait_for()
    form.get_by_role("button", name="Make the clip").click()
    form.locator(".wan-board").first.wait_for()
    card = form.locator("video[controls]")
    card.wait_for()
    play(page, card)
    assert "/user/somebody/files/wan_runs/videos/" in card.evaluate("video => video.src")
    page.screenshot(path=shots / "hub-form.png")

    book.cell(2).get_by_role("button", name="Buy 2 clips").click()
    book.cell(2).get_by_text("2 done").first.wait_for()
    book.run(3)
    vote = book.cell(3)
    vote.locator(".wan-c-vote [data-outcome=left]:not([disabled])").click()
    vote.get_by_text("1 vote").first.wait_for()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        book.theme(theme)
        page.screenshot(path=shots / f"hub-vote-{theme.rpartition(' ')[2].lower()}.png")

    simulator.config(queue=600.0)
    book.run(4)
    book.cell(4).locator(".wan-board [data-state=PENDING]").get_by_role("button", name=re.compile("^Cancel")).click()
    book.cell(4).get_by_text("canceled").first.wait_for()
    assert len(simulator.tasks()) == 4
