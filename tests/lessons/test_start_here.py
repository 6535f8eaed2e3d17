"""What the text of lesson 00 says of its first network."""

import re

from torchinfo import summary

from lessons.start_here.first_network import FirstNetwork
from utils.cost import profile
from utils.system.places import LESSONS

TEXT = re.sub(r"\s+", " ", (LESSONS / "start_here" / "lesson.md").read_text(encoding="utf-8"))


def test_what_torchinfo_counts_more_is_less_than_its_digits_show():
    ours, theirs = profile(FirstNetwork(), (1, 8, 8)).macs, summary(FirstNetwork(), (1, 1, 8, 8), verbose=0)
    assert 0 < theirs.total_mult_adds - ours < 1000 and f"{ours / 1e6:.2f}" in str(theirs)
    assert "its total lies a little higher, here by less than its digits show" in TEXT
