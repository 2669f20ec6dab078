"""pytest examples/ray: MODEL and PICTURES name a model and a folder; a process that is killed changes no byte."""

import os
import signal
from pathlib import Path

import pytest
import ray

import detect

MODEL, PICTURES = (os.path.abspath(os.environ[name]) for name in ("MODEL", "PICTURES"))


@pytest.fixture(scope="module", autouse=True)
def cluster():
    # Two processes, whatever the machine has.
    ray.init(num_cpus=2, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}})
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    path = tmp_path_factory.mktemp("serial") / "results.jsonl"
    detect.write(detect.Judge(MODEL).judge(detect.listed(PICTURES)), path)
    return path.read_bytes()


@pytest.mark.parametrize("kill", [False, True])
def test_actors_say_what_one_process_says(serial, tmp_path, kill):
    paths, killed = detect.listed(PICTURES), []
    assert len(paths) > 20

    def asking(processes, asked):
        if kill:
            # It has done some of its pictures, and not all.
            ray.wait(asked[:1])
            _, waiting = ray.wait(asked, num_returns=len(asked), timeout=0)
            os.kill(processes[0], signal.SIGKILL)
            killed.append(len(waiting))

    detect.write(detect.by_actors(MODEL, paths, 2, asking), tmp_path / "r.jsonl")
    assert (tmp_path / "r.jsonl").read_bytes() == serial
    assert len(killed) == kill and all(killed)


def test_ray_data_says_the_same(serial, tmp_path):
    detect.write(detect.by_data(MODEL, detect.listed(PICTURES), 2), tmp_path / "r.jsonl")
    assert (tmp_path / "r.jsonl").read_bytes() == serial


def test_a_picture_that_cannot_be_used_is_a_line(tmp_path):
    (tmp_path / "wrong.png").write_text("no picture")
    found = detect.by_actors(MODEL, [str(tmp_path / "wrong.png"), detect.listed(PICTURES)[0]], 1)
    assert "wrong.png" in found[0]["error"] and found[1]["score"] > 0
