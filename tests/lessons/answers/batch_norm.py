"""Lesson 03."""

import copy

from networks.bn_inception import Widths
from networks.layers import ConvBNAct
from tests.lessons.answers import Answers, function, module

SCOPE = {"copy": copy, "Widths": Widths, "ConvBNAct": ConvBNAct}


def edit(code: str, before: str, after: str) -> str:
    assert before in code, before
    return code.replace(before, after)


STATISTICS = "def Answer(x):\n    return x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), unbiased=False)\n"

NORMALISE = """def Answer(x, gamma, beta, eps):
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    variance = x.var(dim=(0, 2, 3), unbiased=False, keepdim=True)
    y = (x - mean) / torch.sqrt(variance + eps)
    return gamma.view(1, -1, 1, 1) * y + beta.view(1, -1, 1, 1)
"""

LAYER = """class Answer(nn.Module):
    def __init__(self, channels, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        if self.training:
            mean = x.mean(dim=(0, 2, 3))
            variance = x.var(dim=(0, 2, 3), unbiased=False)
            with torch.no_grad():
                unbiased = x.var(dim=(0, 2, 3))
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
                self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased
        else:
            mean, variance = self.running_mean, self.running_var
        mean, variance, g, b = (v.view(1, -1, 1, 1) for v in (mean, variance, self.gamma, self.beta))
        return g * (x - mean) / torch.sqrt(variance + self.eps) + b
"""
KEEPDIM = """class Answer(nn.Module):
    def __init__(self, channels, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        if self.training:
            mean = x.mean(dim=(0, 2, 3), keepdim=True)
            variance = x.var(dim=(0, 2, 3), unbiased=False, keepdim=True)
            with torch.no_grad():
                unbiased = x.var(dim=(0, 2, 3), keepdim=True)
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
                self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased
        else:
            mean, variance = self.running_mean.view(1, -1, 1, 1), self.running_var.view(1, -1, 1, 1)
        g, b = self.gamma.view(1, -1, 1, 1), self.beta.view(1, -1, 1, 1)
        return g * (x - mean) / torch.sqrt(variance + self.eps) + b
"""
BLEND_MEAN = "self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean"
BLEND_VAR = "self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased"
NO_GRAD = "with torch.no_grad():"

BACKWARD = """def Answer(dy, x, gamma, eps):
    axes = (0, 2, 3)
    mean = x.mean(dim=axes, keepdim=True)
    root = torch.sqrt(x.var(dim=axes, unbiased=False, keepdim=True) + eps)
    y = (x - mean) / root
    g = gamma.view(1, -1, 1, 1)
    dgamma = (dy * y).sum(dim=axes)
    dbeta = dy.sum(dim=axes)
    along = (dy * y).mean(dim=axes, keepdim=True)
    dx = g / root * (dy - dy.mean(dim=axes, keepdim=True) - y * along)
    return dx, dgamma, dbeta
"""
REST = "(dy - dy.mean(dim=axes, keepdim=True) - y * along)"

FOLD = """def Answer(conv, norm):
    bias = torch.zeros_like(norm.bias) if conv.bias is None else conv.bias
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    new_weight = conv.weight * scale.view(-1, 1, 1, 1)
    new_bias = norm.bias + (bias - norm.running_mean) * scale
    folded = copy.deepcopy(conv)
    folded.weight = nn.Parameter(new_weight.detach())
    folded.bias = nn.Parameter(new_bias.detach())
    return folded
"""
NEW_BIAS = "norm.bias + (bias - norm.running_mean) * scale"

ASK = """def Answer(net, images):
    mode = net.training
    net.eval()
    with torch.no_grad():
        classes = net(images).argmax(dim=1)
    net.train(mode)
    return classes
"""

INIT = """c = ConvBNAct
self.a = c(in_channels, widths.pointwise, kernel_size=1)
self.b = nn.Sequential(c(in_channels, widths.single[0], kernel_size=1), c(*widths.single, kernel_size=3))
r, f, s = widths.stacked
self.c = nn.Sequential(c(in_channels, r, kernel_size=1), c(r, f, kernel_size=3), c(f, s, kernel_size=3))
self.d = nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), c(in_channels, widths.pool, kernel_size=1))"""
JOIN = "return torch.cat([self.a(x), self.b(x), self.c(x), self.d(x)], dim=1)"


def inception(before: str = "", after: str = "", forward: str = JOIN) -> str:
    return module(edit(INIT, before, after) if before else INIT, forward)


