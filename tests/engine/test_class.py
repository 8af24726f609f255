"""A class past one machine: thirty people on one PostgreSQL log, one S3 bucket, one account and one budget.

The bucket is slow, fails for a while and lists late, its keys expire, three people are killed in the middle,
and everybody's clock is another one. Nothing is lost, nothing is paid twice, and nobody gets more than their share.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from bucket import MISSING, Bucket, a_bucket
from live_kernel import Kernel
from shared_worker import hide_the_simulator

import wan_nb
from wan_nb.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["fixtures_log"]
pytestmark = [
    pytest.mark.people,
    pytest.mark.postgres,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}"),
]

SUPPORT = Path(__file__).parents[1] / "support"
ROOT = Path(wan_nb.__file__).parents[1]
PEOPLE, DIE = 30, (3, 13, 23)
PRICE, SHARE, ALL = 1.2, 2.5, 66.0
"""CNY: 2 s of 720P; two clips each; 55 clips of all."""


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    with a_bucket() as bucket:
        keys = tmp_path / "keys"
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            bucket.env.pop(name)
        bucket.env["AWS_SHARED_CREDENTIALS_FILE"] = str(keys)
        renew(bucket, "first")
        yield bucket


def renew(bucket: Bucket, key: str) -> None:
    """Keys in the file in which a person, or a machine's role, renews them; those before are no longer valid."""
    file = Path(bucket.env["AWS_SHARED_CREDENTIALS_FILE"])
    draft = file.with_suffix(".new")
    draft.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = secret\n")
    draft.replace(file)


@pytest.fixture
def log(postgres: str) -> Iterator[str]:
    from fixtures_postgres import fresh_log

    with fresh_log(postgres, "a_class") as url:
        yield url


