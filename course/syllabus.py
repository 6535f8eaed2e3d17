"""The lessons in their order. A lesson appears here once it can be opened."""

from dataclasses import dataclass
from pathlib import Path

from utils.system.places import LESSONS as LESSONS_FOLDER


@dataclass(frozen=True)
class Lesson:
    """One lesson of the course: where its source lies and what a table of contents says of it."""

    number: int
    slug: str
    title: str
    paper: str
    minutes: int

    @property
    def folder(self) -> Path:
        return LESSONS_FOLDER / self.slug

    @property
    def notebook(self) -> str:
        """File name of the notebook that is built from the lesson."""
        return f"{self.number:02d}_{self.slug}.ipynb"


LESSONS = (
    Lesson(0, "start_here", "Start here", "", 40),
    Lesson(1, "inception_module", "The Inception module", "Going deeper with convolutions, sections 1 to 4", 90),
    Lesson(2, "googlenet", "GoogLeNet", "Going deeper with convolutions, sections 5 to 7", 110),
    Lesson(3, "batch_norm", "Batch normalisation", "Batch Normalization, with a doubt about its reasons", 130),
    Lesson(
        4,
        "factorization",
        "Factorised convolutions",
        "Rethinking the Inception architecture, sections 1 to 3, 5 and 6",
        130,
    ),
    Lesson(
        5,
        "label_smoothing",
        "Label smoothing and the training recipe",
        "Rethinking the Inception architecture, sections 4 and 6 to 9",
        100,
    ),
    Lesson(6, "inception_v4", "Inception-v4", "Inception-v4, Inception-ResNet ..., section 3.1", 100),
    Lesson(
        7,
        "residual_scaling",
        "Residual Inception and scaling",
        "Inception-v4, Inception-ResNet ..., sections 3.2 to 5",
        110,
    ),
    Lesson(8, "xception", "Xception", "Xception: deep learning with depthwise separable convolutions", 110),
    Lesson(9, "family", "The family", "all papers of the course", 110),
    Lesson(10, "capstone", "Design your own", "all papers of the course, under one budget", 100),
)


def lesson(slug: str) -> Lesson:
    """The lesson of that slug.

    Raises:
        ValueError: there is no such lesson; the message lists those there are.
    """
    for entry in LESSONS:
        if entry.slug == slug:
            return entry
    raise ValueError(f"There is no lesson {slug!r}. The lessons are: {', '.join(e.slug for e in LESSONS)}.")
