import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.prophetx import pusher
from protocol.prophetx.pusher import (
    ClientSession,
    Delivered,
    Established,
    Pinged,
    Ponged,
    Refused,
    ServerSession,
    SignedIn,
    SignInAsked,
    State,
    SubscribeAsked,
    Subscribed,
    UnsubscribeAsked,
    reconnect_after,
)
from protocol.venue import Reconnect

HANDSHAKE = '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"123.456\\"}"}'
PRIVATE = "private-service=6-device_type=5-user=7"
KEY, SECRET = "278d425bdf160c739803", "7ad3773142a6692b25b8"  # the example of Pusher's own documentation


def connected() -> ClientSession:
    session = ClientSession()
    session.receive(HANDSHAKE)
    return session


# --- the handshake -----------------------------------------------------------------------------------------------


def test_the_sample_handshake_names_the_socket_and_leaves_the_default_timeout():
    session = ClientSession()

    event = session.receive(HANDSHAKE)

    assert event == Established("123.456", 120.0)
    assert session == ClientSession(State.CONNECTED, "123.456", 120.0)


@pytest.mark.parametrize(("offered", "used"), [(30, 30), (0.5, 0.5), (120, 120), (300, 120), (None, 120)])
def test_the_shorter_activity_timeout_counts(offered, used):
    frame = pusher.frame(pusher.ESTABLISHED, {"socket_id": "1.2", "activity_timeout": offered})

    assert ClientSession().receive(frame) == Established("1.2", used)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"socket_id": ""},
        {"socket_id": 12},
        {"socket_id": None},
        {"socket_id": "1.2", "activity_timeout": 0},
        {"socket_id": "1.2", "activity_timeout": -1},
        {"socket_id": "1.2", "activity_timeout": "120"},
        {"socket_id": "1.2", "activity_timeout": True},
        [],
        None,
        "1.2",
    ],
)
def test_a_handshake_that_cannot_be_read_is_the_servers_fault(body):
    session = ClientSession()

    with pytest.raises(RemoteProtocolError):
        session.receive(pusher.frame(pusher.ESTABLISHED, body))

    assert session.state is State.CONNECTING


def test_a_handshake_whose_data_is_an_object_is_read_too():
    frame = '{"event": "pusher:connection_established", "data":  {"socket_id": "1.2", "activity_timeout": 30}}'

    assert ClientSession().receive(frame.encode()) == Established("1.2", 30)


@pytest.mark.parametrize("event", [pusher.SUBSCRIBED, pusher.SIGNIN_SUCCESS, pusher.PONG, "market_selections"])
def test_nothing_is_taken_before_the_handshake(event):
    with pytest.raises(RemoteProtocolError, match=f"^{event} before the handshake$"):
        ClientSession().receive(pusher.frame(event, {}, PRIVATE))


def test_a_refusal_and_a_ping_may_come_before_the_handshake():
    session = ClientSession()

    events = [session.receive(ServerSession.refuse("over capacity", 4100)), session.receive(pusher.ping())]

    assert events == [Refused("over capacity", 4100), Pinged()]
    assert session.state is State.CONNECTING


@pytest.mark.parametrize(
    "send",
    [
        lambda session: session.sign_in("a", "{}"),
        lambda session: session.subscribe(PRIVATE, "a"),
        lambda session: session.unsubscribe(PRIVATE),
    ],
)
def test_nothing_can_be_sent_before_the_handshake(send):
    with pytest.raises(LocalProtocolError, match="before the handshake"):
        send(ClientSession())


# --- frames on the wire ------------------------------------------------------------------------------------------


def test_the_frames_of_a_client_carry_objects():
    session = connected()

    assert [
        json.loads(frame)
        for frame in (session.sign_in("k:s", '{"id":7}'), session.subscribe(PRIVATE, "k:t"), pusher.pong())
    ] == [
        {"event": "pusher:signin", "data": {"auth": "k:s", "user_data": '{"id":7}'}},
        {"event": "pusher:subscribe", "data": {"auth": "k:t", "channel": PRIVATE}},
        {"event": "pusher:pong", "data": {}},
    ]
    assert json.loads(session.unsubscribe(PRIVATE)) == {"event": "pusher:unsubscribe", "data": {"channel": PRIVATE}}
    assert json.loads(pusher.ping()) == {"event": "pusher:ping", "data": {}}


def test_the_frames_of_a_server_carry_strings():
    session = ServerSession("1.2", 30)

    assert [json.loads(session.establish()), json.loads(session.accept_subscription(PRIVATE))] == [
        {"event": "pusher:connection_established", "data": '{"socket_id":"1.2","activity_timeout":30}'},
        {"event": "pusher_internal:subscription_succeeded", "channel": PRIVATE, "data": "{}"},
    ]


