"""A briefly trained model and pictures, and what the program says of them."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Amid the scores of the pictures.
THRESHOLD = 1.76


def aand(*arguments):
    """Runs the program (AAND) on the CPU."""
    program = os.environ["AAND"]
    return subprocess.run([program, *map(str, arguments), "--device", "cpu"], check=True, capture_output=True, text=True).stdout


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """A shell starts what runs in its background deaf to Ctrl-C, which is tested here."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def parts(tmp_path_factory):
    """PARTS, or made here."""
    if os.environ.get("PARTS"):
        return Path(os.environ["PARTS"])
    folder = tmp_path_factory.mktemp("parts")
    subprocess.run([ROOT / "bindings/parts", os.environ["AAND"], folder, "3"], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def model(parts):
    return parts / "part.aand"


@pytest.fixture(scope="session")
def good(parts):
    """The folder of what the model was trained on."""
    return parts / "parts/circuit/train/good"


@pytest.fixture(scope="session")
def pictures(parts):
    found = sorted((parts / "parts/circuit/test").rglob("*.png"))
    assert len(found) > 5
    return found


@pytest.fixture(scope="session")
def told(tmp_path_factory, model, pictures):
    """The program's lines of these pictures, in their order; with regions in some."""
    results = tmp_path_factory.mktemp("told") / "results"
    said = aand("detect", model, *pictures, "--out", results, "--threshold", str(THRESHOLD), "--json", "--no-heat", "--no-overlay")
    lines = {line["path"]: line for line in map(json.loads, said.splitlines()) if "path" in line}
    return [lines[str(picture)] for picture in pictures]


def pytest_terminal_summary(terminalreporter):
    """As cargo's, so that .ci/run can add it up."""
    count = {kind: len(terminalreporter.getreports(kind)) for kind in ("passed", "failed", "error", "skipped")}
    failed = count["failed"] + count["error"]
    said = f"{count['passed']} passed; {failed} failed; {count['skipped']} ignored"
    terminalreporter.write_line(f"test result: {'FAILED' if failed else 'ok'}. {said} (the Python package)")
