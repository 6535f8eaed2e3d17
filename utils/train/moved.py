"""What recorded runs call by the names that it had before it moved.

A run keeps the class of its network and the hashes of the files that made it (`utils.train.provenance`). When one of them
gets another name or place, a line here says so, and the runs stay what they were. Lines are only ever added, and changed
only where the code was shown to compute the same, to the last bit, as before: `benchmarks/same_training.py` shows it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Moved:
    """A file as recorded runs know it: what it meant then, and what the files that it became mean where that is the same."""

    meaning: str
    now: dict[str, str]  # meanings by path
    also: tuple[str, ...] = ()  # further meanings that runs know by this path, and that computed the same


CLASSES: dict[str, str] = {  # old name: new name
    "lessons.design.DesignedNet": "networks.design.DesignedNet",
    "lessons.small.SmallNet": "networks.small.SmallNet",
}

FILES: dict[str, Moved] = {  # by the path that runs have
    "lessons/batch_norm/blocks.py": Moved("d875e2d0260f4fcb", {"networks/bn_inception.py": "a493bf2f44cdcd55"}),
    "lessons/batch_norm/experiments/normalisation.py": Moved(
        "9c6e4dc3a78ad6ba", {"lessons/batch_norm/experiments/normalisation.py": "e7875d364ed2a1eb"}
    ),
    "lessons/design.py": Moved("5db662432062199e", {"networks/design.py": "4a853d3c82be0c20"}),
    "lessons/factorization/blocks.py": Moved("8351ebb7f59dd307", {"networks/inception_v2.py": "b22b00644733e9b1"}),
    "lessons/factorization/reductions.py": Moved(
        "53580d9a1ff4a19a", {"lessons/factorization/reductions.py": "94aa851655dcd0c4"}
    ),
    "lessons/googlenet/blocks.py": Moved("74040a1ca3eb6ccb", {"networks/googlenet.py": "bacd1f0eb2669e28"}),
    "lessons/googlenet/network.py": Moved("414c53273e5589f8", {"networks/googlenet.py": "bacd1f0eb2669e28"}),
    "lessons/inception_module/blocks.py": Moved("72643fe4ae8a4f4d", {"networks/googlenet.py": "bacd1f0eb2669e28"}),
    "lessons/inception_module/experiments/multi_scale.py": Moved(
        "5bcc10f017325c89", {"lessons/inception_module/experiments/multi_scale.py": "144cdbe6e7bc0051"}
    ),
    "lessons/inception_v4/blocks.py": Moved("d96ecaaa64b0308f", {"networks/inception_v4.py": "cf809f60ae80cf30"}),
    "lessons/label_smoothing/experiments/low_resolution.py": Moved(
        "638a252824283dc2", {"lessons/label_smoothing/experiments/low_resolution.py": "f76d4c18cccb0606"}
    ),
    "lessons/label_smoothing/experiments/recipe.py": Moved(
        "a25951113f05fe87", {"lessons/label_smoothing/experiments/recipe.py": "76d24028b1357bb7"}
    ),
    "lessons/layers.py": Moved("eba8b76e62257526", {"networks/layers.py": "3c590ec9e7a4a4d2"}),
    "lessons/network.py": Moved("f9496e23813c3074", {"networks/base.py": "e33367aeb633fc16"}),
    "lessons/residual_scaling/blocks.py": Moved(
        "09ed0ccbbae4f0e7", {"networks/inception_resnet_v1.py": "6159e3b875538cdf"}
    ),
    "lessons/residual_scaling/experiments/ensemble.py": Moved(  # a sentence about the runs was put in other words
        "7e7ad4d7696319cc", {"lessons/residual_scaling/experiments/ensemble.py": "4f9ce5b16a9f9c67"}
    ),
    "lessons/residual_scaling/experiments/residual.py": Moved(
        "f47ebd2adfcd1208",
        {
            "lessons/residual_scaling/experiments/residual.py": "4613d334b70bb628",
            "lessons/residual_scaling/stacks.py": "a3baa87e4cbf629a",
        },
    ),
    "lessons/small.py": Moved("b2c5e24ec45a5171", {"networks/small.py": "f59af782fa0354d9"}),
    "lessons/xception/blocks.py": Moved("a33965a82252c4cc", {"networks/xception.py": "a13a6d3a67176ceb"}),
    "lessons/xception/experiments/separable_activation.py": Moved(
        "40d4f25f1be2d7ba", {"lessons/xception/experiments/separable_activation.py": "701aa0ca5081a894"}
    ),
    "networks/base.py": Moved("2f39bfcbca935d42", {"networks/base.py": "e33367aeb633fc16"}, ("ecb3977ba7cc1443",)),
    "networks/bn_inception.py": Moved("9ba7604e35437ce3", {"networks/bn_inception.py": "a493bf2f44cdcd55"}),
    "networks/deeplab_xception.py": Moved("d37353604df41d0d", {"networks/deeplab_xception.py": "4322532849ac9270"}),
    "networks/googlenet.py": Moved("e696e98c008cc33d", {"networks/googlenet.py": "bacd1f0eb2669e28"}),
    "networks/inception_resnet_v1.py": Moved(
        "b91bc3acc2a9ca88", {"networks/inception_resnet_v1.py": "6159e3b875538cdf"}
    ),
    "networks/inception_v2.py": Moved("99f85299e35db082", {"networks/inception_v2.py": "b22b00644733e9b1"}),
    "networks/inception_v4.py": Moved("f5583c67aa635620", {"networks/inception_v4.py": "cf809f60ae80cf30"}),
    "networks/layers.py": Moved(
        "ccffe4e494eb4a05", {"networks/layers.py": "3c590ec9e7a4a4d2"}, also=("900d37d38cbd4a8e",)
    ),
    "networks/xception.py": Moved("2e568263f1f63249", {"networks/xception.py": "a13a6d3a67176ceb"}),
    "utils/augment.py": Moved("854aa994ea3d19c5", {"utils/train/augment.py": "11bb44d251ed74b0"}),
    "utils/data.py": Moved(
        "0272b1a2e47d76a8", {"utils/data/dataset.py": "3fbfa6426538bd88", "utils/data/sets.py": "0f468c81d9acf1a3"}
    ),
    "utils/data/sets.py": Moved("65299f153bf4a9b7", {"utils/data/sets.py": "0f468c81d9acf1a3"}),
    "utils/engine.py": Moved("21b385e6fe17a81f", {"utils/train/engine.py": "d514df2716dac26d"}),
    "utils/optim.py": Moved("6eafe5e22cc83a2d", {"utils/train/optim.py": "0e7edb1616f56726"}),
    "utils/recipe.py": Moved("818a2a8d61a31c77", {"utils/train/recipe.py": "07a42ae98d74de74"}),
    # Flips that take turns came in, and above a sentence in networks/base.py: two epochs of two steps of all arms in all
    # forms gave the same weights and losses, to the last bit, as before.
    "utils/train/augment.py": Moved("461a9712d8e4d4eb", {"utils/train/augment.py": "11bb44d251ed74b0"}),
    "utils/train/engine.py": Moved("9c31308c73bb861f", {"utils/train/engine.py": "d514df2716dac26d"}),
    "utils/train/recipe.py": Moved("7f01c3ac6ef6a734", {"utils/train/recipe.py": "07a42ae98d74de74"}),
}

_FIRST_NAMES = {new: old for old, new in CLASSES.items()}


def first_name(class_name: str) -> str:
    """The name under which runs were first recorded with a class; its own where it never moved."""
    return _FIRST_NAMES.get(class_name, class_name)
