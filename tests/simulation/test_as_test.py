import enum

import attrs
import pytest

from actors.simulation.as_test import as_test, source
from actors.simulation.auditor import Violation
from actors.simulation.shrink import Smallest
from actors.simulation.world import draw


class Colour(enum.Enum):
    RED = "red"


@attrs.frozen(kw_only=True)
class Thing:
    name: str
    _hidden: float = 0.5
    parts: list[int] = attrs.field(factory=list)
    derived: int = attrs.field(default=1, init=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        ("it's\n", '"it\'s\\n"'),
        (Colour.RED, "Colour.RED"),
        (float("inf"), 'float("inf")'),
        ((1,), "(1,)"),
        ((), "()"),
        ([1, None], "[1, None]"),
        (frozenset({"b", "a"}), 'frozenset({"a", "b"})'),
        ({"a": (1, 2)}, '{"a": (1, 2)}'),
        (Thing(name="x", hidden=2.0), 'Thing(name="x", hidden=2.0)'),
    ],
)
def test_a_value_is_written_as_the_python_that_builds_it(value, text):
    assert source(value) == text
    assert eval(text, {"Colour": Colour, "Thing": Thing}) == value


def test_what_is_as_it_is_by_default_is_left_out():
    assert source(Thing(name="x")) == 'Thing(name="x")'
    assert source(Thing(name="x", parts=[1])) == 'Thing(name="x", parts=[1])'


def test_what_does_not_fit_on_a_line_gets_a_line_for_each_item():
    things = tuple(Thing(name=letter * 40, hidden=2.0) for letter in "ab")

    text = source(things)

    assert text.splitlines() == [
        "(",
        f'    Thing(name="{"a" * 40}", hidden=2.0),',
        f'    Thing(name="{"b" * 40}", hidden=2.0),',
        ")",
    ]


def test_the_file_builds_the_same_world():
    world = draw(3, 3600.0)
    violation = Violation(at_s=12.25, rule="truth", text="two\nlines")

    text = as_test(Smallest(world=world, violation=violation, tried=9))

    names: dict[str, object] = {}
    exec(compile(text, "test_3.py", "exec"), names)
    assert names["WORLD"] == world
    assert callable(names["test_no_rule_is_broken_in_this_world_of_seed_3"])
    assert "# truth, 12.25 s in: two lines\n" in text
