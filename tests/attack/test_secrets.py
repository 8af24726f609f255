"""A marked key and signed links go through a whole notebook; then every byte that was written is searched for them."""

from __future__ import annotations

import base64
import html
import json
import logging
import pickle
import shlex
import socket
import sqlite3
import traceback
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import quote, urlsplit

import httpx
import nbformat
import psutil
import psycopg
import pytest
from live_kernel import Kernel
from nbclient import NotebookClient
from nbconvert import HTMLExporter

import wan_nb
from wan_nb.errors import InvalidOption, LogError, WanError
from wan_nb.handles import default
from wan_nb.maintenance.doctor import examine

pytest_plugins = ["fixtures_shell"]

KEY = "sk-marked0123456789abcdef0123456789"
SIGNED = "https://example.invalid/cat.jpg?Expires=1&OSSAccessKeyId=marked&Signature=marked-signature"

CELLS = [
    "%load_ext wan_nb",
    "import wan_nb, os\nfrom pathlib import Path\nsession = wan_nb.session()\nsession",
    "%%wan -f {{frame}} --duration 2 --seed 1 --out first\na cat walks",
    "first, first.row, first.request, session.settings, session.place, session.workspace.account.client, session.log",
    "vars(session), vars(session.workspace.account)",
    "%%wan -f {{signed}} --duration 2 --out second\na cat runs",
    "second.row, second.request, wan_nb.runs()",
    "%wan runs",
    "%wan doctor",
    "%wan cost",
    "%%wan -f {{frame}} --duration 2 --dry-run\na cat sleeps",
    "%wan bundle all.zip",
    "first.row.request, (session.folder / 'videos' / f'{first.id}.json').read_text()",
]

ERRORS = [
    ({"endpoint": "create", "status": 400, "code": "InvalidParameter", "message": "no"}, "a cat hides"),
    ({"endpoint": "create", "status": 401, "code": "InvalidApiKey", "message": "wrong key"}, "a cat is lost"),
    ({"endpoint": "create", "reset": True}, "a cat vanishes"),
    ({"endpoint": "create", "body": "{"}, "a cat breaks"),
    ({"endpoint": "upload", "status": 403, "code": "AccessDenied"}, "a cat is not let in"),
    ({"endpoint": "download", "status": 404, "times": 2}, "a cat cannot be found"),
]

# Of the processes that this test has started: other people's may say what they like.
SEARCH = """\
import psutil
marks = [os.environ["DASHSCOPE_API_KEY"], "Signature" + "="]
ours = psutil.Process().parent().children(recursive=True)
lines = [" ".join(each.cmdline()) for each in ours if each.status() != psutil.STATUS_ZOMBIE]
[line for line in lines if any(mark in line for mark in marks)]"""


def found(folder: Path, marks: list[bytes]) -> list[str]:
    """Files below a folder that hold one of these, whole or in zipped form."""
    from zipfile import ZipFile, is_zipfile

    hits = []
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        contents = [path.read_bytes()]
        if is_zipfile(path):
            with ZipFile(path) as packed:
                contents += [packed.read(name) for name in packed.namelist()]
        hits += [f"{path.name}: {mark!r}" for mark in marks for content in contents if mark in content]
    return hits


