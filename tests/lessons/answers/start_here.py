"""Lesson 00."""

from tests.lessons.answers import Answers, function

SIZE = "size, window, stride, padding"

ANSWERS = {
    "image_numbers": Answers(
        right=(
            function("channels, height, width", "width * channels * height"),
            "import math\ndef Answer(*sides):\n    return math.prod(sides)\n",
        ),
        wrong=(
            (function("channels, height, width", "height * width"), "are expected"),
            (function("channels, height, width", "channels + height * width"), "are expected"),
            (function("channels, height, width", "None"), "Is the `return` missing?"),
            ("Answer = 64", "Hand over the function itself"),
        ),
    ),
    "output_size": Answers(
        right=(
            function(SIZE, "1 + (size - window + padding + padding) // stride"),
            f"import math\ndef Answer({SIZE}):\n    return math.floor((size + 2 * padding - window) / stride) + 1\n",
            f"def Answer({SIZE}):\n    return len(range(0, size + 2 * padding - window + 1, stride))\n",
            "import numpy as np\nAnswer = lambda size, window, stride, padding: np.int64((size + 2 * padding - window) // stride + 1)\n",
            "Answer = lambda size, window, stride, padding: torch.tensor((size + 2 * padding - window) // stride + 1)\n",
        ),
        wrong=(
            (function(SIZE, "(size + 2 * padding - window) // stride"), "the one where the window starts"),
            (function(SIZE, "(size - window) // stride + 1"), "The padding is left out"),
            (function(SIZE, "(size + padding - window) // stride + 1"), "added on both sides"),
            (function(SIZE, "size + 2 * padding - window + 1"), "The stride is left out"),
            (function(SIZE, "(size + 2 * padding - window + 1) // stride"), "belongs after the division"),
            (function(SIZE, "-((window - size - 2 * padding) // stride) + 1"), "round down"),
            (function(SIZE, "(size + 2 * padding - stride) // window + 1"), "swapped"),
            (function(SIZE, "(size + 2 * padding - window) / stride + 1"), "//"),
            (f"def Answer({SIZE}):\n    size // stride\n", "Is the `return` missing?"),
            ("Answer = lambda size, window, stride, padding: round((size + 2 * padding - window) / stride + 1)\n", 'round down'),
            ("Answer = lambda size, window, stride, padding: (size + 2 * padding - window - (window % 2 == 0)) // stride + 1\n", 'For size=14, window=2, stride=2, padding=0 you find 6; 7 is expected'),
        ),
    ),
    "accuracy": Answers(
        right=(
            "def Answer(logits, labels):\n    return torch.eq(logits.max(1).indices, labels).sum().item() / len(labels)\n",
            "def Answer(logits, labels):\n    return (torch.argmax(logits, -1) == labels).double().mean()\n",
            "from fractions import Fraction\nAnswer = lambda logits, labels: Fraction(int((logits.argmax(1) == labels).sum()), len(labels))\n",
            "import numpy as np\nAnswer = lambda logits, labels: np.mean(logits.numpy().argmax(1) == labels.numpy())\n",
        ),
        wrong=(
            ("def Answer(logits, labels):\n    return 100 * (logits.argmax(1) == labels).float().mean()\n", "per cent"),
            ("def Answer(logits, labels):\n    return (logits.argmax(1) == labels).sum()\n", "divide by the number"),
            ("def Answer(logits, labels):\n    return (logits.argmax(1) != labels).float().mean()\n", "the wrong ones"),
            ("def Answer(logits, labels):\n    return (logits.argmax(1) == labels)\n", "take the mean over the images"),
            ("def Answer(logits, labels):\n    return (logits.argmin(1) == labels).float().mean()\n", "You look for the smallest logit of each row"),
            ("def Answer(logits, labels):\n    return (logits.argmax(0) == labels).float().mean()\n", "dim=1"),
            ("def Answer(logits, labels):\n    return (logits.argmax(1) == labels).sum() / logits.shape[1]\n", "not of classes"),
            ("def Answer(logits, labels):\n    (logits.argmax(1) == labels).float().mean()\n", "gives back nothing"),
            ("Answer = lambda logits, labels: (logits.argmax(1) == labels).mean()\n", 'make numbers of them first, `.float()`'),
            ("Answer = lambda logits, labels: (logits.max(1).values == labels).float().mean()\n", 'it is its *place* in the row'),
            ("def Answer(logits, labels):\n    logits -= logits.mean()\n    return (logits.argmax(1) == labels).float().mean()\n", 'your function changes `logits`'),
            ("Answer = lambda logits, labels: round((logits.argmax(1) == labels).float().mean().item(), 2)\n", 'give back the share as it comes out'),
        ),
    ),
}  # fmt: skip
