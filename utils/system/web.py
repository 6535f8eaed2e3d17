"""Whether the network answers, asked without waiting long."""

import threading
import urllib.error
import urllib.request


def reachable(address: str, seconds: float = 2.5) -> bool:
    """Whether a web address answers in that time. Name look-ups can hang for longer, so it is asked on the side."""
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=seconds).close()
            answered.set()
        except urllib.error.HTTPError:
            answered.set()
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()
