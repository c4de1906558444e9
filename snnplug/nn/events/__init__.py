"""Events of a neuromorphic sensor: streams, the frames they are collected into, and what is done to these."""

from snnplug.nn.events.augment import EVENT_AUGMENTATIONS, Roll
from snnplug.nn.events.cache import cached_frames, fingerprint
from snnplug.nn.events.drop import DropArea, DropEvents, DropTime, EventDrop
from snnplug.nn.events.frames import to_frames
from snnplug.nn.events.mix import CutMix, EventMix, MixUp
from snnplug.nn.events.resize import resize
from snnplug.nn.events.stream import Events

__all__ = [
    "EVENT_AUGMENTATIONS",
    "CutMix",
    "DropArea",
    "DropEvents",
    "DropTime",
    "EventDrop",
    "EventMix",
    "Events",
    "MixUp",
    "Roll",
    "cached_frames",
    "fingerprint",
    "resize",
    "to_frames",
]
