import pytest
import structlog

from actors.simulation.recording import Recording, from_level

log = structlog.get_logger()
SECRET = "s3cret"


@pytest.fixture
def broken() -> list[str]:
    return []


@pytest.fixture
def recording(broken: list[str]) -> Recording:
    """One that knows a secret."""
    return Recording(secrets={SECRET}, violate=lambda rule, text: broken.append(f"{rule}: {text}"))


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
async def test_a_secret_is_heard_at_every_level(recording, broken, level):
    with recording.listening():
        getattr(log, level)("logged_in", token=SECRET)

    assert broken == ["secret: logged_in tells a secret"]


async def test_what_is_logged_is_counted_and_details_are_not(recording, broken):
    with recording.listening():
        log.debug("unknown_message")
        log.info("logged_in")
        log.warning("not_read")
        log.warning("not_read")

    assert recording.reached == {"logged_in": 1, "not_read": 2}
    assert broken == []


@pytest.mark.parametrize(("level", "passed"), [("debug", ["one", "two", "three"]), ("warning", ["three"])])
async def test_what_goes_on_is_of_the_level_that_is_asked_for(level, passed):
    seen: list[str] = []

    def keep(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        seen.append(event["event"])
        raise structlog.DropEvent

    with Recording(log=(from_level(level), keep)).listening():
        log.debug("one")
        log.info("two")
        log.error("three")

    assert seen == passed
