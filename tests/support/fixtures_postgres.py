"""A real PostgreSQL server for the tests: a temporary cluster, one fresh schema per test.

The server refuses to run as root, so root hands it to the user ``postgres`` that Debian's package makes. It listens on
a Unix socket only: no port to find, nothing that another machine could reach.
"""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa


def _programs() -> Path | None:
    """Where the server's programs are: Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextmanager
def cluster() -> Iterator[str]:
    """Start a cluster with fsync on; gives the URL of its maintenance database."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    root = os.name == "posix" and os.geteuid() == 0
    who = {"user": "postgres", "group": "postgres", "extra_groups": []} if root else {}
    # Not under pytest's own folder: that one is closed to every user but ours. Short: a socket's path has 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="wan_nb_pg_"))
    if root:
        shutil.chown(folder, "postgres", "postgres")

    def run(program: str, *arguments: str) -> None:
        with (folder / "out").open("ab") as out:
            subprocess.run(
                [programs / program, *arguments], check=True, cwd=folder, stdout=out, stderr=out, timeout=120, **who
            )

    try:
        run("initdb", "-D", "data", "-U", "wan", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=on"
        run("pg_ctl", "-D", "data", "-l", "log", "-w", "-o", settings, "start")
        try:
            yield f"postgresql+psycopg://wan@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with cluster() as url:
        yield url


@contextmanager
def fresh_log(server: str, name: str) -> Iterator[str]:
    """Give the URL of an empty schema, which takes a tenth of the time of an empty database."""
    engine = sa.create_engine(server)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        url = sa.make_url(server).update_query_dict({"options": f"-csearch_path={name}"})
        yield url.render_as_string(hide_password=False)
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL client_min_messages = warning")
            connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
    finally:
        engine.dispose()


_numbers = itertools.count()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def log_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty log, on each database in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/runs.db"
        return
    with fresh_log(request.getfixturevalue("postgres"), f"log{next(_numbers)}") as found:
        yield found


Sql = Callable[[str], list[tuple[object, ...]]]


@pytest.fixture
def sql(log_url: str) -> Sql:
    """Ask the database of `log_url` something, past the log."""

    def ask(statement: str) -> list[tuple[object, ...]]:
        engine = sa.create_engine(log_url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            found = connection.exec_driver_sql(statement)
            return [tuple(row) for row in found] if found.returns_rows else []

    return ask
