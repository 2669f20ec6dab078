"""AAND in PyTorch, written from docs/method.md: the peer that speed is compared with (compare_*.py).

Model pieces take a backbone name ("resnet18", "wide_resnet50_2"); levels are keyed by index, so any input size
divisible by 32 works. The parity tests have another one, in f64 (tests/fixtures/make).
"""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision

WIDTHS = {"resnet18": (64, 128, 256), "wide_resnet50_2": (256, 512, 1024)}
EXPANSION = {"resnet18": 1, "wide_resnet50_2": 4}


class Teacher(nn.Module):
    def __init__(self, name, weights=None):
        super().__init__()
        net = getattr(torchvision.models, name)(weights=None)
        if weights:
            net.load_state_dict(weights, strict=False)
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.layers = nn.ModuleList([net.layer1, net.layer2, net.layer3])
        self.requires_grad_(False).eval()

    def train(self, mode=True):
        return super().train(False)

    def forward(self, x):
        x, out = self.stem(x), []
        for layer in self.layers:
            x = layer(x)
            out.append(x)
        return out


def position_encoding(c, h, w):
    d = c // 2
    f = torch.exp(-torch.arange(0, d, 2) * math.log(10000.0) / d)
    pe = torch.zeros(c, h, w)
    x, y = torch.arange(w)[None, :] * f[:, None], torch.arange(h)[None, :] * f[:, None]
    pe[0:d:2], pe[1:d:2] = x.sin()[:, None, :], x.cos()[:, None, :]
    pe[d::2], pe[d + 1::2] = y.sin()[:, :, None], y.cos()[:, :, None]
    return pe


def mlp(c):
    h = min(2 * c, 1024)
    m = nn.Sequential(nn.Conv2d(c, h, 1), nn.ReLU(True), nn.Conv2d(h, h, 1), nn.ReLU(True), nn.Conv2d(h, c, 1))
    for layer in m:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return m


class Raa(nn.Module):
    def __init__(self, c, items=50, temperature=0.2):
        super().__init__()
        self.gate, self.generator = mlp(c), mlp(c)
        self.memory = nn.Parameter(torch.randn(2 * items, c))
        self.items, self.temperature, self.pe = items, temperature, None

    def forward(self, f, patch_mask=None):
        b, c, h, w = f.shape
        if self.pe is None or self.pe.shape[1:] != (h, w):
            self.pe = position_encoding(c, h, w).to(f)
        q = F.normalize(self.gate(f + self.pe).flatten(2).transpose(1, 2), dim=-1, eps=1e-8)
        p = (q @ F.normalize(self.memory, dim=-1, eps=1e-8).T / self.temperature).softmax(-1)
        weight = p[..., self.items:].sum(-1).view(b, 1, h, w)
        gate = weight if patch_mask is None else patch_mask
        return f + gate * torch.tanh(self.generator(f)) * f, weight


def cbr(i, o, k=3, s=1, relu=True):
    layers = [nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o)]
    return layers + [nn.ReLU(True)] if relu else layers


class Block(nn.Module):
    """Residual block; stride -2 means a 2x2 transposed convolution up-samples by two."""
    def __init__(self, i, inner, o, stride, basic):
        super().__init__()
        def spatial(a, b):
            if stride == -2:
                return [nn.ConvTranspose2d(a, b, 2, 2, bias=False), nn.BatchNorm2d(b), nn.ReLU(True)]
            return cbr(a, b, 3, stride)
        if basic:
            self.body = nn.Sequential(*spatial(i, o), *cbr(o, o, relu=False))
        else:
            self.body = nn.Sequential(*cbr(i, inner, 1), *spatial(inner, inner), *cbr(inner, o, 1, relu=False))
        if stride == -2:
            self.skip = nn.Sequential(nn.ConvTranspose2d(i, o, 2, 2, bias=False), nn.BatchNorm2d(o))
        elif stride != 1 or i != o:
            self.skip = nn.Sequential(*cbr(i, o, 1, stride, relu=False))
        else:
            self.skip = nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


