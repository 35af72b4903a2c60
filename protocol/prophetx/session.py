"""Where the socket is."""

from urllib.parse import quote, urlsplit

from protocol.errors import LocalProtocolError
from protocol.prophetx.pusher import PROTOCOL
from protocol.venue import ConnectionConfig

CLIENT = "overround"


def socket_url(rest_url: str, config: ConnectionConfig, version: str) -> str:
    """Return where the socket is. A REST address without TLS means a socket without TLS.

    Raises `LocalProtocolError` when the configuration names neither a host nor a cluster.
    """
    if not config.host and not config.cluster:
        raise LocalProtocolError("the connection configuration names neither ws_host nor cluster")
    scheme = "ws" if urlsplit(rest_url).scheme == "http" else "wss"
    host = config.host or f"ws-{config.cluster}.pusher.com"
    return (
        f"{scheme}://{host}/app/{quote(config.key, safe='')}"
        f"?protocol={PROTOCOL}&client={CLIENT}&version={version}&flash=false"
    )
