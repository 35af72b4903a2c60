from hypothesis import given
from hypothesis import strategies as st

from protocol.liveness import Liveness


def test_a_silent_peer_is_pinged_and_then_given_up():
    liveness = Liveness(120)
    liveness.heard(1000)
    assert (liveness.ping_due_s, liveness.dead_at_s) == (1120, None)

    liveness.pinged(1121)
    assert (liveness.ping_due_s, liveness.dead_at_s) == (None, 1151)

    liveness.heard(1140)
    assert (liveness.ping_due_s, liveness.dead_at_s) == (1260, None)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=20))
def test_exactly_one_deadline_is_set_at_any_time(happened):
    liveness, now = Liveness(120), 0.0
    for heard, step in happened:
        now += step
        (liveness.heard if heard else liveness.pinged)(now)

    assert (liveness.ping_due_s is None) != (liveness.dead_at_s is None)
