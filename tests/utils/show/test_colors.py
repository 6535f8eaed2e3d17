"""One colour for one thing: every branch of every network has its own entry."""

import pytest
import torch

from networks.catalog import NETWORKS, create
from networks.inception_v2 import Fork, InceptionC
from utils.cost.table import profile
from utils.show import colors


@pytest.mark.parametrize("each", NETWORKS, ids=lambda each: each.name)
def test_every_branch_of_every_network_has_a_colour_of_its_own(each):
    for variant in each.variants:
        with torch.device("meta"):
            net = create(each.name, variant=variant)
        branches = profile(net, (3, each.input_size, each.input_size)).by_branch()
        assert set(branches) <= set(colors.BRANCHES)
        assert each.lesson == "xception" or branches


def test_the_halves_of_a_fork_have_colours():
    with torch.device("meta"):
        fork = Fork(8, 8)
    assert {name for name, _ in fork.named_children()} <= set(colors.BRANCHES)


def test_what_follows_the_concatenation_is_in_no_branch():
    with torch.device("meta"):
        net = create("inception_resnet_v1")
    rows = profile(net, (3, 299, 299)).rows
    expansions = [row for row in rows if row.name.endswith(".up")]
    assert expansions and all(row.branch == "" for row in expansions)
    assert {row.branch for row in rows if ".stacked." in row.name} == {"stacked"}


def test_the_outermost_concatenation_names_the_branch():
    from networks.bn_inception import Widths

    with torch.device("meta"):
        block = InceptionC(16, Widths(pointwise=8, single=(8, 8), stacked=(8, 8, 8), pool=8))
    assert list(profile(block, (16, 8, 8)).by_branch()) == ["pointwise", "single", "stacked", "pool"]


def test_names_unknown_have_the_colour_of_their_place():
    assert colors.branch_color("mine", 1) == colors.ARMS[1]
    assert colors.branch_color("pool", 1) == colors.POOL
