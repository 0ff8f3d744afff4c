"""Three steps of a tiny model as specs/engine.md defines them, bit for bit: an independent second implementation of forward,
backward and both optimisers. PyTorch only adds, multiplies, divides and takes roots here, each rounded once.

    exact.py SEED adamW|muon

prints losses and norms as the bits of doubles, and SHA-256 of the weights: the vectors of specs/vectors/engine.json.
"""
import hashlib
import math
import struct
import sys

import torch

from initial import bits, normal

VOCABULARY, WIDTH, LAYERS, HEADS, HEAD, FEED, EPSILON = 64, 32, 2, 2, 16, 40, 1e-5
ROWS, STARTS, STEPS = 48, (0, 24, 30, 48), 3
QKV = (HEADS + 2) * HEAD  # one head of keys and values
SCALE = 1 / math.sqrt(HEAD)
TINY = 1.17549435e-38


def f32(x):
    return torch.tensor(x, dtype=torch.float32)


def fma(a, b, c):
    """Rounded once: the double sum is rounded to odd first, which a second rounding to 24 bits cannot spoil."""
    a, b, c = (f32(v) if not torch.is_tensor(v) else v for v in (a, b, c))
    product, c = torch.broadcast_tensors(a.double() * b.double(), c.double())
    total = product + c
    back = total - product
    error = (product - (total - back)) + (c - back)
    word = total.contiguous().view(torch.int64)
    word = torch.where((error != 0) & ((error < 0) != (total < 0)), word - 1, word)
    return torch.where(error != 0, word | 1, word).view(torch.float64).float()


def chain(a, b, start=None):
    """a [m, k] times b [k, n], over k in order."""
    c = torch.zeros(a.shape[0], b.shape[1]) if start is None else start
    for k in range(a.shape[1]):
        c = fma(a[:, k, None], b[None, k], c)
    return c


def tree(v):
    while v.shape[-1] > 1:
        half = v.shape[-1] // 2
        v = v[..., :half] + v[..., half:]
    return v[..., 0]


def lanes(a, b):
    """The sum of a·b over the last dimension in sixteen lanes."""
    total = torch.zeros(a.shape[:-1] + (16,))
    for i in range(0, a.shape[-1], 16):
        total = fma(a[..., i:i + 16], b[..., i:i + 16], total)
    return tree(total)


def exp(x):
    t = fma(x, 1.44269504, 12582912.0)
    n = t - 12582912.0
    r = fma(n, 2.12194440e-4, fma(n, -0.693359375, x))
    p = f32(0.00138145379737)
    for c in (0.00836874507886, 0.041668390811, 0.166665203995, 0.499999934321):
        p = fma(p, r, c)
    p = fma(p, r * r, r) + 1
    scaled = (p.contiguous().view(torch.int32) + (t.contiguous().view(torch.int32) << 23)).view(torch.float32)
    return torch.where(x < -87.3, f32(0.0), scaled)


def log(x):
    offset = x.contiguous().view(torch.int32) - 0x3F3504F3
    exponent = (offset >> 23).float()
    f = ((offset & 0x007FFFFF) + 0x3F3504F3).view(torch.float32) - 1
    p = f32(0.0674660907843)
    for c in (-0.116755993628, 0.118881477102, -0.124055969579, 0.142195555442, -0.166679955122, 0.20002118482, -0.250000096027, 0.333333126068):
        p = fma(p, f, c)
    square = f * f
    tail = fma(square, -0.5, fma(exponent, -2.12194440e-4, p * f * square)) + f
    return fma(exponent, 0.693359375, tail)


def sigmoid(x):
    return 1 / (1 + exp(-x))


def root(x):
    return (1 / torch.sqrt(lanes(x, x) / WIDTH + f32(EPSILON)))[:, None]


def norm(x, gain):
    return x * root(x) * gain


def norm_backward(x, gain, dy, dx, dgain):
    scale = root(x)
    mean = (lanes(dy * gain, x * scale) / WIDTH)[:, None]
    for block in range(0, len(x), 32):
        partial = torch.zeros(WIDTH)
        for row in range(block, min(block + 32, len(x))):
            partial = fma(dy[row], x[row] * scale[row], partial)
        dgain += partial
    return fma(fma(-(x * scale), mean, dy * gain), scale, dx), x * scale * gain