ANSWERS = {
    "channel_statistics": Answers(
        right=(
            "def Answer(x):\n    rows = x.transpose(0, 1).flatten(1)\n    mean = rows.mean(1)\n"
            "    return mean, ((rows - mean[:, None]) ** 2).mean(1)\n",
            "def Answer(x):\n    mean = x.mean(dim=(0, 2, 3))\n    return [mean, (x * x).mean(dim=(0, 2, 3)) - mean**2]\n",
            "def Answer(x):\n    variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)\n    return mean, variance\n",
        ),
        wrong=(
            ("def Answer(x):\n    variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0, keepdim=True)\n    return mean, variance\n",
             "It has shape (1, 5, 1, 1); (5,) is expected. Leave `keepdim` away here"),
            ("def Answer(x):\n    return x.var(dim=(0, 2, 3), unbiased=False), x.mean(dim=(0, 2, 3))\n", "It is the variance: return mean, variance, in this order"),
            ("def Answer(x):\n    return x.mean(dim=0), x.var(dim=0, unbiased=False)\n", "over the batch only"),
            ("def Answer(x):\n    return x.mean(dim=(2, 3)), x.var(dim=(2, 3), unbiased=False)\n", "each image's places by themselves"),
            ("def Answer(x):\n    return x.mean(), x.var(unbiased=False)\n", "the channels included"),
            (edit(STATISTICS, ", unbiased=False", ""), "It is the unbiased one, divided by m − 1"),
            (edit(STATISTICS, "x.var", "x.std"), "It is the standard deviation"),
            ("def Answer(x):\n    return x.mean(dim=(0, 2, 3)), (x * x).mean(dim=(0, 2, 3))\n", "the mean of the squares"),
            ("def Answer(x):\n    return x.mean(dim=(0, 2, 3))\n", "a pair is needed, (mean, variance)"),
            ("def Answer(x):\n    x.mean(dim=(0, 2, 3))\n", "Is the `return` missing?"),
            ("def Answer(x):\n    x -= x.mean((0, 2, 3), keepdim=True)\n    return x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)\n", 'your function changes `x`'),
            ("def Answer(x):\n    return x.mean((0, 2, 3)), x.var((2, 3), unbiased=False).mean(0)\n", 'how far apart the images are counts as well'),
            ("def Answer(x):\n    return x.detach().mean((0, 2, 3)), x.detach().var((0, 2, 3), unbiased=False)\n", 'no gradient flows back through them'),
        ),
    ),
    "normalise": Answers(
        right=(
            NORMALISE,
            function(
                "x, gamma, beta, eps", "nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)"
            ),
            "def Answer(x, gamma, beta, eps):\n    v, m = torch.var_mean(x, dim=(0, 2, 3), correction=0)\n"
            "    scale = gamma * torch.rsqrt(v + eps)\n    shift = beta - m * scale\n"
            "    return x * scale[:, None, None] + shift[:, None, None]\n",
            "def Answer(x, gamma, beta, eps):\n    x = x.permute(0, 2, 3, 1)\n    m = x.mean((0, 1, 2))\n"
            "    v = ((x - m) ** 2).mean((0, 1, 2))\n    return (gamma * (x - m) / (v + eps) ** 0.5 + beta).permute(0, 3, 1, 2)\n",
        ),
        wrong=(
            (edit(NORMALISE, ", unbiased=False", ""), "The variance is the unbiased one"),
            (edit(NORMALISE, "torch.sqrt(variance + eps)", "(torch.sqrt(variance) + eps)"), "eps stands outside of the root"),
            (edit(NORMALISE, "variance + eps", "variance"), "eps is missing"),
            (edit(NORMALISE, "variance + eps", "variance + 1e-5"), "eps is missing, or it is not the one"),
            (edit(NORMALISE, "torch.sqrt(variance + eps)", "(variance + eps)"), "divides by the variance"),
            (edit(NORMALISE, " + beta.view(1, -1, 1, 1)", ""), "beta is missing"),
            (edit(NORMALISE, "gamma.view(1, -1, 1, 1) * y", "y"), "gamma is missing"),
            (edit(NORMALISE, "gamma.view(1, -1, 1, 1) * y + beta.view(1, -1, 1, 1)", "y"), "gamma and beta are missing"),
            (edit(NORMALISE, "gamma.view(1, -1, 1, 1) * y + beta.view(1, -1, 1, 1)", "gamma * y + beta"), "torch lines shapes up from the right"),
            (edit(NORMALISE, "(0, 2, 3)", "0"), "over the batch only"),
            (edit(NORMALISE, "(0, 2, 3)", "(2, 3)"), "each image's places by themselves"),
            (edit(NORMALISE, "(0, 2, 3)", "(0, 1, 2, 3)"), "the channels included"),
            (edit(NORMALISE, "(0, 2, 3)", "(1, 2, 3)"), "layer normalisation"),
            (edit(NORMALISE, "(x - mean) /", "x /"), "The mean is not taken off"),
            (edit(NORMALISE, "    y = (x - mean)", "    x -= mean\n    y = x"), "your function changes `x`"),
            (edit(NORMALISE, "return gamma", "gamma"), "Is the `return` missing?"),
            ("def Answer(x, gamma, beta, eps):\n    m = x.mean((0, 2, 3), keepdim=True)\n    v = x.var((0, 2, 3), unbiased=False, keepdim=True)\n    G, B = gamma.view(1, -1, 1, 1), beta.view(1, -1, 1, 1)\n    return (G * (x - m) / (v + eps).sqrt() + B).detach()\n", 'no gradient flows back through them'),
            ("def Answer(x, gamma, beta, eps):\n    m = x.mean((0, 2, 3), keepdim=True)\n    v = x.var((0, 2, 3), unbiased=False, keepdim=True)\n    G, B = gamma.view(1, -1, 1, 1), beta.view(1, -1, 1, 1)\n    return G * (x - m.detach()) / (v + eps).sqrt() + B\n", 'the gradient that flows back into `x` is not'),
            ("def Answer(x, gamma, beta, eps):\n    m = x.mean((0, 2, 3), keepdim=True)\n    v = x.var((0, 2, 3), unbiased=False, keepdim=True)\n    G, B = gamma.view(1, -1, 1, 1), beta.view(1, -1, 1, 1)\n    return G.detach() * (x - m) / (v + eps).sqrt() + B\n", 'no gradient flows back into `gamma`'),
            ("def Answer(x, gamma, beta, eps):\n    m = x.mean((0, 2, 3), keepdim=True)\n    v = x.var((0, 2, 3), unbiased=False, keepdim=True)\n    G, B = gamma.view(1, -1, 1, 1), beta.view(1, -1, 1, 1)\n    return G * (x - m) / (v + 0.3).sqrt() + B\n", 'You write 0.3 for eps'),
            ("def Answer(x, gamma, beta, eps):\n    m = x.mean((0, 2, 3), keepdim=True)\n    v = x.var((0, 2, 3), unbiased=False, keepdim=True)\n    G, B = gamma.view(1, -1, 1, 1), beta.view(1, -1, 1, 1)\n    return G.abs() * (x - m) / (v + eps).sqrt() + B\n", 'your result is not right'),
            ("def Answer(x, gamma, beta, eps):\n    with torch.no_grad():\n        m, v = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)\n    return gamma.view(1, -1, 1, 1) * (x - m) / (v + eps).sqrt() + beta.view(1, -1, 1, 1)\n", 'the gradient that flows back into `x` is not'),
        ),
    ),
    "batch_norm": Answers(
        right=(
            LAYER,
            "class Answer(nn.Module):\n    def __init__(self, channels, eps=1e-5, momentum=0.1):\n        super().__init__()\n"
            "        self.inner = nn.BatchNorm2d(channels, eps=eps, momentum=momentum)\n"
            "    def forward(self, x):\n        return self.inner(x)\n",
            edit(edit(edit(LAYER, NO_GRAD, "if True:"), "self.momentum * mean", "self.momentum * mean.detach()"),
                 "self.momentum * unbiased", "self.momentum * unbiased.detach()"),
            edit(edit(LAYER, BLEND_MEAN, "self.running_mean.lerp_(mean, self.momentum)"), BLEND_VAR,
                 "m = x.numel() / x.shape[1]\n                self.running_var.mul_(1 - self.momentum).add_(self.momentum * variance * m / (m - 1))"),
            edit(edit(LAYER, "torch.zeros(channels))\n        self.register", "torch.zeros(channels, 1, 1))\n        self.register"),
                 "+ self.momentum * mean", "+ self.momentum * mean.view(-1, 1, 1)"),
        ),
        wrong=(
            ('class Answer(nn.Module):\n    def __init__(self, channels, eps=1e-5, momentum=0.1):\n        super().__init__()\n        self.eps, self.momentum = eps, momentum\n        self.gamma = nn.Parameter(torch.ones(channels))\n        self.beta = nn.Parameter(torch.zeros(channels))\n        self.register_buffer("running_mean", torch.zeros(channels), persistent=False)\n        self.register_buffer("running_var", torch.ones(channels))\n    def forward(self, x):\n        if self.training:\n            mean = x.mean(dim=(0, 2, 3))\n            variance = x.var(dim=(0, 2, 3), unbiased=False)\n            with torch.no_grad():\n                unbiased = x.var(dim=(0, 2, 3))\n                self.running_mean += self.momentum * (mean - self.running_mean)\n                self.running_var += self.momentum * (unbiased - self.running_var)\n        else:\n            mean, variance = self.running_mean, self.running_var\n        mean, variance, gamma, beta = (each.view(1, -1, 1, 1) for each in (mean, variance, self.gamma, self.beta))\n        return gamma * (x - mean) / torch.sqrt(variance + self.eps) + beta\n', 'is not saved with the network'),
            (edit(LAYER, "return g * (x - mean)", "x -= mean\n        return g * x"), "Your layer changes its input"),
            (edit(LAYER, "return g * (x - mean)", "return g * x.sub_(mean)"), "Your layer changes its input"),
            (edit(LAYER, "variance = x.var(dim=(0, 2, 3), unbiased=False)", "variance = x.var(dim=(0, 2, 3))"), "normalises with the unbiased variance"),
            (edit(LAYER, "+ self.momentum * unbiased", "+ self.momentum * variance"), "blended from the biased variance"),
            (edit(edit(LAYER, BLEND_MEAN, "self.running_mean = mean"), BLEND_VAR, "self.running_var = unbiased"), "do not replace them"),
            (edit(edit(LAYER, BLEND_MEAN, "self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean"), BLEND_VAR,
                  "self.running_var = self.momentum * self.running_var + (1 - self.momentum) * unbiased"), "the wrong way round"),
            (edit(LAYER, "mean, variance = self.running_mean, self.running_var",
                  "mean, variance = x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), unbiased=False)"), "In evaluation the running ones are used"),
            (edit(edit(LAYER, BLEND_MEAN, "pass"), BLEND_VAR, "pass"), "0 and 1: update them in training"),
            (edit(LAYER, BLEND_VAR, "pass"), "The running variance is never updated"),
            (edit(LAYER, "        mean, variance, g, b", "        mean, variance = self.running_mean, self.running_var\n        mean, variance, g, b"),
             "in training the batch's own are used"),
            (edit(LAYER, NO_GRAD, "if True:"), "with torch.no_grad():"),
            (edit(LAYER, "            mean = x.mean(dim=(0, 2, 3))\n            variance", "            mean = x.mean(dim=(0, 2, 3)).detach()\n            variance"),
             "its gradient is not"),
            (edit(LAYER, "        else:", "        elif False:").replace("        mean, variance, g, b", "        if not self.training:\n"
                  "            mean, variance = self.running_mean, self.running_var\n            self.running_mean = 0.9 * self.running_mean\n        mean, variance, g, b"),
             "update them in training only"),
            (edit(edit(LAYER, 'self.register_buffer("running_mean", torch.zeros(channels))', "self.running_mean = torch.zeros(channels)"),
                  'self.register_buffer("running_var", torch.ones(channels))', "self.running_var = torch.ones(channels)"), "saved and loaded again"),
            (edit(edit(LAYER, 'self.register_buffer("running_mean", torch.zeros(channels))', "self.running_mean = nn.Parameter(torch.zeros(channels))"),
                  'self.register_buffer("running_var", torch.ones(channels))', "self.running_var = nn.Parameter(torch.ones(channels))"), "register_buffer"),
            (KEEPDIM, "`running_mean` has become (1, C, 1, C)"),
            (edit(edit(LAYER, BLEND_MEAN, "self.running_mean += self.momentum * (x.mean(dim=(0, 2, 3), keepdim=True) - self.running_mean)"), BLEND_VAR, "pass"),
             "Blend a mean of shape (C,)"),
            (edit(LAYER, "        else:\n            mean, variance =", "        else:\n            with torch.no_grad():\n"
                  "                self.running_mean += self.momentum * (x.mean(dim=(0, 2, 3)) - self.running_mean)\n            mean, variance ="),
             "In evaluation the running statistics still change"),
            (edit(LAYER, "        mean, variance, g, b", "        if not self.training:\n            mean, variance = (v.view(1, -1, 1, 1) for v in (mean, variance))\n"
                  "            return (x - mean) / torch.sqrt(variance + self.eps)\n        mean, variance, g, b"), "gamma and beta are missing: they scale and shift in both modes"),
            (edit(LAYER, "unbiased = x.var(dim=(0, 2, 3))", "unbiased = x.std(dim=(0, 2, 3))"), "The deviation is blended into the running variance"),
            (edit(LAYER, "unbiased = x.var(dim=(0, 2, 3))", "n = x.shape[0]\n                unbiased = variance * n / (n - 1)"), "corrected with the number of images"),
            (edit(LAYER, "unbiased = x.var(dim=(0, 2, 3))", "n = x.numel() / x.shape[1]\n                unbiased = variance * (n - 1) / n"), "the wrong way round: the biased variance times"),
            (edit(LAYER, "unbiased = x.var(dim=(0, 2, 3))", "n = x.numel() / x.shape[1]\n                unbiased = x.var(dim=(0, 2, 3)) * n / (n - 1)"), "corrected once more"),
            (edit(LAYER, "variance + self.eps", "variance + 1e-5"), "keep it as `self.eps`"),
            (edit(LAYER, "self.eps, self.momentum = eps, momentum", "self.eps, self.momentum = eps, 0.1"), "keep it as `self.momentum`"),
            (edit(LAYER, "        mean, variance, g, b = (v.view(1, -1, 1, 1) for v in (mean, variance, self.gamma, self.beta))\n",
                  "        g, b = self.gamma, self.beta\n"), "torch lines shapes up from the right"),
            (edit(LAYER, "return g * (x - mean)", "g * (x - mean)"), "Is the `return` missing?"),
            (LAYER + "\nAnswer = Answer(5)", "without parentheses"),
        ),
    ),
    "normalise_backward": Answers(
        right=(
            BACKWARD,
            "def Answer(dy, x, gamma, eps):\n    dbeta = dy.sum((0, 2, 3))\n    y = nn.functional.batch_norm(x, None, None, training=True, eps=eps)\n"
            "    dgamma = (dy * y).sum((0, 2, 3))\n    m = x.numel() // x.shape[1]\n"
            "    scale = gamma / (x.var((0, 2, 3), correction=0) + eps) ** 0.5\n"
            "    parts = [scale[c] * (dy[:, c] - dbeta[c] / m - y[:, c] * dgamma[c] / m) for c in range(x.shape[1])]\n"
            "    return [torch.stack(parts, dim=1), dgamma, dbeta]\n",
            "def Answer(dy, x, gamma, eps):\n    ax = (0, 2, 3)\n    m = x.numel() / x.shape[1]\n"
            "    v, mu = torch.var_mean(x, dim=ax, correction=0, keepdim=True)\n    s = (v + eps) ** -0.5\n"
            "    dn = dy * gamma.view(1, -1, 1, 1)\n    dv = (dn * (x - mu)).sum(ax, keepdim=True) * -0.5 * s**3\n"
            "    dmu = -(dn * s).sum(ax, keepdim=True) + dv * (-2 * (x - mu)).mean(ax, keepdim=True)\n"
            "    dx = dn * s + dv * 2 * (x - mu) / m + dmu / m\n"
            "    return dx, (dy * (x - mu) * s).sum(ax), dy.sum(ax)\n",
        ),
        wrong=(
            (edit(BACKWARD, REST, "dy"), "the direct path only"),
            (edit(BACKWARD, REST, "(dy - y * along)"), "The path through the mean is missing"),
            (edit(BACKWARD, REST, "(dy - dy.mean(dim=axes, keepdim=True))"), "The path through the variance is missing"),
            (edit(BACKWARD, "return dx, dgamma, dbeta", "return dx, dgamma.view(1, -1, 1, 1), dbeta.view(1, -1, 1, 1)"),
             "Your dbeta is wrong. It has shape (1, 5, 1, 1); (5,) is expected. Leave `keepdim` away"),
            (edit(BACKWARD, "dgamma = (dy * y).sum(dim=axes)", "dgamma = (dy * y).sum(dim=axes, keepdim=True)"), "Your dgamma is wrong. It has shape (1, 5, 1, 1); (5,) is expected"),
            (edit(BACKWARD, "along = (dy * y).mean(dim=axes, keepdim=True)", "along = dy.mean(dim=axes, keepdim=True) * y.mean(dim=axes, keepdim=True)"),
             "the mean of the product dy · normalised, not the product of the two means"),
            (edit(BACKWARD, " + eps)", ")"), "eps is missing under the root"),
            (edit(BACKWARD, "keepdim=True) + eps)", "keepdim=True)) + eps"), "eps stands outside of the root"),
            (edit(BACKWARD, "unbiased=False, ", ""), "The variance is the unbiased one"),
            (edit(BACKWARD, "mean = x.mean(dim=axes, keepdim=True)\n    root = torch.sqrt(x.var(dim=axes,",
                  "mean = x.mean(dim=(2, 3), keepdim=True)\n    root = torch.sqrt(x.var(dim=(2, 3),"), "Mean and variance are taken over each image's places by themselves"),
            (edit(BACKWARD, REST, "(dy - dy.mean(dim=(2, 3), keepdim=True) - y * (dy * y).mean(dim=(2, 3), keepdim=True))"), "The two means are taken over each image's places"),
            (edit(BACKWARD, "- y * along", "- along"), "The last term lacks its factor"),
            (edit(BACKWARD, "g / root *", "g / root**2 *"), "It is divided by the variance"),
            (edit(BACKWARD, "g / root *", "g * root *"), "It is multiplied by the deviation"),
            (edit(BACKWARD, REST, "(dy - (dbeta.view(1, -1, 1, 1) + y * dgamma.view(1, -1, 1, 1)) / len(x))"), "divided by the number of images"),
            (edit(BACKWARD, REST, "(dy - (dbeta.view(1, -1, 1, 1) + y * dgamma.view(1, -1, 1, 1)) / x[0, 0].numel())"), "divided by the places of the grid"),
            (edit(BACKWARD, "dbeta = dy.sum(dim=axes)", "dbeta = gamma * dy.sum(dim=axes)"), "beta is added after gamma scales"),
            (edit(BACKWARD, "g / root *", "1 / root *"), "gamma is missing"),
            (edit(BACKWARD, "g / root *", "g *"), "The deviation is missing"),
            (edit(BACKWARD, "dgamma = (dy * y)", "dgamma = (dy * x)"), "dy is multiplied by x itself"),
            (edit(BACKWARD, "dbeta = dy.sum(dim=axes)", "dbeta = dy.mean(dim=axes)"), "take the sum"),
            (edit(BACKWARD, "dgamma = (dy * y).sum(dim=axes)", "dgamma = (dy * y).mean(dim=axes)"), "take the sum"),
            (edit(BACKWARD, REST, "(dy - dy.sum(dim=axes, keepdim=True) - y * (dy * y).sum(dim=axes, keepdim=True))"), "must be means here"),
            (edit(BACKWARD, "return dx, dgamma, dbeta", "return dx, dbeta, dgamma"), "They stand in another order"),
            (edit(BACKWARD, "- y * along", "+ y * along"), "take it off"),
            (edit(BACKWARD, "return dx, dgamma, dbeta", "return dx"), "3 results are needed, (dx, dgamma, dbeta)"),
            ("def Answer(dy, x, gamma, eps):\n    x, gamma = x.detach().requires_grad_(), gamma.detach().requires_grad_()\n"
            "    beta = torch.zeros_like(gamma).requires_grad_()\n"
            "    y = nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)\n"
            "    return torch.autograd.grad(y, (x, gamma, beta), dy)\n", "asks autograd"),
            (edit(BACKWARD, "    dgamma =", "    eps = 0.3\n    root = torch.sqrt(x.var(dim=axes, unbiased=False, keepdim=True) + eps)\n    dgamma ="),
             "use the eps that your function is given"),
            ("def Answer(dy, x, gamma, eps):\n    ax = (0, 2, 3)\n    m = x.mean(ax, keepdim=True)\n    r = (x.var(ax, unbiased=False, keepdim=True) + eps).sqrt()\n    y = (x - m) / r\n    g = gamma.view(1, -1, 1, 1)\n    n = x.numel() / x.shape[1]\n    dg, db = (dy * y).sum(ax), dy.sum(ax)\n    v = lambda t: t.view(1, -1, 1, 1)\n    dy *= 2\n    dx = g / r * (dy - v(db) / n - y * v(dg) / n)\n    return dx, dg, db\n", 'your function changes `dy`'),
            ("def Answer(dy, x, gamma, eps):\n    ax = (0, 2, 3)\n    m = x.mean(ax, keepdim=True)\n    r = (x.var(ax, unbiased=False, keepdim=True) + 0.3).sqrt()\n    y = (x - m) / r\n    g = gamma.view(1, -1, 1, 1)\n    n = x.numel() / x.shape[1]\n    dg, db = (dy * y).sum(ax), dy.sum(ax)\n    v = lambda t: t.view(1, -1, 1, 1)\n    dx = g / r * (dy - v(db) / n - y * v(dg) / n)\n    return dx, dg, db\n", 'You write 0.3 for eps'),
            ("def Answer(dy, x, gamma, eps):\n    ax = (0, 2, 3)\n    m = x.mean(ax, keepdim=True)\n    r = (x.var(ax, unbiased=False, keepdim=True) + eps).sqrt()\n    y = (x - m) / r\n    g = gamma.view(1, -1, 1, 1)\n    n = x.numel() / x.shape[1]\n    dg, db = (dy * y).sum(ax), dy.sum(ax)\n    v = lambda t: t.view(1, -1, 1, 1)\n    dx = g.abs() / r * (dy - v(db) / n - y * v(dg) / n)\n    return dx, dg, db\n", 'Your dx is wrong'),
        ),
    ),
    "fold": Answers(
        right=(
            FOLD,
            "def Answer(conv, norm):\n    from torch.nn.utils.fusion import fuse_conv_bn_eval\n"
            "    return fuse_conv_bn_eval(copy.deepcopy(conv).eval(), copy.deepcopy(norm).eval())\n",
            "def Answer(conv, norm):\n    new = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding,\n"
            "        groups=conv.groups, bias=True).to(conv.weight.dtype)\n"
            "    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)\n    with torch.no_grad():\n"
            "        new.weight.copy_(conv.weight * scale[:, None, None, None])\n"
            "        new.bias.copy_(norm.bias - norm.running_mean * scale)\n"
            "        if conv.bias is not None:\n            new.bias += conv.bias * scale\n    return new\n",
        ),
        wrong=(
            (edit(FOLD, NEW_BIAS, "(bias - norm.running_mean) * scale"), "beta is missing"),
            (edit(FOLD, NEW_BIAS, "(norm.bias + bias - norm.running_mean) * scale"), "beta goes through the factor too"),
            (edit(FOLD, "scale.view(-1, 1, 1, 1)", "scale"), "the filters are (6, 4, 3, 3), output channels first"),
            (edit(FOLD, "scale.view(-1, 1, 1, 1)", "scale.view(1, -1, 1, 1)"), "`scale.view(-1, 1, 1, 1)`"),
            (edit(FOLD, NEW_BIAS, "norm.bias + bias * scale"), "The running mean is missing"),
            (edit(FOLD, "norm.running_var + norm.eps", "norm.running_var"), "eps is missing"),
            (edit(FOLD, NEW_BIAS, "norm.bias - norm.running_mean * scale"), "own bias is lost"),
            (edit(FOLD, NEW_BIAS, "norm.bias + bias - norm.running_mean * scale"), "but not scaled"),
            (edit(FOLD, NEW_BIAS, "norm.bias + (bias + norm.running_mean) * scale"), "The running mean is added"),
            (edit(FOLD, "norm.weight / torch.sqrt", "1 / torch.sqrt"), "gamma is missing"),
            (edit(FOLD, "torch.sqrt(norm.running_var + norm.eps)", "(norm.running_var + norm.eps)"), "not under a root"),
            (edit(FOLD, "new_bias.detach()", "bias.detach()"), "still the convolution's own"),
            (edit(FOLD, "folded = copy.deepcopy(conv)", "folded = conv"), "your function changes `conv`"),
            (edit(FOLD, "conv.weight * scale.view(-1, 1, 1, 1)", "(conv.weight * scale.view(-1, 1, 1, 1)).half().double()"), "The largest difference"),
            (edit(FOLD, "return folded", "folded"), "Is the `return` missing?"),
            ("def Answer(conv, norm):\n    return nn.Sequential(conv, norm)\n", "one `nn.Conv2d` is needed"),
            ("def Answer(conv, norm):\n    b = torch.zeros_like(norm.bias) if conv.bias is None else conv.bias\n    s = norm.weight / (norm.running_var + 0.3).sqrt()\n    out = copy.deepcopy(conv)\n    out.weight = nn.Parameter((conv.weight * s[:, None, None, None]).detach())\n    out.bias = nn.Parameter((norm.bias + (b - norm.running_mean) * s).detach())\n    return out\n", 'You write 0.3 for eps'),
            ("def Answer(conv, norm):\n    b = torch.zeros_like(norm.bias) if conv.bias is None else conv.bias\n    s = norm.weight / (norm.running_var + norm.eps).sqrt()\n    out = copy.deepcopy(conv)\n    norm.train()\n    out.weight = nn.Parameter((conv.weight * s[:, None, None, None]).detach())\n    out.bias = nn.Parameter((norm.bias + (b - norm.running_mean) * s).detach())\n    return out\n", 'your function changes `norm`'),
            ("def Answer(conv, norm):\n    b = torch.zeros_like(norm.bias) if conv.bias is None else conv.bias\n    s = norm.weight / (norm.running_var + norm.eps).sqrt()\n    out = copy.deepcopy(conv)\n    conv.requires_grad_(False)\n    out.weight = nn.Parameter((conv.weight * s[:, None, None, None]).detach())\n    out.bias = nn.Parameter((norm.bias + (b - norm.running_mean) * s).detach())\n    return out\n", 'your function changes `conv`'),
            ("def Answer(conv, norm):\n    b = torch.zeros_like(norm.bias) if conv.bias is None else conv.bias\n    s = norm.weight / (norm.running_var + norm.eps).sqrt()\n    out = copy.deepcopy(conv)\n    out = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, padding=conv.padding, groups=conv.groups).double()\n    out.weight = nn.Parameter((conv.weight * s[:, None, None, None]).detach())\n    out.bias = nn.Parameter((norm.bias + (b - norm.running_mean) * s).detach())\n    return out\n", "Its stride is (1, 1); the convolution's is (2, 2)"),
        ),
    ),
    "predictions": Answers(
        right=(
            'from contextlib import contextmanager\n@contextmanager\ndef asking(net):\n    modes = {m: m.training for m in net.modules()}\n    try:\n        yield net.eval()\n    finally:\n        for m, mode in modes.items():\n            m.training = mode\n@torch.no_grad()\ndef Answer(net, images):\n    with asking(net) as quiet:\n        return quiet(images).topk(1).indices[:, 0]\n',
            ASK,
            "def Answer(net, images):\n    mode = net.training\n    try:\n        with torch.inference_mode():\n"
            "            return net.eval()(images).max(dim=1).indices\n    finally:\n        net.train(mode)\n",
            "def Answer(net, images):\n    twin = copy.deepcopy(net).eval()\n    return torch.stack([twin(i[None])[0].argmax() for i in images])\n",
        ),
        wrong=(
            ('def Answer(net, images):\n    was = net.training\n    net.eval()\n    with torch.no_grad():\n        out = net(images).argmax(dim=1)\n    net.train(was)\n    net.zero_grad()\n    return out\n', 'changed the gradient that `0.weight` had collected'),
            (edit(ASK, "    net.eval()", "    net.eval().requires_grad_(False)"), "froze `"),
            ("def Answer(net, images):\n    return net(images).argmax(dim=1)\n", "still depends on the images that come with it"),
            ("def Answer(net, images):\n    with torch.no_grad():\n        return net(images).argmax(dim=1)\n", "still depends on the images"),
            ("def Answer(net, images):\n    with torch.no_grad():\n        return torch.cat([net(image[None]).argmax(dim=1) for image in images])\n",
             "but in training mode: it is normalised by its own statistics"),
            (edit(ASK, "argmax", "argmin"), "not the one with the largest output"),
            (edit(ASK, "    net.train(mode)\n", ""), "put it back"),
            (edit(ASK, "net.train(mode)", "net.train()"), "came in evaluation mode"),
            ("def Answer(net, images):\n    kept = copy.deepcopy(net.state_dict())\n    classes = net(images).argmax(dim=1)\n"
             "    net.load_state_dict(kept)\n    return classes\n", "still depends on the images"),
            (edit(ASK, ".argmax(dim=1)", ""), "One class for each image is needed"),
            (edit(ASK, "    return classes", "    net(images)\n    return classes"), "its running statistics now have these images in them"),
            (edit(ASK, "return classes", "classes"), "Is the `return` missing?"),
            ("def Answer(net, images):\n    was = net.training\n    net.requires_grad_(False)\n    net.eval()\n    with torch.no_grad():\n        out = net(images).argmax(1)\n    net.train(was)\n    return out\n", 'froze `0.weight`'),
            ("def Answer(net, images):\n    was = net.training\n    images /= 2\n    net.eval()\n    with torch.no_grad():\n        out = net(images).argmax(1)\n    net.train(was)\n    return out\n", 'Your function changes `images`'),
            ("def Answer(net, images):\n    was = net.training\n    net.eval()\n    with torch.no_grad():\n        out = net(images).argmax(1)\n    net.train(was)\n    return out.float()\n", 'The number of a class is a whole one'),
            ("def Answer(net, images):\n    was = net.training\n    net[1].track_running_stats = False\n    net.eval()\n    with torch.no_grad():\n        out = net(images).argmax(1)\n    net.train(was)\n    return out\n", "changed the network's layers"),
        ),
    ),
    "inception_a": Answers(
        right=(
            inception(),
            "def layer(i, o, k):\n    return nn.Sequential(nn.Conv2d(i, o, k, padding=k // 2, bias=False), nn.BatchNorm2d(o, eps=1e-3), nn.ReLU())\n"
            + edit(inception(), "c = ConvBNAct", "c = lambda i, o, kernel_size: layer(i, o, kernel_size)"),
            inception(forward="return torch.cat([branch(x) for branch in self.children()], 1)"),
        ),
        wrong=(
            (inception("nn.AvgPool2d(3, 1, 1, count_include_pad=False)", "nn.MaxPool2d(3, 1, 1)"), "expected average pooling"),
            (inception(", count_include_pad=False", ""), "`count_include_pad=False`"),
            (inception("nn.AvgPool2d(3, 1, 1, count_include_pad=False)", "nn.AvgPool2d(3, stride=1)"), "With padding 1 it keeps the grid"),
            (inception("nn.AvgPool2d(3, 1, 1, count_include_pad=False)", "nn.AvgPool2d(3, padding=1)"), "takes its window as stride unless you say otherwise"),
            (inception(", c(f, s, kernel_size=3)", ""), "Your block returned"),
            (inception("c(r, f, kernel_size=3), c(f, s, kernel_size=3)", "c(r, s, kernel_size=5)"), "Expected"),
            (inception(forward=edit(JOIN, "self.b(x), self.c(x)", "self.c(x), self.b(x)")), "in another order"),
            (inception(forward=edit(JOIN, ", self.d(x)", "")), "as many as the pool branch gives"),
            (inception("c = ConvBNAct", "c = lambda i, o, kernel_size: nn.Sequential(nn.Conv2d(i, o, kernel_size, padding=kernel_size // 2), nn.ReLU())"),
             "no normalisation in your module"),
            ("def layer(i, o, k):\n    return nn.Sequential(nn.Conv2d(i, o, k, padding=k // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU())\n"
             + edit(inception(), "c = ConvBNAct", "c = lambda i, o, kernel_size: layer(i, o, kernel_size)"), "All is right but the eps of your normalisation, 1e-05"),
            (inception("c = ConvBNAct", "c = lambda i, o, kernel_size: ConvBNAct(i, o, kernel_size=kernel_size, bias=True)"), "There is a bias too many"),
            (inception("c = ConvBNAct", "c = lambda i, o, kernel_size: ConvBNAct(i, o, kernel_size=kernel_size, activation=None)"), "ReLU"),
        ),
    ),
}  # fmt: skip
