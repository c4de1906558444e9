"""One image file as pixels, whatever it holds, or one line that says why it cannot be used.

| in the file | pixels |
|---|---|
| up to 8 bits a channel, palettes, CMYK, colours of 16 bits | 0..255, as Pillow converts them |
| grey of 16 bits | value / 65535 |
| grey of 32-bit floating point | the value, if all are in [0, 1]; other ranges are refused |
| grey of 32-bit integers | refused: nothing says which value is white |
| an orientation (EXIF) | turned upright |
| transparency | laid on white |
| several frames | the first |
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy
import torch
from torch import Tensor

from snnplug.errors import DataError

__all__ = ["read_image"]

_ORIENTATION = 0x0112  # the tag of EXIF


def read_image(file: str, channels: int) -> Tensor:
    """Return pixels `[C, H, W]`: uint8 in 0..255, or float32 in [0, 1] where there are more than 8 bits.

    Args:
        file: path.
        channels: 3 for colour, 1 for grey.

    Raises:
        DataError: it is no file, cannot be read, or its values have no known range.
    """
    from PIL import Image, UnidentifiedImageError

    if not os.path.isfile(file):  # opening a pipe would wait for ever
        raise DataError(f"the image {file} is not there, or is no regular file; remove or replace it")
    try:
        # not by name: Pillow 13 maps an uncompressed TIFF to be turned with its sides exchanged
        with open(file, "rb") as content, _no_bombs(), Image.open(content) as image:
            return _pixels(_upright(image), image.format, channels)
    except DataError as error:
        raise DataError(f"the image {file} {error}") from None
    except Exception as error:  # Pillow raises whatever its parsers run into
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = "its format is unknown"
        raise DataError(f"the image {file} cannot be read ({reason}); remove or replace it") from error


@contextlib.contextmanager
def _no_bombs() -> Iterator[None]:
    """Refuse a file that holds more pixels than Pillow warns of: small ones may fill the memory."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _upright(image: Any) -> Any:
    from PIL import ImageOps

    try:
        turned = image.getexif().get(_ORIENTATION, 1) != 1
    except Exception:  # a damaged block of facts about an image that may be whole
        return image
    return ImageOps.exif_transpose(image) if turned else image


def _pixels(image: Any, form: str | None, channels: int) -> Tensor:
    from torchvision.transforms.v2 import functional as transforms

    if image.mode == "F" or image.mode.startswith("I"):
        values = _deep_grey(image, form)
        return values.expand(channels, *values.shape).contiguous()
    target = "RGB" if channels == 3 else "L"
    if image.has_transparency_data:
        image = _on_white(image)
    pixels: Tensor = transforms.pil_to_tensor(image.convert(target))
    return pixels


def _deep_grey(image: Any, form: str | None) -> Tensor:
    """Return the values `[H, W]` in [0, 1] of an image of more than 8 bits."""
    values = torch.from_numpy(numpy.array(image).astype(numpy.float32))
    if isinstance(clear := image.info.get("transparency"), int):
        values[values == clear] = 1 if image.mode == "F" else 65535
    if image.mode == "F":
        if not bool(((values >= 0) & (values <= 1)).all()):
            low, high = float(values.min()), float(values.max())
            raise DataError(
                f"holds floating-point values from {low:g} to {high:g}; they must be in [0, 1]: divide them, "
                "or save it with 8 or 16 bits"
            )
        return values
    if image.mode == "I" and form not in ("PNG", "PPM"):  # there it stands for 16 bits
        raise DataError(
            "holds integers of 32 bits, of which nothing says which is white; save it with 8 or 16 bits"
        )
    return values / 65535


def _on_white(image: Any) -> Any:
    from PIL import Image

    clear = image.convert("RGBA")
    if clear.getextrema()[3][0] == 255:
        return image
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
