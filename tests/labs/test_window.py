"""The window that slides: its numbers, its still, and what it refuses. The front end's own numbers: tests/browser."""

import pytest
import torch
from torch.nn import functional as F

from labs.window import MODES, PADDINGS, STRIDES, WEIGHTS, data, results, sliding_window

SETTINGS = [
    {"mode": mode, "kernel": k, "stride": stride, "padding": padding}
    for mode, kernels in MODES.items()
    for k, most in kernels.items()
    for stride in STRIDES
    for padding in PADDINGS
    if padding <= most
]


def test_every_setting_has_results():
    for state in SETTINGS:
        for grid in results(state):
            assert grid.numel() and grid.isfinite().all(), state


@pytest.mark.parametrize("k", MODES["factorised"])
def test_a_row_and_then_a_column_give_what_the_square_gives(k):
    for stride in STRIDES:
        for padding in range(k // 2 + 1):
            given = {"kernel": k, "stride": stride, "padding": padding}
            _, last = results({"mode": "factorised", **given})
            (square,) = results({"mode": "convolution", **given})
            assert torch.equal(last, square)


def test_depthwise_then_pointwise_is_one_convolution_over_all_channels():
    of = data()
    photo, depthwise = (torch.tensor(of[name], dtype=torch.float64) for name in ("photo", "depthwise"))
    weight = torch.tensor(of["pointwise"], dtype=torch.float64)[:, :, None, None] * depthwise
    state = {"mode": "separable", "kernel": 3, "stride": 1, "padding": 1}
    assert torch.equal(torch.stack(results(state)[3:]), F.conv2d(photo[None], weight, padding=1)[0])


def test_the_digit_is_a_real_one_and_the_weights_are_whole():
    from sklearn.datasets import load_digits

    digit = torch.tensor(data()["digit"])
    assert any(torch.equal(digit, torch.tensor(image).int()) for image in load_digits().images)
    assert all(len(column) == len(row) == k for k, (column, row) in WEIGHTS.items())


def test_the_still_shows_the_numbers():
    still = sliding_window().still()
    for value in results({"mode": "convolution", "kernel": 3, "stride": 1, "padding": 1})[0].flatten().tolist():
        assert f">{value:g}<".replace("-", "−") in still
    assert still.startswith("<svg xmlns=") and 'fill="#fff"' in still


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_shown(mode):
    piece = sliding_window(mode, kernel=3, padding=1)
    assert (
        piece.still() and "window" in repr(piece) and "http" not in piece.live_html().replace("http://www.w3.org/", "")
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "dilated"}, "There is no mode 'dilated'"),
        ({"kernel": 4}, "kernel is 4; for 'convolution' it can be 1, 2, 3, 5, 7"),
        ({"stride": 0}, "stride is 0"),
        ({"padding": 4}, "padding is 4"),
        ({"mode": "max", "padding": 2}, "padding is 2; for 'max' with 3×3 it can be 0 to 1"),
    ],
)
def test_what_cannot_be_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        sliding_window(**given)
