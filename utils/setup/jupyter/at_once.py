"""What a kernel says reaches the page at once.

The answer of a lab is some small messages, one behind the other. Left to itself, the server's side of the connection keeps a small one
back until the page's side has confirmed the one before, and that side waits up to 40 ms with it (Nagle's algorithm, RFC 896; delayed
acknowledgement, RFC 1122, 4.2.3.2).
"""

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class AtOnce(ZMQChannelsWebsocketConnection):
    """The way between a page and its kernel, on which no message waits for another one's confirmation."""

    def connect(self) -> Any:
        """The page is there; what comes back can be awaited."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
