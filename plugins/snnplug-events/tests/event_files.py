"""Small files in the formats of the published data sets, written for tests."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import torch

from snnplug.nn.events import Events


def random_events(seed: int, size: tuple[int, int], number: int = 200, duration: int = 300_000) -> Events:
    """Return events all over a sensor, those of the first and last pixel among them."""
    generator = torch.Generator().manual_seed(seed)
    columns = [
        torch.randint(high, (number,), generator=generator) for high in (duration, size[1], size[0], 2)
    ]
    for column, last in zip(columns[1:3], (size[1] - 1, size[0] - 1), strict=True):
        column[0], column[1] = 0, last
    return Events.of(*columns)


def write_atis(file: Path, events: Events) -> None:
    """Write five bytes an event: x, y, and 1 bit of polarity before 23 bits of time; those of N-MNIST."""
    file.parent.mkdir(parents=True, exist_ok=True)
    t, x, y, p = (column.numpy().astype(np.int64) for column in events)
    assert t.max() < 2**23
    rows = np.stack([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255], axis=1)
    file.write_bytes(rows.astype(np.uint8).tobytes())


def write_aedat4(file: Path, events: Events, size: tuple[int, int] = (128, 128)) -> None:
    """Write an AEDAT 4.0 file without compression: a header and one packet, both of them flat buffers.

    https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-4.0.html
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    info = (
        '<dv version="2.0"><node name="outInfo" path="/mainloop/output/outInfo/">'
        '<node name="0" path="/mainloop/output/outInfo/0/">'
        '<attr key="compression" type="string">NONE</attr>'
        '<attr key="originalModuleName" type="string">capture</attr>'
        '<attr key="originalOutputName" type="string">events</attr>'
        '<attr key="typeDescription" type="string">Array of events.</attr>'
        '<attr key="typeIdentifier" type="string">EVTS</attr>'
        '<node name="info" path="/mainloop/output/outInfo/0/info/">'
        f'<attr key="sizeX" type="int">{size[1]}</attr><attr key="sizeY" type="int">{size[0]}</attr>'
        '<attr key="source" type="string">DVS</attr></node></node></node></dv>'
    ).encode()
    # table IOHeader { compression: int32; dataTablePosition: int64; infoNode: string }
    header = struct.pack("<I4sHHHHHxx", 20, b"IOHE", 10, 8, 0, 0, 4)  # root, identifier, table of fields
    header += struct.pack("<iI", 12, 4) + struct.pack("<I", len(info)) + info + b"\0"
    # struct Event { timestamp: int64; x: int16; y: int16; polarity: bool }, 16 bytes each
    array = np.zeros(
        events.number, dtype=[("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1"), ("pad", "u1", 3)]
    )
    for name, column in events._asdict().items():
        array[name] = column.numpy()
    packet = struct.pack("<I4sHHHxx", 16, b"EVTS", 6, 8, 4) + struct.pack("<iI", 8, 4)
    packet += struct.pack("<I", events.number) + array.tobytes()
    packet = struct.pack("<I", len(packet)) + packet  # its size stands before it
    file.write_bytes(
        b"#!AER-DAT4.0\r\n"
        + struct.pack("<I", len(header))
        + header
        + struct.pack("<ii", 0, len(packet))
        + packet
    )


def write_gesture(file: Path, events: Events) -> None:
    """Write rows of x, y, polarity and whole milliseconds, as tonic distributes DVS128 Gesture."""
    file.parent.mkdir(parents=True, exist_ok=True)
    t, x, y, p = (column.numpy().astype(np.int64) for column in events)
    np.save(file, np.stack([x, y, p, t // 1000], axis=1))


def write_hdf5(file: Path, streams: list[Events], labels: list[int]) -> None:
    """Write times in seconds and channels of each recording, labels, keys and speakers into an HDF5 file."""
    import h5py

    file.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(file, "w") as out:
        for name, dtype, columns in (
            ("times", np.float32, [events.t.numpy() / 1e6 for events in streams]),
            ("units", np.int64, [events.x.numpy() for events in streams]),
        ):
            data = out.create_dataset(f"spikes/{name}", (len(streams),), dtype=h5py.vlen_dtype(dtype))
            for place, column in enumerate(columns):
                data[place] = column.astype(dtype)
        out["labels"] = np.array(labels, dtype=np.uint16)
        out["extra/keys"] = np.array([f"digit {number}" for number in range(20)], dtype="S")
        out["extra/speaker"] = np.zeros(len(streams), dtype=np.uint16)


CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def write_nmnist(root: Path, each: int = 4) -> dict[str, Events]:
    """Write recordings of each class in both parts; return them by part, label and number."""
    written = {}
    for part in ("Train", "Test"):
        for label in range(10):
            for number in range(each):
                file = Path("NMNIST") / part / str(label) / f"{number:05}.bin"
                written[f"{part}/{label}/{number}"] = events = random_events(len(written), (34, 34))
                write_atis(root / file, events)
    return written


def write_cifar10dvs(root: Path, each: int) -> dict[str, Events]:
    """Write recordings of each class, in no order on the disk; return them by file."""
    written = {}
    for name in CIFAR10:
        for number in random.Random(0).sample(range(each), each):
            file = f"{name}/cifar10_{name}_{number}.aedat4"
            written[file] = random_events(len(written), (128, 128), number=20)
            write_aedat4(root / "CIFAR10DVS" / file, written[file])
    return written


def write_gestures(root: Path) -> dict[tuple[str, str, int], Events]:
    """Write all gestures of two people and of a third one; return them by part, person and label."""
    written = {}
    for part, people in (
        ("ibmGestureTrain", ("user01_led", "user02_lab")),
        ("ibmGestureTest", ("user24_fluorescent",)),
    ):
        for person in people:
            for label in range(11):
                written[part, person, label] = events = random_events(len(written), (128, 128))
                write_gesture(root / "DVSGesture" / part / person / f"{label}.npy", events)
    return written


def write_ncaltech101(root: Path) -> dict[tuple[str, int], Events]:
    """Write ten recordings of three classes that begin at column 3 and row 5; return them as if at 0."""
    written = {}
    for name in ("zebra", "BACKGROUND_Google", "ant"):
        for number in range(10):
            written[name, number] = events = random_events(len(written), (170, 220))
            moved = events._replace(x=events.x + 3, y=events.y + 5)
            write_atis(root / "NCALTECH101" / "Caltech101" / name / f"image_{number:04}.bin", moved)
    note = root / "NCALTECH101" / "Caltech101_annotations" / "ant" / "annotation_0000.bin"
    note.parent.mkdir(parents=True)
    note.write_bytes(b"of another kind")
    return written


def write_shd(root: Path) -> tuple[list[Events], list[int]]:
    """Write 60 recordings for training, and 40 others for testing; return all and their labels."""
    streams = [random_events(number, (1, 700), duration=1_300_000) for number in range(100)]
    labels = [number % 20 for number in range(100)]
    write_hdf5(root / "SHD" / "shd_train.h5", streams[:60], labels[:60])
    write_hdf5(root / "SHD" / "shd_test.h5", streams[60:], labels[60:])
    return streams, labels
