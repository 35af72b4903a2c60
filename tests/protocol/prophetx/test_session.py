import attrs
import pytest

from protocol.errors import LocalProtocolError
from protocol.prophetx.session import socket_url
from protocol.venue import ConnectionConfig

CONFIG = ConnectionConfig(key="k1", cluster="mt1", host="ws.sandbox.prophetx.dev", service="pusher", app_id="a")


@pytest.mark.parametrize(
    ("rest_url", "config", "url"),
    [
        (
            "https://api.sandbox.prophetx.dev/partner",
            CONFIG,
            "wss://ws.sandbox.prophetx.dev/app/k1?protocol=7&client=overround&version=1.0&flash=false",
        ),
        (
            "https://cash.api.prophetx.co/partner",
            attrs.evolve(CONFIG, host=""),
            "wss://ws-mt1.pusher.com/app/k1?protocol=7&client=overround&version=1.0&flash=false",
        ),
        (
            "http://127.0.0.1:8080",
            attrs.evolve(CONFIG, host="127.0.0.1:8081", key="a/b?c"),
            "ws://127.0.0.1:8081/app/a%2Fb%3Fc?protocol=7&client=overround&version=1.0&flash=false",
        ),
    ],
)
def test_the_socket_is_where_the_configuration_says(rest_url, config, url):
    assert socket_url(rest_url, config, "1.0") == url


def test_a_configuration_without_host_and_cluster_leads_nowhere():
    with pytest.raises(LocalProtocolError, match="neither ws_host nor cluster"):
        socket_url("https://api.sandbox.prophetx.dev/partner", ConnectionConfig(key="k1"), "1.0")
