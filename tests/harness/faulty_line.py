"""A TCP line to a server that breaks as it is told to."""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

CHUNK = 65536


class FaultyLine:
    """Forwards connections; requests always arrive, and ``faults`` say in turn what becomes of an answer.

    A fault gets a whole answer and returns what the client is given before the line is cut; answers to
    requests without ``only`` in their first line pass as they are.
    """

    def __init__(self, port: int, faults: list[Callable[[bytes], bytes]], *, only: bytes = b"") -> None:
        self._port = port
        self._faults = faults
        self._only = only
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        """The first line of each request that was forwarded."""
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # accept(2) is woken by a shutdown, not by a close
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._open += [client, server]
                for work in (self._forward, self._answer):
                    thread = threading.Thread(target=work, args=(client, server))
                    self._threads.append(thread)
                    thread.start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(CHUNK):
                line = data.split(b"\r\n", 1)[0]
                if b" HTTP/1.1" in line:
                    self.requests.append(line)
                server.sendall(data)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                if self._faults and self._only in self.requests[-1]:
                    while not whole(data):
                        data += server.recv(CHUNK)
                    client.sendall(self._faults.pop(0)(data))
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)


def whole(answer: bytes) -> bool:
    """Whether an answer with a Content-Length is all there."""
    head, found, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return bool(found) and (length is None or len(body) >= int(length[1]))


def lost(answer: bytes) -> bytes:
    """Nothing of the answer arrives."""
    return b""


def half(answer: bytes) -> bytes:
    """The head arrives, and half of the body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" + body[: len(body) // 2]
