"""What becomes of the pixels of all kinds of image files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from snnplug_datasets.image import read_image
from torchvision.transforms.v2.functional import pil_to_tensor

from snnplug.errors import DataError

RAMP = numpy.linspace(0, 65535, 96).reshape(8, 12)
COLOURS = numpy.random.default_rng(0).integers(0, 256, (8, 12, 4), dtype=numpy.uint8)


def stored(place: Path, image: Image.Image, ending: str = "png", **how: object) -> str:
    file = place / f"x.{ending}"
    image.save(file, **how)
    return str(file)


def colours(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(COLOURS[..., :3]).convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "gif", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_ordinary_images_are_as_pillow_converts_them(
    tmp_path: Path, mode: str, ending: str, channels: int
) -> None:
    file = stored(tmp_path, colours(mode), ending)
    with Image.open(file) as image:
        expected = pil_to_tensor(image.convert("RGB" if channels == 3 else "L"))
    found = read_image(file, channels)
    assert found.dtype == torch.uint8
    assert torch.equal(found, expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_cmyk(tmp_path: Path, channels: int) -> None:
    file = stored(tmp_path, Image.new("CMYK", (4, 3), (0, 255, 255, 0)), "tif")
    assert read_image(file, channels).flatten(1).unique(dim=1).flatten().tolist() == (
        [255, 0, 0] if channels == 3 else [76]
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("ending", "order"), [("png", "<u2"), ("tif", "<u2"), ("tif", ">u2"), ("pgm", "<u2")]
)
def test_grey_of_16_bits_keeps_its_levels(tmp_path: Path, ending: str, order: str, channels: int) -> None:
    grey = RAMP.astype(order)
    found = read_image(stored(tmp_path, Image.fromarray(grey), ending), channels)
    assert found.shape == (channels, 8, 12)
    expected = torch.tensor(grey.astype(numpy.float64) / 65535).float()
    torch.testing.assert_close(found, expected.expand_as(found), rtol=0, atol=1e-6)
    assert len(found.unique()) == 96


def test_colours_of_16_bits(tmp_path: Path) -> None:
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    row = b"\0" + numpy.array([[65535, 32768, 256], [0, 255, 513]], ">u2").tobytes()
    header = (2).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    file = tmp_path / "x.png"
    file.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row))
        + chunk(b"IEND", b"")
    )
    assert read_image(str(file), 3)[:, 0].tolist() == [[255, 0], [128, 0], [1, 2]]


def test_floating_point_in_0_to_1(tmp_path: Path) -> None:
    grey = (RAMP / 65535).astype(numpy.float32)
    found = read_image(stored(tmp_path, Image.fromarray(grey), "tif"), 3)
    assert torch.equal(found, torch.tensor(grey).expand(3, 8, 12))


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (RAMP.astype(numpy.float32), r"floating-point values from 0 to 65535; they must be in \[0, 1\]"),
        (-RAMP.astype(numpy.float32), r"from -65535 to -?0;"),
        (numpy.full((2, 2), numpy.nan, numpy.float32), "from nan to nan"),
        (RAMP.astype(numpy.int32), "holds integers of 32 bits"),
        (-RAMP.astype(numpy.int32), "holds integers of 32 bits"),
    ],
)
def test_values_without_a_known_range_are_refused(
    tmp_path: Path, pixels: numpy.ndarray[tuple[int, int], numpy.dtype[numpy.float32]], message: str
) -> None:
    with pytest.raises(DataError, match=rf"^the image .*x\.tif holds .*{message.removeprefix('holds ')}"):
        read_image(stored(tmp_path, Image.fromarray(pixels), "tif"), 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_images_are_turned_upright(tmp_path: Path, ending: str, orientation: int) -> None:
    upright = Image.new("L", (16, 32))
    upright.paste(255, (0, 0, 16, 8))
    upright.paste(128, (0, 8, 8, 32))
    ways = Image.Transpose
    back = {  # how a camera held that way stores it
        2: ways.FLIP_LEFT_RIGHT,
        3: ways.ROTATE_180,
        4: ways.FLIP_TOP_BOTTOM,
        5: ways.TRANSPOSE,
        6: ways.ROTATE_90,
        7: ways.TRANSVERSE,
        8: ways.ROTATE_270,
    }
    image = upright.transpose(back[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = read_image(stored(tmp_path, image, ending, exif=exif), 1)
    difference = found.int() - pil_to_tensor(upright).int()
    assert difference.abs().max() <= (60 if ending in ("jpg", "webp") else 0)
    assert difference.abs().float().mean() < 6


def test_damaged_exif_does_not_cost_the_image(tmp_path: Path) -> None:
    file = stored(tmp_path, colours(), exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff" + b"\0" * 9)
    assert torch.equal(read_image(file, 3), pil_to_tensor(colours()))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_what_is_transparent_lies_on_white(tmp_path: Path, mode: str, channels: int) -> None:
    image = Image.new("RGBA", (4, 2), (0, 0, 0, 255))
    image.paste((10, 20, 30, 0), (2, 0, 4, 2))
    how: dict[str, object] = {}
    if mode in ("P", "RGB"):  # one colour stands for nothing
        image = image.convert("RGB")
        image = image.quantize(4) if mode == "P" else image
        hidden = image.getpixel((3, 0))
        how["transparency"] = hidden
    else:
        image = image.convert(mode)
    found = read_image(stored(tmp_path, image, **how), channels)
    assert found[:, :, 2:].eq(255).all()
    assert found[:, :, :2].eq(0).all()


def test_half_transparent_is_mixed_with_white(tmp_path: Path) -> None:
    file = stored(tmp_path, Image.new("RGBA", (2, 2), (255, 0, 0, 51)))
    assert read_image(file, 3)[:, 0, 0].tolist() == [255, 204, 204]


def test_transparent_grey_of_16_bits(tmp_path: Path) -> None:
    grey = RAMP.astype(numpy.uint16)
    found = read_image(stored(tmp_path, Image.fromarray(grey), transparency=0), 1)
    assert found[0, 0, 0] == 1
    assert found[0, 0, 1] == pytest.approx(689 / 65535)


def test_opaque_alpha_changes_nothing(tmp_path: Path) -> None:
    image = colours()
    image.putalpha(255)
    for channels, mode in ((1, "L"), (3, "RGB")):
        assert torch.equal(read_image(stored(tmp_path, image), channels), pil_to_tensor(colours(mode)))


def half(file: str) -> None:
    content = Path(file).read_bytes()
    Path(file).write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "tif", "webp", "ppm", "gif"])
def test_half_a_file_is_named(tmp_path: Path, ending: str) -> None:
    file = stored(tmp_path, colours().resize((64, 64)), ending)
    half(file)
    with pytest.raises(
        DataError, match=rf"^the image .*x\.{ending} cannot be read \(.+\); remove or replace it$"
    ):
        read_image(file, 3)


@pytest.mark.parametrize(
    "content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"P6 8 8 255\n", b"II*\0" + b"\xff" * 40]
)
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"^the image .*x\.png cannot be read"):
        read_image(str(file), 3)


@pytest.mark.filterwarnings("ignore")  # as for a user, to whom Pillow only warns of the smaller one
@pytest.mark.parametrize("limit", [5000, 15000])
def test_a_decompression_bomb_is_named(limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = stored(tmp_path, Image.new("1", (200, 100)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(DataError, match=r"x\.png cannot be read \(Image size \(20000 pixels\) exceeds"):
        read_image(file, 3)


@pytest.mark.parametrize("kind", ["pipe", "broken link", "folder", "nothing"])
def test_no_file_is_named_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "x.png"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "broken link":
        file.symlink_to(tmp_path / "nowhere.png")
    elif kind == "folder":
        file.mkdir()
    with pytest.raises(DataError, match=r"x\.png is not there, or is no regular file"):
        read_image(str(file), 3)
