"""Lesson 05."""

import math

from tests.lessons.answers import Answers, function

SCOPE = {"math": math}

LOSS = "logits, labels"
LOG_P = "logits.log_softmax(dim=1)"
PICK = "[torch.arange(len(labels)), labels]"
TARGET = "labels, classes, epsilon, others_only=False"
HARD = "nn.functional.one_hot(labels, classes).float()"
SMOOTH = "logits, labels, epsilon"
# The smoothed targets over all classes, as an expression of logits, labels and epsilon.
ALL = "(nn.functional.one_hot(labels, logits.shape[1]) * (1 - epsilon) + epsilon / logits.shape[1])"
LEAD = "epsilon, classes, others_only=False"
RMS = "weight, gradient, mean_square, step, rate, epsilon, inside, decay=0.9, momentum=0.9"
AVERAGE = "average, weights, decay"
CLIP = "gradients, longest"
ECE = "probabilities, labels, bins=15"


def targets(every: str, others: str) -> str:
    """A target from its expressions over all classes and over the others only, in `hard`, `epsilon` and `classes`."""
    return (
        f"def Answer({TARGET}):\n    hard = {HARD}\n    if others_only:\n        return {others}\n    return {every}\n"
    )


EVERY, OTHERS = (
    "hard * (1 - epsilon) + epsilon / classes",
    "hard * (1 - epsilon) + (1 - hard) * epsilon / (classes - 1)",
)


def lead(every: str, others: str) -> str:
    return f"def Answer({LEAD}):\n    return {others} if others_only else {every}\n"


BEST, BEST_OTHERS = (
    "math.log((1 - epsilon + epsilon / classes) / (epsilon / classes))",
    "math.log((1 - epsilon) * (classes - 1) / epsilon)",
)

RMSPROP = """mean_square = decay * mean_square + (1 - decay) * gradient**2
root = (mean_square + epsilon).sqrt() if inside else mean_square.sqrt() + epsilon
step = momentum * step + rate * gradient / root
return weight - step, mean_square, step"""


def rmsprop(before: str = "", after: str = "") -> str:
    assert before in RMSPROP
    code = RMSPROP.replace(before, after) if before else RMSPROP
    return f"def Answer({RMS}):\n" + "".join(f"    {line}\n" for line in code.splitlines())


def clip(factor: str, body: str = "[gradient * factor for gradient in gradients]") -> str:
    length = "torch.stack([gradient.norm() for gradient in gradients]).norm()"
    return f"def Answer({CLIP}):\n    length = {length}\n    factor = {factor}\n    return {body}\n"


BINS = """confidence, predicted = probabilities.max(dim=1)
right = (predicted == labels).float()
error = 0.0
for number in range(bins):
    inside = (confidence > number / bins) & (confidence <= (number + 1) / bins)
    if inside.any():
        gap = (confidence[inside].mean() - right[inside].mean()).abs()
        error += gap * inside.float().mean()
return error"""


def binned(before: str = "", after: str = "") -> str:
    assert before in BINS
    code = BINS.replace(before, after) if before else BINS
    return f"def Answer({ECE}):\n" + "".join(f"    {line}\n" for line in code.splitlines())


