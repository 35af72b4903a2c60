import ast
import sys
from importlib.util import module_from_spec
from pathlib import Path

import pytest

import protocol.money
import protocol.odds
from actors.simulation.mutants import MUTANTS, Mutant
from actors.simulation.mutation import Planted, changed, install

FILE = "protocol/money.py"
HALVED = Mutant("halved", "a cent is half of what it is", FILE, "return cents * MICRO", "return cents // 2 * MICRO")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_text_of_a_mutant_is_there_once(mutant):
    assert mutant.before != mutant.after
    ast.parse(changed(mutant))


def test_each_mutant_has_a_name_of_its_own():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(mutant.file, mutant.before, mutant.after) for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("before", ["not in any source", "return"])
def test_a_text_that_is_not_there_exactly_once_is_refused(before):
    with pytest.raises(ValueError, match=r"^x: its text is \d+ times in protocol/money.py, not once$"):
        changed(Mutant("x", "", FILE, before, ""))


def test_a_planted_bug_is_what_is_imported():
    found = Planted(HALVED).find_spec("protocol.money", protocol.__path__)
    bugged = module_from_spec(found)

    found.loader.exec_module(bugged)

    assert bugged.micro(4) == protocol.money.micro(2)
    assert bugged.__file__ == protocol.money.__file__


def test_every_other_module_is_left_to_others():
    assert Planted(HALVED).find_spec("protocol.odds", protocol.__path__) is None


def test_no_bug_is_planted_where_the_house_is_imported_already():
    before = list(sys.meta_path)

    with pytest.raises(AssertionError, match=r"protocol\.money is imported already"):
        install(HALVED)

    assert sys.meta_path == before


def test_nothing_of_the_house_is_imported_before_the_bugs_are_planted(root: Path):
    def imported(name: str) -> set[str]:
        tree = ast.parse((root / "actors" / "simulation" / name).read_text())
        return {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
            each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names
        }

    of_the_house = {name for name in imported("mutation.py") | imported("mutants.py") if "actors" in name}

    assert of_the_house == {"actors.simulation.mutants"}
