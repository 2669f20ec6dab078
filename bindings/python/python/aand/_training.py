"""Training: a folder of good pictures in, a model file out."""

from __future__ import annotations

import json
import os
import warnings
from dataclasses import dataclass, field
from typing import Any, Callable, Literal

from . import _aand


class AandWarning(UserWarning):
    """What is to be known about the pictures before they are trained on."""


@dataclass(frozen=True)
class Progress:
    """What happens in a training."""

    kind: Literal["begin", "step", "epoch", "caching", "scoring"]
    """A stage begins; a step was taken; an epoch is over; so many of the teacher's features are computed; so much of the
    threshold is found."""
    stage: Literal["amplify", "distill"] | None = None
    """The stage, of the first three."""
    epoch: int = 0
    """The epoch, from 0, of ``epochs``."""
    epochs: int = 0
    step: int = 0
    """The step within the epoch, from 0, of ``steps``."""
    steps: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    """Of a step: ``focal`` and ``amplification``, or ``kd`` and ``hkd``; of an epoch its whole record."""
    done: int = 0
    """Of ``caching`` and ``scoring``: so many of ``all``."""
    all: int = 0


def train(
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    category: str | None = None,
    device: str = "auto",
    preset: Literal["quick", "paper"] = "quick",
    backbone: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    range: str | None = None,
    tile: int | None = None,
    overlap: int | None = None,
    resume: bool = False,
    all_good: bool = False,
    progress: Callable[[Progress], object] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Trains on the good pictures of ``data`` and writes the model file ``output``; returns the model's header.

    ``data``: a folder of good pictures, or a category of MVTec AD, VisA or MVTec3D (or its root, with ``category``).
    ``settings``: what ``aand train`` has as flags: ``size``, ``epochs_amplify``, ``epochs_distill``, ``batch``, ``lr``,
    ``seed``, ``false_alarms``, ``holdout``, ``augment``, …; the command's defaults unless given.

    ``progress`` is called with a :class:`Progress` for everything that happens; other threads go on meanwhile. When it
    returns ``False`` the training stops (:class:`aand.Interrupted`); when it raises, or Ctrl-C is pressed, that is raised.
    A checkpoint beside ``output`` stands then: ``resume=True`` with the same arguments goes on from it, to the same model.

    What is to be known about the pictures comes as :class:`AandWarning`.
    """

    def tell(text: str) -> bool:
        told = json.loads(text)
        if "warning" in told:
            warnings.warn(told["warning"], AandWarning, stacklevel=3)
            return True
        return progress is None or progress(Progress(**told)) is not False

    asked = {
        "data": os.fspath(data),
        "output": os.fspath(output),
        "category": category,
        "device": device,
        "preset": preset,
        "backbone": backbone,
        "weights": None if weights is None else os.fspath(weights),
        "range": range,
        "tile": tile,
        "overlap": overlap,
        "resume": bool(resume),
        "all_good": bool(all_good),
        "settings": json.dumps(settings),
        "watched": progress is not None,
    }
    return json.loads(_aand.train(asked, tell))
