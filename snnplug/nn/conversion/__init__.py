"""Conversion of ordinary PyTorch models to spiking networks."""

from snnplug.nn.conversion.account import Entry
from snnplug.nn.conversion.calibrate import CalibrationProgress, calibrate
from snnplug.nn.conversion.convert import Conversion, convert
from snnplug.nn.conversion.network import ConvertedNetwork
from snnplug.nn.conversion.staircase import staircase
from snnplug.nn.conversion.trace import trace

__all__ = [
    "CalibrationProgress",
    "Conversion",
    "ConvertedNetwork",
    "Entry",
    "calibrate",
    "convert",
    "staircase",
    "trace",
]
