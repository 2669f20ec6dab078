"""Judges pictures with several processes, and writes a line of JSON for each, in the order of their paths.

Each process is a Ray actor that holds a detector with one thread. One that dies is started anew and its pictures are judged
again, so that the lines are those of one process to the last byte. With --data it is Ray Data that reads the pictures and
hands them out; it takes Parquet files, too.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import tempfile
import time
from pathlib import Path

import ray

KINDS = ["jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp"]
BATCH = 8
# Batches that each actor is asked for in advance, so that it never waits and no more than these answers are in memory.
AHEAD = 4


def line(found, path):
    """What `aand detect` has in results.jsonl of a picture."""
    if isinstance(found, Exception):
        return {"path": path, "error": str(found).replace("the bytes given", path, 1)}
    regions = [
        {"box": r.box, "center": r.center, "area": r.area, "maximum": r.maximum, "mean": r.mean} for r in found.regions
    ]
    return {"path": path, "score": found.score, "normalized": found.normalized, "verdict": found.verdict, "regions": regions}


class Judge:
    """Holds a detector: in a process of its own as a Ray actor, or by itself."""

    def __init__(self, model):
        import aand

        self.detector = aand.Detector(model, "cpu", threads=1)

    def judge(self, paths, pictures=None):
        """Lines of pictures, each given by its path, or by the bytes of its file as well."""
        found = self.detector.detect(list(paths if pictures is None else pictures), batch=BATCH, errors="return")
        return [json.dumps(line(*one)) for one in zip(found, paths)]

    def process(self):
        return os.getpid()

    def __call__(self, table):
        """For Ray Data: columns `path` and `bytes` in, `path` and `line` out."""
        paths = [str(path) for path in table["path"]]
        return {"path": paths, "line": self.judge(paths, table["bytes"])}


def listed(folder):
    found = Path(os.path.abspath(folder)).rglob("*")
    return sorted(str(path) for path in found if path.suffix.lower().lstrip(".") in KINDS)


def actors(model, count):
    """Actors at work; one that dies is started anew without end, and so is what it was asked for."""
    kind = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=-1)(Judge)
    judges = [kind.remote(os.path.abspath(model)) for _ in range(count)]
    ray.get([judge.process.remote() for judge in judges])
    return judges


def by_actors(judges, paths):
    """Lines in the order of the paths, as they come."""
    asked = collections.deque()
    for number, start in enumerate(range(0, len(paths), BATCH)):
        if len(asked) == AHEAD * len(judges):
            yield from ray.get(asked.popleft())
        asked.append(judges[number % len(judges)].judge.remote(paths[start : start + BATCH]))
    while asked:
        yield from ray.get(asked.popleft())


def table(pictures):
    """Paths and bytes of a folder's pictures, or of Parquet files with such columns."""
    if Path(pictures).suffix == ".parquet":
        return ray.data.read_parquet(pictures).select_columns(["path", "bytes"])
    return ray.data.read_binary_files(os.path.abspath(pictures), include_paths=True, file_extensions=KINDS)


def by_data(model, pictures, count, judge=Judge):
    """Lines in the order of the paths, once all are there."""
    # Half a processor each in Ray's books, or there would be none for what reads, and the actors would wait for ever.
    found = table(pictures).map_batches(
        judge, fn_constructor_args=(os.path.abspath(model),), batch_size=BATCH, concurrency=count, num_cpus=0.5
    )
    return [row["line"] for row in sorted(found.take_all(), key=lambda row: row["path"])]


def write(lines, results):
    """Whole or not at all; how many there are."""
    folder, count = os.path.dirname(os.path.abspath(results)), 0
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        try:
            for count, text in enumerate(lines, 1):
                file.write(text + "\n")
            file.close()
            os.replace(file.name, results)
        except BaseException:
            os.unlink(file.name)
            raise
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a model file")
    parser.add_argument("pictures", help="a folder, which is looked through as a whole; with --data a .parquet as well")
    parser.add_argument("results", help="the file to write: lines of JSON")
    parser.add_argument("--actors", type=int, default=2, help="processes, 2 unless given")
    parser.add_argument("--data", action="store_true", help="with Ray Data")
    asked = parser.parse_args()
    started = time.monotonic()
    # On a cluster: ray.init() with its address.
    ray.init(num_cpus=asked.actors, log_to_driver=False)
    if asked.data:
        ready = time.monotonic()
        lines = by_data(asked.model, asked.pictures, asked.actors)
    else:
        judges = actors(asked.model, asked.actors)
        ready = time.monotonic()
        lines = by_actors(judges, listed(asked.pictures))
    count = write(lines, asked.results)
    seconds = time.monotonic() - ready
    print(f"{count} pictures in {seconds:.1f} s by {asked.actors} processes, which took {ready - started:.1f} s to start")


if __name__ == "__main__":
    main()
