"""The curves of a run: pictures, their words, and what they show within an epoch."""

import re
from dataclasses import replace

import pytest

from tests.utils.train.test_runs import make_run
from utils.train.curves import Curves


def test_pictures_change_with_the_run():
    run = make_run()
    curves = Curves(run)
    empty = curves.pngs()
    assert all(png.startswith(b"\x89PNG") for png in empty)
    curves.add(0.5, 2.0)
    curves.add(0.75, 1.0)
    begun = curves.pngs()
    assert begun[0] != empty[0] and begun[1] == empty[1] and begun[2] != empty[2]
    run.history += make_run(0.25, 0.9).history
    done = curves.pngs()
    assert all(after != before for after, before in zip(done, begun, strict=True))


def test_words_for_who_cannot_see_the_pictures():
    assert all("No epoch is finished yet." in text for text in Curves(make_run()).texts()[:2])
    loss, accuracy, rate = Curves(make_run(0.25, 0.9)).texts()
    assert "Test loss goes from 0.750 after epoch 1 to 0.100 after epoch 2" in loss
    assert "Test accuracy goes from 25.0% after epoch 1 to 90.0% after epoch 2." in accuracy
    assert rate.startswith("Learning rate of ")


def test_averaged_weights_have_a_line_of_their_own():
    run = make_run(0.25, 0.9)
    run.recipe = replace(run.recipe, averaging=0.9)
    run.history = [replace(epoch, averaged_loss=0.5, averaged_accuracy=0.93) for epoch in run.history]
    curves = Curves(run)
    curves.pngs()
    assert curves.lines["averaged_accuracy"].get_ydata() == pytest.approx([93, 93])
    assert "with the averaged weights it ends at 93.0%." in curves.texts()[1]


def test_losses_that_are_no_numbers_are_left_out():
    run = make_run(0.25, 0.9)
    run.history[1] = replace(run.history[1], test_loss=float("nan"), train_loss=float("inf"))
    curves = Curves(run)
    curves.add(0.5, float("nan"))
    curves.pngs()
    assert curves.batches == [] and list(curves.lines["test_loss"].get_xdata()) == [1]
    assert curves.loss.axes.get_ylim()[1] == pytest.approx(1.3 * 0.75)


def test_the_learning_rate_is_drawn_as_far_as_the_run_has_come():
    run = make_run()
    run.recipe = replace(run.recipe, epochs=4, schedule="cosine", learning_rate=0.2)
    curves = Curves(run)
    curves.add(2.0, 1.0)
    curves.pngs()
    assert curves.rate_so_far.get_xdata()[-1] == pytest.approx(2.0)
    assert curves.rate_so_far.get_ydata()[-1] == pytest.approx(0.1)


def test_the_still_form_says_all_in_words():
    curves = Curves(make_run(0.25, 0.9))
    page = curves.html("<done>")
    assert "&lt;done&gt;" in page
    assert tuple(re.findall('alt="([^"]+)"', page)) == curves.texts()
