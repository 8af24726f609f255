"""The doors for what comes from outside: secrets in any escaping, numbers that are none, cells that are formulas."""

from __future__ import annotations

import base64
import copy
import html
import json
import logging
import pickle
from dataclasses import asdict, astuple, replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_nb.api.urls import SCHEMES
from wan_nb.engine.endpoint import Endpoint, locate
from wan_nb.errors import LogError, ServiceError, WanError
from wan_nb.sanitize import Secret, csv_cell, logger, number, redact, remember, remember_url, reveal, said
from wan_nb.settings import Settings

KEY = "sk-door0123456789abcdef0123456789abcd"
SIGNED = "https://example.invalid/cat.jpg?Expires=1&OSSAccessKeyId=marked&Signature=marked-signature"


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _all(shape: str) -> object:
    return lambda text: "".join(shape.format(ord(c)) for c in text)


ESCAPINGS = {
    "as it is": str,
    "JSON": _json,
    "JSON, each character": _all("\\u{:04x}"),
    "JSON twice": lambda text: _json(_json(text)),
    "percent": lambda text: quote(text, safe=""),
    "percent, each character": _all("%{:02X}"),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "HTML": html.escape,
    "HTML, each character": _all("&#{};"),
    "HTML, each character in hex": _all("&#x{:X};"),
    "percent in JSON in HTML": lambda text: html.escape(_json(quote(text, safe=""))),
    "in capitals": str.upper,
    "in a list": lambda text: repr([{"said": text}]),
}
ONLY_KNOWN = {
    "split by a line break": lambda text: f"{text[:9]}\n{text[9:]}",
    "split by an escaped line break": lambda text: f"{text[:20]}\\r\\n    {text[20:]}",
    "split by a terminal's colours": lambda text: f"{text[:9]}\x1b[0;31m{text[9:]}",
    "split by an invisible character": lambda text: f"{text[:9]}\u200b{text[9:]}",
    "without what all keys begin with": lambda text: text[3:],
    "inside a word": lambda text: f"x{text}y",
    "hex": lambda text: text.encode().hex(),
    **{
        f"base64, {before} before": lambda text, before=before: base64.b64encode(b"m" * before + text.encode()).decode()
        for before in range(4)
    },
    "base64 of an URL": lambda text: base64.urlsafe_b64encode(b":" + text.encode() + b"\xff\xfe").decode(),
}


def core(text: str) -> str:
    """A middle part of a secret, as it would stand in a text that still has it."""
    third = len(text) // 3
    return text[third : 2 * third]


@pytest.mark.parametrize("escaping", [*ESCAPINGS, *ONLY_KNOWN])
def test_a_key_of_this_process_is_found_however_it_is_written(escaping: str) -> None:
    remember(KEY)
    written = {**ESCAPINGS, **ONLY_KNOWN}[escaping](KEY)
    told = redact(f"Incorrect API key provided: {written}, see the console")
    assert core(written) not in told
    assert told.startswith("Incorrect API key provided: ")
    assert told.endswith(", see the console")


@pytest.mark.parametrize("escaping", ESCAPINGS)
def test_a_key_that_nobody_knows_is_found_by_its_shape(escaping: str) -> None:
    written = ESCAPINGS[escaping]("sk-unknown0123456789abcdef")
    assert core(written) not in redact(f"Incorrect API key provided: {written} here")


@pytest.mark.parametrize("escaping", [name for name in ESCAPINGS if name != "in capitals"])
@pytest.mark.parametrize(
    "link",
    [SIGNED, SIGNED[6:], SIGNED[8:], SIGNED.rpartition("/")[2], SIGNED.partition("?")[2]],
    ids=["whole", "no scheme", "no slashes", "a file", "parameters alone"],
)  # fmt: skip
def test_a_signature_is_found_however_the_link_is_written(link: str, escaping: str) -> None:
    written = ESCAPINGS[escaping](link)
    told = redact(f"cannot read {written} now")
    for mark in ("marked", "signature"):
        assert mark not in told.lower(), told
        assert ESCAPINGS[escaping](mark) not in told
    assert told.startswith("cannot read ")
    assert told.endswith(" now")


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_every_scheme_of_signing_is_known_here_too(scheme) -> None:
    values = {name: scheme.forms.get(name, "") and "0123456789abcdef-hmac=0123456789abcdef" for name in scheme.needs}
    query = "&".join(f"{name}={values[name] or 'mark' + str(at)}" for at, name in enumerate(sorted(scheme.needs)))
    told = redact(f"cannot read https://e.org/a.png?{query} now")
    assert told == "cannot read https://e.org/a.png?... now"
    assert "mark" not in redact(f"cannot read a.png?{query} now")


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter-2 host=db", "sslpassword='hunter-2' x", "{'password': 'hunter-2'}", 'Password: "hunter-2"',
        "postgresql://me:hunter-2@db/runs", "postgresql+psycopg://me@db/runs?password=hunter-2",
        "postgresql%3A%2F%2Fme%3Ahunter-2%40db", "http://hunter-2:@proxy:3128", "Proxy-Authorization: Basic hunter-2",
        "client_secret=hunter-2;x", "access_token=hunter-2", '"api_key":"hunter-2"', "X-Amz-Security-Token: hunter-2",
    ],
)  # fmt: skip
def test_passwords_are_taken_out(text: str) -> None:
    assert "hunter-2" not in redact(text)
    assert "hunter-2" not in redact(json.dumps(text))


