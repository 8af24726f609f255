"""Addresses that nobody can use: from a person, in answers of the service, and in the way out of this machine."""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING

import pytest
from common import FIELDS, creates

import wan_nb
from wan_nb.api.http_proxies import routes
from wan_nb.api.urls import fault
from wan_nb.errors import DownloadFailed, InvalidMedia, InvalidOption, Refused
from wan_nb.handles import default
from wan_nb.log.states import Status
from wan_nb.maintenance.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["fixtures_shell"]

WRONG = {
    "port too large": "http://127.0.0.1:99999/x.mp4",
    "port no number": "http://127.0.0.1:http/x.mp4",
    "port 0": "http://127.0.0.1:0/x.mp4",
    "idna": "http://xn--a/x.mp4",
    "idna 2008": "http://☃.example/x.mp4",
    "label too long": f"http://{'a' * 64}.example/x.mp4",
    "no host": "http:///x.mp4",
    "bracket": "http://[::1/x.mp4",
    "64 kB": "http://127.0.0.1/" + "x" * 65_536,
    "control": "http://127.0.0.1/\x07.mp4",
    "line break": "http://127.0.0.1/\nx.mp4",
    "user": "http://me:secret@127.0.0.1/x.mp4",
    "file": "file:///etc/passwd",
    "ftp": "ftp://127.0.0.1/x.mp4",
    "nothing": "x.mp4",
}
CLEAN = ("secret", "Traceback")


@pytest.mark.parametrize("url", WRONG.values(), ids=WRONG)
def test_wrong_service_is_refused_before_it_is_taken(url, simulator, cat, ip) -> None:
    before = default.connect(simulator.url, api_key=simulator.key)
    for call in (
        lambda: wan_nb.Session(base_url=url, api_key="k"),
        lambda: wan_nb.connect(url),
        lambda: default.configure(service=url),
        lambda: wan_nb.login("k", url),
    ):
        with pytest.raises(InvalidOption) as caught:
            call()
        assert len(str(caught.value)) < 300
        assert not [word for word in CLEAN if word in str(caught.value)]
    assert default.session() is before
    assert not [one for one in examine(before.workspace) if one.subject == "service" and one.level == "bad"]


def test_connect_in_a_cell_refuses_a_port_that_there_is_not(wan) -> None:
    before = default.session()
    with pytest.raises(InvalidOption, match="its port is none from 1 to 65535"):
        wan("%wan connect http://127.0.0.1:99999/api/v1")
    assert default.session() is before
    wan("%wan doctor;")


RIGHT = ["https://example.org", "http://[::1]:80/x", "https://bücher.example/ü?a=b", "http://a_b.example.:8080",
         "https://faß.de", "HTTPS://EXAMPLE.ORG/X"]  # fmt: skip


@pytest.mark.parametrize("url", RIGHT)
def test_right_addresses_are_taken(url) -> None:
    assert fault(url) == ""


@pytest.mark.parametrize("url", WRONG.values(), ids=WRONG)
def test_link_that_cannot_be_used_is_told_and_mended_by_a_later_one(url, session, simulator, cat) -> None:
    simulator.faults(endpoint="get", times=-1, patch={"output": {"video_url": url}})
    run = session.submit("a cat", first_frame=cat, **FIELDS)
    with pytest.raises(DownloadFailed) as caught:
        run.wait(timeout=60)
    assert "cannot be used" in str(caught.value)
    assert len(str(caught.value)) < 400
    row = run.row
    assert row.status is Status.DOWNLOADING
    assert row.error_message
    assert isinstance(run.error, DownloadFailed)
    simulator.clear_faults()
    session.resume(wait=True)
    assert run.status is Status.SUCCEEDED
    assert run.error is None
    assert creates(simulator) == (1, 1)


@pytest.fixture
def redirecting() -> Iterator[dict[str, str]]:
    """A server whose answer to everything is a redirect to ``to``."""
    where = {"to": ""}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", where["to"].encode().decode("latin-1"))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    where["url"] = f"http://127.0.0.1:{server.server_port}/x.mp4"
    yield where
    server.shutdown()
    server.server_close()
    thread.join()


REDIRECTS = {name: url for name, url in WRONG.items() if name not in {"line break", "nothing", "64 kB"}}


@pytest.mark.parametrize("url", REDIRECTS.values(), ids=REDIRECTS)
def test_redirect_that_cannot_be_followed_is_told(url, session, simulator, cat, redirecting) -> None:
    redirecting["to"] = url
    simulator.faults(endpoint="get", times=-1, patch={"output": {"video_url": redirecting["url"]}})
    run = session.submit("a cat", first_frame=cat, **FIELDS)
    with pytest.raises(DownloadFailed):
        run.wait(timeout=120)
    assert isinstance(run.error, DownloadFailed)


