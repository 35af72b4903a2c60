from actors.decisions.presence import Presence

LOST_S = 100.0


def opened(gap_tolerated_s: float = 15.0) -> Presence:
    presence = Presence(gap_tolerated_s=gap_tolerated_s)
    presence.ready()
    return presence


def test_the_first_session_has_missed_nothing():
    assert Presence(gap_tolerated_s=15.0).ready() is None


def test_unless_something_was_to_be_missed_before_it():
    presence = Presence(gap_tolerated_s=15.0)

    presence.began(LOST_S)

    assert (presence.ready(), presence.ready()) == (LOST_S, None)


def test_a_first_session_that_does_not_open_misses_more():
    presence = Presence(gap_tolerated_s=15.0)
    presence.began(LOST_S)
    presence.lost(LOST_S + 10)

    assert presence.ready() == LOST_S


def test_a_new_session_may_have_missed_what_came_since_the_loss():
    presence = opened()

    presence.lost(LOST_S)

    assert presence.ready() == LOST_S


def test_a_session_that_never_opened_is_the_same_gap():
    presence = opened()

    presence.lost(LOST_S)
    presence.lost(LOST_S + 10)

    assert presence.ends_s == 115.0
    assert presence.ready() == LOST_S


def test_a_gap_is_too_long_once():
    presence = opened()
    presence.lost(LOST_S)

    assert [presence.too_long(at_s) for at_s in (114.9, 115.0, 120.0)] == [False, True, False]


def test_a_gap_that_ends_in_time_is_never_too_long():
    presence = opened()
    presence.lost(LOST_S)
    presence.ready()

    assert not presence.too_long(1e12)


def test_where_no_gap_is_tolerated_each_is_too_long_at_once():
    presence = opened(gap_tolerated_s=0.0)
    presence.lost(LOST_S)

    assert presence.too_long(100.0)


def test_a_deaf_socket_is_restarted_once():
    presence = opened()

    assert [presence.restart(), presence.restart()] == [True, False]


def test_the_next_one_can_be_restarted_again():
    presence = opened()
    presence.restart()
    presence.lost(LOST_S)
    presence.ready()

    assert presence.restart()


def test_a_socket_that_is_gone_is_not_restarted():
    presence = opened()
    presence.lost(LOST_S)

    assert not presence.restart()


def test_a_session_that_follows_without_a_gap_has_missed_nothing_and_can_be_restarted():
    presence = opened()
    presence.lost(100.0)
    presence.ready()
    presence.restart()

    assert presence.ready() is None
    assert presence.restart()