@pytest.mark.parametrize(
    "text",
    [
        "a cat? yes", "what is 5 > 3?", "ask-me-later-please", "https://x.test/a.mp4", "https://x.test/i?design=cat",
        "postgresql+psycopg://user@host/name", "Check the key: no spaces, not expired", "task-sk-1", "{'CNY': 5.0}",
        "%config WanMagics.budget = {'CNY': 5}", "run.again(first_frame=...)", "%wan runs status=SUCCEEDED limit=5",
        "duration=5&resolution=720P", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "100 % of 5 \\ 3 &amp; 4", "一只猫？是的",
        "user:***@host", "cat.jpg?...", "", "sqlite:////data/My%20Project/runs.db",
    ],
)  # fmt: skip
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@given(st.text(), st.sampled_from(list(ESCAPINGS)))
def test_twice_is_once_and_no_text_breaks_it(text: str, escaping: str) -> None:
    told = redact(ESCAPINGS[escaping](text))
    assert redact(told) == told


@pytest.mark.parametrize(
    "piece", ["%41", "://:", "token-", "//a", "a.b-", "token: ", "?a=", "&a=b", "\\u0041", "sk-", "("]
)
def test_a_long_text_takes_time_in_proportion(piece: str) -> None:
    """Of a hundred thousand characters; one that took time by their square would take minutes."""
    assert len(redact(piece * (100_000 // len(piece)))) > 0


def test_passwords_of_urls_are_remembered_in_both_spellings() -> None:
    assert remember_url("postgresql://me:p%40ss-word@db/runs?sslpassword=other-word")
    assert redact("FATAL: p@ss-word, p%40ss-word, other-word!") == "FATAL: ***, ***, ***!"
    assert not remember_url("postgresql://me@db/runs?host=/tmp")


def test_short_secrets_are_whole_words_and_none_is_a_letter() -> None:
    remember("door7")
    remember("k")
    assert redact("door7 outdoor7 k key") == "*** outdoor7 k key"


# --- errors and log records


def test_every_error_has_passed_the_door() -> None:
    remember(KEY)
    error = ServiceError(f"no: {KEY}", code=KEY, request_id=KEY, remedy=f"see {SIGNED}", etag=KEY)
    for told in (str(error), repr(error), repr(vars(error)), repr(error.args), repr(pickle.loads(pickle.dumps(error)))):
        assert core(KEY) not in told
        assert "Signature" not in told


def test_what_is_said_of_an_exception_is_one_clean_line() -> None:
    remember(KEY)
    assert said(OSError(5, f"No way for {KEY}")) == "No way for ***"
    assert said(ValueError(f"{KEY}\nand more")) == "***"
    assert said(KeyError()) == "KeyError"
    assert len(said(RuntimeError("x" * 10_000))) == 200
    assert said(WanError("short", remedy="long")) == "short"


def test_a_log_record_holds_no_secret_and_neither_does_its_traceback(caplog) -> None:
    remember(KEY)
    try:
        raise ValueError(SIGNED) from RuntimeError(KEY)
    except ValueError:
        logger("wan_nb.test").exception("failed with %s", KEY)
    logger("wan_nb.test").warning("plain %d", 5)
    assert core(KEY) not in caplog.text
    assert "Signature" not in caplog.text
    assert "failed with ***" in caplog.text
    assert "Traceback" in caplog.text
    assert "plain 5" in caplog.text
    assert len(logging.getLogger("wan_nb.test").filters) == 1


# --- what knows the key


def test_a_secret_is_used_and_never_shown() -> None:
    secret = Secret(KEY)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>5}", repr({"key": secret}), "%s" % secret]  # noqa: UP031
    shown += [repr(copy.copy(secret)), repr(copy.deepcopy({"key": secret})), pickle.dumps(secret).decode("latin-1")]
    assert not [told for told in shown if core(KEY) in told]
    assert secret == KEY
    assert reveal(secret) == KEY
    assert reveal(copy.copy(secret)) == reveal(pickle.loads(pickle.dumps(secret))) == ""


@pytest.fixture
def knowing() -> list[Settings | Endpoint]:
    password = "postgresql+psycopg://me:hunter-22@db/runs?sslpassword=hunter-33"
    settings = Settings.resolve(
        {}, api_key=KEY, service="beijing", log=password, media="s3://me:hunter-22@bucket/class"
    )
    return [settings, locate(settings), settings.moved(gap=1.0), replace(settings, speed=2.0)]


def test_copies_pickles_and_dicts_of_what_knows_the_key_do_not_carry_it(knowing) -> None:
    for thing in knowing:
        assert reveal(thing.api_key) == KEY
        carried = [
            asdict(thing),
            astuple(thing),
            copy.copy(thing),
            copy.deepcopy(thing),
            pickle.loads(pickle.dumps(thing)),
        ]
        carried += [{name: getattr(thing, name) for name in thing.__dataclass_fields__}]
        raw = "".join(map(repr, carried)) + pickle.dumps(thing).decode("latin-1") + json.dumps(carried[0], default=str)
        raw += json.dumps(carried[1], default=str)
        for mark in (core(KEY), "hunter"):
            assert mark not in raw
        for copied in carried[2:5]:
            assert reveal(copied.api_key) == ""
            assert type(copied) is type(thing)


def test_keys_of_environment_and_argument_are_both_remembered() -> None:
    Settings.resolve(
        {"DASHSCOPE_API_KEY": "sk-of-the-environment", "HTTPS_PROXY": "http://me:proxy-word-1@proxy:3128"},
        api_key="typed-key-0001",
    )
    assert redact("xsk-of-the-environment, typed-key-0001, proxy-word-1") == "x***, ***, ***"


@pytest.mark.parametrize(
    "log", ["postgresql://me:hunter-44@db:port/x", "nonsense://a:hunter-44@b", "mysql://a:hunter-44@b/c"]
)
def test_an_address_of_a_log_that_cannot_be_read_is_not_repeated(log: str) -> None:
    from wan_nb.log.runlog import RunLog

    with pytest.raises(LogError) as caught:
        RunLog(log)
    assert "hunter-44" not in str(caught.value)
    assert caught.value.__cause__ is None


# --- numbers


@pytest.mark.parametrize(
    "value",
    [-1, -0.5, 61, 9e14, float("nan"), float("inf"), float("-inf"), "NaN", "inf", "1e999", "", " ", "5 s",
     "0x10", "1_0", "５", True, False, None, [], {}, 10**400, "9" * 400, b"5"],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
def test_what_is_no_number_in_range_is_none(value: object) -> None:
    assert number(value, 0, 60) is None


@pytest.mark.parametrize("value", [5, 5.0, "5", " 5 ", "5.00", "+5", "50e-1"])
def test_a_number_is_read_however_it_is_written(value: object) -> None:
    assert number(value, 0, 60) == 5.0


# --- cells


@pytest.mark.parametrize("sign", [*"=+-@", *"＝＋－＠", "﹢", "﹣", "﹦", "﹫", "−"])
@pytest.mark.parametrize(
    "before",
    ["", " ", "   ", "\t", "\n", "\r\n", "\n\n \t", "\u00a0", "\u3000", "\u200b", "\ufeff", "\x00", "\u2028",
     "\u3164", "\x1b"]
)  # fmt: skip
def test_a_formula_is_text_whatever_stands_before_it(before: str, sign: str) -> None:
    text = f'{before}{sign}HYPERLINK("http://x")'
    assert csv_cell(text) == f"'{text}"
    assert csv_cell((text, "keep")) == f"'{text}, keep"


@pytest.mark.parametrize("value", ["a = b", "5", "a-b", "", "'=1", "a\n=1", 5, -5, -0.5, True, "猫"])
def test_what_is_no_formula_stays_as_it_is(value: object) -> None:
    assert csv_cell(value) == value
