from __future__ import annotations

import doctest
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_nb.errors import InvalidOption
from wan_nb.grammar import template
from wan_nb.grammar.template import expand, placeholders


def test_doctests_hold():
    assert doctest.testmod(template).failed == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "{single}",
        "}} {",
        "100% of $HOME <b> 'q' \"d\"",
        "%s %(x)s {0} ${x}",
        "雨の中の猫 \\ \n--- x",
        "a}}b",
    ],
)
def test_prose_stands_for_itself(text):
    assert expand(text, {}) == text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{x}}", "cat"),
        ("{{ x }}", "cat"),
        ("{{x}}{{x}}", "catcat"),
        ("{{{x}}}", None),
        ("a {{o.name}}", "a Tom"),
        ("{{o.inner.n}}", "3"),
        (r"\{{x}}", "{{x}}"),
        (r"\{{x}} {{x}}", "{{x}} cat"),
        ("{{n}} {{f}} {{p}}", "7 0.5 a b.png"),
        ("{{trap}}", "{{x}} \\{{"),
        ("{{猫}}", "neko"),
    ],
)
def test_placeholders_are_filled_once(text, result):
    inner = SimpleNamespace(n=3)
    names = {"x": "cat", "o": SimpleNamespace(name="Tom", inner=inner), "n": 7, "f": 0.5, "p": Path("a b.png")}
    names |= {"trap": "{{x}} \\{{", "猫": "neko"}
    if result is None:
        with pytest.raises(InvalidOption):
            expand(text, names)
    else:
        assert expand(text, names) == result


@pytest.mark.parametrize(
    "text", ["{{", "a {{b", "{{}}", "{{1+1}}", "{{x()}}", "{{x[0]}}", "{{x.}}", "{{x!r}}", "{{a b}}"]
)
def test_what_is_not_a_placeholder_is_refused_with_the_way_out(text):
    with pytest.raises(InvalidOption, match=r"\\\{\{"):
        expand(text, {"x": 1, "a": 1, "b": 1})
    with pytest.raises(InvalidOption):
        placeholders(text)


def test_unknown_names_name_the_nearest():
    with pytest.raises(InvalidOption, match="Did you mean camera"):
        expand("{{camra}}", {"camera": "x", "_cam": "y"})
    with pytest.raises(InvalidOption, match="Did you mean title"):
        expand("{{o.titel}}", {"o": SimpleNamespace(title="x")})


def test_the_class_of_a_value_is_out_of_reach():
    for text in ("{{x.__class__}}", "{{x._hidden}}"):
        with pytest.raises(InvalidOption):
            expand(text, {"x": SimpleNamespace(_hidden=1)})


@pytest.mark.parametrize("value", [None, b"bytes", [1, 2], {"a": 1}, object(), len])
def test_objects_do_not_slip_into_text(value):
    with pytest.raises(InvalidOption, match=type(value).__name__):
        expand("a {{v}}", {"v": value})


def test_a_lone_placeholder_gives_the_object_where_objects_are_allowed():
    @dataclass
    class Holder:
        image: bytes

    raw = b"\x89PNG"
    assert expand("{{h.image}}", {"h": Holder(raw)}, allow_objects=True) is raw
    assert expand(" {{raw}} ", {"raw": raw}, allow_objects=True) is raw
    assert expand("{{d}}/a.png", {"d": Path("x")}, allow_objects=True) == "x/a.png"
    with pytest.raises(InvalidOption):
        expand("{{raw}}.png", {"raw": raw}, allow_objects=True)


@given(st.text(), st.text())
def test_escaped_text_comes_back_and_values_are_never_read_again(prose, value):
    safe = prose.replace("{{", "").replace("{", "(")
    assert expand(safe + "|" + "{{v}}", {"v": value}) == safe + "|" + value
