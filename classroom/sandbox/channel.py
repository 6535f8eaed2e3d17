"""Messages between two processes: `channel.send(message, blobs)` here is `message, blobs = channel.receive()` there.

A message is a JSON object with byte strings behind it, so that reading one runs nothing. Who sends it need not be trusted.
"""

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

LARGEST = 512 * 2**20  # bytes of one message
Message = dict[str, Any]  # what came over the wire is believed in nothing: neither its keys nor its types


class Disconnected(ConnectionError):
    """The other process has ended, or says what makes no sense."""


class ResponseTimeout(TimeoutError):
    """The other process has not answered in time."""


class Channel:
    """One end of a pipe for messages: a JSON object and any number of byte strings."""

    def __init__(self, end: socket.socket):
        self.end = end

    def send(self, message: Message, blobs: Sequence[bytes] = ()) -> None:
        head = json.dumps([message, [len(blob) for blob in blobs]]).encode()
        self.end.settimeout(None)
        try:
            self.end.sendall(struct.pack("<Q", len(head)) + head + b"".join(blobs))
        except OSError as error:
            raise Disconnected("The student's process has ended.") from error

    def receive(self, timeout: float | None = None) -> tuple[Message, list[bytearray]]:
        """The next message.

        Raises:
            ResponseTimeout: nothing came in `timeout` seconds.
            Disconnected: the other end is closed, or what came is no message.
        """
        self.end.settimeout(timeout)
        try:
            size = struct.unpack("<Q", self._exactly(8))[0]
            message, sizes = json.loads(self._exactly(size))
            return message, [self._exactly(each) for each in sizes]
        except TimeoutError:
            raise ResponseTimeout from None
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise Disconnected("The student's process has ended.") from error

    def _exactly(self, size: int) -> bytearray:
        if not isinstance(size, int) or not 0 <= size <= LARGEST:
            raise ValueError("too large")
        content = bytearray(size)
        view = memoryview(content)
        while view:
            count = self.end.recv_into(view)
            if not count:
                raise OSError("closed")
            view = view[count:]
        return content
