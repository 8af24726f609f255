"""What a person reads who uses a key, in each way that the account may be in."""

from __future__ import annotations

import re
import socket
from datetime import timedelta

import pytest
from simulator_control import ROOT

import wan_nb
from wan_nb.engine.posting import submit
from wan_nb.errors import NotAuthorized, Refused, Throttled, Unavailable
from wan_nb.handles import default

PAGE = (ROOT / "notebooks/reference/errors.md").read_text(encoding="utf-8")
KEY = "sk-" + "0123456789abcdef" * 2

WALK = {
    "wrong key": (401, "InvalidApiKey", "Invalid API-key provided.", NotAuthorized, "Check the key (%wan login)"),
    "wrong region": (401, "InvalidApiKey", "Incorrect API key provided.", NotAuthorized, "%wan connect singapore"),
    "a 401 of a proxy": (401, "", "", NotAuthorized, "Check the key"),
    "arrears": (400, "Arrearage", "Access denied, please make sure your account is in good standing.", NotAuthorized,
                "pay in the Model Studio console"),
    "free tier used up": (403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted.",
                          NotAuthorized, "switch 'free tier only' off in the console"),
    "free quota of a model used up": (429, "Throttling.AllocationQuota", "Free allocated quota exceeded.", Throttled,
                           "The free quota is used up"),
    "no permission": (403, "Model.AccessDenied", "Model access denied.", NotAuthorized, "grant it in the console"),
    "not activated": (403, "AccessDenied.Unpurchased", "Access to model denied.", NotAuthorized,
                      "Activate Model Studio"),
    "throttled for too long": (429, "Throttling.RateQuota", "Requests rate limit exceeded.", Throttled,
                               "nothing was billed. Run the cell again in a minute"),
    "address without /api/v1": (400, "InvalidParameter", "url error, please check url!", Refused,
                                "a base URL ends in /api/v1"),
}  # fmt: skip
"""Status, code and message of the service; the error that a cell raises, and what it says to do.

What is read stands in the table of ``errors.md``, a row for each.
"""


@pytest.mark.parametrize("situation", WALK)
def test_cell_and_doctor_say_the_same_thing_to_do(situation, simulator, photos, monkeypatch) -> None:
    status, code, message, kind, remedy = WALK[situation]
    monkeypatch.setattr(submit, "PATIENCE", timedelta())
    simulator.faults(endpoint="*", times=-1, status=status, code=code, message=message, body=None if code else "")
    with wan_nb.Session(simulator.url, api_key=KEY) as session:
        with pytest.raises(kind) as caught:
            session.submit("it turns", first_frame=photos / "cat.jpg", duration=2)
        read = "\n".join(caught.value._render_traceback_())
        (found,) = [finding for finding in session.doctor() if finding.subject == "service"]
    assert remedy in read
    assert remedy in found.remedy
    assert message in read
    assert message in found.said
    assert KEY not in read + str(found)
    first, said, *_ = read.splitlines()
    assert said == found.remedy
    assert (
        written(situation, re.sub(r"( · )?request [\w-]+", "", re.sub(r"run \w{8}:", "run ID:", first)), said) in PAGE
    )


def written(situation: str, error: str, remedy: str) -> str:
    """A row of the table of this walk."""
    return f"| {situation} | {error.replace(' ()', '')} | {remedy} |"


def test_a_right_key_gets_in(simulator, photos) -> None:
    with wan_nb.Session(simulator.url, api_key=KEY) as session:
        assert session.submit("it turns", first_frame=photos / "cat.jpg", duration=2).wait().status == "SUCCEEDED"
        levels = {finding.subject: finding.level for finding in session.doctor()}
    assert (levels["key"], levels["service"]) == ("good", "good")
    assert written("right key", "the clip", "`%wan doctor` ticks key and service") in PAGE


def test_without_a_network_nothing_is_blamed_on_the_key(photos) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening: every connection is refused
        with wan_nb.Session(f"http://127.0.0.1:{taken.getsockname()[1]}/api/v1", api_key=KEY) as session:
            (found,) = [finding for finding in session.doctor() if finding.subject == "service"]
            assert found.remedy == "Check network, proxy and base URL; %wan connect."
            assert "cannot be reached" in found.said
            with pytest.raises(Unavailable) as caught:
                session.submit("it turns", first_frame=photos / "cat.jpg", duration=2)
    error, remedy, *_ = "\n".join(caught.value._render_traceback_()).splitlines()
    error = re.sub(r"run \w{8}: 127.0.0.1", "run ID: dashscope.aliyuncs.com", error)
    assert written("no network", error, remedy) in PAGE


@pytest.fixture
def nothing_chosen():
    yield
    default.close()
    default.configure(service=None)


@pytest.mark.usefixtures("nothing_chosen")
def test_connect_without_a_service_keeps_the_one_that_was_chosen(simulator, monkeypatch) -> None:
    session = default.login(KEY, simulator.url)
    assert (default.connect().settings.service, default.connect().settings.api_key) == (simulator.url, KEY)
    default.connect("simulator")
    assert default.connect().settings.service == "simulator"
    assert default.connect(simulator.url).settings.api_key == session.settings.api_key  # a typed key lasts
    default.close()
    assert default.session().settings.service == "simulator"  # no key: what the environment says
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    assert default.connect().settings.service == "beijing"
    default.configure(service=simulator.url)
    assert default.session().settings.service == simulator.url
