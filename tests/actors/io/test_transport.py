import ssl

import httpcore
import pytest
import trio
import trio.testing

from actors.io.transport import CONNECT_TIMEOUT_S, StreamBackend

NO_TLS = b"HTTP/1.1 400 Bad Request\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "failure"), [(NO_TLS, httpcore.ConnectError), (b"", httpcore.ConnectTimeout)], ids=["wrong", "none"]
)
async def test_a_connection_that_gets_no_tls_is_closed(autojump_clock, answer, failure):
    ours, theirs = trio.testing.memory_stream_pair()
    if answer:
        await theirs.send_all(answer)

    async def dial(host: str, port: int) -> trio.abc.Stream:
        return ours

    connection = await StreamBackend(dial).connect_tcp("venue", 443, CONNECT_TIMEOUT_S)
    with pytest.raises(failure):
        await connection.start_tls(ssl.create_default_context(), "venue", CONNECT_TIMEOUT_S)

    with trio.fail_after(1):
        while await theirs.receive_some():  # our greeting, and then the end
            pass
