"""A proxy on loopback that counts how often a client waits for its server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

_CHUNK = 1 << 16


@dataclass
class Counted:
    """A server's URL through the proxy, and the answers that clients waited for."""

    url: str
    round_trips: int = 0


@contextmanager
def counting(url: str) -> Iterator[Counted]:
    """Serve a URL through a proxy; one connection after the other."""
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{listener.getsockname()[1]}"
        counted = Counted(urlunsplit(parts._replace(netloc=netloc)))
        thread = threading.Thread(target=_serve, args=(listener, (parts.hostname, parts.port), counted))
        thread.start()
        try:
            yield counted
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, target: tuple[str | None, int | None], counted: Counted) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client, socket.create_connection((str(target[0]), int(target[1] or 0))) as server:
            lock, asked = threading.Lock(), [False]
            answers = threading.Thread(target=_answers, args=(server, client, counted, lock, asked))
            answers.start()
            while data := client.recv(_CHUNK):
                with lock:
                    asked[0] = True
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
            answers.join()


def _answers(
    server: socket.socket, client: socket.socket, counted: Counted, lock: threading.Lock, asked: list[bool]
) -> None:
    while data := server.recv(_CHUNK):
        with lock:
            counted.round_trips += asked[0]
            asked[0] = False
        client.sendall(data)
