"""nbgrader on the server: where it hands out and takes in, and a teacher's own class."""

import os
from pathlib import Path

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = os.environ["COURSE_ID"]
c.Exchange.root = os.environ["COURSE_EXCHANGE"]

# The class that the formgrader shows is the folder named after the course, at home:
# python -m lessons classroom init ~/inception
_own = Path.home() / os.environ["COURSE_ID"]
if (_own / "nbgrader_config.py").exists():
    load_subconfig("nbgrader_config.py", path=str(_own))  # noqa: F821
    c.CourseDirectory.root = str(_own)
    c.CourseDirectory.db_url = f"sqlite:///{_own / 'gradebook.db'}"  # the formgrader would look for it at home
