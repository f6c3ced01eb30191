import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnkit import specs
from cnnkit.errors import ConfigError


@dataclass(frozen=True)
class Plain:
    pass


@dataclass(frozen=True)
class Full:
    needed: float
    count: int = 3
    on: bool = False
    word: str = "a"
    limit: float | None = None
    quoted: "int" = 1
    made: str = field(default_factory=lambda: "m")


CHOICES: dict[str, type] = {"plain": Plain, "full": Full, "alias": Plain}


def parse(text: str) -> object:
    return specs.parse("thing", text, CHOICES)


def test_a_name_alone() -> None:
    assert parse("plain") == parse(" plain ") == parse("plain:") == Plain()


def test_values_take_the_type_of_their_field() -> None:
    assert parse("full:needed=1e-3, count=4,on=True,word=b,limit=2,quoted=5") == Full(1e-3, 4, True, "b", 2.0, 5)
    assert parse("full:needed=inf,limit=None") == Full(math.inf)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "thing: expected one of plain, full, alias, got ''"),
        ("wrong", "thing: expected one of plain, full, alias, got 'wrong'"),
        ("plain:a=1", "thing plain: expected key=value with no options, got 'a=1'"),
        (
            "full:count",
            "thing full: expected key=value with needed, count, .*, got 'count' .did you mean count=...\\?.",
        ),
        ("full:needed=1,count=1.5", "thing full: count: expected int, got '1.5'"),
        ("full:needed=1,count=None", "thing full: count: expected int, got 'None'"),
        ("full:needed=x", "thing full: needed: expected float, got 'x'"),
        ("full:needed=nan", "thing full: needed: expected float, got 'nan'"),
        ("full:needed=1,on=1", "thing full: on: expected bool, got '1'"),
        ("full:needed=1,needed=2", "thing full: expected needed once, got 'needed=2' besides"),
        ("full:count=2", "thing full: expected a value for needed: type full:needed=..."),
        ("full:needed=1,limit=x", "thing full: limit: expected float | None, got 'x'"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match="^" + message.replace("|", r"\|") + "$"):
        parse(text)


def test_render_leaves_defaults_out() -> None:
    assert specs.render("plain", Plain()) == "plain"
    assert specs.render("full", Full(0.5, on=True, made="m")).startswith("full:needed=0.5,on=true")


@given(st.floats(allow_nan=False), st.integers(), st.booleans(), st.text("abc/:"), st.none() | st.floats(0, 1))
def test_parse_undoes_render(needed: float, count: int, on: bool, word: str, limit: float | None) -> None:
    value = Full(needed, count, on, word, limit)
    assert parse(specs.render("full", value)) == value
