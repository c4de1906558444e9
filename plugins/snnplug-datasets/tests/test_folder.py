from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from PIL import Image
from snnplug_datasets.listing import labelled_images
from torchvision.datasets import ImageFolder

from snnplug import Registry, Splits
from snnplug.errors import DataError, ParameterError

registry = Registry.from_installed()
COLOURS = {"blue": (0, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}


def paint(file: Path, colour: tuple[int, int, int], size: tuple[int, int] = (12, 10)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(file)


def paint_classes(place: Path, count: int, inner: str = "") -> None:
    for name, colour in COLOURS.items():
        for i in range(count):
            paint(place / name / inner / f"{name}_{i}.png", colour)


def load(root: Path, **parameters: object) -> Splits:
    splits: Splits = registry.create("dataset", "image_folder", root=str(root), size=8, **parameters)
    return splits


def check_labels(part: torch.utils.data.Dataset[object]) -> None:
    values, labels = part.batch(torch.arange(len(part)))
    for value, label in zip(values, labels, strict=True):
        colour = torch.tensor(list(COLOURS.values())[label]) / 255
        assert torch.equal(value, colour.view(3, 1, 1).expand(3, 8, 8))


def test_a_flat_folder_is_divided(tmp_path: Path) -> None:
    paint_classes(tmp_path, 10)
    splits = load(tmp_path, val_fraction=0.25, test_fraction=0.2)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (18, 6, 6)
    assert splits.class_names == ("blue", "green", "red")
    assert splits.task.input_shape == (3, 8, 8)
    assert splits.task.classes == 3
    for part in (splits.train, splits.val, splits.test):
        check_labels(part)
        assert part.labels.bincount().tolist() == [len(part) // 3] * 3
    assert not set(splits.train.files) & set(splits.val.files + splits.test.files)
    value, label = splits.train[0]
    assert value.shape == (3, 8, 8)
    assert label == splits.train.labels[0]


def test_a_folder_divided_in_three_is_taken_as_it_is(tmp_path: Path) -> None:
    for part, count in (("train", 3), ("val", 2), ("test", 1)):
        paint_classes(tmp_path / part, count)
    splits = load(tmp_path)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (9, 6, 3)


@pytest.mark.parametrize("held_out", ["val", "test"])
def test_of_two_parts_the_second_is_the_test_set(tmp_path: Path, held_out: str) -> None:
    paint_classes(tmp_path / "train", 4)
    paint_classes(tmp_path / held_out, 2)
    splits = load(tmp_path, val_fraction=0.25)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (9, 3, 6)
    assert all(f"/{held_out}/" in Path(file).as_posix() for file in splits.test.files)


def test_a_training_part_alone(tmp_path: Path) -> None:
    paint_classes(tmp_path / "train", 5)
    splits = load(tmp_path, val_fraction=0.25, test_fraction=0.2)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (9, 3, 3)


@pytest.mark.parametrize("divided", [False, True])
def test_fewer_images_keep_the_shares_of_the_classes(tmp_path: Path, divided: bool) -> None:
    for part in ("train", "val", "test") if divided else ("",):
        paint_classes(tmp_path / part, 10)
    splits = load(tmp_path, train_samples=9, val_samples=6, test_samples=3)
    for part, count in ((splits.train, 9), (splits.val, 6), (splits.test, 3)):
        assert part.labels.bincount().tolist() == [count // 3] * 3
    assert not set(splits.train.files) & set(splits.val.files + splits.test.files)
    more = load(tmp_path, train_samples=12, val_samples=6, test_samples=3)
    assert more.val.files == splits.val.files
    assert load(tmp_path, val_samples=0).val is None


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"train_samples": 31}, "train_samples must be between 0 and the 21 samples there are, got 31"),
        ({"train_samples": 0}, "train_samples, val_samples and test_samples must leave images to train on"),
        ({"test_samples": 30}, "train_samples, val_samples and test_samples must leave images to train on"),
        ({"test_samples": -1}, "test_samples must be at least 0, got -1"),
        ({"val_samples": 2}, "val_samples takes 2 of 24 samples"),
    ],
)
def test_numbers_of_images_that_cannot_be(tmp_path: Path, parameters: dict[str, int], message: str) -> None:
    paint_classes(tmp_path, 10)
    with pytest.raises(ParameterError, match=message):
        load(tmp_path, **{"test_fraction": 0.2, "val_fraction": 0.125, **parameters})


