from functools import reduce
from importlib import import_module

import msgspec
import pytest

from protocol.satoriex import assumptions, wire
from protocol.satoriex.assumptions import ASSUMPTIONS


def test_every_open_question_has_exactly_one_answer():
    assert [each.number for each in ASSUMPTIONS] == [f"U-{number:02}" for number in range(1, 43)]


@pytest.mark.parametrize("assumption", ASSUMPTIONS, ids=lambda each: each.number)
def test_an_answer_is_a_sentence_and_names_what_exists(assumption):
    assert assumption.unknown
    assert assumption.done.endswith(".")
    assert assumption.where
    for place in assumption.where:
        module, *path = place.split(".")
        found = import_module(f"protocol.satoriex.{module}")
        assert reduce(getattr, path, found) is not None


@pytest.mark.parametrize(
    ("record", "names"),
    [
        (wire.Order, assumptions.ORDER_ID_NAMES),
        (wire.Order, assumptions.FILLED_NAMES),
        (wire.Order, assumptions.REMAINING_NAMES),
        (wire.Balance, assumptions.AVAILABLE_NAMES),
        (wire.Market, assumptions.MARKET_ID_NAMES),
        (wire.Market, assumptions.MARKET_NAMES),
        (wire.Outcome, assumptions.OUTCOME_ID_NAMES),
        (wire.Settled, assumptions.MARKET_ID_NAMES),
        (wire.Settled, assumptions.WINNER_NAMES),
        (wire.NestedOrder, (assumptions.ORDER_NEST,)),
    ],
)
def test_a_record_has_every_name_that_a_field_goes_by(record, names):
    assert set(names) <= {field.name for field in msgspec.structs.fields(record)}
