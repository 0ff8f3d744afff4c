"""A Llama written by hand in PyTorch: the reference for losses, gradients and training curves, and the peer of the benches.

    llama.py FOLDER

FOLDER holds task.json, weights.bin (float32, tensor after tensor) and batches.bin (int32: for each batch tokens, then
targets, -1 left out). It prints a line of JSON for each step and, when asked, writes the first step's gradients to
gradients.bin in the order of the weights. NumPy is not needed.
"""
import array
import json
import math
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F


def rms_norm(x, gain, epsilon):
    return gain * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + epsilon))


def rope_tables(positions, width, theta, dtype):
    frequencies = torch.tensor([theta ** (-2.0 * i / width) for i in range(width // 2)], dtype=torch.float64)
    angles = positions.double()[:, None] * frequencies[None, :]
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class Llama:
    def __init__(self, config, weights):
        self.c, self.w = config, weights

    def loss(self, tokens, targets, length, starts):
        """The mean over tokens whose target is not -1."""
        return F.cross_entropy(self.logits(tokens, length, starts), targets, ignore_index=-1)

    def logits(self, tokens, length, starts):
        """[tokens, vocabulary]; rows of equal length when `starts` is None, else one packed row with documents at `starts`."""
        c, w = self.c, self.w
        dtype = w["model.embed_tokens.weight"].dtype
        heads, pairs, width = c["heads"], c["key_value_heads"], c["head_width"]
        if starts is None:
            rows, positions, mask = len(tokens) // length, torch.arange(length), None
        else:
            rows, length = 1, len(tokens)
            document = torch.zeros(length, dtype=torch.long)
            positions = torch.zeros(length, dtype=torch.long)
            for number, start in enumerate(starts):
                end = starts[number + 1] if number + 1 < len(starts) else length
                document[start:end] = number
                positions[start:end] = torch.arange(end - start)
            mask = document[:, None] != document[None, :]
        causal = torch.ones(length, length, dtype=torch.bool).triu(1)
        mask = causal if mask is None else causal | mask
        cos, sin = rope_tables(positions, width, c["rope_theta"], dtype)
        x = w["model.embed_tokens.weight"][tokens].view(rows, length, c["width"])
        for i in range(c["layers"]):
            name = f"model.layers.{i}."
            n = rms_norm(x, w[name + "input_layernorm.weight"], c["rms_epsilon"])
            q, k, v = (
                F.linear(n, w[f"{name}self_attn.{p}_proj.weight"], w.get(f"{name}self_attn.{p}_proj.bias")).view(rows, length, h, width).transpose(1, 2)
                for p, h in (("q", heads), ("k", pairs), ("v", pairs)))
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
            k, v = (t.repeat_interleave(heads // pairs, dim=1) for t in (k, v))
            scores = (q @ k.transpose(-1, -2)) / math.sqrt(width)
            a = torch.softmax(scores.masked_fill(mask, float("-inf")), dim=-1) @ v
            x = x + F.linear(a.transpose(1, 2).reshape(rows, length, heads * width), w[name + "self_attn.o_proj.weight"])
            n = rms_norm(x, w[name + "post_attention_layernorm.weight"], c["rms_epsilon"])
            gated = F.silu(F.linear(n, w[name + "mlp.gate_proj.weight"])) * F.linear(n, w[name + "mlp.up_proj.weight"])
            x = x + F.linear(gated, w[name + "mlp.down_proj.weight"])
        x = rms_norm(x, w["model.norm.weight"], c["rms_epsilon"])
        return F.linear(x, w.get("lm_head.weight", w["model.embed_tokens.weight"])).view(-1, c["vocabulary"])


def main(folder):
    with open(os.path.join(folder, "task.json"), encoding="utf-8") as f:
        task = json.load(f)
    torch.set_num_threads(task["threads"])
    dtype = torch.float64 if task["double"] else torch.float32
    weights = {}
    with open(os.path.join(folder, "weights.bin"), "rb") as f:
        for tensor in task["tensors"]:
            count = math.prod(tensor["shape"])
            values = torch.frombuffer(bytearray(f.read(4 * count)), dtype=torch.float32)
            weights[tensor["name"]] = values.view(tensor["shape"]).to(dtype).clone().requires_grad_()
    model = Llama(task["config"], weights)
    batch = task["batch"]
    with open(os.path.join(folder, "batches.bin"), "rb") as f:
        ids = torch.frombuffer(bytearray(f.read()), dtype=torch.int32).long().view(-1, 2, batch)
    decayed = [w for w in weights.values() if w.dim() == 2]
    others = [w for w in weights.values() if w.dim() != 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": task["weight_decay"]}, {"params": others, "weight_decay": 0.0}],
        lr=task["rate"], betas=tuple(task["betas"]), eps=task["epsilon"])
    for step in range(task["steps"]):
        began, busy = time.perf_counter(), time.process_time()
        tokens, targets = ids[step % len(ids)]
        optimizer.zero_grad(set_to_none=True)
        loss = model.loss(tokens, targets, task["length"], task["starts"])
        loss.backward()
        if step == 0 and task["gradients"]:
            with open(os.path.join(folder, "gradients.bin"), "wb") as f:
                for w in weights.values():
                    array.array("f", w.grad.flatten().tolist()).tofile(f)
        norm = torch.nn.utils.clip_grad_norm_(list(weights.values()), task["clip"])
        optimizer.step()
        print(json.dumps({"loss": loss.item(), "norm": norm.item(), "seconds": time.perf_counter() - began,
                          "processor": time.process_time() - busy,
                          "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
