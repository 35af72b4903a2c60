from actors.decisions.exactness import ASK_AGAIN_S, MAX_FILL_QUESTIONS, InexactFills
from actors.messages import AskFills
from protocol.events import Fill
from protocol.ids import VenueOrderId
from protocol.odds import Odds
from protocol.venue import FillPage

V1 = VenueOrderId("v1")
NOTHING = FillPage(fills=())


def test_an_order_is_asked_for_once_at_a_time_and_its_fills_are_told():
    fills = InexactFills()
    fills.want(V1, 0.0)

    questions = [fills.question(1.0), fills.question(9.0)]
    found = fills.answered(FillPage(fills=((V1, Fill(5, Odds(110))), (V1, Fill(7, Odds(112))))), 9.0)

    assert questions == [AskFills((V1,)), None]
    assert found == {V1: (Fill(5, Odds(110)), Fill(7, Odds(112)))}


def test_an_order_whose_fills_nobody_tells_is_given_up():
    fills, now_s = InexactFills(), 0.0
    fills.want(V1, now_s)
    for _ in range(MAX_FILL_QUESTIONS):
        now_s += ASK_AGAIN_S
        assert fills.question(now_s) is not None
        fills.answered(NOTHING, now_s)
    fills.want(V1, now_s)

    assert not fills.open


def test_an_order_that_proved_to_be_exact_while_it_was_asked_for_is_asked_for_again_when_it_is_not():
    fills = InexactFills()
    fills.want(V1, 0.0)
    fills.question(1.0)
    fills.settle(V1)
    fills.answered(NOTHING, 2.0)
    fills.want(V1, 3.0)

    assert fills.open