def test_tiny_imagenet(tmp_path: Path) -> None:
    paint_classes(tmp_path / "train", 4, "images")
    lines = []
    for i, (name, colour) in enumerate(reversed(COLOURS.items())):
        paint(tmp_path / "val" / "images" / f"val_{i}.png", colour)
        lines.append(f"val_{i}.png\t{name}\t0\t0\t62\t62\n")
    (tmp_path / "val" / "val_annotations.txt").write_text("".join(lines))
    paint(tmp_path / "test" / "images" / "test_0.png", (0, 0, 0))
    splits = load(tmp_path, val_fraction=0.25)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (9, 3, 3)
    assert splits.test.labels.tolist() == [2, 1, 0]
    for part in (splits.train, splits.val, splits.test):
        check_labels(part)


def test_the_centre_of_a_scaled_image_is_taken(tmp_path: Path) -> None:
    paint_classes(tmp_path, 4)
    for file in (tmp_path / "red").iterdir():
        image = Image.new("RGB", (48, 16))
        image.paste((255, 0, 0), (12, 0, 36, 16))
        image.save(file)
    check_labels(load(tmp_path, val_fraction=0.0, test_fraction=0.0).train)


def test_grey_images(tmp_path: Path) -> None:
    paint_classes(tmp_path, 4)
    splits = load(tmp_path, channels=1, val_fraction=0.0, test_fraction=0.0)
    assert splits.task.mean == (0.449,)
    values, _ = splits.train.batch(torch.tensor([0, 11]))
    assert values.shape == (2, 1, 8, 8)
    assert values[:, 0, 0, 0].tolist() == pytest.approx([29 / 255, 76 / 255])  # ITU-R 601: blue, red


def test_training_images_alone_are_augmented(tmp_path: Path) -> None:
    paint_classes(tmp_path, 10)
    splits = load(tmp_path, augment=True, crop_pad=6)
    torch.manual_seed(0)
    assert splits.train.batch(torch.arange(8))[0].eq(0).all(1).any()  # padding is black
    check_labels(splits.test)


