"""Detection: pictures in, what was found out."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Literal, Sequence, overload

import numpy

from . import _aand

Picture = Any
"""A path, the bytes of a file, a numpy array ``[H, W]`` or ``[H, W, channels]``, a Pillow picture, or what numpy makes such
an array of."""


@dataclass(frozen=True)
class Region:
    """A region above the threshold, in pixels of the picture."""

    box: tuple[int, int, int, int]
    """Left edge, upper edge, width and height of the smallest box around it."""
    center: tuple[float, float]
    """Column and row of its center of gravity."""
    area: int
    """Its pixels."""
    maximum: float
    """The highest value of the map within."""
    mean: float
    """The mean."""


@dataclass(frozen=True, eq=False)
class Detection:
    """What was found in one picture."""

    score: float
    """What the model scores a picture by: the maximum of its map, unless it was trained otherwise."""
    normalized: float
    """``score / (score + threshold)``: 0.5 is the threshold."""
    anomalous: bool
    """Whether the score exceeds the threshold."""
    map: numpy.ndarray
    """The anomaly map of the whole picture, float32 ``[H, W]``, at the model's size; read only, never copied."""
    regions: tuple[Region, ...]
    """The regions above the threshold in an anomalous picture, the highest first."""
    width: int
    """Of the upright picture, in pixels."""
    height: int
    threshold: float
    """The threshold of the verdict."""
    path: str | None
    """The picture's file, if it came from one."""

    @property
    def verdict(self) -> Literal["good", "anomalous"]:
        """``good`` or ``anomalous``."""
        return "anomalous" if self.anomalous else "good"

    def heat_map(self) -> numpy.ndarray:
        """The map in colors at the picture's size, uint8 ``[H, W, 3]``; black is 0, the scale ends at twice the threshold."""
        values = self.map.tobytes()
        return _picture(_aand.heat_map(values, self.map.shape[1], (self.width, self.height), self.threshold))

    def overlay(self, picture: Picture, *, range: str | None = None) -> numpy.ndarray:
        """The picture with the heat map over it and a box around each region, uint8 ``[H, W, 3]``.

        ``range``: the stored values that are black and white in pictures of more than 8 bits, as in ``0..4095``.
        """
        source, _ = _source(picture)
        boxes = [region.box for region in self.regions]
        values = self.map.tobytes()
        return _picture(_aand.overlay(source, values, self.map.shape[1], self.threshold, boxes, range))


