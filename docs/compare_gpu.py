"""Detection and training steps of the same AAND graph on a GPU: PyTorch CUDA and aand, in turns.

usage: compare_gpu.py AAND_PROGRAM [BACKBONE] [ROUNDS] [RUNS] [--no-training]

Random weights, 256x256. Detection starts with pictures of 8 bits in the computer's memory, which both normalize on the
GPU, and ends with the maps there; aand's time includes the smoothed map and its score, PyTorch's ends with the summed
discrepancies. Training: batch 16, a quarter of every picture anomalous, data preparation left out. The peer is
torch_aand.py, beside this file.
"""
import json, statistics, subprocess, sys, time
import torch
from torch_aand import Aand, amplification_loss, distillation_loss

training = "--no-training" not in sys.argv
sys.argv = [a for a in sys.argv if a != "--no-training"]
program = sys.argv[1]
backbone = sys.argv[2] if len(sys.argv) > 2 else "resnet18"
rounds, runs = (int(v) for v in (sys.argv[3:5] + ["3", "30"][len(sys.argv[3:5]):]))
torch.manual_seed(0)
times = {}
# ImageNet's, of pixels from 0 to 255.
MEAN = [255 * v for v in (0.485, 0.456, 0.406)]
SCALE = [1 / (255 * v) for v in (0.229, 0.224, 0.225)]


def measure(name, run, count):
    """`run` must end with the device idle."""
    for _ in range(3):
        run()
    for _ in range(count):
        begin = time.perf_counter()
        run()
        times.setdefault(name, []).append((time.perf_counter() - begin) * 1e3)


def tf32(allowed):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed


def detection(model, batch, kind, dtype):
    x = torch.randint(0, 256, (batch, 3, 256, 256), dtype=torch.uint8)
    mean, scale = (torch.tensor(v, device="cuda").view(3, 1, 1).to(dtype) for v in (MEAN, SCALE))

    def maps():
        return model((x.cuda().to(dtype) - mean) * scale).float().cpu()

    with torch.inference_mode():
        measure((f"batch {batch}", f"PyTorch {kind}"), maps, runs)


def torch_round():
    model = Aand(backbone).eval().cuda()
    for kind, allowed in (("f32", False), ("TF32", True)):
        tf32(allowed)
        for batch in (1, 8, 32):
            detection(model, batch, kind, torch.float32)
    half = Aand(backbone).eval().cuda().half()
    for batch in (1, 8, 32):
        detection(half, batch, "f16", torch.float16)
    if not training:
        return
    x = torch.randn(16, 3, 256, 256).cuda()
    foreground, mask = torch.ones(16, 1, 256, 256).cuda(), torch.zeros(16, 1, 256, 256).cuda()
    mask[:, :, 129:, 129:] = 1
    with torch.no_grad():
        features = [f.clone() for f in model.advanced(x)]
    optimizers = [torch.optim.Adam(part.parameters(), .005, (.5, .999)) for part in (model.raa, model.student)]

    def update(optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    def stage1():
        focal, amplification = amplification_loss(model, x, mask, foreground)
        update(optimizers[0], focal + .1 * amplification)

    def stage2():
        update(optimizers[1], distillation_loss(features, model.student(features)))

    model.student.train()
    for kind, allowed in (("f32", False), ("TF32", True)):
        tf32(allowed)
        measure(("stage 1", f"PyTorch {kind}"), stage1, runs)
        measure(("stage 2", f"PyTorch {kind}"), stage2, runs)


def our_round(precision):
    command = [program, "bench", "--backbone", backbone, "--device", "gpu", "--runs", str(runs), "--steps", str(runs), "--json", "--quiet"]
    command += ["--precision", precision] + ([] if training and precision == "f32" else ["--no-training"])
    said = subprocess.run(command, capture_output=True, text=True)
    if said.returncode:
        return print("aand", precision, said.stderr.strip())
    said = json.loads(said.stdout)
    print(said["device"], "first answer", said["first_answer_ms"], "load", said["load_ms"])
    ours = f"aand {precision}"
    times.setdefault(("batch 1", ours), []).extend(said["latency_ms"])
    for entry in said["throughput"]:
        times.setdefault((f"batch {entry['batch']}", ours), []).extend(entry["ms"])
    for stage in ("stage 1", "stage 2") if "training" in said and said["training"] else ():
        times.setdefault((stage, ours), []).extend(said["training"][stage.replace(" ", "") + "_ms"])


for _ in range(rounds):
    torch_round()
    torch.cuda.empty_cache()
    our_round("f32")
    our_round("f16")
print(f"{backbone} on {torch.cuda.get_device_name()}, PyTorch {torch.__version__}; milliseconds, median and least")
for (what, who), values in sorted(times.items()):
    ours = statistics.median(times.get((what, "aand f32"), [float("nan")]))
    middle = statistics.median(values)
    print(f"{what:9} {who:14} median {middle:8.2f}, least {min(values):8.2f} (aand f32 / this {ours / middle:.2f})")
