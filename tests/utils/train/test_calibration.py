"""Calibration against cases worked out by hand."""

import math

import pytest
import torch

from utils.train.calibration import expected_calibration_error, reliability


def of_two(*confidences: float) -> torch.Tensor:
    """Probabilities of two classes in which class 0 is the answer, at these confidences."""
    return torch.tensor([[each, 1 - each] for each in confidences], dtype=torch.float64)


def test_always_sure_and_right_is_calibrated():
    assert expected_calibration_error(of_two(1.0, 1.0, 1.0), torch.tensor([0, 0, 0])) == 0


def test_always_sure_and_wrong_is_off_by_one():
    assert expected_calibration_error(of_two(1.0, 1.0), torch.tensor([1, 1])) == 1


def test_three_of_four_at_three_quarters_is_calibrated():
    assert expected_calibration_error(of_two(*[0.75] * 4), torch.tensor([0, 0, 0, 1])) == pytest.approx(0)


def test_a_case_by_hand():
    """Ten bins. Two answers in (0.5, 0.6]: 0.52 right, 0.58 wrong. Three in (0.9, 1]: 0.92, 0.96, 1.0, two right."""
    probabilities, labels = of_two(0.52, 0.58, 0.92, 0.96, 1.0), torch.tensor([0, 1, 0, 1, 0])
    found = reliability(probabilities, labels, bins=10)
    assert found.count.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 3]
    assert found.accuracy[5] == pytest.approx(0.5)
    assert found.confidence[5] == pytest.approx(0.55)
    assert found.accuracy[9] == pytest.approx(2 / 3)
    assert found.confidence[9] == pytest.approx(0.96)
    assert math.isnan(found.accuracy[0])
    assert found.low.tolist() == pytest.approx([each / 10 for each in range(10)])
    by_hand = 2 / 5 * abs(0.5 - 0.55) + 3 / 5 * abs(2 / 3 - 0.96)
    assert expected_calibration_error(probabilities, labels, bins=10) == pytest.approx(by_hand)


def test_an_edge_belongs_to_the_bin_below_it():
    assert reliability(of_two(0.75), torch.tensor([0]), bins=4).count.tolist() == [0, 0, 1, 0]


def test_one_bin_compares_the_means():
    probabilities = torch.rand(500, 7, generator=torch.Generator().manual_seed(0)).softmax(dim=1)
    labels = torch.arange(500) % 7
    confidence, answer = probabilities.max(dim=1)
    by_hand = abs(float(confidence.mean()) - float((answer == labels).float().mean()))
    assert expected_calibration_error(probabilities, labels, bins=1) == pytest.approx(by_hand, abs=1e-6)
    assert expected_calibration_error(probabilities, labels) >= by_hand - 1e-6  # more bins never hide more
    assert reliability(probabilities, labels).count.sum() == 500


@pytest.mark.parametrize(
    ("probabilities", "labels", "said"),
    [
        (torch.randn(4, 3) * 5, torch.zeros(4, dtype=torch.long), "Are they logits"),
        (of_two(0.6), torch.tensor([2]), "labels are torch.int64 from 2 to 2"),
        (of_two(0.6), torch.tensor([0, 1]), r"probabilities are \(1, 2\) and labels \(2,\)"),
        (torch.zeros(0, 2), torch.zeros(0, dtype=torch.long), "one image or more"),
        (of_two(math.nan), torch.tensor([0]), "must be 0 or more"),
    ],
)
def test_what_is_no_answer_is_said(probabilities, labels, said):
    with pytest.raises(ValueError, match=said):
        reliability(probabilities, labels)


def test_bins_are_a_whole_number():
    with pytest.raises(ValueError, match="bins is 0"):
        reliability(of_two(0.6), torch.tensor([0]), bins=0)
