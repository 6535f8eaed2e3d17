"""What every check of a module must refuse, and what it must accept, tried around a right answer of each exercise."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from course.build import feedback_of
from course.syllabus import LESSONS
from tests.lessons.answers import of_lesson

EXERCISES = {
    "inception_module": ("naive_module", "reduced_branch", "inception_module"),
    "googlenet": ("modules_from_table", "aux_head"),
    "batch_norm": ("inception_a",),
    "factorization": ("two_factors", "inception_b", "inception_c", "assemble"),
    "inception_v4": ("short_and_long", "reduction_a", "inception_c", "assemble"),
    "residual_scaling": ("scaled_residual", "inception_resnet_a"),
    "xception": ("separable", "xception_block"),
}
CASES = [(slug, name) for slug, names in EXERCISES.items() for name in names]
IN_TRAINING = "in training mode the values are not: "
CHANGED = "changes its input, which others read, too: "


@pytest.fixture(autouse=True)
def _own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))
    monkeypatch.setattr("utils.feedback.undoing.SECONDS", 0)  # the slips are around the answer, not in it


def right_answer(slug, name):
    """A builder of right modules, as a learner wrote it."""
    answers, names = of_lesson(slug)
    scope = {"torch": torch, "nn": nn, **names}
    exec(compile(answers[name].right[0], "a learner's cell", "exec"), scope)
    return scope["Answer"]


def judged(slug, name, answer):
    (lesson,) = [each for each in LESSONS if each.slug == slug]
    return getattr(feedback_of(lesson).check, name)(answer)


def around(slug, name, before=lambda module, x: x, after=lambda module, x, y: y):
    """The right module with something done before it and after it."""
    build = right_answer(slug, name)

    class Around(nn.Module):
        def __init__(self, *arguments, **named):
            super().__init__()
            self.inner = build(*arguments, **named)

        def forward(self, x):
            given = before(self, x)
            return after(self, x, self.inner(given))

    return Around


WRONG = {
    "relu_ of its input": ({"before": lambda module, x: x.relu_()}, (CHANGED + "`relu_`",)),
    "mul_ of its input": ({"before": lambda module, x: x.mul_(2)}, (CHANGED + "`mul_`",)),
    "a detached input": ({"before": lambda module, x: x.detach()}, ("No gradient reaches the input", "A `detach` in your forward")),
    "dropout": ({"after": lambda module, x, y: functional.dropout(y, 0.1, module.training)}, (IN_TRAINING,)),
    "another function in training": ({"after": lambda module, x, y: y * (0.5 if module.training else 1)}, (IN_TRAINING,)),
    "cut off above 6": ({"after": lambda module, x, y: y.clamp(max=6)}, ("the values are not: ", "clamp", "above 6 is cut off")),
    "right for two images": ({"after": lambda module, x, y: y if len(y) == 2 else 2 * y}, ("for a batch of two",)),
    "modes of its own": ({"before": lambda module, x: module.inner.eval() and x}, ("into another mode",)),
    "gradients left off": ({"before": lambda module, x: (torch.set_grad_enabled(False) and x) or x}, ("switches gradients off for all that follows",)),
    "random numbers seeded anew": ({"before": lambda module, x: torch.manual_seed(12345) and x}, ("seeds torch's random numbers anew",)),
    "other numbers": ({"after": lambda module, x, y: y.double()}, ("torch.float64; torch.float32 is expected",)),
    "right for one grid": ({"after": lambda module, x, y: y if module.__dict__.setdefault("grid", x.shape[2:]) == x.shape[2:] else 2 * y}, ("It is right on a grid of",)),
    "right for no image of zeros": ({"before": lambda module, x: x / x.square().sum((1, 2, 3), keepdim=True).sqrt() * x.square().sum((1, 2, 3), keepdim=True).sqrt()}, ("not for an image of zeros",)),
    "right once in training": ({"after": lambda module, x, y: y if not module.training or module.__dict__.setdefault("first", x) is x else 2 * y}, ("a later one on the same images is not", IN_TRAINING)),
    "frozen": ({"before": lambda module, x: module.requires_grad_(False) and x}, ("requires_grad=False", "No gradient reaches")),
}  # fmt: skip


ON_ONE_GRID = "aux_head"  # a dense layer reads one grid only


@pytest.mark.parametrize("slip", WRONG)
@pytest.mark.parametrize(("slug", "name"), CASES, ids=[f"{slug}-{name}" for slug, name in CASES])
def test_what_differs_around_a_right_answer_is_refused(slug, name, slip):
    if name == ON_ONE_GRID and slip in ("right for one grid", "right for no image of zeros"):
        pytest.skip("the grid is always the same")
    options, words = WRONG[slip]
    result = judged(slug, name, around(slug, name, **options))
    assert not result and any(each in result.body for each in words), result.body


@pytest.mark.parametrize(("slug", "name"), CASES, ids=[f"{slug}-{name}" for slug, name in CASES])
def test_modules_that_share_their_weights_are_refused(slug, name):
    build, made = right_answer(slug, name), {}

    def once(*arguments, **named):
        return made.setdefault(repr((arguments, named)), build(*arguments, **named))

    result = judged(slug, name, once)
    is_given_modules = name == "scaled_residual"  # which it shares
    assert bool(result) == is_given_modules and (result or "what trains the one changes the other" in result.body)


def looked_at(module, x):
    """As somebody leaves it behind who searched for a mistake."""
    assert not torch.isnan(x).any() and x.mean().item() < 1e9, f"{x.mean():.2f}"
    if (x > 1e9).any():
        raise ValueError
    f"{x.std():.3f}"
    return x


def lazily(module):
    """Its convolutions and normalisations as layers that find out their channels."""
    for name, child in module.named_children():
        if type(child) is nn.Conv2d and child.groups == 1:
            more = {key: getattr(child, key) for key in ("kernel_size", "stride", "padding", "dilation")}
            setattr(module, name, nn.LazyConv2d(child.out_channels, bias=child.bias is not None, **more))
        elif type(child) is nn.BatchNorm2d:
            setattr(module, name, nn.LazyBatchNorm2d(eps=child.eps))
        else:
            lazily(child)
    return module


@pytest.mark.parametrize(("slug", "name"), CASES, ids=[f"{slug}-{name}" for slug, name in CASES])
def test_a_right_answer_is_right_in_other_forms(slug, name):
    build = right_answer(slug, name)
    forms = {
        "wrapped": around(slug, name),
        "its result in a buffer": around(slug, name, after=lambda module, x, y: torch.empty_like(y).copy_(y)),
        "its numbers looked at": around(slug, name, before=looked_at, after=lambda module, x, y: looked_at(module, y)),
        "lazy layers": lambda *arguments, **named: lazily(build(*arguments, **named)),
    }
    for form, answer in forms.items():
        result = judged(slug, name, answer)
        assert result, f"{form}: {result.body}"


@pytest.mark.parametrize(("slug", "name"), CASES, ids=[f"{slug}-{name}" for slug, name in CASES])
def test_a_scripted_module_is_told_what_is_needed(slug, name):
    build = right_answer(slug, name)
    result = judged(slug, name, lambda *arguments, **named: torch.jit.script(build(*arguments, **named)))
    assert not result and ("scripted or traced" in result.body or "stopped with" in result.body), result.body
