"""Batch normalisation folded into the convolution before it, for evaluation: the same numbers from fewer layers."""

import copy
from itertools import pairwise

import torch
from torch import nn


def fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """One convolution with a bias that gives what `norm(conv(x))` gives in evaluation mode.

    In evaluation, the normalisation is one multiplication and one addition a channel ("Batch Normalization", section
    3.1), and a convolution's filters and bias can take both over. Neither argument is changed.

    Raises:
        ValueError: the two do not fit together, the normalisation keeps no running statistics, or the convolution is
            another than `nn.Conv2d`: a transposed one has its output channels along another axis.
    """
    if not isinstance(conv, nn.Conv2d):
        raise ValueError(
            f"conv is a {type(conv).__name__}; this folds an nn.Conv2d. For a transposed one there is "
            "torch.nn.utils.fusion.fuse_conv_bn_eval(conv, norm, transpose=True)."
        )
    if norm.num_features != conv.out_channels:
        raise ValueError(f"The convolution puts out {conv.out_channels} channels; the norm is for {norm.num_features}.")
    if norm.running_mean is None:
        raise ValueError("The norm keeps no running statistics (track_running_stats=False): there is nothing to fold.")
    folded = copy.deepcopy(conv)
    with torch.no_grad():
        gamma = torch.ones_like(norm.running_var) if norm.weight is None else norm.weight
        beta = torch.zeros_like(norm.running_mean) if norm.bias is None else norm.bias
        bias = torch.zeros_like(norm.running_mean) if conv.bias is None else conv.bias
        scale = gamma / torch.sqrt(norm.running_var + norm.eps)
        folded.weight = nn.Parameter(conv.weight * scale.view(-1, 1, 1, 1))
        folded.bias = nn.Parameter(beta + (bias - norm.running_mean) * scale)
    return folded


def folded(net: nn.Module) -> nn.Module:
    """A copy of a network in evaluation mode, with every norm folded that follows a convolution in an `nn.Sequential`.

    The convolution may be the last layer of a sequence of its own, as in a separable convolution, and the norm the first.
    A folded network is for evaluation: trained further, it is a network without normalisation.
    """
    net = copy.deepcopy(net).eval()
    for sequence in [module for module in net.modules() if isinstance(module, nn.Sequential)]:
        names = list(sequence._modules)
        for first, second in pairwise(names):
            conv_name, norm_name = _layer(sequence, first, -1), _layer(sequence, second, 0)
            conv, norm = sequence.get_submodule(conv_name), sequence.get_submodule(norm_name)
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d | nn.SyncBatchNorm):
                sequence.set_submodule(conv_name, fold(conv, norm))
                sequence.set_submodule(norm_name, nn.Identity())
    return net.eval()


def _layer(sequence: nn.Sequential, name: str, place: int) -> str:
    """The name of a child, or where it is a sequence itself, of its first (0) or last (-1) layer."""
    child = sequence.get_submodule(name)
    while isinstance(child, nn.Sequential) and len(child):
        name = f"{name}.{list(child._modules)[place]}"
        child = child[place]
    return name
