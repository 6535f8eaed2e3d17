"""Makes the course's Python environment, `.venv`, and keeps it up to date: `python3 bootstrap.py`.

`make lab` and `make test` call this first. Any Python can read this file, however old, so that an old one
can be told what is needed; the work itself is in utils/setup/environment.py.
"""

import sys

NEEDED = (3, 11)


def complaint(version, executable):
    """What to tell the owner of an interpreter that is too old; an empty text when it will do."""
    if tuple(version[:2]) >= NEEDED:
        return ""
    return (
        "The course needs Python {}.{} or later, and {} is Python {}. Install a newer one (from python.org, with your "
        "system's packages, or with conda and environment.yml) and name it: make lab PYTHON=python3.11"
    ).format(NEEDED[0], NEEDED[1], executable or "this", ".".join(str(part) for part in version[:3]))


if __name__ == "__main__":
    problem = complaint(sys.version_info, sys.executable)
    if problem:
        sys.stderr.write(problem + "\n")
        sys.exit(1)

    from utils.setup.environment import main

    sys.exit(main())