class Detector:
    """A model, ready to judge pictures.

    Several threads may use one at once. It pickles as the path of its file and the arguments here, so that processes may
    be handed one; each then opens the file itself.

    ``device``: ``auto`` (a real GPU, else the CPU), ``cpu``, ``gpu``, or ``gpu:N`` for the N-th.
    ``precision``: ``f32``, or ``f16`` for GPUs that have it.
    ``threshold``: instead of the model's own.
    ``min_area``: regions with fewer pixels of the picture are not told of.
    ``threads``: so many of its own; otherwise all detectors share one for each core (or ``RAYON_NUM_THREADS``).
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        device: str = "auto",
        *,
        precision: Literal["f32", "f16"] = "f32",
        threshold: float | None = None,
        min_area: float = 0.0,
        threads: int | None = None,
    ) -> None:
        self.path: str = os.path.abspath(os.fspath(path))
        self._asked = (device, precision, threshold, min_area, threads)
        self._native = _aand.Detector(self.path, device, precision, threshold, min_area, threads)
        self.info: dict[str, Any] = json.loads(self._native.info)
        """The model's header: name, size, threshold and what it rests on, settings of the training, …"""

    @property
    def threshold(self) -> float:
        """The score above which a picture is called anomalous."""
        return self.info["threshold"]["value"]

    @property
    def device(self) -> str:
        """What computes, in words."""
        return self._native.device

    @overload
    def detect(self, pictures: Sequence[Picture], *, batch: int = ..., errors: Literal["return"]) -> list[Detection | _aand.Error]: ...
    @overload
    def detect(self, pictures: list[Picture] | tuple[Picture, ...], *, batch: int = ..., errors: Literal["raise"] = ...) -> list[Detection]: ...
    @overload
    def detect(self, pictures: Picture, *, batch: int = ..., errors: Literal["raise"] = ...) -> Detection: ...
    def detect(self, pictures: Any, *, batch: int = 4, errors: str = "raise") -> Any:
        """Judges a picture, or a list of them.

        A picture is a path, the bytes of a file, or an array ``[H, W]`` or ``[H, W, channels]`` with 1 (gray), 3 (red, green, blue) or 4 (and
        alpha) channels: uint8, uint16, or floats from 0 to 1. Models trained with a ``range`` read values of more than 8
        bits by that.

        ``batch``: so many are computed at once.
        ``errors``: ``raise`` the first, or ``return`` each in the place of its picture's answer.
        """
        if errors not in ("raise", "return"):
            raise _aand.SettingError(f"`errors` {errors}: raise or return")
        if not isinstance(pictures, (list, tuple)):
            return self._judge([pictures], batch, errors)[0]
        return self._judge(pictures, batch, errors)

    def each(self, pictures: Iterable[Picture], *, batch: int = 4, errors: str = "raise") -> Iterator[Any]:
        """As :meth:`detect`, one answer after the other, so that no more than a batch of maps is in memory."""
        waiting: list[Picture] = []
        for picture in pictures:
            waiting.append(picture)
            if len(waiting) == batch:
                yield from self.detect(waiting, batch=batch, errors=errors)  # type: ignore[call-overload]
                waiting = []
        yield from self.detect(waiting, batch=batch, errors=errors)  # type: ignore[call-overload]

    def _judge(self, pictures: Sequence[Picture], batch: int, errors: str) -> list[Any]:
        answers: list[Any] = [None] * len(pictures)
        places, sources, paths = [], [], []
        for place, picture in enumerate(pictures):
            try:
                source, path = _source(picture)
            except _aand.Error as error:
                answers[place] = error
                if errors == "raise":
                    raise
                continue
            places.append(place)
            sources.append(source)
            paths.append(path)
        # So many at once, so that an error ends the work soon after it.
        step = max(int(batch), 1) if errors == "raise" else max(len(sources), 1)
        for start in range(0, max(len(sources), 1), step):
            found = self._native.detect(sources[start : start + step], batch)
            for place, path, one in zip(places[start:], paths[start:], found):
                answers[place] = one if isinstance(one, _aand.Error) else self._found(one, path)
                if errors == "raise" and isinstance(one, _aand.Error):
                    raise one
        return answers

    def _found(self, found: Any, path: str | None) -> Detection:
        score, normalized, anomalous, values, regions, width, height = found
        regions = tuple(Region(tuple(box), tuple(center), *rest) for box, center, *rest in regions)
        return Detection(score, normalized, anomalous, numpy.asarray(values), regions, width, height, self.threshold, path)

    def __reduce__(self) -> Any:
        return _opened, (self.path, *self._asked)

    def __repr__(self) -> str:
        return f"aand.Detector({self.path!r}, {self._asked[0]!r})"


def _opened(path: str, device: str, precision: Any, threshold: float | None, min_area: float, threads: int | None) -> Detector:
    return Detector(path, device, precision=precision, threshold=threshold, min_area=min_area, threads=threads)


def _picture(drawn: tuple[bytes, int, int]) -> numpy.ndarray:
    pixels, height, width = drawn
    return numpy.frombuffer(pixels, numpy.uint8).reshape(height, width, 3)


def _source(picture: Picture) -> tuple[str | bytes | tuple[bytes, str, int, int, int], str | None]:
    """What the native half takes, and the path if it is one."""
    if isinstance(picture, (str, os.PathLike)):
        path = os.fsdecode(picture)
        return path, path
    if isinstance(picture, (bytes, bytearray)):
        return bytes(picture), None
    # A palette's numbers are no colors, and Pillow has modes of its own beside it.
    mode = getattr(picture, "mode", None)
    if isinstance(mode, str) and mode not in ("L", "RGB", "RGBA", "I;16", "F") and hasattr(picture, "convert"):
        picture = picture.convert("RGB")
    array = numpy.asarray(picture)
    if array.dtype.kind == "f":
        array = array.astype(numpy.float32)
    name = array.dtype.newbyteorder("=").name
    if name not in ("uint8", "uint16", "float32"):
        raise _aand.SettingError(f"an array of {array.dtype.name}: must be uint8, uint16 or floats from 0 to 1")
    if array.ndim not in (2, 3) or (array.ndim == 3 and not 1 <= array.shape[2] <= 4):
        shape = " x ".join(map(str, array.shape))
        raise _aand.SettingError(f"an array of {shape}: must be [H, W] or [H, W, channels] with 1, 3 or 4 channels")
    height, width = array.shape[:2]
    channels = array.shape[2] if array.ndim == 3 else 1
    pixels = array.astype(array.dtype.newbyteorder("="), copy=False).tobytes()
    return (pixels, name, height, width, channels), None
