"""A load generator that costs little: eight threads, each with a kept connection and requests built beforehand.

The bodies of one run go one after another, several runs at once. Standard output gets one JSON line.

    python -m benchmarks.service.generator FILE PORT

FILE has a JSON array of bodies for each run, one in a line.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.sending import send_runs

_HOST = "127.0.0.1"
_TIMEOUT = 60.0


def main(file: Path, port: int) -> None:
    """Send everything and say how long that took."""
    runs = [[_request(body.encode()) for body in json.loads(line)] for line in file.read_text().splitlines()]
    refused: list[bytes] = []
    latencies: list[float] = []

    def send(requests: Iterator[bytes]) -> None:
        with socket.create_connection((_HOST, port), _TIMEOUT) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for request in requests:
                began = time.monotonic()
                connection.sendall(request)
                answer = _answer(connection)
                latencies.append(time.monotonic() - began)
                if not answer.startswith(b"HTTP/1.1 201"):
                    refused.append(answer)

    took, cpu = send_runs(runs, send)
    found = {
        "events": len(latencies),
        "missing": sum(map(len, runs)) - len(latencies),
        "refused": [answer.decode(errors="replace") for answer in refused[:3]],
        "seconds": took,
        "cpu_seconds": cpu,
        "latencies": sorted(latencies),
    }
    sys.stdout.write(json.dumps(found) + "\n")


def _request(body: bytes) -> bytes:
    head = (
        f"POST /api/v1/lineage HTTP/1.1\r\nHost: {_HOST}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _answer(connection: socket.socket) -> bytes:
    """One whole answer; a 201 has no body."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError(f"The service closed the connection after {answer!r}.")
        answer += more
    return answer


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
