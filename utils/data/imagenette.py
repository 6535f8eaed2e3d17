"""Imagenette: ten classes of ImageNet that are easily told apart, with 320 pixels along the shorter side."""

import os
import shutil
import tarfile
from pathlib import Path

from utils.data.download import fetch
from utils.system.places import cache_folder, data_folder

FOLDER = "imagenette2-320"
URL = f"https://s3.amazonaws.com/fast-ai-imageclas/{FOLDER}.tgz"  # github.com/fastai/imagenette names it
MD5 = "3df6f0d01a2c9592104656642f5e78a3"
SIZE = 224  # side to which the images are cut, where nothing is said: with both splits some 2 GB
NAMES = {  # of the class folders, which are called by WordNet's numbers
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}


def imagenette() -> Path:
    """Imagenette's folder, with `train` and `val` in it: in `$COURSE_DATA`, or where COURSE_DATA is not set in the cache folder.

    Downloaded where it is in neither (341 MB), after saying so.

    Raises:
        FileNotFoundError: it is not there, or COURSE_DATA is not set and it cannot be downloaded.
        ValueError: what was downloaded is cut off or altered. Nothing is kept.
        OSError: the cache folder cannot be written.
    """
    base = data_folder()
    if base is not None:
        folder = base / FOLDER
        if not (folder / "train").is_dir() or not (folder / "val").is_dir():
            raise FileNotFoundError(
                f"COURSE_DATA is {os.environ['COURSE_DATA']!r}, and there is no {folder} with train and val in it. Unpack "
                f"{FOLDER}.tgz there ({URL}), or unset COURSE_DATA to download it."
            )
        return folder
    folder = cache_folder() / FOLDER
    if not folder.is_dir():
        _unpack(fetch(URL, md5=MD5, folder=cache_folder()), folder)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive whose one folder is called as `folder` is, whole or not at all, and delete it."""
    print(f"Unpacking {archive} into {folder.parent}.", flush=True)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        with tarfile.open(archive) as file:
            file.extractall(beside, filter="data")
        os.replace(beside / folder.name, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    archive.unlink()