class Student(nn.Module):
    """One-class bottleneck embedding followed by the mirrored decoder; returns levels 1, 2, 3."""
    def __init__(self, name):
        super().__init__()
        e, basic = EXPANSION[name], EXPANSION[name] == 1
        n = (2, 2, 2, 2) if name == "resnet18" else (3, 3, 4, 6)
        self.m1 = nn.Sequential(*cbr(64 * e, 128 * e, 3, 2), *cbr(128 * e, 256 * e, 3, 2))
        self.m2 = nn.Sequential(*cbr(128 * e, 256 * e, 3, 2))
        oce = [Block(768 * e, 1024, 512 * e, 2, basic)] + [Block(512 * e, 1024, 512 * e, 1, basic) for _ in range(n[0] - 1)]
        self.oce = nn.Sequential(*oce)
        def layer(i, o, inner, count):
            return nn.Sequential(Block(i, inner, o, -2, basic), *[Block(o, inner, o, 1, basic) for _ in range(count - 1)])
        self.d1 = layer(512 * e, 256 * e, 512, n[1])
        self.d2 = layer(256 * e, 128 * e, 256, n[2])
        self.d3 = layer(128 * e, 64 * e, 128, n[3])
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, f):
        x = self.oce(torch.cat([self.m1(f[0]), self.m2(f[1]), f[2]], 1))
        a = self.d1(x)
        b = self.d2(a)
        return [self.d3(b), b, a]


class Aand(nn.Module):
    def __init__(self, name, weights=None):
        super().__init__()
        self.teacher = Teacher(name, weights)
        self.raa = nn.ModuleList([Raa(c) for c in WIDTHS[name]])
        self.student = Student(name)

    def advanced(self, x):
        return [r(f)[0] for r, f in zip(self.raa, self.teacher(x))]

    def forward(self, x):
        """Anomaly map [B, 1, H, W] before smoothing."""
        fa = self.advanced(x)
        fs = self.student(fa)
        return sum(F.interpolate(1 - F.cosine_similarity(a, s, dim=1)[:, None], x.shape[-2:], mode="bilinear", align_corners=True)
                   for a, s in zip(fa, fs))


def amplification_loss(model, x, mask, fg, alpha=0.3):
    """x [B,3,H,W] corrupted, mask/fg [B,1,H,W]. Returns focal, amplification (both summed over levels)."""
    focal = amp = 0.0
    with torch.no_grad():
        feats = model.teacher(x)
    for raa, f in zip(model.raa, feats):
        hw = f.shape[-2:]
        y = (F.adaptive_avg_pool2d(mask, hw) > 0.3).float()
        g = F.adaptive_avg_pool2d(fg, hw) > 0.3
        fa, w = raa(f, y)
        focal = focal + (-0.8 * (1 - w) ** 2 * y * w.log() - 0.2 * w ** 2 * (1 - y) * (1 - w).log()).mean()
        flat = lambda t: t.permute(0, 2, 3, 1).reshape(-1, t.shape[1])
        ya, yn = (y > 0).flatten(), ((y == 0) & g).flatten()
        ia, inn = ya.nonzero()[:, 0], yn.nonzero()[:, 0]
        if len(ia) and len(inn):
            ia, inn = ia[torch.randperm(len(ia))[:1000]], inn[torch.randperm(len(inn))[:5000]]
            n = F.normalize(flat(f)[inn], dim=-1)
            s0, s1 = n @ F.normalize(flat(f)[ia], dim=-1).T, n @ F.normalize(flat(fa)[ia], dim=-1).T
            amp = amp + F.relu(s1 - (s0 - alpha)).mean()
    return focal, amp


def distillation_loss(fa, fs, hard=10):
    loss = 0.0
    for a, s in zip(fa, fs):
        loss = loss + (1 - F.cosine_similarity(a.flatten(1), s.flatten(1))).mean()
        if hard:
            loss = loss + (1 - F.cosine_similarity(a, s, dim=1)).flatten(1).topk(hard, dim=1).values.mean()
    return loss
