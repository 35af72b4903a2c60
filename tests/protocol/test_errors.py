from protocol.errors import Policy, VenueError


def test_a_venue_error_speaks_the_words_of_the_venue():
    told = VenueError(code="invalid_price", message="not on the ladder", status=400, policy=Policy.TERMINAL)
    silent = VenueError(code="http_502", status=502, policy=Policy.OUTCOME_UNKNOWN)

    assert [str(told), str(silent)] == ["invalid_price (400): not on the ladder", "http_502 (502)"]