def test_a_server_may_leave_the_activity_timeout_out():
    assert json.loads(ServerSession("1.2", None).establish())["data"] == '{"socket_id":"1.2"}'


# --- both halves talk to each other ------------------------------------------------------------------------------


def test_client_and_server_understand_each_other_from_handshake_to_push():
    client, server = ClientSession(), ServerSession("1.2", 30)

    assert client.receive(server.establish()) == Established("1.2", 30)
    assert server.receive(client.sign_in("k:s", '{"id":7}')) == SignInAsked("k:s", '{"id":7}')
    assert client.receive(server.accept_sign_in('{"id":7}')) == SignedIn()
    assert server.receive(client.subscribe(PRIVATE, "k:t")) == SubscribeAsked(PRIVATE, "k:t")
    assert client.receive(server.accept_subscription(PRIVATE)) == Subscribed(PRIVATE)
    assert (client.signed_in, client.subscribed, server.subscribed) == (True, {PRIVATE}, {PRIVATE})
    assert client.receive(pusher.push(PRIVATE, "orders", b'{"a":"\\"1"}')) == Delivered(
        PRIVATE, "orders", b'{"a":"\\"1"}'
    )
    assert server.receive(client.unsubscribe(PRIVATE)) == UnsubscribeAsked(PRIVATE)
    assert (client.subscribed, server.subscribed) == (set(), set())


@pytest.mark.parametrize("frame", [pusher.ping(), '{"event":"pusher:ping"}', '{"event":"pusher:ping","data":""}'])
def test_a_ping_of_either_end_is_heard(frame):
    assert [connected().receive(frame), ServerSession("1.2").receive(frame)] == [Pinged(), Pinged()]


def test_a_pong_of_either_end_is_heard():
    assert [connected().receive(pusher.pong()), ServerSession("1.2").receive(pusher.pong())] == [Ponged(), Ponged()]


@given(st.text(max_size=20), st.text(max_size=20), st.dictionaries(st.text(max_size=5), st.integers()))
def test_whatever_is_pushed_arrives_as_it_was(channel, event, body):
    event = f"x{event}"
    data = json.dumps(body).encode()

    assert connected().receive(pusher.push(channel, event, data)) == Delivered(channel, event, data)


def test_data_that_is_an_object_arrives_as_its_json():
    frame = '{"event":"orders","channel":"c","data":{"op":"u"}}'

    assert connected().receive(frame) == Delivered("c", "orders", b'{"op":"u"}')


def test_a_message_without_channel_or_data_is_delivered_bare():
    assert connected().receive('{"event":"orders"}') == Delivered("", "orders", b"{}")
    assert connected().receive('{"event":"orders","channel":null,"extra":1}') == Delivered("", "orders", b"{}")


def test_protocol_frames_that_mean_nothing_to_us_are_passed_over():
    assert connected().receive(pusher.frame("pusher:cache_miss", {}, "c")) is None
    assert connected().receive(pusher.frame("pusher_internal:member_added", {}, "c")) is None
    assert ServerSession("1.2").receive(pusher.frame("pusher:unheard_of", {})) is None
    assert ServerSession("1.2").receive(pusher.frame("orders", {})) is None


def test_a_server_hears_the_events_of_clients():
    frame = '{"event":"client-typing","channel":"private-x","data":{"a":1}}'

    assert ServerSession("1.2").receive(frame) == Delivered("private-x", "client-typing", b'{"a":1}')


def test_a_socket_is_signed_in_as_one_user():
    server = ServerSession("1.2")
    server.accept_sign_in('{"id":7}')
    server.accept_sign_in('{"id":7}')

    with pytest.raises(LocalProtocolError, match="another user"):
        server.accept_sign_in('{"id":8}')


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"message": "no such channel", "code": None}, Refused("no such channel")),
        ({"message": "rate", "code": 4301}, Refused("rate", 4301)),
        ({"type": "AuthError", "error": "bad signature", "status": 401}, Refused("bad signature", 401)),
        ({"code": "4301"}, Refused("")),
        ({"message": 5, "code": True}, Refused("5")),
    ],
)
@pytest.mark.parametrize("event", [pusher.ERROR, pusher.SUBSCRIPTION_ERROR])
def test_a_refusal_leaves_the_session_as_it_is(event, body, refused):
    session = connected()

    assert session.receive(pusher.frame(event, body)) == refused
    assert session == connected()


