"""Time of the same AAND graph in PyTorch, ONNX Runtime, OpenVINO and aand, engine by engine in turns.

usage: compare_speed.py AAND_PROGRAM [BACKBONE] [THREADS] [ROUNDS] [RUNS]

All weights are random, 256x256, batch 1. By the clock, and the processor time of all threads together: on a
machine that others use too, the latter says more. aand's time includes the anomaly map; the others' ends with
the summed discrepancies before smoothing. The peers' graph is torch_aand.py, beside this file.
"""
import json, os, resource, statistics, subprocess, sys, tempfile, time

program = sys.argv[1]
backbone = sys.argv[2] if len(sys.argv) > 2 else "resnet18"
threads, rounds, runs = (int(v) for v in (sys.argv[3:6] + ["1", "5", "5"][len(sys.argv[3:6]):]))
os.environ["OMP_NUM_THREADS"] = str(threads)
import torch
from torch_aand import Aand

torch.manual_seed(0)
torch.set_num_threads(threads)
model, x = Aand(backbone).eval(), torch.randn(1, 3, 256, 256)
engines = {"PyTorch " + torch.__version__: lambda: model(x)}
path = os.path.join(tempfile.gettempdir(), f"compare_{backbone}.onnx")
with torch.inference_mode():
    model(x)
    if not os.path.exists(path):
        torch.onnx.export(model, (x,), path, opset_version=18, input_names=["x"], output_names=["map"], dynamo=False)
try:
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    engines["ONNX Runtime " + onnxruntime.__version__] = lambda: session.run(None, {"x": x.numpy()})
except ImportError:
    print("no onnxruntime")
try:
    import openvino
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    compiled = openvino.Core().compile_model(openvino.Core().read_model(path), "CPU", settings)
    engines["OpenVINO f32 " + openvino.__version__.split("-")[0]] = lambda: compiled([x.numpy()])
except ImportError:
    print("no openvino")


def processor():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e3


clock, spent = {}, {}
with torch.inference_mode():
    for run in engines.values():
        run(), run()
    for _ in range(rounds):
        for name, run in engines.items():
            before = processor()
            for _ in range(runs):
                begin = time.perf_counter()
                run()
                clock.setdefault(name, []).append((time.perf_counter() - begin) * 1e3)
            spent.setdefault(name, []).append((processor() - before) / runs)
        command = [program, "bench", "--backbone", backbone, "--device", "cpu", "--only-latency", "--runs", str(runs)]
        said = subprocess.run(command + ["--json", "--quiet"], env=os.environ | {"RAYON_NUM_THREADS": str(threads)},
                              capture_output=True, text=True, check=True).stdout
        said = json.loads(said)
        clock.setdefault("aand", []).extend(said["latency_ms"])
        spent.setdefault("aand", []).append(said["processor_ms"])

ours = statistics.median(spent["aand"]), statistics.median(clock["aand"])
print(f"{backbone}, {threads} threads, {rounds} rounds of {runs} runs; milliseconds")
for name in clock:
    p, c = statistics.median(spent[name]), statistics.median(clock[name])
    print(f"{name:24} processor {p:8.1f} (aand / this {ours[0] / p:.2f})   "
          f"clock median {c:8.1f}, least {min(clock[name]):8.1f} ({ours[1] / c:.2f})")
