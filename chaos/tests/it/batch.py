"""A package-index server on epoll that answers the requests of each batch of events together. If the write to one client fails, it
forgets the requests of those behind it in the batch. (A client that does not read blocks it.)

Usage: batch.py PORT.
"""

import select
import socket
import sys

from right import answer

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
poller = select.epoll()
poller.register(listener, select.EPOLLIN)
clients = {}  # a socket and its unfinished line, by descriptor


def lines(descriptor):
    client, unfinished = clients[descriptor]
    try:
        received = client.recv(65536)
    except ConnectionError:
        received = b""
    if not received:
        poller.unregister(descriptor)
        clients.pop(descriptor)[0].close()
        return []
    *complete, clients[descriptor][1] = (unfinished + received).split(b"\n")
    return complete


while True:
    batch = []
    for descriptor, _ in poller.poll():
        if descriptor == listener.fileno():
            client, _ = listener.accept()
            clients[client.fileno()] = [client, b""]
            poller.register(client, select.EPOLLIN)
        else:
            batch.append((descriptor, lines(descriptor)))
    try:
        for descriptor, requests in batch:
            if requests:
                clients[descriptor][0].sendall(b"".join(map(answer, requests)))
    except ConnectionError:
        pass  # the defect
