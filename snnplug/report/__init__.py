"""From a run directory to one self-contained HTML page."""

from __future__ import annotations

from snnplug.report.page import write_report
from snnplug.runs.records import ReportData

__all__ = ["ReportData", "write_report"]
