"""What a lesson answers its learner: checks that explain, hints, solutions, predictions and progress."""

from utils.feedback.lesson import Feedback, Wrong

__all__ = ["Feedback", "Wrong"]
