"""What a lesson answers its learner: checks that explain, hints, solutions, predictions and progress."""

from utils.feedback.exercises import Feedback, Wrong
from utils.feedback.functions import on_copies
from utils.feedback.modules import same_module

__all__ = ["Feedback", "Wrong", "on_copies", "same_module"]
