"""What makes a course of lessons: their order, their building, the learner's folder, experiments, the ledger."""

import utils.system.quick_start  # noqa: F401  before nbformat is imported
