"""A server that is healthy and nothing else, in place of the lineage service, its page and the replay server."""

import argparse
from http.server import BaseHTTPRequestHandler, HTTPServer


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    known, _ = parser.parse_known_args()
    HTTPServer(("127.0.0.1", known.port), Healthy).serve_forever()
