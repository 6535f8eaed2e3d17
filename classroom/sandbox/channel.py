"""Messages between two processes: `channel.send(message, blobs)` here is `message, blobs = channel.receive()` there.

A message is a JSON object with byte strings behind it, so that reading one runs nothing. Who sends it need not be trusted.
"""

import json
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

LARGEST = 512 * 2**20  # bytes of one message, all together
LARGEST_HEAD = 32 * 2**20  # bytes of its JSON, which takes many times that in memory
NO_SENSE = "What the other process says makes no sense."
Message = dict[str, Any]  # what came over the wire is believed in nothing: neither its keys nor its types


class Disconnected(ConnectionError):
    """The other process has ended, or says what makes no sense (then the text is `NO_SENSE`)."""


class ResponseTimeout(TimeoutError):
    """The other process has not answered in time."""


class Channel:
    """One end of a pipe for messages: a JSON object and any number of byte strings."""

    def __init__(self, end: socket.socket):
        self.end = end

    def send(self, message: Message, blobs: Sequence[bytes] = (), timeout: float | None = None) -> None:
        """
        Raises:
            ResponseTimeout: the other side has not taken it in `timeout` seconds.
            Disconnected: the other end is closed.
        """
        head = json.dumps([message, [len(blob) for blob in blobs]]).encode()
        self.end.settimeout(timeout)
        try:
            self.end.sendall(struct.pack("<Q", len(head)) + head + b"".join(blobs))
        except TimeoutError:
            raise ResponseTimeout from None
        except OSError as error:
            raise Disconnected("The other process has ended.") from error

    def receive(self, timeout: float | None = None) -> tuple[Message, list[bytearray]]:
        """The next message.

        Args:
            timeout: seconds for all of it.

        Raises:
            ResponseTimeout: it was not here in that time.
            Disconnected: the other end is closed, or what came is no message.
        """
        end = None if timeout is None else time.monotonic() + timeout
        try:
            size = struct.unpack("<Q", self._exactly(8, end))[0]
            if size > LARGEST_HEAD:
                raise ValueError("too large")
            message, sizes = json.loads(self._exactly(size, end))
            if not isinstance(message, dict) or not isinstance(sizes, list):
                raise ValueError("no message")
            if not all(type(each) is int and each >= 0 for each in sizes) or sum(sizes) > LARGEST:
                raise ValueError("too large")
            return message, [self._exactly(each, end) for each in sizes]
        except TimeoutError:
            raise ResponseTimeout from None
        except OSError as error:
            raise Disconnected("The other process has ended.") from error
        except (ValueError, TypeError, RecursionError, MemoryError) as error:
            raise Disconnected(NO_SENSE) from error

    def _exactly(self, size: int, end: float | None) -> bytearray:
        content = bytearray(size)
        view = memoryview(content)
        while view:
            self.end.settimeout(None if end is None else max(end - time.monotonic(), 0.001))
            count = self.end.recv_into(view)
            if not count:
                raise OSError("closed")
            view = view[count:]
        return content
