"""What a teacher uses: a class's folder, releasing, taking in, marking, marks."""

import utils.system.quick_start  # noqa: F401  before nbformat is imported
