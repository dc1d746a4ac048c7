"""What the reference server costs in operation: its metrics, idle clients, a large index."""

import resource
import socket
import statistics
import subprocess
import sys
import time

from measure import ReferenceServer, drive, row

IDLE_CLIENTS = 10_000
DEPENDENCIES = 5
PIPELINED = 500


def figures(rounds, seconds, is_short):
    metrics(rounds, seconds)
    idle_clients()
    index(10_000, 10)
    if not is_short:
        index(1_000_000, 500)


def metrics(rounds, seconds):
    """CPU per request with metrics, of that without; logs are off in both."""
    ratios = []
    with ReferenceServer() as plain, ReferenceServer("--admin", "127.0.0.1:0") as counting:
        for _ in range(rounds):
            _, _, without = drive(plain, 1, seconds)
            _, _, with_metrics = drive(counting, 1, seconds)
            ratios.append(with_metrics / without)
    row("metrics on, 100 clients: CPU per request, of that without", statistics.median(ratios), 1.10, None)


def idle_clients():
    """Memory of many idle connections, and how long a new client waits beside them."""
    with ReferenceServer() as server:
        before = server.resident_mebibytes()
        # In a process of its own: both ends of each connection take a descriptor.
        command = [sys.executable, __file__, server.addr, str(IDLE_CLIENTS)]
        idle = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert idle.stdout.readline() == "connected\n"
        grown = server.resident_mebibytes() - before
        waited = statistics.median(ask_once(server.addr) for _ in range(100))
        idle.communicate()
    row(f"{IDLE_CLIENTS:,} idle clients: MiB resident for them", grown, 100, None)
    row("  a new client beside them, until its first reply, median: ms", waited * 1000, 10.0, None)


def ask_once(addr):
    host, port = addr.split(":")
    begun = time.monotonic()
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"QUERY|a|\n")
        assert client.recv(5) == b"FAIL\n"
    return time.monotonic() - begun


def be_idle(addr, count):
    """Holds connections, each served once, until standard input ends."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    host, port = addr.split(":")
    clients = []
    for _ in range(count):
        client = socket.create_connection((host, int(port)))
        client.sendall(b"QUERY|a|\n")
        assert client.recv(5) == b"FAIL\n"
        clients.append(client)
    print("connected", flush=True)
    sys.stdin.read()


def index(packages, mebibytes_max):
    """Memory of an index of so many packages, each with a few dependencies."""
    with ReferenceServer() as server:
        before = server.resident_mebibytes()
        host, port = server.addr.split(":")
        with socket.create_connection((host, int(port))) as client:
            for first in range(0, packages, PIPELINED):
                numbers = range(first, min(first + PIPELINED, packages))
                client.sendall(b"".join(request(number) for number in numbers))
                missing = len(numbers) * len(b"OK\n")
                while missing:
                    replies = client.recv(65536)
                    assert replies and set(replies.split(b"\n")) <= {b"OK", b"O", b"K", b""}, replies
                    missing -= len(replies)
        grown = server.resident_mebibytes() - before
    row(f"index of {packages:,} packages with {DEPENDENCIES} dependencies: MiB", grown, mebibytes_max, None)


def request(number):
    listed = {number * 7 // 11 - step for step in range(DEPENDENCIES)} if number else set()
    names = ",".join(f"package-{other}" for other in sorted(listed) if 0 <= other < number)
    return f"INDEX|package-{number}|{names}\n".encode()


if __name__ == "__main__":
    be_idle(sys.argv[1], int(sys.argv[2]))
