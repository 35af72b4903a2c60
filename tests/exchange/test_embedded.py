import time

import pytest

from actors.exchange.embedded import VENUES, openings


@pytest.mark.parametrize("name", VENUES)
def test_a_client_finds_in_the_addresses_who_to_be(name):
    (opening,) = openings([name], served=True)

    opened = opening.open(time.time_ns, 1, "none", 1.0)

    assert opening.credentials(opened.addresses("127.0.0.1:7")) == opened.credentials


@pytest.mark.parametrize("name", VENUES)
def test_what_speaks_with_an_exchange_is_known_before_it_is_open(name):
    (opening,) = openings([name], served=False)

    assert opening.venue == opening.open(time.time_ns, 1, "none", 1.0).venue
