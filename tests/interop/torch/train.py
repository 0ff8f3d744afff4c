"""A training run done again in PyTorch from its seed alone: initial weights, order of data and schedule by specs/engine.md.

    train.py FOLDER

FOLDER holds task.json, training.bin and validation.bin (each token a 32-bit word as the engine stores it: id, bit 31 where a
document begins, bit 30 where it is no target). It prints a line of JSON for each step and one for the validation.
"""
import array
import json
import math
import os
import sys
import time

import torch

from initial import bits, normal
from llama import Llama
from order import rows

BEGINS, UNLEARNT, ID = 1 << 31, 1 << 30, (1 << 30) - 1


def words(folder, name):
    data = array.array("I")
    path = os.path.join(folder, name)
    with open(path, "rb") as f:
        data.fromfile(f, os.path.getsize(path) // 4)
    return data


def weights(task):
    made = {}
    layers = task["config"]["layers"]
    for tensor in task["tensors"]:
        count, role = math.prod(tensor["shape"]), tensor["role"]
        inputs = tensor["shape"][-1]
        deviation = {"Embedding": 0.02, "ResidualReading": 1 / math.sqrt(3.0 * inputs), "ResidualWriting": 1 / math.sqrt(3.0 * inputs) / math.sqrt(2.0 * layers)}.get(role)
        values = [1.0] * count if role == "Norm" else [0.0] * count if deviation is None else [deviation * normal(bits(task["seed"], tensor["index"], i)) for i in range(count)]
        made[tensor["name"]] = torch.tensor(values, dtype=torch.float32).view(tensor["shape"]).requires_grad_()
    return made


def in_order(task, tokens):
    """Rows of the whole run, epoch after epoch."""
    epoch = 0
    while True:
        yield from rows(task["seed"], epoch, tokens, task["row_tokens"])
        epoch += 1


def row_of(data, start, length):
    """Ids, targets and where documents begin."""
    some = [data[(start + i) % len(data)] for i in range(length + 1)]
    targets = [-1 if w & UNLEARNT else w & ID for w in some[1:]]
    return [w & ID for w in some[:-1]], targets, [i for i, w in enumerate(some[:-1]) if i == 0 or w & BEGINS]


def losses(model, batch):
    """(sum of losses, counted tokens) of rows, those of one whole document at once."""
    whole = [r for r in batch if len(r[2]) == 1 and len(r[0]) == len(batch[0][0])]
    for some, starts in [(whole, None)] * bool(whole) + [([r], r[2]) for r in batch if not any(r is w for w in whole)]:
        ids = torch.tensor([i for r in some for i in r[0]])
        targets = torch.tensor([t for r in some for t in r[1]])
        counted = int((targets != -1).sum())
        if counted:
            yield model.loss(ids, targets, len(some[0][0]), starts) * counted, counted


def share(task, step):
    warm, total = task["warm_up"], task["steps"]
    if step < warm:
        return (step + 1) / warm
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))


def main(folder):
    with open(os.path.join(folder, "task.json"), encoding="utf-8") as f:
        task = json.load(f)
    torch.set_num_threads(task["threads"])
    made = weights(task)
    model = Llama(task["config"], made)
    decayed = [w for w in made.values() if w.dim() == 2]
    others = [w for w in made.values() if w.dim() != 2]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": task["weight_decay"]}, {"params": others, "weight_decay": 0.0}], lr=task["rate"], betas=(0.9, 0.95), eps=1e-8)
    data = words(folder, "training.bin")
    order = in_order(task, len(data))
    for step in range(task["steps"]):
        began = time.perf_counter()
        batch = [row_of(data, *next(order)) for _ in range(task["rows"])]
        counted = sum(t != -1 for r in batch for t in r[1])
        optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for loss, _ in losses(model, batch):
            (loss / counted).backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(list(made.values()), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = task["rate"] * share(task, step)
        optimizer.step()
        print(json.dumps({"loss": total / counted, "norm": norm.item(), "seconds": time.perf_counter() - began}), flush=True)
    data, row = words(folder, "validation.bin"), task["row_tokens"]
    end = min(len(data), task["validation_tokens"])
    total, counted = 0.0, 0
    with torch.no_grad():
        for start in range(0, end, row):
            for loss, some in losses(model, [row_of(data, start, min(row, end - start))]):
                total, counted = total + loss.item(), counted + some
    print(json.dumps({"validation": total / counted}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
