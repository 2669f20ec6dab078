"""Runs an exported graph on pictures in every runtime that is installed, and prints what it said as JSON.

usage: verify.py GRAPH PICTURES u8|f32, where PICTURES is a .npy file, uint8 [count, height, width, 3]
"""
import json
import sys

import numpy

BATCH = 16


def onnxruntime(path):
    import onnxruntime as runtime

    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = ["score", "normalized", "anomalous"]
    return runtime.__version__, lambda pixels: session.run(names, {"pixels": pixels})


def openvino(path):
    import openvino as runtime

    core = runtime.Core()
    # On CPUs that have them OpenVINO would take 16-bit floats.
    model = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    outputs = [model.output(name) for name in ["score", "normalized", "anomalous"]]

    def run(pixels):
        found = model([pixels])
        return [found[output] for output in outputs]

    return runtime.__version__, run


def main():
    path, pictures = sys.argv[1], numpy.load(sys.argv[2])
    if sys.argv[3] == "f32":
        pictures = pictures.astype(numpy.float32)
    for name, load in [("onnxruntime", onnxruntime), ("openvino", openvino)]:
        try:
            version, run = load(path)
        except ModuleNotFoundError:
            continue
        parts = [run(pictures[start : start + BATCH]) for start in range(0, len(pictures), BATCH)]
        score, normalized, anomalous = (numpy.concatenate([part[i] for part in parts]) for i in range(3))
        said = {
            "runtime": f"{name} {version.split('-')[0]}",
            "scores": [float(value) for value in score],
            "normalized": [float(value) for value in normalized],
            "anomalous": [bool(value) for value in anomalous],
        }
        print(json.dumps(said), flush=True)


main()
