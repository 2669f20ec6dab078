#!/usr/bin/env python3
"""Does the threshold keep its word? The table of docs/threshold.md.

    docs/check_threshold.py PROGRAM DATA... [--before OLD_PROGRAM] [--rounds 5] [--train N] [--device gpu] [--jobs 4]

DATA is a category in MVTec AD's layout. In each round the good pictures (of train and test together) are dealt anew: N
of them (two thirds unless given) are trained on, the others are never seen by either stage. The program states a rate;
the scores that its threshold rests on are in the model file. A split then draws 4/5 of those scores, takes the threshold
that the rule gives for as many pictures, and counts the false alarms on 4/5 of the unseen good pictures: --splits of
them, over the rounds. "kept" counts the splits in which the realized rate is at most the stated one.
"""

import argparse
import concurrent.futures
import json
import math
import os
import random
import shutil
import subprocess
import tempfile
import time

CONFIDENCE = 0.99


def at_most(count, trials, rate):
    """P(X <= count) of the binomial distribution."""
    return sum(math.comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(count + 1))


def rule(scores, asked):
    """The threshold and the rate that it states: an order statistic, as in src/detection/threshold.rs."""
    ranked, n = sorted(scores, reverse=True), len(scores)
    ranks = [r for r in range(1, n + 1) if at_most(r - 1, n, asked) <= 1 - CONFIDENCE]
    if ranks:
        return ranked[max(ranks) - 1], asked
    return ranked[0], 1 - (1 - CONFIDENCE) ** (1 / n)


def pictures(folder):
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if not name.startswith(".")]


def round_of(args, data, number):
    """Trains once; what each program stated and what it said of the pictures it had not seen."""
    good = pictures(f"{data}/train/good") + pictures(f"{data}/test/good")
    bad = [p for kind in sorted(os.listdir(f"{data}/test")) if kind != "good" for p in pictures(f"{data}/test/{kind}")]
    random.Random(number).shuffle(good)
    count = min(args.train or len(good) * 2 // 3, len(good) - 4)
    with tempfile.TemporaryDirectory() as place:
        for name, chosen in (("fit", good[:count]), ("unseen", good[count:]), ("bad", bad)):
            os.makedirs(f"{place}/{name}")
            for n, path in enumerate(chosen):
                shutil.copy(path, f"{place}/{name}/{n:04}{os.path.splitext(path)[1]}")
        found = {}
        for key, program in (("now", args.program), ("before", args.before)):
            if program is None:
                continue
            model = f"{place}/{key}.aand"
            line = [program, "train", f"{place}/fit", "--out", model, "--seed", str(number), "--device", args.device]
            began = time.time()
            said = subprocess.run([*line, *args.options.split(), "--json", "-q"], check=True, capture_output=True)
            seconds = time.time() - began
            scores = {}
            for name in ("unseen", "bad"):
                line = [program, "detect", model, f"{place}/{name}", "--out", f"{place}/{key}-{name}", "--json", "-q"]
                line += ["--no-heat", "--no-overlay", "--device", args.device]
                lines = subprocess.run(line, check=True, capture_output=True).stdout.decode().splitlines()
                scores[name] = [json.loads(line)["score"] for line in lines]
            found[key] = {"threshold": json.loads(said.stdout)["threshold"], "seconds": seconds, **scores}
    return found


def share(scores, threshold):
    return sum(score > threshold for score in scores) / len(scores)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("data", nargs="+")
    parser.add_argument("--before")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--splits", type=int, default=50)
    parser.add_argument("--train", type=int)
    parser.add_argument("--asked", type=float, default=0.01)
    parser.add_argument("--device", default="gpu")
    parser.add_argument("--options", default="")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--json", help="also write everything that was measured")
    args = parser.parse_args()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        jobs = {(d, n): pool.submit(round_of, args, d, n) for d in args.data for n in range(args.rounds)}
        rounds = {key: job.result() for key, job in jobs.items()}
    if args.json:
        with open(args.json, "w") as file:
            json.dump({f"{os.path.basename(d)} {n}": found for (d, n), found in rounds.items()}, file)
    print("| data | calibrated on | stated | realized, mean | kept | found | false alarms before | found before | time |")
    print("|---|---|---|---|---|---|---|---|---|")
    for data in args.data:
        of = [rounds[data, n] for n in range(args.rounds)]
        realized, kept, stated, sizes = [], 0, [], []
        for split in range(args.splits):
            now, draw = of[split % args.rounds]["now"], random.Random(split)
            scores = now["threshold"]["scores"]
            scores = draw.sample(scores, max(4, len(scores) * 4 // 5))
            threshold, rate = rule(scores, args.asked)
            alarms = share(draw.sample(now["unseen"], len(now["unseen"]) * 4 // 5), threshold)
            realized.append(alarms)
            stated.append(rate)
            sizes.append(len(scores))
            kept += alarms <= rate

        def mean(key, measure):
            return sum(measure(r[key]) for r in of) / len(of) if key in of[0] else None

        def percent(value):
            return "" if value is None else f"{100 * value:.1f} %"

        found = mean("now", lambda r: share(r["bad"], r["threshold"]["value"]))
        before = [mean("before", lambda r: share(r[k], r["threshold"]["value"])) for k in ("unseen", "bad")]
        times = mean("before", lambda r: r["seconds"])
        ratio = "" if times is None else f"{mean('now', lambda r: r['seconds']) / times:.2f}"
        print(
            f"| {os.path.basename(data)} | {sizes[0]} | {percent(sum(stated) / len(stated))} "
            f"| {percent(sum(realized) / len(realized))} | {kept} of {args.splits} | {percent(found)} "
            f"| {percent(before[0])} | {percent(before[1])} | {ratio} |"
        )


if __name__ == "__main__":
    main()
