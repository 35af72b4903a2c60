from random import Random

import pytest

from actors.exchange.embedded import EmbeddedProphetX, EmbeddedSatoriEx, OpenProphetX, OpenSatoriEx
from actors.exchange.prophetx.refusals import Refused as ProphetXRefused
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.exchange.satoriex.markets import Stage
from actors.exchange.satoriex.refusals import Refused as SatoriexRefused
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.simulation.happenings import happen
from actors.simulation.world import Happening
from protocol.events import EventStatus
from protocol.prophetx.wire import LoginForm

NOW_NS = 1_790_000_000 * 10**9


@pytest.fixture
def prophetx() -> EmbeddedProphetX:
    """An exchange with two events, where nothing moves by itself."""
    settings = ExchangeSettings(tournaments=1, events=2, crowd_actions_per_s=0)
    return OpenProphetX(settings=settings).open(lambda: NOW_NS, 1, "none", 1.0)


@pytest.fixture
def satoriex() -> EmbeddedSatoriEx:
    """The same with two markets."""
    settings = SatoriexSettings(markets=2, crowd_actions_per_s=0)
    return OpenSatoriEx(settings=settings).open(lambda: NOW_NS, 1, "none", 1.0)


def statuses(prophetx: EmbeddedProphetX) -> list[EventStatus]:
    return [each.status for each in prophetx.exchange.floor.events.values()]


def stages(satoriex: EmbeddedSatoriEx) -> list[Stage]:
    return [market.stage for market in satoriex.exchange.floor.markets.values()]


def test_one_event_after_another_goes_live_until_all_have(prophetx):
    seen = []
    for _ in range(3):
        done = happen(prophetx, Happening.GO_LIVE, Random(1))
        seen.append((done, statuses(prophetx).count(EventStatus.LIVE)))

    assert seen == [(True, 1), (True, 2), (False, 2)]


def test_an_event_that_ends_is_replaced(prophetx):
    before = set(prophetx.exchange.floor.events)

    happen(prophetx, Happening.SETTLE, Random(1))

    assert len(before - set(prophetx.exchange.floor.events)) == 1
    assert len(prophetx.exchange.floor.events) == 2


def test_the_configuration_changes(prophetx):
    before = prophetx.exchange.feed.key

    happen(prophetx, Happening.CONFIG_CHANGE, Random(1))

    assert prophetx.exchange.feed.key != before


def test_a_market_is_halted(satoriex):
    happen(satoriex, Happening.HALT, Random(1))

    assert sorted(stages(satoriex), key=lambda stage: stage.value) == [Stage.ACTIVE, Stage.HALTED]


def test_a_market_begins_to_end_with_a_winner_of_its_own(satoriex):
    happen(satoriex, Happening.SETTLE, Random(1))

    (market,) = [each for each in satoriex.exchange.floor.markets.values() if each.stage is Stage.CLOSING]
    assert market.winner in market.outcomes


def test_the_tokens_of_one_venue_are_worth_nothing_any_more(prophetx):
    gatekeeper, who = prophetx.exchange.gatekeeper, prophetx.credentials
    form = LoginForm(access_key=who.user, secret_key=who.secret)
    token = gatekeeper.log_in(form, NOW_NS).data.access_token

    happen(prophetx, Happening.EXPIRE_TOKENS, Random(1))

    with pytest.raises(ProphetXRefused, match="unauthorized"):
        gatekeeper.account_of(f"Bearer {token}", NOW_NS)


def test_the_tokens_of_the_other_have_expired(satoriex):
    gatekeeper, who = satoriex.exchange.gatekeeper, satoriex.credentials
    token = gatekeeper.log_in(who.user, who.secret, NOW_NS).access_token

    happen(satoriex, Happening.EXPIRE_TOKENS, Random(1))

    with pytest.raises(SatoriexRefused, match="token expired"):
        gatekeeper.identify(token, NOW_NS)


@pytest.mark.parametrize("what", Happening)
def test_the_same_dice_do_the_same(what, prophetx):
    other = OpenProphetX(settings=prophetx.exchange.settings).open(lambda: NOW_NS, 1, "none", 1.0)

    happen(prophetx, what, Random(3))
    happen(other, what, Random(3))

    assert list(prophetx.exchange.floor.events) == list(other.exchange.floor.events)
    assert statuses(prophetx) == statuses(other)


def test_what_a_venue_does_not_do_does_not_happen(prophetx, satoriex):
    before = statuses(prophetx), stages(satoriex)

    done = (
        happen(prophetx, Happening.HALT, Random(1)),
        happen(satoriex, Happening.GO_LIVE, Random(1)),
        happen(satoriex, Happening.CONFIG_CHANGE, Random(1)),
    )

    assert done == (False, False, False)
    assert (statuses(prophetx), stages(satoriex)) == before
