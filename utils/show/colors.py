"""One colour for one thing, in every figure, diagram and lab of the course.

The colours are Okabe and Ito's, which people with any of the common kinds of colour blindness can tell apart.
"""

BLACK, GREY = "#000000", "#8C8C8C"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"

# The branches of an Inception module and the layers in diagrams, by the window of their last convolution.
POINTWISE, THREE, FIVE, POOL, ASYMMETRIC = SKY, GREEN, ORANGE, PURPLE, BLUE

BRANCHES = {
    "pointwise": POINTWISE,
    "three": THREE,
    "five": FIVE,
    "pool": POOL,
    # After GoogLeNet the branches are named for how much stands in them. One n × n is what became of the 3 × 3, and
    # two n × n, one on the other, of the 5 × 5, on every grid and also where they are factorised.
    "single": THREE,
    "stacked": FIVE,
    "double_three": FIVE,
    "narrow": THREE,  # the second branch with one 3 × 3 in Inception-ResNet's reduction B
    # The forks of Inception-v4's stem, and those that end the branches on the smallest grid.
    "conv": THREE,
    "short": THREE,
    "long": ASYMMETRIC,
    "wide": ASYMMETRIC,
    "tall": ASYMMETRIC,
    "seven": ASYMMETRIC,
    "double_seven": ASYMMETRIC,
}

# The first and the second design wherever two are compared (A beside B).
ARMS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)


def branch_color(name: str, position: int = 0) -> str:
    """The colour of a branch by its name, or one of `ARMS` by its position where the name has none of its own."""
    return BRANCHES.get(name, ARMS[position % len(ARMS)])


def tint(color: str, strength: float = 0.35) -> str:
    """A light form of a colour for areas under black text: strength 1 is the colour, 0 is white."""
    channels = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - channel) * strength):02X}" for channel in channels)
