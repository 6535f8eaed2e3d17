"""Whether this machine has an NVIDIA GPU, asked without torch."""

import shutil
from pathlib import Path


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA driver is there: its device file, that of Windows' subsystem for Linux, or `nvidia-smi`."""
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists() or shutil.which("nvidia-smi") is not None
