"""Who may import what, and words that no source file has."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = {
    str(path.relative_to(ROOT)): ast.parse(path.read_text())
    for room in ("protocol", "actors")
    for path in sorted((ROOT / room).rglob("*.py"))
}
PROTOCOL = sorted(name for name in FILES if name.startswith("protocol/"))
LIVE = sorted(name for name in FILES if name.startswith("actors/") and not name.startswith("actors/exchange/"))
EXCHANGE = sorted(name for name in FILES if name.startswith("actors/exchange/"))
SIMULATION = {name for name in FILES if name.startswith("actors/simulation/")}
COMMANDS = {name for name in LIVE if name.endswith("cli.py")}
CONVERTERS = ("actors/config.py", "actors/decisions/entry_text.py", "actors/simulation/worker.py")
VENUES = {name.split("/")[1] for name in PROTOCOL if name.count("/") > 1}
OF_A_VENUE = [name for name in FILES if VENUES & set(Path(name).parent.parts)]

OWNERS = {
    "trio_websocket": lambda name: name == "actors/io/socket.py" or name in EXCHANGE,
    "wsproto": lambda name: name == "actors/io/socket.py" or name in EXCHANGE,
    "h11": lambda name: name in ("actors/io/socket.py", "actors/exchange/http.py"),
    "httpx": lambda name: name == "actors/io/http.py",
    "httpcore": lambda name: name in ("actors/io/http.py", "actors/io/transport.py"),
    "msgspec": lambda name: name.startswith(("protocol/prophetx/", "protocol/satoriex/")) or name in EXCHANGE,
    "cattrs": lambda name: name in CONVERTERS,
    "click": lambda name: name in COMMANDS | {f"actors/{each}.py" for each in ("console/misuse", "options", "running")},
    "sqlite3": lambda name: name == "actors/io/tables.py",
}
"""The one place, or few, of each library."""

NOT_PURE = {"trio", "httpx", "httpcore", "h11", "trio_websocket", "time", "random", "os", "logging", "structlog"}
NOT_PURE |= {"actors", "socket", "ssl", "select", "secrets", "uuid", "threading", "asyncio"}
ROOMS = ("errors", "belief", "ids", "odds", "money", "prices", "events", "commands", "book", "order", "wallet")
ROOMS += ("worlds", "exposure", "matching", "venue", "tokens", "liveness")
"""The rooms of the protocol from the bottom up: each imports only what stands before it."""

ROOTS = {
    "actors.bot": {"actors/paper.py", "actors/running.py", "actors/console/status.py", "actors/config.py"},
    "actors.seat": {"actors/bot.py", "actors/data_dir.py", "actors/config.py", "actors/paper.py"},
    "actors.relay": {"actors/seat.py"},
    "actors.session": {"actors/relay.py", "actors/seat.py", "actors/config.py", "actors/paper.py"},
    "actors.paper": set(),
    "actors.exchange": {"actors/paper.py"},
    "actors.exchange.embedded": {"actors/paper.py"},
    "actors.simulation": set(),
}
"""What is put together from many rooms, and who knows it beside the commands and the simulation."""
for root in ("bot", "seat", "session", "exchange", "exchange.embedded"):
    ROOTS[f"actors.{root}"] |= SIMULATION

NAMING = ("actors/exchange/", "actors/config.py", "actors/bot.py")
NAMING += tuple(f"actors/simulation/{each}.py" for each in ("world", "simulate", "happenings", "mutants"))
"""Where an actor may say which venue it means; everywhere else a venue is what its traits say."""


def imported(name: str) -> set[str]:
    """Return the full names of the modules that a file imports, those for type checking included."""
    found = set()
    for node in ast.walk(FILES[name]):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            found.add(node.module or "")
            found |= {f"{node.module}.{each.name}" for each in node.names}
    return found


def tops(name: str) -> set[str]:
    return {each.partition(".")[0] for each in imported(name)}


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_imported_where_it_lives_and_nowhere_else(library):
    users = [name for name in FILES if library in tops(name)]

    assert [name for name in users if not OWNERS[library](name)] == []


@pytest.mark.parametrize("name", PROTOCOL)
def test_the_protocol_has_no_clock_no_dice_no_socket_and_no_actor(name):
    assert tops(name) & NOT_PURE == set()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_the_protocol_imports_only_downward(room):
    below = {f"protocol.{each}" for each in ROOMS[: ROOMS.index(room)]}

    above = {each for each in imported(f"protocol/{room}.py") if each.startswith("protocol.")}

    assert {".".join(each.split(".")[:2]) for each in above} <= below


def test_no_room_of_the_protocol_is_missing_from_the_order():
    rooms = {Path(name).stem for name in PROTOCOL if name.count("/") == 1} - {"__init__"}

    assert rooms == set(ROOMS)


@pytest.mark.parametrize("root", ROOTS)
def test_a_composition_root_is_known_to_few(root):
    own = f"{root.replace('.', '/')}/"
    users = {name for name in FILES if any(each == root or each.startswith(f"{root}.") for each in imported(name))}

    assert {name for name in users if not name.startswith(own)} <= ROOTS[root] | COMMANDS


def test_there_are_venues_to_tell_apart():
    assert {"prophetx", "satoriex"} <= VENUES
    assert {Path(name).parent.parts[:3] for name in OF_A_VENUE} >= {("actors", "exchange", each) for each in VENUES}


@pytest.mark.parametrize("name", OF_A_VENUE)
def test_a_venue_imports_no_other_venue(name):
    own = VENUES & set(Path(name).parent.parts)

    foreign = {each for each in imported(name) if (VENUES - own) & set(each.split("."))}

    assert foreign == set()


@pytest.mark.parametrize("name", [name for name in LIVE if not name.startswith(NAMING)])
def test_no_actor_says_the_name_of_a_venue(name):
    text = (ROOT / name).read_text().lower()

    assert [venue for venue in VENUES if venue in text] == []


@pytest.mark.parametrize("name", EXCHANGE)
def test_the_exchange_imports_nothing_live(name):
    live = {each for each in imported(name) if each.startswith("actors.") and not each.startswith("actors.exchange")}

    assert live == set()


@pytest.mark.parametrize("name", FILES)
def test_no_file_runs_on_another_loop_or_swallows_what_it_cannot_name(name):
    handlers = [node for node in ast.walk(FILES[name]) if isinstance(node, ast.ExceptHandler)]
    caught = {
        each.id
        for handler in handlers
        if handler.type is not None
        for each in ast.walk(handler.type)
        if isinstance(each, ast.Name)
    }

    assert "asyncio" not in (ROOT / name).read_text()
    assert all(handler.type is not None for handler in handlers)
    assert not caught & {"Exception", "BaseException"}


def test_only_the_simulation_reaches_behind_trio():
    users = {name for name in FILES if "trio._" in (ROOT / name).read_text()}

    assert users == {"actors/simulation/determinism.py"}
