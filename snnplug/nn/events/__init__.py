"""Events of a neuromorphic sensor: streams, and the frames they are collected into."""

from snnplug.nn.events.frames import to_frames
from snnplug.nn.events.stream import Events

__all__ = ["Events", "to_frames"]
