"""Trains a Llama in eager PyTorch: the peer of the training bench.

    train.py FOLDER THREADS

FOLDER holds task.json, weights.bin (float32, tensor after tensor) and batch.bin (int32: tokens, then targets, -1 left
out). It prints its name, then answers each line "SECONDS" with a line of JSON about the steps it ran for that long.
Written as one would for speed: one product for queries, keys and values and one for gate and up, tables and mask made
once, AdamW in its multi-tensor form, gradients set to None. NumPy is not needed.
"""
import json
import math
import os
import sys
import time

import torch
import torch.nn.functional as F


class Layer(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        width, head, pairs = c["width"], c["head_width"], c["key_value_heads"]
        self.heads, self.pairs, self.head, self.epsilon = c["heads"], pairs, head, c["rms_epsilon"]
        self.input_norm = torch.nn.Parameter(torch.empty(width))
        self.qkv = torch.nn.Linear(width, (c["heads"] + 2 * pairs) * head, bias=False)
        self.out = torch.nn.Linear(c["heads"] * head, width, bias=False)
        self.middle_norm = torch.nn.Parameter(torch.empty(width))
        self.gate_up = torch.nn.Linear(width, 2 * c["feed_forward"], bias=False)
        self.down = torch.nn.Linear(c["feed_forward"], width, bias=False)

    def forward(self, x, cos, sin, mask):
        rows, length, width = x.shape
        parts = self.qkv(norm(x, self.input_norm, self.epsilon)).view(rows, length, -1, self.head).transpose(1, 2)
        q, k, v = parts.split([self.heads, self.pairs, self.pairs], dim=1)
        q, k = turn(q, cos, sin), turn(k, cos, sin)
        if self.pairs < self.heads:
            k, v = (t.repeat_interleave(self.heads // self.pairs, dim=1) for t in (k, v))
        a = torch.softmax((q @ k.transpose(-1, -2)) * (1 / math.sqrt(self.head)) + mask, dim=-1) @ v
        x = x + self.out(a.transpose(1, 2).reshape(rows, length, -1))
        gate, up = self.gate_up(norm(x, self.middle_norm, self.epsilon)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


class Llama(torch.nn.Module):
    def __init__(self, c, length):
        super().__init__()
        self.embedding = torch.nn.Embedding(c["vocabulary"], c["width"])
        self.layers = torch.nn.ModuleList(Layer(c) for _ in range(c["layers"]))
        self.final_norm = torch.nn.Parameter(torch.empty(c["width"]))
        self.epsilon = c["rms_epsilon"]
        half = c["head_width"] // 2
        frequencies = torch.tensor([c["rope_theta"] ** (-i / half) for i in range(half)], dtype=torch.float64)
        angles = torch.arange(length).double()[:, None] * frequencies
        self.cos, self.sin = angles.cos().float(), angles.sin().float()
        self.mask = torch.full((length, length), float("-inf")).triu(1)

    def forward(self, tokens, targets):
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin, self.mask)
        logits = F.linear(norm(x, self.final_norm, self.epsilon), self.embedding.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)


def norm(x, gain, epsilon):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + epsilon) * gain


def turn(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def fill(model, file):
    """The weights in the order of the engine's arena; those that lie side by side there are one parameter here."""
    tensors = [model.embedding.weight]
    for l in model.layers:
        tensors += [l.input_norm, l.qkv.weight, l.out.weight, l.middle_norm, l.gate_up.weight, l.down.weight]
    with torch.no_grad():
        for tensor in tensors + [model.final_norm]:
            tensor.copy_(torch.frombuffer(bytearray(file.read(4 * tensor.numel())), dtype=torch.float32).view(tensor.shape))


def peak_megabytes():
    with open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) * 1024 / 1e6


def main(folder, threads):
    torch.set_num_threads(threads)
    with open(os.path.join(folder, "task.json"), encoding="utf-8") as f:
        task = json.load(f)
    rows, length = task["rows"], task["length"]
    with open(os.path.join(folder, "batch.bin"), "rb") as f:
        tokens, targets = torch.frombuffer(bytearray(f.read()), dtype=torch.int32).long().view(2, rows, length)
    model = Llama(task["config"], length)
    with open(os.path.join(folder, "weights.bin"), "rb") as f:
        fill(model, f)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": [p for p in parameters if p.dim() == 2], "weight_decay": task["weight_decay"]},
         {"params": [p for p in parameters if p.dim() != 2], "weight_decay": 0.0}],
        lr=task["rate"], betas=(task["beta1"], task["beta2"]), eps=task["epsilon"], foreach=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = model(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, task["clip"])
        optimizer.step()
        return loss.item()

    print(f"PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        began, seconds, processor, losses = time.perf_counter(), [], [], []
        while not seconds or time.perf_counter() - began < float(line):
            wall, busy = time.perf_counter(), time.process_time()
            losses.append(step())
            seconds.append(time.perf_counter() - wall)
            processor.append(time.process_time() - busy)
        print(json.dumps({"seconds": min(seconds), "processor": min(processor), "losses": losses, "megabytes": peak_megabytes()}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
