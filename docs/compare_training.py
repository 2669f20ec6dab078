"""Seconds per training step of both stages in PyTorch and aand, in turns; batch 16, 256x256, CPU.

usage: compare_training.py AAND_PROGRAM [BACKBONE] [THREADS] [ROUNDS] [STEPS]

Random weights, a quarter of every picture anomalous. Stage 1 includes the teacher, stage 2 has its features at hand,
on both sides; data preparation is left out. The peer is torch_aand.py, beside this file.
"""
import json, os, statistics, subprocess, sys, time

program = sys.argv[1]
backbone = sys.argv[2] if len(sys.argv) > 2 else "resnet18"
threads, rounds, steps = (int(v) for v in (sys.argv[3:6] + ["2", "3", "3"][len(sys.argv[3:6]):]))
os.environ["OMP_NUM_THREADS"] = str(threads)
import torch
from torch_aand import Aand, amplification_loss, distillation_loss

torch.manual_seed(0)
torch.set_num_threads(threads)
model, x = Aand(backbone), torch.randn(16, 3, 256, 256)
foreground, mask = torch.ones(16, 1, 256, 256), torch.zeros(16, 1, 256, 256)
mask[:, :, 129:, 129:] = 1
with torch.inference_mode():
    features = [f.clone() for f in model.eval().advanced(x)]
features = [f.detach().clone() for f in features]
optimizers = [torch.optim.Adam(part.parameters(), .005, (.5, .999)) for part in (model.raa, model.student)]


def update(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss)


def stage1():
    focal, amplification = amplification_loss(model, x, mask, foreground)
    update(optimizers[0], focal + .1 * amplification)


def stage2():
    model.student.train()
    update(optimizers[1], distillation_loss(features, model.student(features)))


times = {}
for _ in range(rounds):
    for name, step in (("stage 1", stage1), ("stage 2", stage2)):
        step()
        for _ in range(steps):
            begin = time.perf_counter()
            step()
            times.setdefault(("PyTorch " + torch.__version__, name), []).append(time.perf_counter() - begin)
    command = [program, "bench", "--backbone", backbone, "--device", "cpu", "--runs", "1", "--json", "--quiet"]
    said = subprocess.run(command, env=os.environ | {"RAYON_NUM_THREADS": str(threads)},
                          capture_output=True, text=True, check=True).stdout
    training = json.loads(said)["training"]
    for name in ("stage 1", "stage 2"):
        values = training[name.replace(" ", "") + "_ms"]
        times.setdefault(("aand", name), []).extend(v / 1e3 for v in values)

print(f"{backbone}, {threads} threads, batch 16; seconds a step, median and least of {rounds} rounds")
for (who, name), values in sorted(times.items(), key=lambda item: item[0][1]):
    ours = statistics.median(times["aand", name])
    middle = statistics.median(values)
    print(f"{name}  {who:16} median {middle:.3f}, least {min(values):.3f} (aand / this {ours / middle:.2f})")
