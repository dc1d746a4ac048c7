"""Controls the proxy with toxiproxy-python: `client.py API_PORT UPSTREAM`, where UPSTREAM is an echo service."""

import socket
import sys
import time

from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

api_port, upstream = int(sys.argv[1]), sys.argv[2]


def round_trip(proxy):
    """Sends a word through the proxy and returns the seconds until its echo; None if there is no echo."""
    host, port = proxy.listen.rsplit(":", 1)
    begun = time.monotonic()
    try:
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(b"word")
            answer = b""
            while len(answer) < 4:
                part = connection.recv(4 - len(answer))
                if not part:
                    return None
                answer += part
    except (ConnectionRefusedError, ConnectionResetError):
        return None
    assert answer == b"word", answer
    return time.monotonic() - begun


def expect(error, act):
    try:
        act()
    except error:
        return
    raise AssertionError(f"{error} was expected")


server = Toxiproxy()
server.update_api_consumer("127.0.0.1", api_port)
assert server.running()
assert b"version" in server.version()

proxy = server.create(upstream=upstream, name="python")
assert proxy.enabled and proxy.upstream == upstream
assert round_trip(proxy) is not None
assert list(server.proxies()) == ["python"]

proxy.add_toxic(type="latency", attributes={"latency": 200, "jitter": 10})
assert round_trip(proxy) >= 0.189
toxic = proxy.get_toxic("latency_downstream")
assert (toxic.type, toxic.stream, toxic.toxicity) == ("latency", "downstream", 1)
assert toxic.attributes == {"latency": 200, "jitter": 10}
expect(ProxyExists, lambda: proxy.add_toxic(type="latency"))
expect(InvalidToxic, lambda: proxy.add_toxic(type="no_such_toxic"))
expect(NotFound, lambda: proxy.destroy_toxic("no_such_toxic"))
assert proxy.destroy_toxic("latency_downstream")

for kind in ["reset_peer", "limit_data", "down"]:
    proxy.add_toxic(type=kind, stream="upstream", name="end")
    assert round_trip(proxy) is None, kind
    assert proxy.destroy_toxic("end")

with proxy.down():
    assert round_trip(proxy) is None
assert round_trip(proxy) is not None

proxy.add_toxic(type="timeout", attributes={"timeout": 50})
proxy.disable()
assert server.reset()
assert proxy.toxics() == {} and round_trip(proxy) is not None

populated = server.populate([{"name": "other", "upstream": upstream, "listen": "127.0.0.1:0"}])
assert [other.name for other in populated] == ["other"]
server.destroy_all()
assert server.proxies() == {} and round_trip(proxy) is None
print("all is well")
