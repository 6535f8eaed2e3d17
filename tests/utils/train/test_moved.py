"""What moved, and the recorded runs from before it did."""

from utils.system.places import RUNS

RECORDED = sorted(RUNS.glob("*/*/*.json"))
