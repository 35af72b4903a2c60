"""A world as a test file."""

import enum
import json
import math
from collections.abc import Sequence

import attrs

from actors.simulation.shrink import Smallest

WIDTH = 100


def as_test(smallest: Smallest) -> str:
    """Return a test file that builds the world and asserts that no rule is broken in it."""
    world, violation = smallest.world, smallest.violation
    by_module: dict[str, set[str]] = {"actors.simulation.simulate": {"simulate"}}
    for kind in _kinds(world):
        by_module.setdefault(kind.__module__, set()).add(kind.__name__)
    imports = [_import(module, sorted(names)) for module, names in sorted(by_module.items())]
    return "\n".join(
        (
            f'"""A world of seed {world.seed} in which the bot broke a rule."""',
            "",
            *imports,
            "",
            f"# {violation.rule}, {violation.at_s:g} s in: {' '.join(violation.text.split())}",
            f"WORLD = {source(world)}",
            "",
            "",
            f"def test_no_rule_is_broken_in_this_world_of_seed_{world.seed}():",
            "    outcome = simulate(WORLD)",
            "",
            "    assert outcome.violations == ()",
            "",
        )
    )


def _import(module: str, names: Sequence[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    return (
        line if len(line) <= WIDTH else "\n".join((f"from {module} import (", *(f"    {each}," for each in names), ")"))
    )


def source(value: object, indent: str = "") -> str:
    """Return the Python that builds a value of attrs classes, enums, collections, numbers and text.

    What is as it is by default is left out: what remains is what the world is about.
    """
    match value:
        case enum.Enum():
            return f"{type(value).__name__}.{value.name}"
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case str():
            return json.dumps(value, ensure_ascii=False)  # double quotes, as in every other file
        case tuple():
            return _bracketed("(", [source(each, indent + "    ") for each in value], ")", indent, single=",")
        case list():
            return _bracketed("[", [source(each, indent + "    ") for each in value], "]", indent)
        case frozenset():
            return _bracketed("frozenset({", sorted(source(each, indent + "    ") for each in value), "})", indent)
        case dict():
            pairs = [f"{source(key)}: {source(each, indent + '    ')}" for key, each in value.items()]
            return _bracketed("{", pairs, "}", indent)
    kind = type(value)
    if attrs.has(kind):
        given = [f"{each.alias}={source(getattr(value, each.name), indent + '    ')}" for each in _told(kind, value)]
        return _bracketed(f"{kind.__name__}(", given, ")", indent)
    return repr(value)


def _told(kind: type[attrs.AttrsInstance], value: object) -> list["attrs.Attribute[object]"]:
    """Return the fields that must be given to build a value."""
    return [each for each in attrs.fields(kind) if each.init and getattr(value, each.name) != _default(each)]


def _default(field: "attrs.Attribute[object]") -> object:
    factory = getattr(field.default, "factory", None)
    if factory is None or getattr(field.default, "takes_self", False):  # such a one needs the rest of the value
        return field.default
    return factory()


def _bracketed(start: str, items: Sequence[str], end: str, indent: str, single: str = "") -> str:
    """Put items on one line if they fit, on a line each if not. `single` follows an item that stands alone."""
    line = f"{start}{', '.join(items)}{single if len(items) == 1 else ''}{end}"
    if len(line) + len(indent) <= WIDTH and "\n" not in line:
        return line
    return "\n".join((start, *(f"{indent}    {each}," for each in items), f"{indent}{end}"))


def _kinds(value: object) -> set[type]:
    """Return the classes that the Python of a value names."""
    match value:
        case enum.Enum():
            return {type(value)}
        case tuple() | list() | frozenset():
            return set().union(*map(_kinds, value))
        case dict():
            return set().union(*map(_kinds, value.keys()), *map(_kinds, value.values()))
    kind = type(value)
    if attrs.has(kind):
        return {kind}.union(*(_kinds(getattr(value, each.name)) for each in _told(kind, value)))
    return set()