@pytest.mark.parametrize("url", WRONG.values(), ids=WRONG)
def test_store_that_cannot_be_used_costs_nothing(url, session, simulator, cat) -> None:
    simulator.faults(endpoint="policy", times=-1, patch={"data": {"upload_host": url}})
    with pytest.raises(Refused, match="cannot be used"):
        session.submit("a cat", first_frame=cat, **FIELDS)
    assert creates(simulator)[0] == 0
    (row,) = session.log.find()
    assert row.status is Status.FAILED


def test_material_at_a_wrong_url_is_refused_here(session) -> None:
    for name in ("port too large", "idna", "64 kB", "bracket", "no host"):
        with pytest.raises(InvalidMedia, match="is no http"):
            session.material(WRONG[name], "first_frame")


def test_anything_else_that_fails_on_the_way_is_in_the_row(session, simulator, cat, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a library of tomorrow\nwith two lines")

    monkeypatch.setattr("wan_nb.media.clips.inspect_clip", broken)
    run = session.submit("a cat", first_frame=cat, **FIELDS)
    with pytest.raises(wan_nb.errors.WanError, match="a library of tomorrow"):
        run.wait(timeout=60)
    assert run.row.error_message == "a library of tomorrow (ValueError)"
    assert run.error is not None
    monkeypatch.undo()
    session.resume(wait=True)
    assert run.status is Status.SUCCEEDED


# --- the way out of this machine

REAL = "https://dashscope.example/api/v1"
SPELLINGS = ["all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"]
WRONG_PROXIES = [
    "socks://127.0.0.1:1080/",
    "socks5://127.0.0.1:1080",
    "http://127.0.0.1:99999",
    "ftp://me:secret@x",
    "ht tp://x",
    "://",
]


@pytest.fixture
def no_proxies(monkeypatch):
    for name in ("all", "http", "https", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize("proxy", WRONG_PROXIES)
@pytest.mark.parametrize("variable", SPELLINGS)
def test_a_service_on_this_machine_needs_no_proxy(variable, proxy, no_proxies, session, simulator, cat) -> None:
    no_proxies.setenv(variable, proxy)
    no_proxies.setenv("NO_PROXY", "localhost,127.0.0.0/8,::1,[::1]")
    no_proxies.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    assert session.submit("a cat", first_frame=cat, **FIELDS).wait(timeout=60).video
    assert not [one for one in examine(session.workspace) if one.subject == "service" and one.level == "bad"]


@pytest.mark.parametrize("proxy", WRONG_PROXIES)
@pytest.mark.parametrize("variable", SPELLINGS)
def test_elsewhere_one_line_says_which_variable(variable, proxy, no_proxies) -> None:
    no_proxies.setenv(variable, proxy)
    with pytest.raises(InvalidOption, match=variable) as caught:
        routes(REAL)
    assert len(caught.value._render_traceback_()) == 3
    assert "secret" not in str(caught.value)
    if proxy.startswith("socks"):
        assert "pip install 'httpx[socks]'" in str(caught.value)


def test_no_proxy_is_read_in_every_spelling(no_proxies) -> None:
    no_proxies.setenv("HTTPS_PROXY", "proxy.example:3128")
    no_proxies.setenv(
        "NO_PROXY", "[::1], ::2,.corp.example,*.x.org,http://a.example:80,10.0.0.1:8080,,bad host,[::3]:80"
    )
    found = routes(REAL)
    assert found.pop("https://") == "http://proxy.example:3128"
    assert set(found.values()) == {None}
    wanted = {
        "all://[::1]",
        "all://[::2]",
        "all://*corp.example",
        "all://*x.org",
        "all://10.0.0.1:8080",
        "all://[::3]:80",
    }
    assert wanted <= set(found)
    no_proxies.setenv("NO_PROXY", "*")
    assert routes(REAL) == {}
    no_proxies.setenv("NO_PROXY", "[::1]")
    with wan_nb.Session(base_url=REAL, api_key="k" * 20) as session:
        assert session.workspace.account.client


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_named(variable, no_proxies) -> None:
    no_proxies.setenv(variable, "/no/such/file")
    with (
        wan_nb.Session(base_url=REAL, api_key="k" * 20) as session,
        pytest.raises(InvalidOption, match=f"{variable} names '/no/such/file', which is not there"),
    ):
        _ = session.workspace.runner
