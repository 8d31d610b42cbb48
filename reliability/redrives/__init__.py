"""Retries of many dead letters: previewed, frozen, paced, tried on a few first, and recorded item by item."""

from reliability.redrives.forecast import Forecast, GroupShare, Preview, preview
from reliability.redrives.selection import Chosen
from reliability.redrives.services import abort, pause, resume, start
from reliability.redrives.steps import advance

__all__ = [
    "Chosen",
    "Forecast",
    "GroupShare",
    "Preview",
    "abort",
    "advance",
    "pause",
    "preview",
    "resume",
    "start",
]
