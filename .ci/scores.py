"""What each runtime and binding says of the same pictures: scores.py PROGRAM DIST FOLDER COUNT; see .ci/scores."""

import json
import subprocess
import sys
from pathlib import Path

import numpy
from PIL import Image

TOLERANCE = 1e-3
HERE = Path(__file__).parent
program, dist, folder, count = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
model = folder / "part.aand"
pictures = sorted((folder / "parts/circuit/test").rglob("*.png"))[:count]


def by_program(device):
    out = folder / f"results-{device}"
    command = [program, "detect", model, *pictures, "--out", out, "--device", device, "--json", "--no-heat", "--no-overlay"]
    said = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    name = next((line.removeprefix("device: ") for line in said.stderr.splitlines() if line.startswith("device: ")), device)
    lines = {line["path"]: line for line in map(json.loads, said.stdout.splitlines()) if "path" in line}
    found = [lines[str(picture)] for picture in pictures]
    return name, [line["score"] for line in found], [line["verdict"] == "anomalous" for line in found]


def by_python():
    import aand

    found = aand.Detector(model, "cpu").detect(pictures)
    return f"Python, aand {aand.__version__}", [one.score for one in found], [one.anomalous for one in found]


def by_c():
    said = subprocess.run([folder / "detect", model, *pictures], check=True, capture_output=True, text=True).stdout
    lines = [line.split("\t") for line in said.splitlines()]
    assert [line[0] for line in lines] == [str(picture) for picture in pictures]
    return "C, libaand_c", [float(line[1]) for line in lines], [line[2] == "anomalous" for line in lines]


def resized():
    """The pictures as graphs take them; Pillow's bicubic is the program's."""
    return numpy.stack([numpy.asarray(Image.open(path).convert("RGB").resize((64, 64), Image.BICUBIC)) for path in pictures])


def by_graphs():
    """The script that `aand export --verify` runs."""
    numpy.save(folder / "pictures.npy", resized())
    script = HERE.parent / "src/export/verify.py"
    command = [sys.executable, script, folder / "part.onnx", folder / "pictures.npy", "u8"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for answer in map(json.loads, said.splitlines()):
        yield answer["runtime"], answer["scores"], answer["anomalous"]


def by_browser():
    resized().tofile(folder / "pictures.bin")
    (folder / "pictures.json").write_text(json.dumps([str(path.relative_to(folder)) for path in pictures]))
    said = subprocess.run(["node", HERE / "scores.mjs", dist, folder], check=True, stdout=subprocess.PIPE, text=True).stdout
    for answer in map(json.loads, said.splitlines()):
        yield answer["runtime"], answer["scores"], answer["anomalous"]


own = by_program("cpu")
_, scores, verdicts = own
assert len(scores) == count and 0 < sum(verdicts) < count, "verdicts of both kinds are needed"
rows = [own, by_program("gpu"), by_python(), by_c(), *by_graphs(), *by_browser()]
print(f"{count} pictures, {sum(verdicts)} of them anomalous\n")
print("| | largest difference of a score | verdicts that differ |\n|---|---|---|")
wrong = []
for name, said, judged in rows:
    assert len(said) == len(judged) == count, name
    difference = max(abs(a - b) / b for a, b in zip(said, scores))
    others = sum(a != b for a, b in zip(judged, verdicts))
    print(f"| {name} | {'the same bits' if said == scores else f'{difference:.1e}'} | {others} |")
    if not difference <= TOLERANCE or others:
        wrong.append(name)
# Name by name: what a runtime is missing from the table would be no proof.
assert len(rows) == 8, [name for name, _, _ in rows]
if wrong:
    sys.exit(f"other scores or verdicts: {', '.join(wrong)}")