@pytest.mark.notebook
def test_neither_key_nor_signed_link_is_written_anywhere(simulator, cat, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", simulator.url)
    cells = [
        f"frame, signed = {cat!r}, os.environ.pop('SIGNED')",
        "wan_nb.close(); session = wan_nb.connect(gap=0.02, patience=0.3)",
        "%config WanMagics.tracebacks = True",
        "%xmode Verbose",
    ]
    monkeypatch.setenv("SIGNED", SIGNED)
    desk = simulator.url.replace("/api/v1", "/_simulator/faults")
    sources = [CELLS[0], CELLS[1], *cells[:2], *CELLS[2:]]
    for mode in ("", *cells[2:]):
        sources += [mode] if mode else []
        for number, (fault, prompt) in enumerate(ERRORS):
            rule = {"faults": [fault]}
            sources.append(f"import httpx\nhttpx.delete({desk!r}), httpx.post({desk!r}, json={rule!r})")
            sources.append(f"%%wan -f {{{{frame}}}} --duration 2 --name m{len(mode)}-{number}\n{prompt}")
    sources.append(SEARCH)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    client = NotebookClient(
        notebook, timeout=200, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    nbformat.write(notebook, tmp_path / "made.ipynb")
    (tmp_path / "made.html").write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    plain = [cell for cell in notebook.cells if cell.source in CELLS]
    assert len(plain) == len(CELLS)
    for cell in plain:
        assert not [out for out in cell.outputs if out.output_type == "error"], cell
    errors = [o for c in notebook.cells for o in c.outputs if o.output_type == "error"]
    assert len(errors) >= 3 * (len(ERRORS) - 1)  # a clip that cannot be fetched twice is fetched at last
    assert notebook.cells[-1].outputs[0]["data"]["text/plain"] == "[]"
    assert (tmp_path / "wan_runs" / "runs.db").exists()
    assert list((tmp_path / "wan_runs" / "videos").glob("*.json"))
    marks = [KEY.encode(), KEY[3:].encode(), b"Signature=", b"marked-signature"]
    assert found(tmp_path, marks) == []
    assert found(simulator.state, marks[:2]) == []


LIVE = [
    "%%wan -f {{frame}} --duration 2 --seed 1 --out first\na cat walks",
    "%%wan -f {{signed}} --duration 2 --out second\na cat runs",
    "%%wan -f {{signed}} --duration 2\na cat is refused",
    "_ = wan_nb.resume(wait=True)",
    "%wan",
    "first",
    "%%wan -f {{signed}} --duration 2 --seeds 1,2 --name walk --max-cost 9\na cat jumps",
    "_ = wan_nb.study(name='walk').wait(); wan_nb.study(name='walk')",
    "wan_nb.study(name='walk').compare()",
    "form = wan_nb.form(second); form",
    "form._give({'field': 'first_frame', 'text': signed}, [])",
    "form._code({'values': {'prompt': 'a cat sits'}}, [])",
    "form._give({'field': 'first_frame', 'text': signed.replace('https', 'ftp')}, [])",
    "import json, ipywidgets\njson.dumps(ipywidgets.Widget.get_manager_state())",
]


@pytest.mark.notebook
def test_no_widget_is_told_the_key_or_a_signed_link(simulator, cat, tmp_path) -> None:
    """State of live boards, forms and players is saved with the notebook, and every message crosses the server."""
    known = {"DASHSCOPE_API_KEY": KEY, "DASHSCOPE_HTTP_BASE_URL": simulator.url, "SIGNED": SIGNED}
    refusal = {"status": 400, "code": "InvalidURL", "message": f"cannot read {SIGNED} for {KEY}"}
    kernel = Kernel(tmp_path, known)
    try:
        kernel.run("%load_ext wan_nb\nimport os, wan_nb\n_ = wan_nb.connect(gap=0.02, patience=0.5)")
        kernel.run(f"frame, signed = {cat!r}, os.environ.pop('SIGNED')")
        for source in LIVE:
            if "refused" in source:
                simulator.faults(endpoint="create", **refusal)
                assert kernel.result(kernel.begin(source))[0]
            else:
                kernel.run(source)
    finally:
        kernel.stop()
    kinds = [message["msg_type"] for message in kernel.heard]
    assert kinds.count("comm_open") >= 4
    assert "comm_msg" in kinds
    said = [message for message in kernel.heard if message["msg_type"] != "execute_input"]
    assert any("wan_nb" in repr(message["content"]) for message in said[-5:])  # the state of all widgets
    for mark in (KEY, KEY[3:], "Signature=", "marked-signature"):
        assert not [message for message in said if mark in repr((message["content"], message["metadata"]))]
        assert not [m for m in said for buffer in m["buffers"] if mark.encode() in bytes(buffer)]


def test_reprs_of_all_that_knows_the_key_hide_it(settings, tmp_path) -> None:
    with wan_nb.Session(**{**settings, "api_key": KEY}) as session:
        knowing = [
            session,
            session.settings,
            session.place,
            session.workspace.runner,
            session.workspace.account.client,
            session.workspace.account.client._headers,
        ]
        for thing in knowing:
            assert KEY not in repr(thing)
            assert KEY not in str(thing)


def test_what_libraries_log_holds_no_signed_link(session, simulator, cat, caplog) -> None:
    """A notebook that has switched logging on, as many do, saves what they say in its outputs."""
    with caplog.at_level(logging.DEBUG):
        session.submit("a cat walks", first_frame=cat, duration=2).wait()
        logging.getLogger("httpx").info("somebody else's request")
    assert "Signature" not in caplog.text
    assert simulator.key not in caplog.text
    assert "somebody else's request" in caplog.text


@pytest.mark.parametrize("endpoint", ["create", "get"])
def test_what_the_service_repeats_of_a_key_or_a_link_is_not_kept(settings, simulator, endpoint, tmp_path) -> None:
    said = f"cannot read {SIGNED}, asked with {KEY}."
    if endpoint == "create":
        simulator.faults(endpoint="create", status=400, code="InvalidURL", message=said)
    else:
        output = {"task_status": "FAILED", "code": "InvalidURL", "message": said}
        simulator.faults(endpoint="get", patch={"output": output}, times=-1)
    with wan_nb.Session(**{**settings, "api_key": KEY}) as session, pytest.raises(WanError) as caught:
        session.submit("a cat walks", first_frame=SIGNED, duration=2).wait()
    assert "https://example.invalid/cat.jpg?..." in str(caught.value)
    marks = [KEY, "Signature="]
    assert not [mark for mark in marks if mark in str(caught.value)]
    assert found(tmp_path, [mark.encode() for mark in marks]) == []


ESCAPED = [
    KEY,
    json.dumps(f"{KEY[:12]}\n{KEY[12:]}"),
    quote(SIGNED, safe=""),
    json.dumps(SIGNED).replace("&", "\\u0026"),
]
SAID = " and ".join(
    ["no", *ESCAPED, base64.b64encode(KEY.encode()).decode(), SIGNED.partition("//")[2], KEY.upper(), SIGNED]
)
MARKS = [
    "marked0123456789", "0123456789ABCDEF", "rked0123456789abcdef", base64.b64encode(KEY.encode()).decode()[4:-4],
    "Signature=", "Signature%3D", "marked-signature", "OSSAccessKeyId",
]  # fmt: skip
TASK = {
    "code": SAID,
    "message": SAID,
    "orig_prompt": SAID,
    "submit_time": SAID,
    "scheduled_time": SAID,
    "end_time": SAID,
}
USAGE = {"duration": SAID, "SR": SAID, "video_count": SAID, "input_video_duration": SAID, "fps": SAID}
REFUSAL = {"status": 400, "body": json.dumps({"code": SAID, "message": SAID, "request_id": SAID})}
XML = "<Error>" + "".join(f"<{tag}>{html.escape(SAID)}</{tag}>" for tag in ("Code", "Message", "RequestId"))

PLANTED: dict[str, list[dict[str, Any]]] = {
    "create refused": [{"endpoint": "create", **REFUSAL}],
    "create not allowed": [{"endpoint": "create", **REFUSAL, "status": 401}],
    "create, free quota": [{"endpoint": "create", **REFUSAL, "status": 429}],
    "create, 500": [{"endpoint": "create", **REFUSAL, "status": 500}],
    "create, HTML": [{"endpoint": "create", "status": 400, "body": f"<html>{SAID}", "content_type": "text/html"}],
    "create, no task": [{"endpoint": "create", "body": json.dumps({"output": {"message": SAID}, "message": SAID})}],
    "create, the id": [{"endpoint": "create", "patch": {"output": {"task_id": KEY}, "request_id": SAID}}],
    "create, all else": [
        {"endpoint": "create", "patch": {"output": {"task_status": SAID, **TASK}, "request_id": SAID}}
    ],
    "look, failed": [
        {"endpoint": "get", "times": -1, "patch": {"output": {"task_status": "FAILED", **TASK}, "request_id": SAID}}
    ],
    "look, canceled": [{"endpoint": "get", "times": -1, "patch": {"output": {"task_status": "CANCELED", **TASK}}}],
    "look, done": [{"endpoint": "get", "times": -1, "patch": {"output": TASK, "usage": USAGE, "request_id": SAID}}],
    "look, another word": [{"endpoint": "get", "times": 2, "patch": {"output": {"task_status": SAID, **TASK}}}],
    "look, the id": [{"endpoint": "get", "times": 2, "patch": {"output": {"task_id": KEY}}}],
    "look refused": [{"endpoint": "get", "times": -1, **REFUSAL}],
    "look, 502": [{"endpoint": "get", "times": 2, **REFUSAL, "status": 502}],
    "list": [
        {"endpoint": "create", "reset": True, "when": "after"},
        {"endpoint": "list", "times": -1, "patch": {"data": [{"task_id": SAID, "status": SAID, "model_name": SAID}]}},
    ],
    "list refused": [{"endpoint": "create", "reset": True}, {"endpoint": "list", "times": -1, **REFUSAL}],
    "policy": [{"endpoint": "policy", "patch": {"data": {"upload_dir": f"dashscope/{KEY}"}, "request_id": SAID}}],
    "policy refused": [{"endpoint": "policy", **REFUSAL}],
    "upload refused": [{"endpoint": "upload", "status": 403, "body": XML, "content_type": "application/xml"}],
    "download refused": [
        {"endpoint": "download", "times": -1, "status": 403, "body": XML, "content_type": "application/xml"}
    ],
    "download, a page": [{"endpoint": "download", "times": -1, "body": SAID, "content_type": f"text/html {KEY}"}],
}


@pytest.mark.parametrize("tracebacks", [False, True], ids=["short", "Verbose"])
@pytest.mark.parametrize("planted", PLANTED)
def test_what_is_planted_in_an_answer_reaches_nothing(
    ip, simulator, cat, tmp_path, capsys, caplog, planted, tracebacks
) -> None:
    """Log, sidecar, bundle, page, output, traceback, log record, error, pickle; nothing is replaced beforehand."""
    ip.magics.notebook.announced = session = default.connect(
        simulator.url, api_key=KEY, gap=0.02, patience=0.2, folder=tmp_path / "w"
    )
    simulator.faults(*PLANTED[planted])
    if tracebacks:
        ip.shell.run_line_magic("config", "WanMagics.tracebacks = True")
        ip.shell.run_line_magic("xmode", "Verbose")
    said: list[str] = []
    with caplog.at_level(logging.DEBUG):
        for cell in (f"%%wan -f {shlex.quote(cat)} --duration 2 --out kept\na cat walks", "kept.wait()", "%wan", "kept",
                     "%wan runs", "%wan doctor", "%wan cost", "%wan cancel all", "wan_nb.runs()"):  # fmt: skip
            done = ip.shell.run_cell(cell, store_history=False)
            error = done.error_before_exec or done.error_in_exec
            if error is not None:
                whole = traceback.format_exception(error)
                said += [*whole, repr(error), repr(vars(error)), repr(pickle.dumps(error.args)), str(error.__cause__)]
            if done.result is not None:
                said += map(str, ip.shell.display_formatter.format(done.result)[0].values())
    rows = session.log.find()
    assert rows
    for row in rows:
        run = session.run(row.run_id)
        said += [
            repr(run),
            repr(run.error),
            repr(run.row),
            repr(vars(run)),
            *map(str, run._repr_mimebundle_().values()),
        ]
        said += [repr(asdict(run.row))]
    said += [
        wan_nb.bundle(tmp_path / "all.zip").name,
        repr(session.settings),
        repr(session.place),
        repr(session.workspace.runner),
    ]
    said += [repr(asdict(session.settings)), repr(pickle.dumps(session.settings)), repr(pickle.dumps(session.place))]
    said += [caplog.text, *(repr(vars(record)) for record in caplog.records)]
    said += [" ".join(each.cmdline()) for each in psutil.Process().children(recursive=True)]
    said += capsys.readouterr()
    told = {mark for mark in MARKS for text in said if mark in text}
    assert not told, [text[max(text.find(m) - 200, 0) :][:400] for m in told for text in said if m in text][:3]
    assert found(tmp_path, [mark.encode() for mark in MARKS]) == []


RAISED = [
    OSError(5, SAID), RuntimeError(SAID), ValueError(SAID), httpx.ReadError(SAID), httpx.LocalProtocolError(SAID),
    httpx.InvalidURL(SAID), UnicodeError(SAID), ExceptionGroup(SAID, [ValueError(SAID)]),
    sqlite3.OperationalError(SAID),
]  # fmt: skip


@pytest.mark.parametrize("raised", RAISED, ids=lambda error: type(error).__name__)
def test_what_a_library_says_while_money_is_spent_reaches_nothing(settings, cat, tmp_path, monkeypatch, raised) -> None:
    async def broken(request: httpx.Request, **_: Any) -> None:
        sent = {"request": SimpleNamespace(method=b"POST")}
        await request.extensions["trace"]("http11.send_request_headers.started", sent)
        raise raised

    with wan_nb.Session(**{**settings, "api_key": KEY}) as session:
        session.workspace.runner  # noqa: B018  # open
        monkeypatch.setattr(session.workspace.account.client._fresh, "send", broken)
        with pytest.raises(WanError) as caught:
            session.submit("a cat walks", first_frame=cat, duration=2)
        (row,) = session.log.find()
        said = "".join(
            [*traceback.format_exception(caught.value), repr(row), repr(asdict(row)), repr(vars(caught.value))]
        )
    assert row.error_message
    assert not [mark for mark in MARKS if mark in said]
    assert found(tmp_path, [mark.encode() for mark in MARKS]) == []


def test_what_a_driver_of_databases_says_holds_no_password(tmp_path, monkeypatch) -> None:
    url = "postgresql+psycopg://me:hunter-55@127.0.0.1:9/runs?sslpassword=hunter-66&connect_timeout=1"
    with wan_nb.Session("simulator", log=url, folder=tmp_path) as session, pytest.raises(LogError) as caught:
        session.runs()
    said = "".join([*traceback.format_exception(caught.value), repr(session.settings), repr(session)])
    assert "hunter" not in said
    monkeypatch.setattr(
        "psycopg.connect", mock.Mock(side_effect=psycopg.OperationalError(f"bad {url}: hunter-55, hunter-66"))
    )
    with wan_nb.Session("simulator", log=url, folder=tmp_path) as session:
        with pytest.raises(LogError) as caught:
            session.runs()
        said = "".join(traceback.format_exception(caught.value)) + repr(examine(session.workspace))
    assert "hunter" not in said


@pytest.mark.parametrize("url", ["https://me:secret@example.org/api/v1", "https://example.org/api/v1?key=secret"])
def test_a_base_url_holds_no_secret_of_its_own(url) -> None:
    with pytest.raises(InvalidOption) as caught:
        wan_nb.Session(base_url=url, api_key=KEY)
    assert "secret" not in str(caught.value)


# --- who may talk to the simulator


def test_the_process_of_the_simulator_gets_no_key_and_no_password(tmp_path, monkeypatch) -> None:
    """It outlives the kernel, and what stands in its environment can be read for as long."""
    secret = {
        "DASHSCOPE_API_KEY": KEY,
        "HF_TOKEN": "hf-0123",
        "PGPASSWORD": "pg-0123",
        "COPY_OF_IT": f"x {KEY} y",
        "WAN_NB_LOG": f"sqlite:///{tmp_path}/runs.db?secret=log-0123",
    }
    kept = {"HTTPS_PROXY": "http://me:proxy-0123@127.0.0.1:9", "SOME_PATH": "/opt/sk-learn-envs/bin"}
    for name, value in {**secret, **kept}.items():
        monkeypatch.setenv(name, value)
    with wan_nb.Session(service="simulator", folder=tmp_path, log=tmp_path / "runs.db") as session:
        _ = session.place  # which starts it
        process = psutil.Process(json.loads((session.folder / "simulator/simulator.json").read_text())["pid"])
        try:
            environ = process.environ()
        finally:
            process.terminate()
    assert set(environ).isdisjoint(secret)
    assert {name: environ[name] for name in kept} == kept
    assert environ["PATH"]


def test_the_simulator_listens_on_loopback_only(simulator) -> None:
    port = urlsplit(simulator.url).port
    listening = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        if (path := Path("/proc/net") / table).exists()
        for line in path.read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
    ]
    assert listening == ["0100007F:" + f"{port:04X}"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example:80"},
        {"Host": "[::ffff:7f00:1]"},
        {"Host": "user@evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/api/v1/tasks/", "/api/v1/uploads?action=getPolicy", "/_simulator/faults", "/x"])
def test_foreign_hosts_and_origins_are_refused_at_every_door(simulator, headers, path) -> None:
    url = simulator.url.replace("/api/v1", path)
    for method in ("GET", "POST", "DELETE"):
        answer = httpx.request(method, url, headers={**simulator.headers, **headers}, trust_env=False)
        assert answer.status_code in {403, 400}, (method, answer.text)
        assert "task_id" not in answer.text
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_file_name_in_a_host_header_reaches_nothing(simulator) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(simulator.url).port)) as raw:
        raw.sendall(b"GET /api/v1/../../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert b"root:" not in answer
    assert answer.split()[1] in {b"404", b"400", b"403"}
