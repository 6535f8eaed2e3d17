"""What tests of a class share."""

import pytest

from classroom import course_folder


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A class in which lesson 01's assignment is released; tests work on copies."""
    folder = tmp_path_factory.mktemp("classes") / "class"
    course_folder.init(folder, seed="2026", slugs=["inception_module"])
    course_folder.release(folder, "inception_module")
    return folder
