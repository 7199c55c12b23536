"""A proxy on loopback that makes trouble in the middle of a statement."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

_CHUNK = 1 << 16


@dataclass
class Trouble:
    """What the proxy waits for, and what it does then.

    Attributes:
        at: The words of a statement. Of what the client sends next, half arrives; then both ends are cut.
        do: Called before the cut.
        times: How often; after that the proxy only passes on.
        answer: Cut after the statement itself has arrived and was carried out, in place of its answer.
    """

    at: bytes
    do: Callable[[], object] = lambda: None
    times: int = 1
    answer: bool = False
    url: str = ""
    made: int = 0
    _sockets: set[socket.socket] = field(default_factory=set)


@contextlib.contextmanager
def troubled(url: str, trouble: Trouble) -> Iterator[Trouble]:
    """Serve a database's URL through a proxy; the URL to use is in `trouble.url`."""
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{listener.getsockname()[1]}"
        trouble.url = urlunsplit(parts._replace(netloc=netloc))
        target = (str(parts.hostname), int(parts.port or 0))
        thread = threading.Thread(target=_accept, args=(listener, target, trouble))
        thread.start()
        try:
            yield trouble
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listener: socket.socket, target: tuple[str, int], trouble: Trouble) -> None:
    threads = []
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            break
        threads.append(threading.Thread(target=_serve, args=(client, target, trouble)))
        threads[-1].start()
    for thread in threads:
        thread.join()


def _serve(client: socket.socket, target: tuple[str, int], trouble: Trouble) -> None:
    with client:
        try:
            server = socket.create_connection(target)
        except OSError:
            return
        with server:
            cut = threading.Event()
            answers = threading.Thread(target=_answers, args=(server, client, cut))
            answers.start()
            with contextlib.suppress(OSError):
                _requests(client, server, trouble, cut)
            for end in (client, server):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            answers.join()


def _requests(client: socket.socket, server: socket.socket, trouble: Trouble, cut: threading.Event) -> None:
    seen = False
    while data := client.recv(_CHUNK):
        if seen:
            server.sendall(data[: len(data) // 2])
            trouble.do()
            _reset(client, server)
            return
        if trouble.at in data and trouble.made < trouble.times:
            trouble.made += 1
            seen = not trouble.answer
            if trouble.answer:
                cut.set()
        server.sendall(data)


def _answers(server: socket.socket, client: socket.socket, cut: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while data := server.recv(_CHUNK):
            if cut.is_set():
                _reset(client)
                return
            client.sendall(data)


def _reset(*ends: socket.socket) -> None:
    """Close without a farewell, as a network does that breaks."""
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