@pytest.fixture
def env(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in bucket.env.items():
        monkeypatch.setenv(name, value)
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{SUPPORT}"}


def open_log(simulator: Any, log: str, bucket: Bucket, folder: Path, user: str) -> wan_nb.Session:
    place = {"base_url": simulator.url, "api_key": simulator.key, "log": log, "media": bucket.place}
    session = wan_nb.Session(folder=folder, budget={"CNY": 1e6}, gap=0.05, **place)
    session.workspace.change(user=user)
    hide_the_simulator(session)
    return session


@pytest.mark.timeout(480)
def test_thirty_people(simulator: Any, log: str, bucket: Bucket, env: Any, photos: Path, tmp_path: Path) -> None:
    simulator.config(run=1.0)
    given = {"base_url": simulator.url, "api_key": simulator.key, "log": log, "media": bucket.place}
    given |= {"folder": str(tmp_path / "people"), "picture": str(photos / "cat.jpg"), "people": PEOPLE, "die": DIE}
    # Within what NTP leaves and beyond it: a minute before to a minute behind.
    given["clocks"] = [(number * 37 % 121) - 60 for number in range(PEOPLE)]
    with open_log(simulator, log, bucket, tmp_path / "teacher", "Teacher") as teacher:
        teacher.budget(None, ALL)
        teacher.budget(None, SHARE, each=True)
        bucket.delay, bucket.late = 0.03, True
        command = [sys.executable, "-W", "error::ResourceWarning", str(SUPPORT / "class_of_kernels.py")]
        room = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        spoiler = threading.Thread(target=spoil, args=(bucket,))
        spoiler.start()
        told = [json.loads(line) for line in room.communicate(json.dumps(given) + "\n", timeout=460)[0].splitlines()]
        spoiler.join()
        assert room.returncode == 0
        assert [one for one in told if "error" in one] == []
        assert sorted(one["number"] for one in told) == list(range(PEOPLE))

        # Who died is taken up by whoever comes; then every clip that was accepted is whole, in log and bucket.
        for run in teacher.resume():
            run.wait(timeout=60)
        counters = simulator.counters()
        rows = teacher.log.find()
        bought = round(ALL / PRICE)
        assert {str(row.status) for row in rows} == {"SUCCEEDED"}
        assert len(rows) == len({row.fingerprint for row in rows}) == counters["creates_accepted"] == bought
        assert sum(row.prompt == "the one of all" for row in rows) == 1
        there = bucket.names()
        assert {f"clips/{row.video}": row.bytes for row in rows}.items() <= there.items()
        assert sum(name.endswith(".mp4") for name in there) == bought
        assert sum(one.get("clips", 0) for one in told) == sum(one.get("runs", 0) for one in told)

        # One budget, a share each, and every refusal is known.
        assert teacher.log.job_spent("", "CNY") == pytest.approx(ALL)
        whole, each = teacher.budget()
        assert whole.left == pytest.approx(0)
        assert max(each.people.values()) <= SHARE
        assert len(each.people) > PEOPLE // 2
        refused = teacher.log.refusals(limit=1000)
        assert len(refused) == sum(one.get("refused", 0) for one in told) > 0
        assert {one["job"] for one in refused} == {""}

        # Requests of all kernels take turns.
        asked = sum(counters[name] for name in ("polls", "lists", "cancels", "creates_received", "policies"))
        assert counters["throttled"] <= 0.05 * asked


def spoil(bucket: Bucket) -> None:
    """What happens to the bucket while the class works."""
    seen = threading.Event()
    while len([one for one in bucket.requests if one[0] == "PUT"]) < 20 and not seen.wait(0.1):
        pass
    bucket.failing = 15
    while len([one for one in bucket.requests if one[0] == "PUT"]) < 40 and not seen.wait(0.1):
        pass
    bucket.expired.add("first")
    seen.wait(1.0)  # somebody notices, and renews them
    renew(bucket, "second")


def test_true_kernels_share_what_one_has_made(
    simulator: Any, log: str, bucket: Bucket, env: Any, photos: Path, tmp_path: Path
) -> None:
    """The lines of the page for teachers, in real kernels: what one buys the others have for nothing."""
    simulator.config(run=0.5)
    settings = {
        "DASHSCOPE_API_KEY": simulator.key,
        "DASHSCOPE_HTTP_BASE_URL": simulator.url,
        "WAN_NB_LOG": log,
        "WAN_NB_MEDIA": bucket.place,
    }
    kernels = []
    try:
        for name in ("Teacher", "Ada", "Ben"):
            (tmp_path / name).mkdir()
            kernel = Kernel(tmp_path / name, {**env, **settings, "WAN_NB_USER": name, "IPYTHONDIR": str(tmp_path)})
            kernels.append(kernel)
            kernel.run("%load_ext wan_nb")
        teacher, ada, ben = kernels
        teacher.run("%wan budget CNY 20")
        assert "each person: CNY 5.00" in teacher.run("%wan budget CNY 5 --each")
        name, said = ada.result(ada.begin("%wan budget CNY 500"))
        assert (name, "Teacher's" in said) == ("LogError", True)
        cell = f"%%wan -f {photos}/cat.jpg -d 2 --seed 1 --out run --wait\na cat walks"
        ada.run(cell)
        begun = [kernel.begin(cell) for kernel in (teacher, ben)]
        assert [kernel.result(one)[0] for kernel, one in zip((teacher, ben), begun, strict=True)] == ["", ""]
        assert [kernel.run("print(run.video.exists(), run.row.user)").strip() for kernel in kernels] == ["True Ada"] * 3
        assert simulator.counters()["creates_accepted"] == 1
    finally:
        for kernel in kernels:
            kernel.stop()


def test_the_database_itself_keeps_students_from_the_budgets(
    simulator: Any, log: str, bucket: Bucket, env: Any, photos: Path, tmp_path: Path
) -> None:
    """The statements of the page for teachers: who may not write budgets cannot, whatever name they give."""
    page = (ROOT / "notebooks/reference/shared.md").read_text(encoding="utf-8")
    statements = "\n".join(re.findall(r"^    ((?:CREATE|GRANT|REVOKE) .*)$", page, re.MULTILINE))
    with open_log(simulator, log, bucket, tmp_path / "teacher", "Teacher") as teacher:
        teacher.budget(None, 2.5, each=True)
        engine = sa.create_engine(log, poolclass=sa.NullPool)
        with engine.begin() as c:
            schema = c.exec_driver_sql("SELECT current_schema()").scalar_one()
            for statement in statements.replace("SCHEMA public", f"SCHEMA {schema}").split(";"):
                if statement.strip():
                    c.exec_driver_sql(statement)
        try:
            url = sa.make_url(log).set(username="students").render_as_string(hide_password=False)
            with open_log(simulator, url, bucket, tmp_path / "ada", "Teacher") as student:  # not their name
                with pytest.raises(LogError, match="permission denied for table budgets"):
                    student.budget(None, 1000, each=True)
                student.submit("a cat", first_frame=photos / "cat.jpg", duration=2).wait()
                student.study(["a dog", "a cow"], name="zoo", first_frame=photos / "cat.jpg", duration=2)
                assert student.budget()[0].amount == 2.5
                student.log.close()
        finally:
            with engine.begin() as c:
                c.exec_driver_sql("DROP OWNED BY students")
                c.exec_driver_sql("DROP ROLE students")
