"""Answers every request with the service's name."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(os.environ.get("PORT", "${{ values.port }}"))


class Handler(BaseHTTPRequestHandler):
    """Says who is there."""

    def do_GET(self) -> None:
        body = b"${{ values.name }}\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()
