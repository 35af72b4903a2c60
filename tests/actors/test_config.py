from pathlib import Path

import pytest

from actors.config import ConfigError, is_production, load_config
from actors.decisions.guard import Limits
from actors.maker import MakerSettings
from actors.session import SessionSettings
from protocol.ids import CompetitionId
from protocol.prophetx.venue import ProphetX
from protocol.prophetx.wire import Dialect

SMALLEST = """
[venue.prophetx]
rest_url = "https://api.sandbox.prophetx.dev/partner"
access_key = "env:OVERROUND_TEST_ACCESS"
secret_key = "file:{secret}"
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "bot.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def smallest(tmp_path) -> str:
    return SMALLEST.format(secret=tmp_path / "secret")


@pytest.fixture
def secrets(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("OVERROUND_TEST_ACCESS", "access")
    (tmp_path / "secret").write_text("hidden\n")


@pytest.mark.usefixtures("secrets")
def test_the_smallest_file_has_the_documented_defaults(write, smallest):
    path = write(smallest)
    config = load_config(path)

    settings = config.bot(path)

    (seat,) = settings.seats
    assert seat.session == SessionSettings(rest_url="https://api.sandbox.prophetx.dev/partner", heartbeat_timeout_s=30)
    assert seat.venue == ProphetX(dialect=Dialect.V4, reconcile_every_s=900, commission_bp=200)
    assert seat.session.config_refresh_s == 1800
    assert seat.activation_timeout_s == 10
    assert config.limits() == settings.limits == Limits()
    assert settings.pairs == ()
    assert config.maker() == MakerSettings()
    assert config.data_dir == "./overround-data"


@pytest.mark.usefixtures("secrets")
def test_every_key_reaches_what_it_is_about(write, smallest):
    text = smallest + (
        'dialect = "legacy"\ntournaments = [31]\nevents = [18756]\nsub_types = ["player_total_hits"]\n'
        "activation_timeout_s = 2.5\nheartbeat_timeout_s = 20\nreconcile_every_s = 60\nlist_every_s = 30\n"
        "config_refresh_s = 120\n"
        "[strategy]\nstake = 2.50\nmargin = 0.0125\nhedge_at = 7\nin_play = true\n"
        "[risk]\nmax_stake = 3.25\nmax_exposure = 100\nprice_collar = 0.5\nmax_open_orders = 7\n"
        "commission = 0.01\n"
    )

    path = write(text)
    config = load_config(path)

    (seat,) = config.bot(path).seats
    assert seat.venue == ProphetX(dialect=Dialect.LEGACY, reconcile_every_s=60, list_every_s=30, commission_bp=100)
    assert seat.session.competitions == (CompetitionId(31),)
    assert seat.session.events == (18756,)
    assert seat.session.sub_kinds == ("player_total_hits",)
    assert seat.session.heartbeat_timeout_s == 20
    assert seat.session.config_refresh_s == 120
    assert seat.activation_timeout_s == 2.5
    assert config.maker() == MakerSettings(stake_cents=250, margin_bp=125, hedge_at_cents=700, in_play=True)
    assert config.limits() == Limits(max_stake_cents=325, account_cents=10_000, collar_bp=5_000, open_orders=7)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("rest_url", "rest_uri"), "venue.prophetx: unknown key rest_uri; known are rest_url"),
        (('"https://api.sandbox', '"ftp://api.sandbox'), "rest_url: expected an address that begins with http"),
        (("/partner", "/partner?x=1"), "rest_url: expected an address without a query"),
        (('"env:OVERROUND_TEST_ACCESS"', '"hunter2"'), "access_key: expected env:NAME or file:PATH, never the secret"),
        (('"env:OVERROUND_TEST_ACCESS"', "7"), "access_key: expected env:NAME or file:PATH"),
        (("[venue.prophetx]", "data_dir = 7\n[venue.prophetx]"), "data_dir: expected a text in quotes, got 7"),
        (("[venue.prophetx]", "data_dir = ''\n[venue.prophetx]"), "data_dir: expected the name of a directory, got ''"),
        (("[venue.prophetx]", "[risks]\n[venue.prophetx]"), "unknown key risks; known are venue, strategy, risk"),
        (("[venue.prophetx]", "[risk]\nmax_stake = 1.005\n[venue.prophetx]"), "risk.max_stake: expected dollars with"),
        (("[venue.prophetx]", "[risk]\nmax_stake = true\n[venue.prophetx]"), "risk.max_stake: expected dollars with"),
        (
            ("[venue.prophetx]", "[risk]\nmax_open_orders = 1.5\n[venue.prophetx]"),
            "risk.max_open_orders: expected a wh",
        ),
        (("[venue.prophetx]", "[strategy]\nmargin = 2\n[venue.prophetx]"), "strategy.margin: expected a fraction fr"),
        (("[venue.prophetx]", "[strategy]\nmargin = 0.00001\n[venue.prophetx]"), "expected at most four decimals"),
        (("[venue.prophetx]", '[strategy]\nin_play = "no"\n[venue.prophetx]'), "expected true or false, got 'no'"),
        (("access_key", 'dialect = "v5"\naccess_key'), 'dialect: expected "v4" or "legacy", got \'v5\''),
        (("access_key", "tournaments = 31\naccess_key"), "tournaments: expected a list, got 31"),
        (("access_key", 'tournaments = ["31"]\naccess_key'), "tournaments: expected a whole number"),
        (("access_key", "heartbeat_timeout_s = 0\naccess_key"), "heartbeat_timeout_s: expected seconds above 0"),
        (("secret_key", "secret"), "secret_key: this key is required"),
        (("[venue.prophetx]", "[venue.prophetx"), "not TOML"),
    ],
)
def test_a_wrong_file_names_itself_the_key_and_what_was_expected(write, smallest, change, error):
    path = write(smallest.replace(*change))

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    assert error in str(caught.value)
    assert all(line.startswith(f"{path}: ") for line in str(caught.value).splitlines())


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ("[risk]\nmax_open_orders = 0\n", "risk.max_open_orders: expected a whole number above 0, got 0 (`overround j"),
        ("[risk]\nmax_orders_per_s = 0\n", "risk.max_orders_per_s: expected a whole number above 0, got 0"),
        ("[risk]\nmax_exposure = 0.00\n", "risk.max_exposure: expected dollars above 0, got 0.00 (`overround journal "),
        ("[risk]\nmax_market_exposure = 0\n", "risk.max_market_exposure: expected dollars above 0, got 0"),
        ("[risk]\nmax_event_exposure = 0\n", "risk.max_event_exposure: expected dollars above 0, got 0"),
        ("[risk]\nmax_daily_loss = 0\n", "risk.max_daily_loss: expected dollars above 0, got 0"),
        ("[risk]\nmax_stake = 0\n", "risk.max_stake: expected dollars above 0, got 0"),
        ("[strategy]\nstake = 0\n", "strategy.stake: expected dollars above 0, got 0"),
        ("[strategy]\nhedge_at = 0\n", "strategy.hedge_at: expected dollars above 0, got 0"),
        ("[strategy]\nmax_markets = 0\n", "strategy.max_markets: expected a whole number above 0, got 0"),
        (
            "[risk]\nmin_stake = 50\nmax_stake = 5\n",
            "risk.min_stake: expected at most risk.max_stake, $5.00, got $50.00",
        ),
        ("[risk]\nmin_stake = 50\n", "strategy.stake: expected at least risk.min_stake, $50.00, got $10.00"),
        ("[strategy]\nstake = 500\n", "strategy.stake: expected at most risk.max_stake, $100.00, got $500.00"),
        ("[risk]\nmax_market_exposure = 5\n", "strategy.stake: expected at most risk.max_market_exposure, $5.00, got"),
        ("[risk]\nmax_event_exposure = 5\n", "strategy.stake: expected at most risk.max_event_exposure, $5.00, got"),
        ("[risk]\nmax_exposure = 5\n", "strategy.stake: expected at most risk.max_exposure, $5.00, got $10.00"),
    ],
)
def test_limits_under_which_nothing_can_be_traded_are_refused(write, smallest, lines, error):
    path = write(smallest + lines)

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    assert str(caught.value).startswith(f"{path}: {error}")


@pytest.mark.parametrize("key", ["min_stake", "commission"])
def test_some_limits_may_be_zero(write, smallest, key):
    config = load_config(write(smallest + f"[risk]\n{key} = 0\n"))

    assert getattr(config.risk, key) == 0


@pytest.mark.parametrize(
    "address",
    [
        '"ftp://user:hunter2@host/x"',
        '"https://user:hunter2@host/x"',
        '"https://:hunter2@host/x"',
        '"https://user:hunter2@[host/x"',
        '"https://host:hunter2/x"',
        '"user:hunter2@host/x"',
        '["ftp://user:hunter2@host/x"]',
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(write, smallest, address):
    path = write(smallest.replace('"https://api.sandbox.prophetx.dev/partner"', address))

    with pytest.raises(ConfigError, match="rest_url: expected an address") as caught:
        load_config(path)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("venue = 'prophetx'", "venue: expected a table, got 'prophetx'"),
        ("venue.prophetx = []", "venue.prophetx: expected a table, got a list"),
        ("venue.satoriex = true", "venue.satoriex: expected a table, got true"),
        ("strategy = 5", "strategy: expected a table, got 5"),
        ("strategy.stake = nan", "strategy.stake: expected dollars with at most two decimals, got NaN"),
        ("strategy.margin = nan", "strategy.margin: expected a fraction from 0 to 1, got NaN"),
        ("venue.prophetx.list_every_s = nan", "list_every_s: expected seconds above 0 and at most 86400, got NaN"),
        ("risk.max_open_orders = 1.5", "expected a whole number that is not negative, got 1.5"),
        ("pairs = 'x'", "pairs: expected a list of tables, got 'x'"),
        ("pairs = {}", "pairs: expected a list of tables, got a table"),
        ("pairs = [5]", "pairs[1]: expected a table, got 5"),
        ("data_dir = 1979-05-27", "data_dir: expected a text in quotes, got 1979-05-27"),
        (f"risk.max_open_orders = {'1' * 5_000}", "not TOML: "),
    ],
)
def test_a_value_of_another_kind_is_told_as_the_file_has_it(write, line, error):
    with pytest.raises(ConfigError) as caught:
        load_config(write(line))

    assert error in str(caught.value)


@pytest.mark.parametrize(
    ("second", "error"),
    [
        ("", "pairs[2].satoriex: this key is required"),
        ('satoriex = "market"', "pairs[2].satoriex: expected MARKET_ID/OUTCOME_ID, got 'market'"),
    ],
)
def test_the_first_pair_is_number_one_whatever_is_wrong(write, smallest, second, error):
    path = write(smallest + f'[[pairs]]\nprophetx = "x"\nsatoriex = "m/o"\n[[pairs]]\nprophetx = "y"\n{second}\n')

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    assert str(caught.value) == f"{path}: {error}"


def test_every_mistake_is_told_at_once(write, smallest):
    path = write(smallest + "tournaments = 31\n[risk]\nmax_stake = true\n")

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    assert len(str(caught.value).splitlines()) == 2


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml: No such file"):
        load_config(tmp_path / "nowhere.toml")


def test_a_file_that_is_no_configuration_is_not_read_whole(tmp_path):
    path = tmp_path / "big.toml"
    path.write_bytes(b"#" * (2**20 + 1))

    with pytest.raises(ConfigError, match="more than 1048576 bytes"):
        load_config(path)


@pytest.mark.usefixtures("secrets")
def test_secrets_come_from_where_the_references_say(write, smallest):
    path = write(smallest)

    (seat,) = load_config(path).bot(path).seats

    assert (seat.credentials.user, seat.credentials.secret) == ("access", "hidden")
    assert "hidden" not in repr(seat)
    assert "access" not in str(seat)


@pytest.mark.parametrize(
    ("variable", "content", "error"),
    [
        (None, "hidden", "access_key: the environment variable OVERROUND_TEST_ACCESS is not set"),
        ("access", None, "cannot be read: FileNotFoundError"),
        ("access", " \n", "is empty"),
    ],
)
def test_a_reference_to_nothing_is_told_without_a_secret(
    write, smallest, tmp_path, monkeypatch, variable, content, error
):
    monkeypatch.delenv("OVERROUND_TEST_ACCESS", raising=False)
    if variable is not None:
        monkeypatch.setenv("OVERROUND_TEST_ACCESS", variable)
    if content is not None:
        (tmp_path / "secret").write_text(content)
    path = write(smallest)

    with pytest.raises(ConfigError) as caught:
        load_config(path).bot(path)

    assert error in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "production"),
    [
        ("https://api.sandbox.prophetx.dev/partner", False),
        ("https://api-ss-sandbox.betprophet.co/partner", False),
        ("https://cash.api.prophetx.co/partner", True),
        ("https://api.prophetx.co/partner", True),
        ("https://CASH.API.PROPHETX.CO/partner", True),
        ("http://127.0.0.1:8000/partner", False),
    ],
)
def test_a_production_host_is_known(write, smallest, host, production):
    config = load_config(write(smallest.replace("https://api.sandbox.prophetx.dev/partner", host)))

    assert is_production(host) is production
    assert config.production_urls == [host] * production
