"""Run by examples/ray/test. MODEL and PICTURES name a model and a folder, AAND the program; a process that is killed changes
no byte of the results."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import ray

import detect

MODEL, PICTURES, AAND = (os.path.abspath(os.environ[name]) for name in ("MODEL", "PICTURES", "AAND"))


@pytest.fixture(scope="module", autouse=True)
def cluster():
    # Two processes, whatever the machine has.
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    ray.init(num_cpus=2, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": paths}})
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """The folder, with a file in it that is no picture."""
    folder = shutil.copytree(PICTURES, tmp_path_factory.mktemp("pictures") / "all")
    (folder / "wrong.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def serial(pictures, tmp_path_factory):
    """The results of one process without Ray."""
    path = tmp_path_factory.mktemp("serial") / "results.jsonl"
    paths = detect.listed(pictures)
    assert len(paths) > 2 * detect.AHEAD * detect.BATCH
    assert detect.write(detect.Judge(MODEL).judge(paths), path) == len(paths)
    return path.read_bytes()


def test_one_process_says_what_the_program_says(serial, pictures, tmp_path):
    flags = ["--out", tmp_path / "out", "--device", "cpu", "--no-heat", "--no-overlay", "--no-times", "--quiet"]
    done = subprocess.run([AAND, "detect", MODEL, pictures, *flags], stderr=subprocess.DEVNULL)
    assert done.returncode == 1, "one of them is no picture"
    lines = [json.loads(line) for line in (tmp_path / "out/results.jsonl").read_text().splitlines()]
    for line in lines:
        # By this the program knows a picture again.
        line.pop("fingerprint", None)
    lines.sort(key=lambda line: line["path"])
    assert [json.dumps(line) for line in lines] == serial.decode().splitlines()


@pytest.mark.parametrize("kill", [False, True])
def test_actors_say_the_same_with_one_of_them_killed_in_the_middle(serial, pictures, tmp_path, kill):
    judges = detect.actors(MODEL, 2)
    before = ray.get([judge.process.remote() for judge in judges])

    def lines():
        for number, line in enumerate(detect.by_actors(judges, detect.listed(pictures))):
            if kill and number == detect.BATCH:
                os.kill(before[0], signal.SIGKILL)
            yield line

    detect.write(lines(), tmp_path / "r.jsonl")
    assert (tmp_path / "r.jsonl").read_bytes() == serial
    after = ray.get([judge.process.remote() for judge in judges])
    assert [a == b for a, b in zip(before, after)] == [not kill, True]
    for judge in judges:
        ray.kill(judge)


@pytest.mark.parametrize("parquet", [False, True])
def test_ray_data_says_the_same_of_a_folder_and_of_parquet(serial, pictures, tmp_path, parquet):
    source = pictures
    if parquet:
        paths = detect.listed(pictures)
        source = tmp_path / "pictures.parquet"
        columns = {"path": paths, "bytes": [Path(path).read_bytes() for path in paths]}
        pyarrow.parquet.write_table(pyarrow.table(columns), source)
    detect.write(detect.by_data(MODEL, str(source), 2), tmp_path / "r.jsonl")
    assert (tmp_path / "r.jsonl").read_bytes() == serial


def test_ray_data_says_the_same_with_an_actor_killed_in_the_middle(serial, pictures, tmp_path):
    killed = tmp_path / "killed"

    class Dying(detect.Judge):
        """The first process that has judged a batch dies at its next one."""

        judged = False

        def __call__(self, table):
            if self.judged and not killed.exists():
                killed.write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
            self.judged = True
            return super().__call__(table)

    detect.write(detect.by_data(MODEL, str(pictures), 2, Dying), tmp_path / "r.jsonl")
    assert killed.exists() and (tmp_path / "r.jsonl").read_bytes() == serial


def test_nothing_is_half_written(tmp_path):
    (tmp_path / "r.jsonl").write_text("of before\n")

    def lines():
        yield "{}"
        raise KeyError("stopped")

    with pytest.raises(KeyError):
        detect.write(lines(), tmp_path / "r.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["r.jsonl"] and (tmp_path / "r.jsonl").read_text() == "of before\n"
