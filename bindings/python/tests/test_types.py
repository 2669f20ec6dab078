"""The stubs and annotations, as a type checker of somebody else's program sees them."""

import subprocess
import sys
from pathlib import Path


import aand
from aand import _aand

RIGHT = """
import numpy
import aand

detector = aand.Detector("part.aand", device="cpu", threads=1)
one: aand.Detection = detector.detect("new.jpg")
score: float = one.score
values: numpy.ndarray = one.map
box: tuple[int, int, int, int] = one.regions[0].box
two: list[aand.Detection] = detector.detect(["a.png", numpy.zeros((8, 8), numpy.uint8)])
three: list[aand.Detection | aand.Error] = detector.detect(["a.png"], errors="return")


def tell(progress: aand.Progress) -> bool:
    return progress.kind != "step" or progress.losses["kd"] < 1.0


info: dict[str, object] = aand.train("good", "part.aand", preset="quick", progress=tell, batch=8)
"""
WRONG = {
    'aand.Detector("part.aand", precision="f64")': 'Argument "precision"',
    'number: int = aand.Detector("part.aand").detect("new.jpg")': "Incompatible types in assignment",
    'aand.train("good")': 'Missing positional argument "output"',
    'aand.Detector("part.aand").detect("new.jpg").certainty': 'has no attribute "certainty"',
}


def mypy(*arguments):
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True)


def test_a_program_is_checked_against_them(tmp_path):
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text("import aand\n" + "\n".join(WRONG) + "\n")
    said = mypy("mypy", "--strict", "--no-incremental", tmp_path / "right.py", tmp_path / "wrong.py").stdout
    assert "right.py" not in said, said
    for line, words in enumerate(WRONG.values(), 2):
        assert any(f"wrong.py:{line}:" in told and words in told for told in said.splitlines()), (words, said)


def test_the_stubs_are_those_of_the_module():
    done = mypy("mypy.stubtest", "--ignore-disjoint-bases", "aand._aand")
    assert done.returncode == 0, done.stdout + done.stderr
    assert Path(aand.__file__).with_name("py.typed").exists()
    assert all(hasattr(aand, name) for name in aand.__all__)
    assert {name for name in vars(_aand) if name.endswith("Error")} < set(aand.__all__)