ANSWERS = {
    "cross_entropy": Answers(
        right=(
            function(LOSS, f"-{LOG_P}{PICK}.mean()"),
            function(LOSS, "(logits.logsumexp(dim=1) - logits.gather(1, labels[:, None])[:, 0]).mean()"),
            function(LOSS, "nn.functional.cross_entropy(logits, labels)"),
        ),
        wrong=(
            (function(LOSS, "nn.functional.cross_entropy(logits.softmax(dim=1), labels)"), "softmax is applied twice"),
            (function(LOSS, f"-{LOG_P}{PICK}.sum()"), "the sum over the images"),
            (function(LOSS, f"-{LOG_P}{PICK}.mean().detach()"), "no gradient flows back"),
            (function(LOSS, f"-{LOG_P.replace('logits', '(logits + logits.detach()).div(2)')}{PICK}.mean()"), "the gradient that flows back into `logits` is not"),
            (function(LOSS, f"{LOG_P}{PICK}.mean()"), "The sign is wrong"),
            (function(LOSS, f"-logits.softmax(dim=1).log2(){PICK}.mean()"), "That is in bits"),
            (function(LOSS, f"-logits.softmax(dim=1).log(){PICK}.mean()"), "subtract the largest logit first"),
            (function(LOSS, f"-(logits.exp(){PICK} / logits.exp().sum(dim=1)).log().mean()"), "too large for a computer"),
            (function(LOSS, f"-{LOG_P}{PICK}"), "one loss an image"),
            (function(LOSS, f"-{LOG_P}.mean()"), "only the right class's counts"),
            (function(LOSS, f"-logits.softmax(dim=1){PICK}.mean()"), "The logarithm is missing"),
            (function(LOSS, "None"), "Is the `return` missing?"),
            (function(LOSS, f"-logits.log_softmax(dim=0){PICK}.mean()"), "along dimension 0"),
            (
                f"def Answer({LOSS}):\n    z = logits - logits.max()\n    log_p = z - z.exp().sum(dim=1, keepdim=True).log()\n"
                f"    return -log_p{PICK}.mean()\n",
                "its *own* largest one",
            ),
            (
                f"def Answer({LOSS}):\n    logits -= logits.max(dim=1, keepdim=True).values\n    return -{LOG_P}{PICK}.mean()\n",
                "your function changes `logits`",
            ),
            (function(LOSS, "math.log(logits.exp().sum(dim=1))"), "the functions of `math`"),
            ("def Answer(logits, labels):\n    return -logits.softmax(1)[torch.arange(len(labels)), labels].mean().log()\n", 'the mean of their logarithms is asked'),
            ("def Answer(logits, labels):\n    return -logits.log_softmax(1)[:, labels].mean()\n", 'Each image has its own right class'),
            ("def Answer(logits, labels):\n    return -(logits.softmax(1)[torch.arange(len(labels)), labels] + 1e-12).log().mean()\n", 'For logits of 1000, 0 and −500 you find'),
        ),
    ),
    "smoothed_targets": Answers(
        right=(
            targets(EVERY, OTHERS),
            f"def Answer({TARGET}):\n"
            "    other = epsilon / (classes - 1) if others_only else epsilon / classes\n"
            "    rows = [[1 - (classes - 1) * other if k == label else other for k in range(classes)] for label in labels.tolist()]\n"
            "    return torch.tensor(rows)\n",
            f"def Answer({TARGET}):\n    if others_only:\n        epsilon = epsilon * classes / (classes - 1)\n"
            f"    return {HARD}.lerp(torch.full((classes,), 1 / classes), epsilon)\n",
        ),
        wrong=(
            (targets(EVERY, EVERY), "`others_only` changes nothing"),
            (targets(OTHERS, OTHERS), "here it goes over all K classes"),
            (targets("hard * (1 - epsilon) + epsilon", OTHERS), "Every class gets the whole of ε"),
            (targets("hard * (1 - epsilon) + (1 - hard) * epsilon", OTHERS), "Each of the others gets the whole of ε"),
            (targets("hard * (1 - epsilon) + (1 - hard) * epsilon / classes", OTHERS), "gets its share ε / K, too"),
            (targets("hard + epsilon / classes", OTHERS), "shrinks to 1 − ε"),
            (targets("hard * epsilon + (1 - epsilon) / classes", OTHERS), "have changed places"),
            (targets(EVERY, "hard * (1 - epsilon) + (1 - hard) * epsilon / classes"), "There are K − 1 others"),
            (targets(EVERY, "hard * (1 - epsilon) + epsilon / (classes - 1)"), "gets no share"),
            (targets("(hard * (1 - epsilon) + epsilon / classes) * 2", OTHERS), "it sums to 1"),
            (targets("(hard + epsilon / classes) / (hard + epsilon / classes).sum(dim=1, keepdim=True)", OTHERS), "divide each row by its sum"),
            (targets(EVERY, "nn.functional.normalize(hard + (1 - hard) * epsilon / (classes - 1), p=1)"), "divide each row by its sum"),
            (targets(f"({EVERY}).T", OTHERS), "One row an image"),
            (targets(f"({EVERY})[0]", OTHERS), "(3, 4) is expected"),
            ("def Answer(labels, classes, epsilon, others_only=False):\n    h = nn.functional.one_hot(labels).float()\n    return h * (1 - epsilon) + ((1 - h) * epsilon / (classes - 1) if others_only else epsilon / classes)\n", 'Without the number of classes `one_hot` makes'),
            ("def Answer(labels, classes, epsilon, others_only=False):\n    h = nn.functional.one_hot(labels, classes)\n    return h\n", 'Those are the hard targets'),
            ("def Answer(labels, classes, epsilon, others_only=False):\n    labels -= 0 * labels + 1\n    h = nn.functional.one_hot(labels + 1, classes).float()\n    return h * (1 - epsilon) + ((1 - h) * epsilon / (classes - 1) if others_only else epsilon / classes)\n", 'your function changes `labels`'),
        ),
    ),
    "smoothed_loss": Answers(
        right=(
            function(SMOOTH, f"-({ALL} * {LOG_P}).sum(dim=1).mean()"),
            function(
                SMOOTH, f"(1 - epsilon) * nn.functional.cross_entropy(logits, labels) - epsilon * {LOG_P}.mean(dim=1).mean()"
            ),
            function(SMOOTH, "nn.functional.cross_entropy(logits, labels, label_smoothing=epsilon)"),
            function(SMOOTH, f"nn.functional.cross_entropy(logits, {ALL})"),
            "def smoothed_targets(labels, classes, epsilon, others_only=False):\n    return nn.functional.one_hot(labels, classes) * (1 - epsilon) + epsilon / classes\ndef Answer(logits, labels, epsilon):\n    return -(smoothed_targets(labels, logits.shape[1], epsilon) * logits.log_softmax(1)).sum(1).mean()\n",
        ),
        wrong=(
            (function(SMOOTH, f"-({ALL} * logits.softmax(dim=1).log_softmax(dim=1)).sum(dim=1).mean()"), "applied twice"),
            (function(SMOOTH, f"-({ALL} * logits.softmax(dim=1)).sum(dim=1).mean()"), "The logarithm is missing"),
            (function(SMOOTH, f"-({ALL} * {LOG_P}).sum()"), "the sum over the images"),
            (function(SMOOTH, f"-({ALL} * {LOG_P}).mean()"), "the mean over images and classes"),
            (function(SMOOTH, f"({ALL} * {LOG_P}).sum(dim=1).mean()"), "The sign is wrong"),
            (function(SMOOTH, f"-({ALL} * {LOG_P}).sum(dim=1).mean() / math.log(2)"), "That is in bits"),
            (function(SMOOTH, "nn.functional.cross_entropy(logits, labels)"), "epsilon changes nothing"),
            (function(SMOOTH, f"nn.functional.kl_div({LOG_P}, {ALL}, reduction='batchmean')"), "Kullback-Leibler"),
            (
                "def Answer(logits, labels, epsilon):\n    k = logits.shape[1]\n"
                "    hard = nn.functional.one_hot(labels, k)\n"
                "    target = hard * (1 - epsilon) + (1 - hard) * epsilon / (k - 1)\n"
                f"    return -(target * {LOG_P}).sum(dim=1).mean()\n",
                "over the K − 1 others",
            ),
            (
                "def Answer(logits, labels, epsilon):\n    k = logits.shape[1]\n"
                "    hard = nn.functional.one_hot(labels, k)\n"
                "    target = hard * (1 - epsilon) + (1 - hard) * epsilon / k\n"
                f"    return -(target * {LOG_P}).sum(dim=1).mean()\n",
                "share ε / K is missing",
            ),
            (function(SMOOTH, f"-(logits.softmax(dim=1) * {ALL}.log()).sum(dim=1).mean()"), "have changed places"),
            (function(SMOOTH, f"-({ALL} * logits.log_softmax(dim=0)).sum(dim=1).mean()"), "along dimension 0"),
            (
                function(SMOOTH, f"-((nn.functional.one_hot(labels, logits.shape[1]) * (1 - epsilon) + epsilon / len(labels)) * {LOG_P}).sum(dim=1).mean()"),
                "divided by the number of images",
            ),
            (function(SMOOTH, f"-({ALL} * logits.softmax(dim=1).log()).sum(dim=1).mean()"), "never take the logarithm of a softmax"),
            (function(SMOOTH, f"(-({ALL} * {LOG_P}).sum(dim=1).mean()).item()"), "no gradient flows back through them"),
            (function(SMOOTH, f"-({ALL} * {LOG_P}).sum(dim=1)"), "one loss an image"),
            (
                "def Answer(logits, labels, epsilon):\n    return stub()\n"
                "def stub():\n    raise NotImplementedError('Exercise 5.2, the smoothed target: write this part.')\n",
                "what you write in exercise 5.2",
            ),
            ("def Answer(logits, labels, epsilon):\n    k = logits.shape[1]\n    t = nn.functional.one_hot(labels, k) * (1 - epsilon) + epsilon / k\n    return nn.functional.cross_entropy(logits, t, label_smoothing=epsilon)\n", 'Smoothed twice'),
            ("def Answer(logits, labels, epsilon):\n    return nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)\n", 'You write 0.1 for ε'),
            ("def smoothed_targets(labels, classes, epsilon, others_only=False):\n    return nn.functional.one_hot(labels, classes) * (1 - epsilon) + epsilon\ndef Answer(logits, labels, epsilon):\n    return -(smoothed_targets(labels, logits.shape[1], epsilon) * logits.log_softmax(1)).sum(1).mean()\n", 'it calls your `smoothed_targets` of exercise 5.2, which is not'),
            ("def smoothed_targets(labels, classes, epsilon, others_only=False):\n    return nn.functional.one_hot(labels, classes) * (1 - epsilon) + epsilon\ndef Answer(logits, labels, epsilon):\n    return -(smoothed_targets(labels, logits.shape[1], epsilon) * logits.log_softmax(1)).sum()\n", 'is expected'),
            ("def Answer(logits, labels, epsilon):\n    k = logits.shape[1]\n    t = nn.functional.one_hot(labels, k) * (1 - epsilon) + epsilon / k\n    return -(t * logits.detach().log_softmax(1)).sum(1).mean()\n", 'no gradient flows back through them'),
        ),
    ),
    "best_lead": Answers(
        right=(
            lead(BEST, BEST_OTHERS),
            f"def Answer({LEAD}):\n"
            "    other = epsilon / (classes - 1 if others_only else classes)\n"
            "    right = 1 - (classes - 1) * other\n"
            "    return torch.tensor([right, other]).log().diff().neg()\n",
            lead("math.log1p((1 - epsilon) * classes / epsilon)", "math.log(1 - epsilon) - math.log(epsilon / (classes - 1))"),
        ),
        wrong=(
            (lead(BEST, BEST), "`others_only` changes nothing"),
            (lead(BEST_OTHERS, BEST_OTHERS), "`others_only` is False"),
            (lead("-" + BEST, BEST_OTHERS), "wrong sign"),
            (lead(BEST.replace("math.log", "math.log2"), BEST_OTHERS), "base 2"),
            (lead(BEST.replace("math.log", "math.log10"), BEST_OTHERS), "base 10"),
            (lead("math.log((1 - epsilon) * classes / epsilon)", BEST_OTHERS), "share ε / K is missing"),
            (lead(BEST.replace("math.log", ""), BEST_OTHERS), "the ratio of the two targets"),
            (lead("1 - epsilon + epsilon / classes", BEST_OTHERS), "a probability, not a difference"),
            (lead("math.log(1 - epsilon + epsilon / classes)", BEST_OTHERS), "the others' logits count as well"),
            (lead("math.log((1 - epsilon + epsilon / classes) / epsilon / classes)", BEST_OTHERS), "Division goes from left to right"),
            (lead(BEST, "math.log((1 - epsilon) / epsilon / (classes - 1))"), "Division goes from left to right"),
            (lead("1 - epsilon", BEST_OTHERS), "what is left of the hard target"),
            (lead("math.log(1 - epsilon)", BEST_OTHERS), "the logarithm of 1 − ε alone"),
            (lead(BEST, "math.log((1 - epsilon) / epsilon)"), "against all others together"),
            (lead(BEST, "None"), "Is the `return` missing?"),
            ("def Answer(epsilon, classes, others_only=False):\n    r = math.log((1 - epsilon) * (classes - 1) / epsilon) if others_only else math.log(classes / epsilon - classes + 1)\n    return abs(r)\n", 'let the sign stand'),
            ("def Answer(epsilon, classes, others_only=False):\n    r = math.log((1 - epsilon) * (classes - 1) / epsilon) if others_only else math.log(classes / epsilon - classes + 1)\n    return max(r, 0)\n", 'let the sign stand'),
            ("def Answer(epsilon, classes, others_only=False):\n    return math.log((1 - epsilon) * classes / epsilon) if others_only else math.log(classes / epsilon - classes + 1)\n", 'each has ε / (K − 1)'),
        ),
    ),
    "rmsprop_step": Answers(
        right=(
            rmsprop(),
            f"def Answer({RMS}):\n"
            "    mean_square = mean_square.mul(decay).addcmul(gradient, gradient, value=1 - decay)\n"
            "    root = torch.sqrt(mean_square + epsilon) if inside else torch.sqrt(mean_square) + epsilon\n"
            "    step = step.clone().mul_(momentum).add_(rate * gradient / root)\n"
            "    return weight - step, mean_square, step\n",
            "def Answer(w, g, s, m, lr, eps, inside, alpha=0.9, mu=0.9):\n"
            "    s = s + (1 - alpha) * (g * g - s)\n"
            "    m = mu * m + lr * g / ((s + eps) ** 0.5 if inside else s ** 0.5 + eps)\n"
            "    return [w - m, s, m]\n",
        ),
        wrong=(
            (rmsprop(" if inside else mean_square.sqrt() + epsilon"), "ε stands on the other side"),
            (rmsprop("(mean_square + epsilon).sqrt() if inside else ", ""), "ε stands on the other side"),
            (rmsprop("if inside", "if not inside"), "ε stands on the other side"),
            (rmsprop("decay * mean_square + (1 - decay) * gradient**2", "(1 - decay) * mean_square + decay * gradient**2"), "on the wrong side"),
            (rmsprop("gradient**2", "gradient"), "The gradient is not squared"),
            (rmsprop("(1 - decay) * gradient**2", "gradient**2"), "its share is 1 − decay"),
            (rmsprop("(mean_square + epsilon).sqrt() if inside else mean_square.sqrt() + epsilon", "mean_square + epsilon"), "The root is missing"),
            (rmsprop("(mean_square + epsilon).sqrt() if inside else mean_square.sqrt() + epsilon", "mean_square.sqrt()"), "ε is missing"),
            (rmsprop("momentum * step + ", ""), "Momentum is left out"),
            (rmsprop("+ rate * gradient", "+ (1 - momentum) * rate * gradient"), "not 1 − momentum"),
            (rmsprop("rate * gradient / root\nreturn weight - step", "gradient / root\nreturn weight - rate * step"), "belongs into the step"),
            (rmsprop("weight - step", "weight + step"), "downhill is against the gradient"),
            (rmsprop("weight - step", "weight - rate * step"), "stands in the step already"),
            (rmsprop("mean_square = decay * mean_square + ", "mean_square.mul_(decay).add_(").replace("gradient**2", "gradient**2)"), "your function changes `mean_square`"),
            (rmsprop("return weight - step,", "weight -= step\nreturn weight,"), "your function changes `weight`"),
            (rmsprop("step = momentum * step + rate * gradient / root\nreturn weight - step, mean_square, step",
                     "new = momentum * step + rate * gradient / root\nreturn weight - step, mean_square, new"), "take the *old* step"),
            (rmsprop("decay * mean_square + (1 - decay)", "momentum * mean_square + (1 - momentum)"), "`momentum` stands where `decay` belongs"),
            (rmsprop("momentum * step", "decay * step"), "`decay` stands where `momentum` belongs"),
            (rmsprop("+ rate * gradient / root\nreturn weight - step", "- rate * gradient / root\nreturn weight + step"), "so the gradient goes into it with a plus"),
            (rmsprop("mean_square, step", "mean_square, -step"), "give back what is *taken from*"),
            (rmsprop("(mean_square + epsilon).sqrt() if inside else mean_square.sqrt() + epsilon",
                     "math.sqrt(mean_square + epsilon) if inside else math.sqrt(mean_square) + epsilon"), "the functions of `math`"),
            (rmsprop("gradient / root", "gradient"), "The gradient is not divided by the root"),
            (rmsprop("weight - step, mean_square, step", "mean_square, step, weight - step"), "in another order"),
            (rmsprop("weight - step, mean_square, step", "weight - step"), "3 results are needed, (weight, mean square, step)"),
            (
                f"def Answer({RMS}):\n"
                "    root = (mean_square + epsilon).sqrt() if inside else mean_square.sqrt() + epsilon\n"
                "    mean_square = decay * mean_square + (1 - decay) * gradient**2\n"
                "    step = momentum * step + rate * gradient / root\n"
                "    return weight - step, mean_square, step\n",
                "root of the *old* mean square",
            ),
            ("def Answer(weight, gradient, mean_square, step, rate, epsilon, inside, decay=0.9, momentum=0.9):\n    s = decay * mean_square + (1 - decay) * gradient**2\n    r = (s + epsilon).sqrt() if inside else s.sqrt() + epsilon\n    m = momentum * step + 0.05 * gradient / r\n    return weight - m, s, m\n", 'You write 0.05 for `rate`'),
            ("def Answer(weight, gradient, mean_square, step, rate, epsilon, inside, decay=0.9, momentum=0.9):\n    s = decay * mean_square + (1 - decay) * gradient**2\n    r = (s + epsilon).sqrt() if inside else s.sqrt() + epsilon\n    m = 0.9 * step + rate * gradient / r\n    return weight - m, s, m\n", 'You write 0.9 for `momentum`'),
            ("def Answer(weight, gradient, mean_square, step, rate, epsilon, inside, decay=0.9, momentum=0.9):\n    decay = 0.9\n    s = decay * mean_square + (1 - decay) * gradient**2\n    r = (s + epsilon).sqrt() if inside else s.sqrt() + epsilon\n    m = momentum * step + rate * gradient / r\n    return weight - m, s, m\n", 'You write 0.9 for `decay`'),
            ("def Answer(weight, gradient, mean_square, step, rate, epsilon, inside, decay=0.9, momentum=0.9):\n    s = decay * mean_square + (1 - decay) * gradient**2\n    r = (s + epsilon).sqrt() if inside else s.sqrt() + epsilon\n    m = rate * (momentum * step + gradient / r)\n    return weight - m, s, m\n", 'The learning rate is for the new part alone'),
            ("def Answer(weight, gradient, mean_square, step, rate, epsilon, inside, decay=0.9, momentum=0.9):\n    s = decay * mean_square + (1 - decay) * gradient**2\n    r = (s + epsilon).sqrt() if inside else s.sqrt() + epsilon\n    m = momentum * step + rate * gradient / r\n    return weight - m, s.sqrt(), m\n", 'give back the mean square itself'),
            ("def Answer(weight, gradient, mean_square, step, rate, epsilon, inside, decay=0.9, momentum=0.9):\n    s = decay * mean_square + (1 - decay) * gradient**2\n    r = (s + epsilon).sqrt() if inside else s.sqrt() + epsilon\n    m = momentum * step + rate * gradient / r\n    return weight - m, s\n", '3 results are needed'),
        ),
    ),
    "moved_average": Answers(
        right=(
            function(AVERAGE, "[decay * a + (1 - decay) * w for a, w in zip(average, weights)]"),
            f"def Answer({AVERAGE}):\n    moved = []\n    for a, w in zip(average, weights):\n        moved.append(a.lerp(w, 1 - decay))\n    return moved\n",
            function(AVERAGE, "tuple(a - (1 - decay) * (a - w) for a, w in zip(average, weights))"),
            "Answer = lambda average, weights, decay: list(torch._foreach_lerp(average, weights, 1 - decay))\n",
        ),
        wrong=(
            (function(AVERAGE, "[(1 - decay) * a + decay * w for a, w in zip(average, weights)]"), "on the wrong side"),
            (function(AVERAGE, "[decay * a + w for a, w in zip(average, weights)]"), "their share is 1 − decay"),
            (function(AVERAGE, "[a + (1 - decay) * w for a, w in zip(average, weights)]"), "its share is the decay"),
            (function(AVERAGE, "weights"), "nothing of the old average is kept"),
            (function(AVERAGE, "average"), "it has not moved"),
            (
                f"def Answer({AVERAGE}):\n    for a, w in zip(average, weights):\n        w.lerp_(a, decay)\n    return weights\n",
                "your function changes `weights`",
            ),
            (
                f"def Answer({AVERAGE}):\n    for a, w in zip(average, weights):\n        a.lerp_(w, 1 - decay)\n    return average\n",
                "your function changes `average`",
            ),
            (
                f"def Answer({AVERAGE}):\n    for i, w in enumerate(weights):\n        average[i] = decay * average[i] + (1 - decay) * w\n    return average\n",
                "your function changes `average`",
            ),
            (function(AVERAGE, "[(decay * a + (1 - decay) * w).mean().item() for a, w in zip(average, weights)]"), "number 1, your function gives back a float"),
            (function(AVERAGE, "[decay * average[0] + (1 - decay) * weights[0]]"), "That is the first tensor alone"),
            (function(AVERAGE, "decay * average[0] + (1 - decay) * weights[0]"), "a list of tensors is needed"),
            (function(AVERAGE, "[decay * average[-1] + (1 - decay) * weights[-1]]"), "That is the last tensor alone"),
            (f"def Answer({AVERAGE}):\n    for a, w in zip(average, weights):\n        a.lerp_(w, 1 - decay)\n", "Is the `return` missing?"),
            ("Answer = lambda average, weights, decay: [0.9 * a + 0.1 * w for a, w in zip(average, weights)]\n", 'You write 0.9 for the decay'),
            ("Answer = lambda average, weights, decay: [(a + w) / 2 for a, w in zip(average, weights)]\n", '`decay` changes nothing'),
            ("Answer = lambda average, weights, decay: [decay * a + (1 - decay) * w for a, w in zip(average, weights)][:2]\n", 'Your list has 2 tensors; 3 are expected'),
        ),
    ),
    "clip_together": Answers(
        right=(
            'import math\ndef Answer(gradients, longest):\n    length = math.hypot(*(float(n) for g in gradients for n in g.double().flatten()))\n    return [g.clone() if length <= longest else g / length * longest for g in gradients]\n',
            clip("longest / length if length > longest else 1.0"),
            clip("torch.clamp(longest / (length + 1e-6), max=1.0)"),
            f"def Answer({CLIP}):\n"
            "    weights = [nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients]\n"
            "    for weight, gradient in zip(weights, gradients):\n        weight.grad = gradient.clone()\n"
            "    nn.utils.clip_grad_norm_(weights, longest)\n    return [weight.grad for weight in weights]\n",
            f"def Answer({CLIP}):\n    squares = sum((gradient**2).sum() for gradient in gradients)\n"
            "    if squares <= longest**2:\n        return gradients\n"
            "    return [gradient * longest / squares**0.5 for gradient in gradients]\n",
        ),
        wrong=(
            (function(CLIP, "[g * min(1.0, longest / max(g.norm().item(), 1e-9)) for g in gradients]"), "Each tensor is cut"),
            (function(CLIP, "[g.clamp(-longest, longest) for g in gradients]"), "Each number is cut"),
            (clip("longest / length"), "short enough is scaled up"),
            (clip("longest / length if length else 1.0"), "short enough is scaled up"),
            (clip("torch.nan_to_num(longest / length).clamp(max=1.0) * length / length"), "Nothing may be divided by a length of 0"),
            (
                f"def Answer({CLIP}):\n    length = sum(g.norm() for g in gradients)\n"
                "    return [g * min(1.0, longest / max(length, 1e-9)) for g in gradients]\n",
                "root of the sum of squares",
            ),
            (
                f"def Answer({CLIP}):\n    length = max(g.norm() for g in gradients)\n"
                "    return [g * min(1.0, longest / max(length, 1e-9)) for g in gradients]\n",
                "longest tensor's length",
            ),
            (
                f"def Answer({CLIP}):\n    length = sum((g**2).sum() for g in gradients)\n"
                "    return [g * min(1.0, longest / max(length, 1e-9)) for g in gradients]\n",
                "The root is missing",
            ),
            (function(CLIP, "gradients"), "Nothing is cut"),
            (f"def Answer({CLIP}):\n    nn.utils.clip_grad_norm_(gradients, longest)\n    return gradients\n", "cuts the `.grad` of parameters"),
            (clip("2.0 / length if length > 2.0 else 1.0"), "whatever `longest` says"),
            (clip("min(1.0, longest / max(length, 1e-9))", "[g.mul_(factor) for g in gradients]"), "your function changes `gradients`"),
            (clip("min(1.0, longest / max(length, 1e-9))", "gradients[0] * factor"), "a list of tensors is needed"),
            ("def Answer(gradients, longest):\n    n = sum(g.abs().sum() for g in gradients)\n    return [g * min(1.0, longest / n) if n else g for g in gradients]\n", 'you add up all magnitudes'),
            ("def Answer(gradients, longest):\n    n = sum((g**2).sum() for g in gradients) ** 0.5\n    f = longest / n if n > 2 else 1.0\n    return [g * f for g in gradients]\n", 'compare it with `longest`'),
            ("def Answer(gradients, longest):\n    n = sum((g**2).sum() for g in gradients) ** 0.5\n    f = 1 / n if n > longest else 1.0\n    return [g * f for g in gradients]\n", 'is expected'),
        ),
    ),
    "calibration_error": Answers(
        right=(
            binned(),
            binned("(confidence > number / bins) & (confidence <= (number + 1) / bins)",
                   "(torch.bucketize(confidence, torch.linspace(0, 1, bins + 1)) - 1 == number)"),
            f"def Answer({ECE}):\n"
            "    confidence, predicted = probabilities.max(dim=1)\n"
            "    gap = confidence - (predicted == labels).float()\n"
            "    number = (confidence * bins).ceil().long() - 1\n"
            "    return torch.zeros(bins).index_add(0, number, gap).abs().sum().item() / len(labels)\n",
        ),
        wrong=(
            (
                binned("error += gap * inside.float().mean()\nreturn error", "error += gap\nreturn error / bins"),
                "divide by the number of bins",
            ),
            (binned(" * inside.float().mean()", ""), "add up the gaps of all bins"),
            (binned(" * inside.float().mean()", " * inside.sum()"), "divide by the number of all images"),
            (
                binned("confidence, predicted = probabilities.max(dim=1)",
                       "predicted = probabilities.argmax(dim=1)\nconfidence = probabilities[torch.arange(len(labels)), labels]"),
                "not of the right class",
            ),
            (binned(".abs()\n", "\n"), "take `abs` of each"),
            (binned(".abs()\n", "\n").replace("return error", "return abs(error)"), "go bin by bin"),
            (binned("if inside.any():", "if True:"), "Leave empty bins out"),
            (
                binned("(confidence > number / bins) & (confidence <= (number + 1) / bins)",
                       "(confidence >= number / bins) & (confidence < (number + 1) / bins)"),
                "An image with confidence 1 falls out",
            ),
            (
                binned("(confidence > number / bins) & (confidence <= (number + 1) / bins)",
                       "(confidence * bins).long().clamp(max=bins - 1) == number"),
                "belongs to the lower one: above i / bins",
            ),
            (binned("confidence > number", "confidence >= number"), "counts in both of yours"),
            (binned("confidence <= (number + 1) / bins", "((confidence < (number + 1) / bins) | (confidence == 1) & (number == bins - 1))"), "counts in none of yours"),
            (binned("right = (predicted == labels).float()", "right = (predicted == labels).float()\nbins = 15"), "the error in 15"),
            (binned("right = (predicted == labels).float()", "right = (predicted == labels).float()\nbins = 10"), "the error in 10"),
            (binned("return error", "return 100 * error"), "in points"),
            (binned("range(bins)", "range(bins - 1)"), "last bin is left out"),
            (function(ECE, "(probabilities.max(dim=1).values - (probabilities.argmax(dim=1) == labels).float()).abs().mean()"), "image by image"),
            (binned("right = (predicted == labels).float()", "right = (predicted == labels).float()\nlabels += 1"), "your function changes `labels`"),
            (binned("error += gap * inside.float().mean()", "error = max(error, gap)"), "the largest gap"),
            (binned("return error", "error"), "Is the `return` missing?"),
            ("def Answer(probabilities, labels, bins=15):\n    conf, pred = probabilities.max(1)\n    ok = (pred == labels).float()\n    e = 0.0\n    for i in range(1, bins):\n        m = (conf > i / bins) & (conf <= (i + 1) / bins)\n        if m.any():\n            e += (conf[m].mean() - ok[m].mean()).abs() * m.float().mean()\n    return e\n", 'Your first bin is left out'),
            ("def Answer(probabilities, labels, bins=15):\n    conf, pred = probabilities.max(1)\n    ok = (pred == labels).float()\n    e = 0.0\n    for i in range(bins):\n        m = (conf > i / bins) & (conf <= (i + 1) / bins)\n        if m.any():\n            e += (conf[m].mean() - ok[m].mean()).square() * m.float().mean()\n    return e\n", 'You square the distances'),
            ("def Answer(probabilities, labels, bins=15):\n    conf, pred = probabilities.max(1)\n    probabilities.zero_()\n    ok = (pred == labels).float()\n    e = 0.0\n    for i in range(bins):\n        m = (conf > i / bins) & (conf <= (i + 1) / bins)\n        if m.any():\n            e += (conf[m].mean() - ok[m].mean()).abs() * m.float().mean()\n    return e\n", 'your function changes `probabilities`'),
        ),
    ),
}  # fmt: skip
