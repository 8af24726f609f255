"""``{{name}}`` means what the code that runs the magic means by it: its locals before the notebook's globals."""

from __future__ import annotations

from textwrap import dedent

import pytest

from wan_nb.errors import InvalidOption

pytest_plugins = ["fixtures_shell"]


@pytest.fixture
def prompts(wan, simulator, cat):
    """Run a cell, and return the prompts that were asked for."""

    def run(code: str, **names: object) -> list[str]:
        wan(dedent(code), cat=cat, **names)
        return [task["body"]["input"]["prompt"] for task in simulator.tasks()]

    return run


CELL = """get_ipython().run_cell_magic("wan", "-f {{cat}} -d 2", "a {{who}} walks")"""


def test_a_local_stands_before_the_global(prompts):
    code = f"""
    def film(who):
        return {CELL}
    film("dog")
    """
    assert prompts(code, who="cat") == ["a dog walks"]


def test_without_a_local_it_is_the_global(prompts):
    assert prompts(f"def film():\n    return {CELL}\nfilm()", who="cat") == ["a cat walks"]


def test_the_innermost_caller_is_meant(prompts):
    code = f"""
    def inner(who):
        return {CELL}
    def outer(who):
        return inner("small " + who)
    outer("dog")
    """
    assert prompts(code, who="cat") == ["a small dog walks"]


def test_through_other_magics_and_decorators(prompts):
    code = """
    import functools
    def plain(function):
        @functools.wraps(function)
        def call(*given):
            who = "wrong"
            return function(*given)
        return call
    @plain
    def film(who):
        get_ipython().run_line_magic("time", "get_ipython().run_cell_magic('wan', '-f {{cat}} -d 2', 'a {{who}} walks')")
    film("dog")
    """  # noqa: E501
    assert prompts(code, who="cat") == ["a dog walks"]


def test_the_line_of_a_cell_and_a_verb_read_locals_too(wan, simulator, cat):
    wan(
        dedent(
            """
            def film(picture, title):
                return get_ipython().run_cell_magic("wan", "-f {{picture}} -d 2 --name {{title}}", "a cat")
            run = film(cat, "by night")
            def rated(mine, stars):
                %wan rate {{mine.id}} {{stars}}
            rated(run, 4)
            """
        ),
        cat=cat,
        picture="nowhere.png",
        mine="nobody",
        stars=1,
    )
    assert (wan["run"].row.study, wan["run"].row.rating) == ("by night", 4)


def test_a_study_fills_its_texts_with_locals(wan, cat):
    code = """
    def film(who):
        get_ipython().run_cell_magic("wan", "-f {{cat}} -d 2 --seeds 1,2 --out plan", "a {{who}} walks")
    film("dog")
    """
    wan(dedent(code), cat=cat, who="cat")
    assert {request.prompt for request in wan["plan"].requests} == {"a dog walks"}


def test_out_is_a_variable_of_the_notebook(wan, cat):
    code = """
    def film(who, run=None):
        get_ipython().run_cell_magic("wan", "-f {{cat}} -d 2 --out run", "a {{who}}")
        return run
    held = film("dog")
    """
    wan(dedent(code), cat=cat)
    assert wan["run"].row.prompt == "a dog"
    assert wan["held"] is None


def test_a_local_of_a_caller_further_out_is_not_meant(prompts):
    code = f"""
    def inner():
        return {CELL}
    def outer(who):
        return inner()
    outer("dog")
    """
    with pytest.raises(InvalidOption, match=r"no value for \{\{who\}\}"):
        prompts(code)


def test_nothing_of_a_call_is_left_behind(wan, cat):
    wan(f"def film(who):\n    return {CELL}\nfilm('dog')", cat=cat)
    assert "who" not in wan.magics.notebook.names
    with pytest.raises(InvalidOption, match=r"no value for \{\{who\}\}"):
        wan("%%wan -f {{cat}} -d 2\na {{who}}", cat=cat)
