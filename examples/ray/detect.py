"""Judges a folder of pictures with several processes: detect.py MODEL FOLDER RESULTS [ACTORS] [--data]

Each actor holds a detector with one thread. A process that dies is started anew and its pictures are judged again, so that
the results, a line of JSON for each picture in the order of their names, are those of one process to the last byte.
With --data it is Ray Data that reads the list and spreads the work.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import ray

KINDS = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
BATCH = 4


def line(found, path):
    """What is kept of an answer: what `aand detect` has in results.jsonl, or the error."""
    if isinstance(found, Exception):
        return {"path": path, "error": str(found)}
    regions = [{"box": list(r.box), "area": r.area, "maximum": r.maximum} for r in found.regions]
    return {"path": path, "score": found.score, "verdict": found.verdict, "regions": regions}


class Judge:
    """Holds a detector; a whole process as a Ray actor, or by itself."""

    def __init__(self, model):
        import aand

        self.detector = aand.Detector(model, "cpu", threads=1)

    def judge(self, paths):
        return [line(*one) for one in zip(self.detector.detect(paths, batch=BATCH, errors="return"), paths)]

    def process(self):
        return os.getpid()

    def __call__(self, batch):
        """For Ray Data: a table in, a table out."""
        paths = [str(path) for path in batch["path"]]
        return {"path": paths, "line": [json.dumps(one) for one in self.judge(paths)]}


def listed(folder):
    return sorted(str(path) for path in Path(folder).rglob("*") if path.suffix.lower() in KINDS)


def by_actors(model, paths, actors, asking=lambda processes, asked: None):
    """All lines; `asking` is told the processes, and what they were asked, once they are at work."""
    # Without end: a process that dies is started anew, and what it was asked is asked again.
    kind = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=-1)(Judge)
    judges = [kind.remote(model) for _ in range(actors)]
    processes = ray.get([judge.process.remote() for judge in judges])
    parts = [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]
    asked = [judges[i % actors].judge.remote(part) for i, part in enumerate(parts)]
    asking(processes, asked)
    return [one for part in ray.get(asked) for one in part]


def by_data(model, paths, actors):
    """The same with Ray Data, which hands blocks to a pool of actors."""
    table = ray.data.from_items([{"path": path} for path in paths])
    found = table.map_batches(Judge, fn_constructor_args=(model,), batch_size=BATCH, concurrency=actors, num_cpus=1)
    return [json.loads(row["line"]) for row in sorted(found.take_all(), key=lambda row: row["path"])]


def write(lines, results):
    """Whole or not at all."""
    folder = os.path.dirname(os.path.abspath(results))
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        file.writelines(json.dumps(one) + "\n" for one in lines)
    os.replace(file.name, results)


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--data"]
    if len(arguments) not in (3, 4):
        sys.exit(__doc__)
    model, folder, results = arguments[:3]
    actors = int(arguments[3]) if len(arguments) == 4 else 2
    model, paths = os.path.abspath(model), listed(folder)
    ray.init(num_cpus=actors, log_to_driver=False)
    judge = by_data if "--data" in sys.argv else by_actors
    write(judge(model, paths, actors), results)
    print(f"{len(paths)} pictures judged by {actors} processes: {results}")


if __name__ == "__main__":
    main()
