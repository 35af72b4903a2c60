"""Whatever the venue says, the bot does not crash, and what it lost it reads anew."""

import base64

import msgspec
import pytest
import trio

from actors.exchange.faults import Fault, Rule
from actors.exchange.prophetx.frames import Spoiling, spoilt
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.prophetx import pusher
from protocol.prophetx.wire import Dialect


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def dialect(request):
    return request.param


def say(story, text):
    """Send a raw frame on every socket."""
    for socket in story.exchange.feed.sockets.values():
        socket._put(text)


def channels(story):
    (socket,) = story.exchange.feed.sockets.values()
    return sorted(socket.session.subscribed)


def carrying(channel, payload, change_type="market_selections"):
    body = {"change_type": change_type, "op": "u", "payload": payload, "timestamp": 1}
    return pusher.push(channel, "market_selections", msgspec.json.encode(body))


def encoded(payload: bytes) -> str:
    return base64.b64encode(payload).decode()


DEEP = b"[" * 50_000 + b"]" * 50_000
FRAMES = {
    "not json": lambda channel: "{",
    "empty": lambda channel: "",
    "a number": lambda channel: "17",
    "null": lambda channel: "null",
    "no event": lambda channel: '{"data":"{}"}',
    "event of a wrong type": lambda channel: '{"event":17,"data":"{}"}',
    "data that is no object": lambda channel: pusher.push(channel, "market_selections", b"17"),
    "deep": lambda channel: DEEP.decode(),
    "deep data": lambda channel: pusher.push(channel, "market_selections", DEEP),
    "deep payload": lambda channel: carrying(channel, encoded(DEEP)),
    "huge payload": lambda channel: carrying(channel, encoded(b'{"info":"' + b"x" * 2_000_000 + b'"}')),
    "bad base64": lambda channel: carrying(channel, "***"),
    "payload of a wrong type": lambda channel: carrying(channel, 17),
    "null payload": lambda channel: carrying(channel, encoded(b"null")),
    "null lists": lambda channel: carrying(channel, encoded(b'{"info":{"selections":null}}')),
    "a float for an id": lambda channel: carrying(channel, encoded(b'{"sport_event_id":1.9,"market_id":1}')),
    "huge number": lambda channel: carrying(channel, encoded(b'{"sport_event_id":1e999999999}')),
    "order of nonsense": lambda channel: carrying(channel, encoded(b'{"info":{"order_id":17}}'), "order"),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
async def test_a_bad_frame_changes_nothing(autojump_clock, open_story, dialect, frame):
    async with open_story(dialect=dialect) as story:
        name = await story.place_open()
        story.enter(story.away, 150, 5000)
        for channel in channels(story):
            say(story, frame(channel))
        await trio.sleep(0.5)
        story.enter(story.away, 156, 5000)
        await story.until(lambda: story.books_are_true and len(story.bot.books()) == 7)

        assert story.status(name) == "open"
        assert story.bot.tally.sessions_lost == 0


async def test_a_message_of_an_unknown_type_is_counted(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        for channel in channels(story):
            say(story, carrying(channel, encoded(b'{"info":{}}'), "weather_changed"))
        await story.until(lambda: story.bot.tally.unknown)
        await trio.sleep(1)

        assert story.bot.tally.unknown == len(channels(story))
        assert story.bot.tally.unreadable == 0


@pytest.mark.parametrize("kind", [Spoiling.NOT_JSON, Spoiling.BAD_BASE64, Spoiling.ENCODED_TWICE])
async def test_a_spoilt_image_is_read_again(autojump_clock, open_story, dialect, kind):
    class Loaded:
        """Dice that know what they will show."""

        def choice(self, _):
            return kind

    async with open_story(dialect=dialect) as story:
        socket = next(iter(story.exchange.feed.sockets.values()))
        messages = []
        story.exchange.faults.add(Rule(fault=Fault.DROP, where="market_selections", times=1))
        story.exchange.listeners.append(lambda publication: messages.append(publication))
        story.enter(story.home, 120, 5000)
        letter = story.exchange.feed._letter(messages[-1])
        (message,) = story.exchange.feed._messages(letter, dialect)
        socket._put(spoilt(message, Loaded()))
        await story.until(lambda: story.books_are_true and len(story.bot.books()) == 7, within_s=5)

        assert story.takeable(story.away) == {-120: 6000}
        assert story.bot.tally.sessions_lost == 0


async def test_an_image_without_lists_is_made_good_by_rest(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        book = {"strike": 0, "name": "", "type": "", "sequence_number": story.paper.wall_ns(), "selections": None}
        image = {"sport_event_id": story.key.event_id, "market_id": story.key.market_id, "info": book}
        before = len(story.asked("get_multiple_markets"))
        for channel in channels(story):
            say(story, carrying(channel, encoded(msgspec.json.encode(image))))
        await story.until(lambda: story.key not in story.bot.books())
        await story.until(lambda: len(story.asked("get_multiple_markets")) > before)
        await story.until(lambda: story.key in story.bot.books())

        assert story.bot.tally.unknown == 0


async def test_spoilt_order_messages_are_made_good_by_the_history(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        story.add(Rule(fault=Fault.GARBAGE, where="order", times=8))
        name = await story.place_open()
        story.hit(110, 400)
        await story.until(lambda: story.order(name).filled == 400)


async def test_too_many_bad_frames_restart_the_session(autojump_clock, open_story):
    async with open_story() as story:
        for _ in range(150):
            say(story, "{")
        await story.until(lambda: story.bot.tally.sessions_lost == 1)
        await story.until(lambda: story.bot.tally.sessions_started == 2)
        await story.until(lambda: len(story.bot.books()) == 7)


async def test_garbage_everywhere_ends_in_true_books(autojump_clock, open_story, dialect):
    settings = ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=5)
    async with open_story(settings, dialect=dialect) as story:
        story.add(Rule(fault=Fault.GARBAGE, probability=0.1))
        await trio.sleep(60)
        story.exchange.faults.clear()
        story.exchange.pause_crowd()
        await story.until(lambda: story.books_are_true and len(story.bot.books()) == 7)

        assert story.bot.tally.unreadable > 10
        assert story.exchange.faults.happened[Fault.GARBAGE] > 10