def test_errors_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="root: missing"):
        registry.create("dataset", "image_folder")
    with pytest.raises(DataError, match=r'there is no image folder at .*nowhere; set root = "\.\.\."'):
        load(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is no folder of class folders with images"):
        load(tmp_path)
    paint_classes(tmp_path / "train", 4)
    paint(tmp_path / "val" / "yellow" / "1.png", (255, 255, 0))
    with pytest.raises(DataError, match="classes that the training images do not have: yellow"):
        load(tmp_path)
    with pytest.raises(ParameterError, match="mean must have 3 values, or none, got 1"):
        load(tmp_path, mean=(0.5,))


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    paint_classes(tmp_path, 4)
    (tmp_path / "red" / "red_0.png").write_bytes(b"no image")
    splits = load(tmp_path, val_fraction=0.0, test_fraction=0.0)
    with pytest.raises(DataError, match=r"the image .*red_0\.png cannot be read"):
        splits.train.batch(torch.arange(12))


def test_images_are_decoded_once_where_they_fit(tmp_path: Path) -> None:
    paint_classes(tmp_path, 4)
    fit = 12 * 3 * 8 * 8 / 1e9
    kept, read = (
        load(tmp_path, val_fraction=0.0, test_fraction=0.0, cache_gb=size).train for size in (fit, fit * 0.99)
    )
    first, _ = kept.batch(torch.arange(0, 12, 2))
    some, _ = kept.batch(torch.arange(12))  # half of them are known
    check_labels(kept)
    check_labels(read)
    for name in COLOURS:
        for file in (tmp_path / name).iterdir():
            file.unlink()
    check_labels(kept)
    assert torch.equal(kept.batch(torch.arange(12))[0], some)
    assert torch.equal(some[::2], first)
    kept.batch(torch.tensor([0]))[0].zero_()  # a batch is a copy
    check_labels(kept)
    with pytest.raises(DataError, match="is not there"):
        read.batch(torch.arange(12))
    with pytest.raises(ParameterError, match="cache_gb must be at least 0, got -1"):
        load(tmp_path, cache_gb=-1.0)


LEFT_OUT = [".ipynb_checkpoints", ".thumbnails", ".git", "@eaDir", "__MACOSX", "$RECYCLE.BIN", "lost+found"]


@pytest.mark.parametrize("divided", [True, False])
@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_systems_leave_beside_images_is_left_out(tmp_path: Path, name: str, divided: bool) -> None:
    for part in (tmp_path / "train", tmp_path / "test") if divided else (tmp_path,):
        paint_classes(part, 8)
        for beside in (part, part / "red", part / "red" / "more"):
            paint(beside / name / "x.png", (1, 2, 3))  # no colour of a class
        (part / "blue" / name).mkdir()
        paint(part / "blue" / "._blue_0.png", (1, 2, 3))
        paint(part / "blue" / ".hidden.png", (1, 2, 3))
    splits = load(tmp_path, val_fraction=0.25, test_fraction=0.25)
    assert splits.class_names == ("blue", "green", "red")
    assert len(splits.train) + len(splits.val) + len(splits.test) == (48 if divided else 24)
    for part in (splits.train, splits.val, splits.test):
        check_labels(part)


def test_a_hidden_folder_does_not_label_the_test_images_of_tiny_imagenet(tmp_path: Path) -> None:
    paint_classes(tmp_path / "train", 8)
    paint(tmp_path / "test" / "images" / "test_0.png", (0, 0, 0))
    (tmp_path / "test" / ".ipynb_checkpoints").mkdir()
    assert len(load(tmp_path, val_fraction=0.25, test_fraction=0.25).test) == 6


def test_a_root_below_a_hidden_folder(tmp_path: Path) -> None:
    paint_classes(tmp_path / ".cache" / "mine", 4)
    assert len(load(tmp_path / ".cache" / "mine", val_fraction=0.0, test_fraction=0.0).train) == 12


def test_images_come_in_the_order_of_torchvision(tmp_path: Path) -> None:
    for name in ("b/x 2.png", "b/x-1.PNG", "a/z/1.jpg", "a/z.d/2.png", "a/z/y/3.png", "a/4.bmp", "B/5.webp"):
        paint(tmp_path / name, (1, 2, 3))
    (tmp_path / "a" / "notes.txt").write_text("no image")
    (tmp_path / "c").symlink_to(tmp_path / "a" / "z")
    expected = ImageFolder(tmp_path)
    assert labelled_images(tmp_path) == (expected.classes, expected.samples)


def test_a_class_folder_without_images_is_named(tmp_path: Path) -> None:
    paint_classes(tmp_path, 4)
    paint(tmp_path / "empty" / ".thumbnails" / "1.png", (1, 2, 3))
    with pytest.raises(DataError, match=r"class folders with images: there are none for empty\. Supported"):
        load(tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "broken link", "link to a device"])
def test_what_is_no_file_among_the_images_is_named(tmp_path: Path, kind: str) -> None:
    paint_classes(tmp_path, 4)
    (tmp_path / "red" / "0.png").symlink_to(tmp_path / "red" / "red_0.png")
    odd = tmp_path / "red" / "1.png"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to("/dev/zero" if kind == "link to a device" else tmp_path / "nowhere")
    with pytest.raises(
        DataError, match=r"the image .*red/1\.png is a broken link, a pipe or a device; remove it"
    ):
        load(tmp_path)


@pytest.mark.parametrize("target", [".", "..", "deeper"])
def test_a_folder_that_is_linked_into_itself_is_named(tmp_path: Path, target: str) -> None:
    paint_classes(tmp_path, 4)
    (tmp_path / "red" / "deeper").mkdir()
    for name in ("one", "two"):  # several double the folders with every step
        (tmp_path / "red" / "deeper" / name).symlink_to(tmp_path / "red" / target)
    with pytest.raises(DataError, match=r"^the folder \S+red\S+ is a link to one that it is in; remove it$"):
        load(tmp_path)