TABLE = [[(p * 10000.0 ** (-2.0 * i / HEAD)) for i in range(HEAD // 2)] for p in range(24)]
POSITIONS = [t - max(s for s in STARTS if s <= t) for t in range(ROWS)]
COS, SIN = (f32([[f(a) for a in TABLE[p]] for p in POSITIONS]) for f in (math.cos, math.sin))


def turn(x, sign):
    x = x.clone()
    for head in range(HEADS + 1):
        a, b = x[:, head * HEAD:head * HEAD + 8].clone(), x[:, head * HEAD + 8:head * HEAD + 16].clone()
        x[:, head * HEAD:head * HEAD + 8] = fma(-b, SIN * sign, a * COS)
        x[:, head * HEAD + 8:head * HEAD + 16] = fma(a, SIN * sign, b * COS)
    return x


def documents():
    return [slice(a, b) for a, b in zip(STARTS, STARTS[1:])]


def attend(qkv):
    """Output, and m·c + log(sum) of each token and head."""
    out, sums = torch.zeros(ROWS, HEADS * HEAD), torch.zeros(ROWS, HEADS)
    for d in documents():
        k, v = qkv[d, HEADS * HEAD:HEADS * HEAD + HEAD], qkv[d, HEADS * HEAD + HEAD:]
        visible = torch.ones(len(k), len(k), dtype=torch.bool).tril()
        for h in range(HEADS):
            s = chain(qkv[d, h * HEAD:(h + 1) * HEAD], k.T)
            m = s.masked_fill(~visible, -math.inf).max(dim=1).values
            p = torch.where(visible, exp(fma(s, SCALE, (-m * SCALE)[:, None])), f32(0.0))
            wide = torch.zeros(len(k), 64)
            wide[:, :len(k)] = p
            total = tree((wide[:, :16] + wide[:, 16:32]) + (wide[:, 32:48] + wide[:, 48:]))
            out[d, h * HEAD:(h + 1) * HEAD] = chain(p, v) * (1 / total)[:, None] + 0.0
            sums[d, h] = fma(m, SCALE, log(total))
    return out, sums


def attend_backward(qkv, out, sums, dout):
    dqkv = torch.zeros(ROWS, QKV)
    at = HEADS * HEAD
    for d in documents():
        k, v = qkv[d, at:at + HEAD], qkv[d, at + HEAD:]
        visible = torch.ones(len(k), len(k), dtype=torch.bool).tril()
        dk = dv = None
        for h in range(HEADS):
            one = slice(h * HEAD, (h + 1) * HEAD)
            q, do = qkv[d, one], dout[d, one]
            p = torch.where(visible, exp(fma(chain(q, k.T), SCALE, -sums[d, h][:, None])), f32(0.0))
            ds = torch.where(visible, p * (chain(do, v.T) - lanes(do, out[d, one])[:, None]) * SCALE, f32(0.0))
            dqkv[d, one] = chain(ds, k)
            dv, dk = chain(p.T, do, dv), chain(ds.T, q, dk)
        dqkv[d, at:at + HEAD], dqkv[d, at + HEAD:] = dk, dv
    return dqkv


def batch(w, g, tokens, targets, divisor):
    """Sum of losses; gradients are added to g."""
    x, kept = w["embed"][tokens], []
    for i in range(LAYERS):
        l = {name: w[f"{i}.{name}"] for name in ("norm1", "qkv", "o", "norm2", "gate_up", "down")}
        qkv = turn(chain(norm(x, l["norm1"]), l["qkv"].T), 1.0)
        out, sums = attend(qkv)
        middle = chain(out, l["o"].T, x)
        gate_up = chain(norm(middle, l["norm2"]), l["gate_up"].T)
        gate, up = gate_up[:, :FEED], gate_up[:, FEED:]
        kept.append((l, x, qkv, out, sums, middle, gate, up))
        x = chain(gate * sigmoid(gate) * up, l["down"].T, middle)
    normed = norm(x, w["norm"])
    logits = chain(normed, w["embed"].T)
    most = logits.max(dim=1, keepdim=True).values
    e = exp(logits - most)
    total = tree(sum((e[:, i:i + 16] for i in range(16, VOCABULARY, 16)), e[:, :16]))
    rows = torch.arange(ROWS)
    losses = most[:, 0] - logits[rows, targets] + log(total)
    share = f32(1.0 / divisor)
    dlogits = e * (share / total)[:, None]
    dlogits[rows, targets] -= share

    g["embed"] = chain(dlogits.T, normed, g["embed"])
    dx, _ = norm_backward(x, w["norm"], chain(dlogits, w["embed"]), torch.zeros(ROWS, WIDTH), g["norm"])
    for i in reversed(range(LAYERS)):
        l, x, qkv, out, sums, middle, gate, up = kept[i]
        dh, s = chain(dx, l["down"]), sigmoid(gate)
        silu = gate * s
        d_gate_up = torch.cat([dh * up * fma(silu, 1 - s, s), dh * silu], dim=1)
        g[f"{i}.down"] = chain(dx.T, silu * up, g[f"{i}.down"])
        dx, normed = norm_backward(middle, l["norm2"], chain(d_gate_up, l["gate_up"]), dx, g[f"{i}.norm2"])
        g[f"{i}.gate_up"] = chain(d_gate_up.T, normed, g[f"{i}.gate_up"])
        dout = chain(dx, l["o"])
        g[f"{i}.o"] = chain(dx.T, out, g[f"{i}.o"])
        dqkv = turn(attend_backward(qkv, out, sums, dout), -1.0)
        dx, normed = norm_backward(x, l["norm1"], chain(dqkv, l["qkv"]), dx, g[f"{i}.norm1"])
        g[f"{i}.qkv"] = chain(dqkv.T, normed, g[f"{i}.qkv"])
    for t, token in enumerate(tokens):
        g["embed"][token] += dx[t]
    return sum(losses.double().tolist())


def flush(x):
    return torch.where(x.abs() < TINY, f32(0.0), x)


def adamw(w, g, state, t, step, clip, decay):
    m, v = state
    one, two = f32(0.9), f32(0.95)
    g = g * clip
    m[:] = flush(fma(g, 1 - one, m * one))
    v[:] = flush(fma(g * g, 1 - two, v * two))
    change = m / fma(torch.sqrt(v), f32(1 / math.sqrt(1 - 0.95 ** t)), f32(1e-8))
    w[:] = fma(change, -f32(step / (1 - 0.9 ** t)), w * f32(1 - step * decay))


def muon(w, g, momentum, step, clip):
    momentum[:] = flush(fma(momentum, f32(0.95), g * clip))
    x = flush(fma(momentum, f32(0.95), g * clip))
    x = flush(fma(x, f32(1 / (math.sqrt(squares(x.flatten())) + 1e-7)), x * 0.0))
    for _ in range(5):
        short = x.T if x.shape[0] > x.shape[1] else x
        gram = chain(short, short.T)
        p = flush(fma(gram, f32(-4.7750), chain(gram, gram) * f32(2.0315)))
        x = flush(fma(x, f32(3.4445), chain(x, p) if x.shape[0] > x.shape[1] else chain(p, x)))
    w[:] = flush(fma(w, f32(1 - step * 0.1), x * f32(-step * math.sqrt(max(1.0, x.shape[0] / x.shape[1])))))


def squares(flat):
    total = torch.zeros(16, dtype=torch.float64)
    for i in range(0, len(flat), 16):
        total = total + flat[i:i + 16].double() ** 2
    return tree(total).item()


def model(seed):
    """Weights by short names in the arena's order, and how many matrices lie side by side in each."""
    shapes, parts = {"embed": (VOCABULARY, WIDTH)}, {}
    for i in range(LAYERS):
        shapes |= {f"{i}.norm1": (WIDTH,), f"{i}.qkv": (QKV, WIDTH), f"{i}.o": (WIDTH, HEADS * HEAD), f"{i}.norm2": (WIDTH,), f"{i}.gate_up": (2 * FEED, WIDTH), f"{i}.down": (WIDTH, FEED)}
        parts |= {f"{i}.qkv": (HEADS * HEAD, HEAD, HEAD), f"{i}.gate_up": (FEED, FEED)}
    shapes["norm"] = (WIDTH,)
    w, tensor = {}, 0
    for name, shape in shapes.items():
        made = []
        for rows in parts.get(name, (shape[0],)):
            if len(shape) == 1:
                made.append(torch.ones(shape))
            else:
                deviation = 0.02 if name == "embed" else 1 / math.sqrt(3.0 * shape[1])
                if name.endswith((".o", ".down")):
                    deviation /= math.sqrt(2.0 * LAYERS)
                made.append(f32([[deviation * normal(bits(seed, tensor, r * shape[1] + c)) for c in range(shape[1])] for r in range(rows)]))
            tensor += 1
        w[name] = torch.cat(made)
    return w, parts


def main(seed, optimizer):
    seed = int(seed)
    w, parts = model(seed)
    moments = {name: (torch.zeros_like(x), torch.zeros_like(x)) for name, x in w.items()}
    losses, norms = [], []
    for step in range(STEPS):
        ids = [bits(seed, (1 << 34) + step, i) % VOCABULARY for i in range(2 * ROWS + 1)]
        g = {name: torch.zeros_like(x) for name, x in w.items()}
        total = sum(batch(w, g, torch.tensor(ids[at:at + ROWS]), torch.tensor(ids[at + 1:at + ROWS + 1]), 2 * ROWS) for at in (0, ROWS))
        size = math.sqrt(squares(torch.cat([x.flatten() for x in g.values()])))
        clip = f32(1 / size if size > 1 else 1.0)
        share = 1.0 if step < 1 else 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * (step - 1) / 2))
        for name in w:
            matrix = w[name].dim() == 2 and name != "embed"
            if optimizer == "muon" and matrix:
                at = 0
                for rows in parts.get(name, (len(w[name]),)):
                    muon(*(x[at:at + rows] for x in (w[name], g[name], moments[name][0])), 0.02 * share, clip)
                    at += rows
            else:
                adamw(w[name], g[name], moments[name], step + 1, 0.01 * share, clip, 0.1 if w[name].dim() == 2 else 0.0)
        losses.append(struct.pack(">d", total / (2 * ROWS)).hex())
        norms.append(struct.pack(">d", size).hex())
    print(*losses)
    print(*norms)
    print(hashlib.sha256(b"".join(struct.pack(f"<{x.numel()}f", *x.flatten().tolist()) for x in w.values())).hexdigest())


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