@pytest.mark.parametrize(
    "frame",
    [
        '{"event":"pusher:subscribe","data":{}}',
        '{"event":"pusher:subscribe","data":{"channel":5}}',
        '{"event":"pusher:subscribe","data":{"channel":"c","auth":5}}',
        '{"event":"pusher:subscribe","data":[]}',
        '{"event":"pusher:unsubscribe","data":"{}"}',
        '{"event":"pusher:signin","data":{"auth":"a"}}',
        '{"event":"pusher:signin","data":"{"}',
        '{"event":"pusher:signin"}',
    ],
)
def test_a_client_that_asks_without_saying_what_is_at_fault(frame):
    with pytest.raises(RemoteProtocolError):
        ServerSession("1.2").receive(frame)


def test_a_subscription_without_auth_is_for_the_holder_of_the_secret_to_refuse():
    assert ServerSession("1.2").receive('{"event":"pusher:subscribe","data":{"channel":"c"}}') == SubscribeAsked(
        "c", ""
    )


# --- what cannot be read -----------------------------------------------------------------------------------------

FRAMES = [
    HANDSHAKE,
    pusher.frame(pusher.SIGNIN_SUCCESS, {"user_data": "{}"}),
    pusher.frame(pusher.SUBSCRIBED, {}, PRIVATE),
    ServerSession.refuse("no", 4301),
    pusher.ping(),
    pusher.push(PRIVATE, "orders", b'{"op":"u","payload":"e30="}'),
    pusher.frame(pusher.SUBSCRIBE, {"channel": "c", "auth": "a"}, as_string=False),
    pusher.frame(pusher.SIGNIN, {"auth": "a", "user_data": "u"}, as_string=False),
]


@pytest.mark.parametrize("frame", FRAMES)
def test_every_cut_of_a_frame_is_unreadable(frame):
    for end in range(len(frame)):
        for session in (connected(), ServerSession("1.2")):
            with pytest.raises(RemoteProtocolError):
                session.receive(frame[:end])


@given(st.one_of(st.text(), st.binary()))
def test_arbitrary_frames_are_read_or_refused(frame):
    for session in (ClientSession(), connected(), ServerSession("1.2")):
        with contextlib.suppress(RemoteProtocolError):
            session.receive(frame)


json_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from([pusher.ESTABLISHED, pusher.ERROR, pusher.SUBSCRIBE, pusher.SIGNIN, pusher.UNSUBSCRIBE, "orders"]),
    json_trees,
    st.booleans(),
)
def test_arbitrary_data_is_read_or_refused(event, data, as_string):
    frame = pusher.frame(event, data, as_string=as_string)
    for session in (connected(), ServerSession("1.2")):
        with contextlib.suppress(RemoteProtocolError):
            session.receive(frame)


@pytest.mark.parametrize(
    "nested", ["[" * 100_000, '{"event":"x","data":' + "[" * 100_000 + "]" * 100_000 + "}"], ids=["frame", "data"]
)
def test_a_frame_nested_without_end_is_refused_or_delivered_unread(nested):
    try:
        event = connected().receive(nested)
    except RemoteProtocolError:
        return
    assert isinstance(event, Delivered)


def test_a_handshake_nested_without_end_is_refused():
    nested = '{"event":"pusher:connection_established","data":{"socket_id":' + "[" * 100_000 + "]" * 100_000 + "}}"

    with pytest.raises(RemoteProtocolError):
        ClientSession().receive(nested)


# --- authorisation -----------------------------------------------------------------------------------------------


def test_a_channel_is_signed_as_pusher_documents_it():
    assert pusher.channel_auth(KEY, SECRET, "1234.1234", "private-foobar") == (
        f"{KEY}:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
    )


def test_a_user_is_signed_as_pusher_documents_it():
    assert pusher.sign_in_auth(KEY, SECRET, "1234.1234", '{"id":"12345"}') == (
        f"{KEY}:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"
    )


def test_auth_strings_are_compared_whole():
    given = pusher.channel_auth(KEY, SECRET, "1.2", PRIVATE)

    assert pusher.same(given, pusher.channel_auth(KEY, SECRET, "1.2", PRIVATE))
    assert not pusher.same(given, pusher.channel_auth(KEY, SECRET, "1.3", PRIVATE))
    assert not pusher.same("ключ", given)
    assert not pusher.same("", given)


# --- closing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "policy"),
    [
        ([1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1011, 1012, 3000, 3999], Reconnect.ORDINARY),
        ([4000, 4001, 4003, 4004, 4005, 4006, 4007, 4008, 4009, 4050, 4099], Reconnect.CHANGED),
        ([4100, 4150, 4199], Reconnect.AFTER_A_SECOND),
        ([4200, 4201, 4202, 4250, 4299], Reconnect.AT_ONCE),
        ([4300, 4301, 4302, 4999], Reconnect.CHANGED),
    ],
)
def test_the_close_code_says_how_soon_a_new_socket_may_follow(codes, policy):
    assert {reconnect_after(code) for code in codes} == {policy}