@pytest.mark.parametrize("place", [".", "red"])
def test_a_linked_folder_is_followed_and_a_broken_link_is_named(tmp_path: Path, place: str) -> None:
    paint_classes(tmp_path / "elsewhere", 4)
    (tmp_path / "mine" / "red").mkdir(parents=True)
    for name in COLOURS:
        (tmp_path / "mine" / f"{name}s").symlink_to(tmp_path / "elsewhere" / name)
    paint(tmp_path / "mine" / "red" / "1.png", (255, 0, 0))
    assert len(labelled_images(tmp_path / "mine")[1]) == 13
    (tmp_path / "mine" / place / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"^the link \S+gone leads nowhere; remove or mend it$"):
        load(tmp_path / "mine")


def test_images_of_8_and_16_bits_in_one_batch(tmp_path: Path) -> None:
    paint_classes(tmp_path, 4)
    for file in (tmp_path / "green").iterdir():
        Image.new("I;16", (9, 8), 32768).save(file)
    values, labels = load(tmp_path, val_fraction=0.0, test_fraction=0.0).train.batch(torch.arange(12))
    assert values.dtype == torch.float32
    torch.testing.assert_close(values[labels == 1], torch.full((4, 3, 8, 8), 32768 / 65535))
    assert values[labels == 2][:, 0].eq(1).all()


def test_a_home_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"^there is no home directory for ~nobody_here/x; set dataset\.root to the"
    ):
        registry.create("dataset", "image_folder", root="~nobody_here/x")
    monkeypatch.chdir(tmp_path)
    paint_classes(tmp_path / "~odd", 4)
    assert len(load(Path("~odd"), val_fraction=0.0, test_fraction=0.0).train) == 12


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    paint_classes(tmp_path, 4)
    (tmp_path / "red").chmod(0)
    try:
        with pytest.raises(DataError, match=r"the folder .*red cannot be read: Permission denied"):
            load(tmp_path)
    finally:
        (tmp_path / "red").chmod(0o700)


def stripes(file: Path, width: int, height: int) -> None:
    """Paint an image whose red tells the column and whose green tells the row."""
    columns = torch.linspace(0, 255, width).expand(height, width)
    rows = torch.linspace(0, 255, height).unsqueeze(1).expand(height, width)
    pixels = torch.stack([columns, rows, torch.zeros(height, width)], -1).round().to(torch.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.numpy()).save(file)


def test_random_parts_of_training_images_and_the_centre_of_others(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for label in ("a", "b"):
            stripes(tmp_path / part / label / "one.png", 64, 48)
    splits = load(tmp_path, random_crop=True, resize=12, val_fraction=0.0)
    torch.manual_seed(0)
    first, again = (splits.train.batch(torch.tensor([0]))[0][0] for _ in range(2))
    torch.manual_seed(0)
    assert torch.equal(splits.train.batch(torch.tensor([0]))[0][0], first)
    assert first.shape == (3, 8, 8)
    assert not torch.equal(first, again)
    torch.manual_seed(0)
    parts = torch.stack([splits.train.batch(torch.tensor([0]))[0][0] for _ in range(200)])
    shares = (
        (parts[:, 0, 0, -1] - parts[:, 0, 0, 0]) * (parts[:, 1, -1, 0] - parts[:, 1, 0, 0]) * (8 / 7) ** 2
    )
    assert shares.min() > 0.05
    assert shares.max() < 1.05
    assert 0.4 < shares.mean() < 0.65  # of areas drawn from 8 to 100 %
    whole, _ = splits.test.batch(torch.tensor([0]))
    assert torch.equal(whole, splits.test.batch(torch.tensor([0]))[0])
    seen = whole[0, 0, 0, -1] - whole[0, 0, 0, 0]  # 8 of 16 columns, as the image is 16 x 12 before the crop
    assert seen.item() == pytest.approx(7 / 16, abs=0.03)


def test_a_size_that_leaves_no_centre(tmp_path: Path) -> None:
    paint_classes(tmp_path, 5)
    with pytest.raises(ParameterError, match="resize must be at least size = 8 pixels, got 7"):
        load(tmp_path, resize=7)
