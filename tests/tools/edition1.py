"""Make ``tests/data/edition1``: a log, a media folder and a notebook as commit 329ba05 left them.

    git worktree add ../first 329ba05           # and a virtual environment with that state installed
    ../first/.venv/bin/python tests/tools/edition1.py /home/ada/edition1

Runs with the package of that commit only; what is there now is not made again, for every later state has to open it.
The path is part of the data (materials are written down with theirs): tests put their own in its place.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import nbformat
from nbclient import NotebookClient

CAT = Path(__file__).resolve().parents[2] / "notebooks" / "data" / "cat.jpg"
SMALL = {"duration": 2, "driving_audio": "hush.mp3"}
OF_SKY = {"first_frame": "sky.png", **SMALL}
PROMPTS = {"calm": "the camera moves in slowly", "wild": "the camera moves out fast"}
URL = "https://example.org/photos/cat.jpg"
SIGNED = f"{URL}?key=photos/cat.jpg"
LONG = 1e7
MONTH = 30 * 86400 * 10**6
TIMES = {
    "runs": "created_at posted_at submitted_at started_at ended_at",
    "uploads": "expires_at",
    "studies": "saved_at",
    "measures": "measured_at",
    "owners": "seen_at",
}

NOTEBOOK = (
    "%load_ext wan_nb\n%wan connect simulator",
    "%%wan -f cat.jpg -a hush.mp3 -d 2 --seed 7 --out walk --wait\na cat walks slowly towards the camera",
    '%%wan -f cat.jpg -a hush.mp3 -d 2 --seeds 1,2 --name notes --max-cost 30 --tag "two prompts" --wait\n'
    "--- calm\na cat looks up, slowly\n--- fast\na cat dashes across the room",
    "%%wan --first-clip clip.mp4 --duration 4 --out more --wait\nit goes on",
    "wan_nb.runs(study='notes')[['variant', 'block', 'status', 'cost']]",
    "wan_nb.study(name='notes').ranking()",
    "walk",
)


def materials() -> None:
    """A photograph, and a picture, a clip and a silence that are small; silence makes the clips small, too."""
    import av
    import numpy as np
    from PIL import Image

    shutil.copy(CAT, "cat.jpg")
    Path("shot2").mkdir()
    Image.new("RGB", (320, 240), (40, 90, 160)).save("shot2/cat.jpg")
    Image.new("RGB", (320, 240), (90, 160, 220)).save("sky.png")
    with av.open("clip.mp4", "w") as out:
        film = out.add_stream("libx264", rate=10, options={"crf": "40"})
        film.width, film.height, film.pix_fmt = 320, 240, "yuv420p"
        for number in range(30):
            out.mux(film.encode(av.VideoFrame.from_image(Image.new("RGB", (320, 240), (8 * number, 90, 120)))))
        out.mux(film.encode(None))
    with av.open("hush.mp3", "w") as out:
        sound = out.add_stream("libmp3lame", rate=16000, layout="mono")
        sound.bit_rate = 8000
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 40000), "int16"), format="s16p", layout="mono")
        frame.sample_rate = 16000
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))


def session() -> Any:
    import wan_nb
    from wan_nb.log import owner

    owner._host = lambda: "ada-laptop"  # no name of the machine that it was made on
    return wan_nb.Session("simulator", gap=0.05)


def control(what: str, **body: Any) -> Any:
    url = json.loads(Path("wan_runs/simulator/simulator.json").read_text())["url"]
    answer = httpx.post(url.replace("/api/v1", f"/_simulator/{what}"), json=body, trust_env=False)
    answer.raise_for_status()
    return answer.json()


def fault(**rule: Any) -> None:
    control("faults", faults=[rule])


def clear_faults() -> None:
    url = json.loads(Path("wan_runs/simulator/simulator.json").read_text())["url"]
    httpx.request("DELETE", url.replace("/api/v1", "/_simulator/faults"), trust_env=False).raise_for_status()


def until(run: Any, *states: str) -> Any:
    while run.status not in states:
        assert run.status not in {"SUCCEEDED", "FAILED", "CANCELED", "EXPIRED"}, run
        time.sleep(0.05)
    return run


def ended(s: Any) -> None:
    """Studies, votes and every final state."""
    import numpy as np
    from PIL import Image

    from wan_nb.errors import RunExpired, RunFailed
    from wan_nb.studies.ballot.ballot import Ballot

    walk = s.study(PROMPTS, name="walk", **OF_SKY, seeds=range(1, 10), tags=["demo", "0"])
    walk.submit(max_cost=100).wait()
    rng = np.random.default_rng(5)
    for rater, wins in (("", 9), ("Ada", 8)):
        sitting = Ballot(s.workspace, walk.name, walk.rows(), walk.votes, rater=rater, rng=rng)
        for number in range(9):
            if (asked := sitting.next()) is None:
                break
            outcome = "left" if (asked.left_variant == "calm") == (number < wins) else "right"
            sitting.record(asked, {3: "tie", 5: "skip"}.get(number, outcome), ms_to_vote=900 + number)
            if number == 4:
                sitting.undo()
    unnamed = s.study(list(PROMPTS.values()), first_frame="cat.jpg", **SMALL, seeds=[1, 2]).submit(max_cost=100).wait()
    for rater in ("", "Ada"):
        sitting = Ballot(s.workspace, unnamed.name, unnamed.rows(), unnamed.votes, rater=rater, rng=rng)
        while asked := sitting.next():
            sitting.record(asked, "left" if asked.left_variant == "B" else "right")
    for name, other in (("pictures", "sky.png"), ("shots", "shot2/cat.jpg")):
        s.study(PROMPTS, name=name, seeds=[5], vary={"first_frame": ["cat.jpg", other]}, **SMALL).submit().wait()

    # Two of the three cells of "mixed" were bought under other names, one of them under none.
    s.submit(PROMPTS["calm"], **OF_SKY, seed=31, name="early", tags=["first"]).wait()
    s.submit(PROMPTS["calm"], **OF_SKY, seed=32).wait()
    s.study({"calm": PROMPTS["calm"]}, name="mixed", **OF_SKY, seeds=[31, 32, 33]).submit().wait()

    twice = s.submit("a cat sits down", **OF_SKY, name="twice", tags=["keep"]).wait()
    s.submit("a cat sits down", **OF_SKY, name="twice", again=True).wait()
    twice.rate(4).note("paws ≈ 4 × right").tag("=1+1")
    s.submit("from memory", first_frame=Image.new("RGB", (400, 300), (200, 90, 30)), seed=1, **SMALL).wait()
    s.submit("by a URL", first_frame=URL, seed=1, **SMALL).wait()
    s.submit("by a URL with a query", first_frame=SIGNED, seed=1, **SMALL).wait()
    s.forget(s.submit("forgotten", **OF_SKY, seed=1).wait().id)

    refusal = {"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}
    for prompt in ("refused", "refused once"):
        fault(endpoint="create", fail=refusal)
        try:
            s.submit(prompt, **OF_SKY, seed=1).wait()
        except RunFailed:
            continue
        raise AssertionError(prompt)
    s.submit("refused once", **OF_SKY, seed=1).wait()

    control("config", run=LONG)
    lost = s.submit("lost", **OF_SKY, seed=1)
    fault(endpoint="get", word="UNKNOWN", times=-1)
    try:
        lost.wait()
    except RunExpired:
        clear_faults()
    control("tasks", task_id=lost.row.task_id, do="finish")
    control("config", queue=LONG)
    s.submit("canceled", **OF_SKY, seed=1).cancel()


def expected(s: Any) -> dict[str, Any]:
    """What edition 1 says about it."""
    studies = {}
    for name in ("walk", s.study(list(PROMPTS.values()), first_frame="cat.jpg", **SMALL, seeds=[1, 2]).name):
        ranking = s.study(name=name).ranking()
        studies[name] = {
            "sentence": ranking.sentence,
            "decided": ranking.decided,
            "blocks": ranking.blocks,
            "order": [row["variant"] for row in ranking.rows],
            "votes": len(s.study(name=name).votes()),
        }
    rows = s.log.find()
    return {
        "studies": studies,
        "runs": {row.run_id: [str(row.status), row.cost, row.study, row.variant, row.block] for row in rows},
    }


def under_way(s: Any) -> None:
    """Every state that is not final, left as it was when the process died."""
    import threading

    import numpy as np  # noqa: F401  # whole before a thread of that edition looks at it

    control("config", queue=0.0, run=LONG)
    until(s.submit("runs", **OF_SKY, seed=1), "RUNNING")
    control("config", run=0.05)
    fault(endpoint="download", status=403, times=-1)
    until(s.submit("is fetched", **OF_SKY, seed=1), "DOWNLOADING")
    control("config", queue=LONG)
    until(s.submit("waits", **OF_SKY, seed=1), "PENDING")
    fault(endpoint="list", status=500, times=-1)
    fault(endpoint="create", when="after", reset=True)
    try:
        s.submit("in doubt", **OF_SKY, seed=1)
    except Exception as error:
        print("in doubt:", error)
    fault(endpoint="create", delay=60.0)
    threading.Thread(target=s.submit, args=("on its way",), kwargs={**OF_SKY, "seed": 1}).start()
    while not any(row.posted_at and str(row.status) == "INTENDED" for row in s.log.find(text="on its way")):
        time.sleep(0.05)
    s.study({"a": "one of many", "b": "another of many"}, name="halted", **OF_SKY, seeds=range(4)).submit()
    # Five are at the service at a time; the rest is still to be sent.
    while sum(str(row.status) == "PENDING" for row in s.log.find(study="halted")) < 3:
        time.sleep(0.05)
    os._exit(0)


def notebook() -> None:
    control("config", queue=0.0, run=0.05, clips="tiny")
    cells = [nbformat.v4.new_code_cell(text, id=f"cell-{n}") for n, text in enumerate(NOTEBOOK)]
    cells[4].source = f"import wan_nb\n{cells[4].source}"
    book = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(book, kernel_name="python3", record_timing=False, resources={"metadata": {"path": "."}}).execute()
    nbformat.write(book, "notebook.ipynb")


def tidy() -> None:
    """One file for the log, a month old, of no real machine; nothing of the simulator, nothing that is made again."""
    database = sqlite3.connect("wan_runs/runs.db")
    for table, columns in TIMES.items():
        for column in columns.split():
            database.execute(f"UPDATE {table} SET {column} = {column} - {MONTH}")
    for table in ("runs", "owners"):
        database.execute(f"UPDATE {table} SET owner = 'ada-laptop' || substr(owner, instr(owner, ':'))")
    database.commit()
    database.execute("VACUUM")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    database.close()
    shutil.rmtree("wan_runs/simulator")
    for path in Path("wan_runs/proxies").iterdir():
        path.unlink()


def main(folder: Path) -> None:
    folder.mkdir(parents=True)
    os.chdir(folder)
    materials()
    for name in list(os.environ):
        if name.startswith(("DASHSCOPE_", "WAN_NB_")):
            del os.environ[name]
    from wan_nb.simulator.launch import ensure

    ensure(Path("wan_runs/simulator"))
    control("config", queue=0.0, run=0.05, clips="tiny")
    notebook()
    with session() as s:
        ended(s)
        said = expected(s)
    # A process of its own, because it has to die with everything under way.
    subprocess.run([sys.executable, __file__, "--under-way"], check=True)
    tidy()
    Path("expected.json").write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "--under-way":
        with session() as s:
            under_way(s)
    else:
        main(Path(sys.argv[1]))
