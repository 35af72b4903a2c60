import json
import os

import attrs
import pytest
from structlog.testing import capture_logs

from actors.io.token_file import TokenFile, account_of
from protocol.ids import VenueName
from protocol.venue import Tokens

NOW_S = 1_789_000_000.0
VENUE = VenueName("venue")
ACCOUNT = account_of(VENUE, "https://venue.example", "someone@example.com")
TOKENS = Tokens(
    access_token="s3cret-access",
    access_expires_s=int(NOW_S) + 1_200,
    refresh_token="s3cret-refresh",
    refresh_expires_s=int(NOW_S) + 259_200,
)


@pytest.fixture
def file(tmp_path):
    return TokenFile(tmp_path / "tokens-venue.json", ACCOUNT)


@pytest.fixture
async def kept(file):
    await file.save(TOKENS)
    return file


@pytest.mark.parametrize(
    "tokens", [TOKENS, attrs.evolve(TOKENS, access_expires_s=None, refresh_expires_s=None)], ids=["dated", "undated"]
)
async def test_what_is_kept_is_there_for_the_next_process(file, tokens):
    await file.save(tokens)

    assert TokenFile(file.path, ACCOUNT).load(NOW_S) == tokens


async def test_only_the_owner_can_read_it(kept):
    assert kept.path.stat().st_mode & 0o777 == 0o600


async def test_the_newest_tokens_take_the_place_of_those_before(kept, tmp_path):
    kept.path.with_name("tokens-venue.json.new").write_text("left by a process that died")
    newer = attrs.evolve(TOKENS, access_token="newer")

    await kept.save(newer)

    assert kept.load(NOW_S) == newer
    assert [each.name for each in tmp_path.iterdir()] == ["tokens-venue.json"]
    assert kept.path.stat().st_mode & 0o777 == 0o600


def test_before_the_first_login_there_are_none(file):
    with capture_logs() as logs:
        assert file.load(NOW_S) is None

    assert logs == []


async def test_tokens_of_another_account_are_left_alone(kept):
    other = account_of(VENUE, "https://venue.example", "other@example.com")

    assert TokenFile(kept.path, other).load(NOW_S) is None


async def test_an_access_token_that_is_over_can_still_be_refreshed(kept):
    assert kept.load(NOW_S + 1_200) == TOKENS


async def test_a_refresh_token_that_is_over_serves_nobody(kept):
    assert kept.load(NOW_S + 259_199) == TOKENS
    assert kept.load(NOW_S + 259_200) is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o700])
async def test_a_file_that_others_may_read_is_refused_and_says_so(kept, mode):
    kept.path.chmod(mode)

    with capture_logs() as logs:
        assert kept.load(NOW_S) is None

    assert f"mode {mode:04o}, expected 0600" in logs[0]["reason"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 60_000,
        json.dumps({"account": ACCOUNT}).encode(),
        json.dumps({"account": ACCOUNT, **attrs.asdict(TOKENS), "access_token": 7}).encode(),
        json.dumps({"account": ACCOUNT, **attrs.asdict(TOKENS), "refresh_expires_s": "7"}).encode(),
    ],
)
async def test_a_damaged_file_costs_a_login_and_a_line(kept, text):
    kept.path.write_bytes(text)

    with capture_logs() as logs:
        assert kept.load(NOW_S) is None

    assert [each["event"] for each in logs] == ["tokens_not_read"]


async def test_a_place_that_cannot_be_written_is_told_once(tmp_path):
    file = TokenFile(tmp_path / "none" / "tokens.json", ACCOUNT)

    with capture_logs() as logs:
        await file.save(TOKENS)
        await file.save(TOKENS)

    assert [(each["event"], each["reason"]) for each in logs] == [("tokens_not_kept", "No such file or directory")]


async def test_a_place_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "tokens.json").mkdir()

    with capture_logs() as logs:
        assert TokenFile(tmp_path / "tokens.json", ACCOUNT).load(NOW_S) is None

    assert logs[0]["event"] == "tokens_not_read"


async def test_no_log_shows_a_token(kept):
    kept.path.chmod(0o644)
    os.truncate(kept.path, 40)

    with capture_logs() as logs:
        kept.load(NOW_S)
        kept.path.chmod(0o600)
        kept.load(NOW_S)
        await TokenFile(kept.path / "below", ACCOUNT).save(TOKENS)

    assert len(logs) == 3
    assert "s3cret" not in repr(logs)
    assert "s3cret" not in repr(kept)


async def test_an_account_is_its_venue_its_address_and_its_user():
    names = {
        ACCOUNT,
        account_of(VenueName("other"), "https://venue.example", "someone@example.com"),
        account_of(VENUE, "https://sandbox.example", "someone@example.com"),
        account_of(VENUE, "https://venue.example", "other@example.com"),
    }

    assert len(names) == 4
    assert account_of(VENUE, "https://venue.example", "someone@example.com") == ACCOUNT
    assert "someone" not in ACCOUNT
