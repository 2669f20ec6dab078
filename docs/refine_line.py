#!/usr/bin/env python3
"""The figures and the picture of docs/refine.md: a rendered line, its light dimmed, corrections, a refinement.

    docs/refine_line.py PROGRAM [--line circuit] [--light -0.5] [--size 128] [--rounds 1] [--picture out.png] [--work DIR]

A model is trained on the line in its own light. Then the light changes; ten good parts that were called anomalous, or the
first ten where that is fewer, are given as corrections, in each round ten of forty other ones. What is told of is counted (after
the first, each fifth and the last round) on parts that no training has seen: 60 good ones in the new light, 40 in the old
one, and ten of each kind of defect in both.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time

CORRECTIONS, OFFERED, FRESH = 10, 40, 60


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def auroc(good, bad):
    wins = sum((b > g) + (b == g) / 2 for b in bad for g in good)
    return wins / (len(good) * len(bad))


class Line:
    """Pictures of one light, and what a model says of them."""

    def __init__(self, program, root, name):
        self.program, self.root, self.name = program, root, name

    def judge(self, model, folders, out, *options):
        shutil.rmtree(out, ignore_errors=True)
        run(self.program, "detect", model, *folders, "--out", out, "--device", "cpu", "--quiet", *options)
        with open(os.path.join(out, "results.jsonl")) as lines:
            return [json.loads(line) for line in lines]

    def figures(self, model, out):
        test = os.path.join(self.root, self.name, "test")
        kinds = sorted(kind for kind in os.listdir(test) if kind != "good")
        judged = lambda kinds: self.judge(
            model, [os.path.join(test, kind) for kind in kinds], out, "--no-heat", "--no-overlay")
        good, bad = judged(["good"]), judged(kinds)
        share = lambda lines: sum(line["verdict"] == "anomalous" for line in lines) / len(lines)
        scores = lambda lines: [line["score"] for line in lines]
        return {"false_alarms": share(good), "detections": share(bad), "auroc": auroc(scores(good), scores(bad))}


def tell(when, old, new):
    print(f"{when:28} old light: {words(old)}    new light: {words(new)}", flush=True)


def words(figures):
    return (f"false alarms {100 * figures['false_alarms']:5.1f} %, detections {100 * figures['detections']:5.1f} %, "
            f"image AUROC {figures['auroc']:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--line", default="circuit")
    parser.add_argument("--light", type=float, default=-0.5)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--picture", help="heat maps of good parts in the new light, before and after, as a PNG")
    parser.add_argument("--work", help="a folder to keep, instead of a temporary one")
    args = parser.parse_args()
    work = args.work or tempfile.mkdtemp()
    os.makedirs(work, exist_ok=True)
    path = lambda name: os.path.join(work, name)
    run(args.program, "render", args.line, "--out", path("old"), "--test-good", 40, "--quiet")
    run(args.program, "render", args.line, "--out", path("new"), "--light", args.light, "--seed", 1, "--train",
        OFFERED + CORRECTIONS * (args.rounds - 1), "--test-good", FRESH, "--quiet")
    model, out = path("part.aand"), path("out")
    begin = time.monotonic()
    run(args.program, "train", os.path.join(path("old"), args.line, "train", "good"), "--out", model, "--preset", "quick",
        "--size", args.size, "--device", "cpu", "--quiet")
    print(f"trained in {time.monotonic() - begin:.0f} s")
    old, new = Line(args.program, path("old"), args.line), Line(args.program, path("new"), args.line)
    tell("before", old.figures(model, out), new.figures(model, out))
    first = shown(new, model, path("maps-before"), args)

    offered = os.path.join(path("new"), args.line, "train", "good")
    left = sorted(os.listdir(offered))
    for number in range(args.rounds):
        some = left[:OFFERED]
        judged = new.judge(model, [os.path.join(offered, name) for name in some], out, "--no-heat", "--no-overlay")
        wrong = [name for name, line in zip(some, judged) if line["verdict"] == "anomalous"]
        chosen = (wrong + [name for name in some if name not in wrong])[:CORRECTIONS]
        left = [name for name in left if name not in chosen]
        begin = time.monotonic()
        said = json.loads(run(args.program, "refine", model, "--good", *(os.path.join(offered, name) for name in chosen),
                              "--device", "cpu", "--json", "--quiet"))
        took = time.monotonic() - begin
        print(f"{len(wrong)} of {len(judged)} good parts were called anomalous; {said['sentence']}")
        if number in (0, args.rounds - 1) or number % 5 == 4:
            tell(f"refined {number + 1} times, {took:.0f} s", old.figures(model, out), new.figures(model, out))
    if args.picture:
        compose(first, shown(new, model, path("maps-after"), args), args.picture)
    if not args.work:
        shutil.rmtree(work)


def shown(line, model, out, args):
    """The overlays of four good parts and of one of each kind of defect."""
    if not args.picture:
        return []
    test = os.path.join(line.root, line.name, "test")
    some = [os.path.join(test, "good", name) for name in sorted(os.listdir(os.path.join(test, "good")))[:3]]
    kinds = sorted(kind for kind in os.listdir(test) if kind != "good")
    some += [os.path.join(test, kind, sorted(os.listdir(os.path.join(test, kind)))[0]) for kind in kinds[:3]]
    return [(os.path.join(out, judged["overlay"]), judged["verdict"]) for judged in line.judge(model, some, out)]


def compose(before, after, to):
    """Two rows; an anomalous verdict has a red frame, a good one a green frame."""
    from PIL import Image, ImageOps

    rows = [[ImageOps.expand(Image.open(path).convert("RGB").resize((200, 200)), 6, "#d33" if verdict == "anomalous" else "#292")
             for path, verdict in row] for row in (before, after)]
    whole = Image.new("RGB", (212 * len(rows[0]), 212 * 2), "white")
    for y, row in enumerate(rows):
        for x, one in enumerate(row):
            whole.paste(one, (212 * x, 212 * y))
    whole.save(to)


if __name__ == "__main__":
    main()
