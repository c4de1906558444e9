"""The images below class folders, in the order in which torchvision lists them.

What systems leave beside images is left out at every level: names that begin with a dot
(`.ipynb_checkpoints`, `.thumbnails`, `._x.png`), `__MACOSX`, `@eaDir` and their like.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from snnplug.errors import DataError
from snnplug_datasets.kept_listing import keep_listing, kept_listing

__all__ = ["Samples", "class_folders", "is_left_out", "labelled_images"]

Samples = list[tuple[str, int]]  # file and class index

_LEFT_OUT = (
    "__MACOSX",
    "@eaDir",
    "@Recycle",
    "#recycle",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
)


def is_left_out(name: str) -> bool:
    """Whether a folder or file of that name is none of the user's."""
    return name.startswith(".") or name in _LEFT_OUT


def class_folders(place: Path) -> list[str]:
    """Return the names of the class folders in alphabetical order.

    Raises:
        DataError: the folder cannot be read, or a link in it leads nowhere.
    """
    try:
        with os.scandir(place) as entries:
            return sorted(
                entry.name for entry in entries if not is_left_out(entry.name) and _is_folder(entry)
            )
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"the folder {place} cannot be read: {error.strerror}") from error


def labelled_images(place: Path) -> tuple[list[str], Samples]:
    """Return the classes, and every image with the index of its class.

    Raises:
        DataError: there are no class folders, one has no images, or an image is no file.
    """
    from torchvision.datasets.folder import IMG_EXTENSIONS

    what = f"{place} is no folder of class folders with images"
    if (kept := kept_listing(place)) is not None:
        return [name for name, _ in kept], [(file, i) for i, (_, files) in enumerate(kept) for file in files]
    classes, folders, walked = class_folders(place), [], [str(place)]
    if not classes:
        raise DataError(f"{what}: there is no class folder in it")
    for name in classes:
        found = sorted(_walk(place / name, IMG_EXTENSIONS))
        walked += [folder for folder, _ in found]
        folders.append((name, [file for _, files in found for file in files]))
    if empty := [name for name, files in folders if not files]:
        raise DataError(
            f"{what}: there are none for {', '.join(empty)}. Supported endings: {', '.join(IMG_EXTENSIONS)}"
        )
    keep_listing(place, walked, folders)
    return classes, [(file, i) for i, (_, files) in enumerate(folders) for file in files]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    if entry.is_symlink() and not os.path.exists(entry.path):
        raise DataError(f"the link {entry.path} leads nowhere; remove or mend it")
    return entry.is_dir()


def _walk(
    folder: Path, endings: tuple[str, ...], around: tuple[str, ...] = ()
) -> Iterator[tuple[str, list[str]]]:
    """Yield every folder with its images in alphabetical order.

    Args:
        folder: where to begin.
        endings: of images.
        around: the real paths of the folders that it is in.
    """
    files, around = [], (*around, os.path.realpath(folder))
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_left_out(entry.name):
                    continue
                if entry.is_dir():
                    if os.path.realpath(entry.path) in around:
                        raise DataError(f"the folder {entry.path} is a link to one that it is in; remove it")
                    yield from _walk(Path(entry.path), endings, around)
                elif entry.name.lower().endswith(endings):
                    if not entry.is_file():
                        raise DataError(
                            f"the image {entry.path} is a broken link, a pipe or a device; remove it"
                        )
                    files.append(entry.path)
                else:
                    _is_folder(entry)
    except OSError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"the folder {folder} cannot be read: {error.strerror}") from error
    yield str(folder), sorted(files)
