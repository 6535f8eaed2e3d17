"""Progress bars: tqdm's, or none where it is not installed."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm.auto import tqdm
else:
    try:
        from tqdm.auto import tqdm
    except ModuleNotFoundError:

        class tqdm:
            """Takes what tqdm takes, and shows nothing."""

            def __init__(self, *_: Any, **__: Any) -> None:
                self.n = 0.0

            def __enter__(self) -> "tqdm":
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def update(self, n: float = 1) -> None:
                self.n += n

            def set_description(self, *_: Any, **__: Any) -> None:
                pass


__all__ = ["tqdm"]
