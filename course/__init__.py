"""What makes a course of lessons: their order, their building, the learner's folder, experiments, the ledger."""
