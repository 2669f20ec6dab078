"""Learns what good looks like from pictures of good parts only, and shows where a new picture deviates.

>>> import aand
>>> aand.train("good-parts", "part.aand")            # doctest: +SKIP
>>> found = aand.Detector("part.aand").detect("new.jpg")  # doctest: +SKIP
>>> print(found.verdict, found.score, found.map.shape)    # doctest: +SKIP
"""

from ._aand import (
    DatasetError,
    DeviceError,
    Error,
    FileError,
    Interrupted,
    ModelError,
    NetworkError,
    PictureError,
    SettingError,
    TemporaryError,
    TrainingError,
    WeightsError,
    __version__,
)
from ._detection import Detection, Detector, Region
from ._training import AandWarning, Progress, train

__all__ = [
    "AandWarning",
    "DatasetError",
    "Detection",
    "Detector",
    "DeviceError",
    "Error",
    "FileError",
    "Interrupted",
    "ModelError",
    "NetworkError",
    "PictureError",
    "Progress",
    "Region",
    "SettingError",
    "TemporaryError",
    "TrainingError",
    "WeightsError",
    "__version__",
    "train",
]
