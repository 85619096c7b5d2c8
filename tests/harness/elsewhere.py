"""Another machine, as far as the server knows: a real HTTP server with answers that a test chooses."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request as it came; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to answer; ``stall`` after that many bytes of the body says nothing more until the end of the
    test, ``reset`` tears the connection there. Without ``length`` the body ends with the connection."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    stall: int | None = None
    reset: int | None = None
    length: bool = True


Route = Reply | Callable[[Asked], Reply]


@dataclass
class Elsewhere:
    """Answers by path, without the query; ``otherwise`` to all others."""

    port: int
    scheme: str
    host: str
    routes: dict[str, Route] = field(default_factory=dict)
    otherwise: Route = Reply(404)
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    def named(self, host: str) -> str:
        """The same by a name, which somebody has to resolve."""
        return f"{self.scheme}://{host}:{self.port}"


@contextmanager
def elsewhere(
    tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Elsewhere]:
    """A server on this port of this machine, or a free one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def serve(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, self.rfile.read(length))
            there.asked.append(asked)
            route = there.routes.get(self.path.partition("?")[0], there.otherwise)
            reply = route(asked) if callable(route) else route
            self.send_response(reply.status)
            if reply.length:
                self.send_header("content-length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "HEAD":
                return
            whole = len(reply.body)
            self.wfile.write(
                reply.body[: next((n for n in (reply.stall, reply.reset) if n is not None), whole)]
            )
            self.wfile.flush()
            if reply.stall is not None:
                there.over.wait(60)
            if reply.reset is not None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if reply.stall is not None or reply.reset is not None or not reply.length:
                self.close_connection = True
                if reply.reset is not None:
                    self.connection.close()

    for verb in ("GET", "HEAD", "POST", "PUT"):
        setattr(Handler, f"do_{verb}", Handler.serve)

    class Listening(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # who hangs up first is part of the tests

    server = Listening((host, port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    there = Elsewhere(server.server_address[1], "https" if tls else "http", host)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="elsewhere")
    thread.start()
    try:
        yield there
    finally:
        there.over.set()
        server.shutdown()
        thread.join(10)
        server.server_close()
