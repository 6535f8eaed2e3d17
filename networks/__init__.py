"""The Inception family as a library: `create` builds a network by its name, `names` lists them, `relatives` those they are
compared with.

    net = create("inception_v3", num_classes=10)

One file a network, read beside the figure of its paper; `networks.layers` has what they are made of, `networks.base`
what they share, `networks.catalog` where each comes from.
"""

from networks.catalog import create, entry, names, relatives
from networks.weights import load_weights

__all__ = ["create", "entry", "load_weights", "names", "relatives"]
