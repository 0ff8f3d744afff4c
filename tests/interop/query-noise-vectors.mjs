// Prints specs/vectors/query-noise.json: random integers, discrete Laplace noise, thresholds and the choice of cells (specs/queries.md, "Privacy"),
// by a second implementation with arbitrary integers.
// Run: node query-noise-vectors.mjs > ../../specs/vectors/query-noise.json
import { createHmac } from "node:crypto";

const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
const u64 = (n) => { const b = Buffer.alloc(8); b.writeBigUInt64BE(BigInt(n)); return b; };
const data = (bytes) => Buffer.concat([u32(bytes.length), bytes]);
const text = (s) => data(Buffer.from(s, "utf8"));
const key = (n) => Buffer.from(Array.from({ length: 32 }, (_, i) => (n * 37 + i * 11) & 255));

// A generator of bytes: HMAC-SHA512(key, counter || context).
function* stream(key, context) {
  for (let block = 0; ; block++)
    yield* createHmac("sha512", key).update(u32(block)).update(context).digest();
}

function below(bytes, bound) {
  const bits = (bound - 1n).toString(2).length * (bound > 1n ? 1 : 0);
  for (;;) {
    let value = 0n;
    for (let i = 0; i < Math.ceil(bits / 8); i++) value = value * 256n + BigInt(bytes.next().value);
    value %= 2n ** BigInt(bits);
    if (value < bound) return value;
  }
}

// Canonne, Kamath, Steinke 2020, algorithm 1, for 0 <= n/d <= 1.
function bernoulliExp(bytes, n, d) {
  let k = 1n;
  while (below(bytes, d * k) < n) k += 1n;
  return k % 2n === 1n;
}

// Algorithm 2, with scale t/s in lowest terms.
function laplace(bytes, t, s) {
  const gcd = (a, b) => (b ? gcd(b, a % b) : a), g = gcd(t, s);
  t /= g; s /= g;
  for (;;) {
    const u = below(bytes, t);
    if (!bernoulliExp(bytes, u, t)) continue;
    let v = 0n;
    while (bernoulliExp(bytes, 1n, 1n)) v += 1n;
    const y = (u + t * v) / s, negative = below(bytes, 2n) === 1n;
    if (!(negative && y === 0n)) return negative ? -y : y;
  }
}

// exp(-n/d) in units of 2^-512: of a small part of the exponent, then squared. Good for some 400 bits.
const P = 512n, ONE = 1n << P;
function expMinus(n, d) {
  if (n > 300n * d) return 0n;
  const halvings = 24n;
  let sum = 0n, term = ONE;
  for (let i = 1n; term !== 0n; i++) { sum += term; term = -(term * n) / (d * i << halvings); }
  for (let i = 0n; i < halvings; i++) sum = sum * sum >> P;
  return sum;
}

// The least tau with exp(-tau s/t) / (1 + exp(-s/t)) <= pn/pd.
function tail(t, s, pn, pd) {
  const rare = (tau) => expMinus(tau * s, t) * pd <= pn * (ONE + expMinus(s, t));
  let to = 1n;
  while (!rare(to)) to *= 2n;
  let from = to / 2n;
  while (to - from > 1n) { const m = (from + to) / 2n; rare(m) ? (to = m) : (from = m); }
  return to;
}

const integers = [1n, 2n, 3n, 10n, 255n, 256n, 257n, 65536n, 1000003n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 64n + 1n, 17n * 10n ** 24n, 2n ** 127n + 1n, 2n ** 128n - 1n].map((bound, i) => {
  const context = text(`integers ${i}`), bytes = stream(key(i), context);
  return { key: key(i).toString("hex"), context: context.toString("hex"), bound: `${bound}`, values: Array.from({ length: 24 }, () => `${below(bytes, bound)}`) };
});
const scales = [[1n, 1n], [1n, 3n], [5n, 1n], [2000000n, 1000000n], [17n * 10n ** 6n, 25n * 10n ** 4n], [4n * 2n * 10n ** 15n, 693147n], [17n * 10n ** 24n, 1n], [1n, 9223372036854775807n], [4000000n, 9223372036854775807n]];
const noise = scales.map(([t, s], i) => {
  const cell = Buffer.concat([u64(2000 + i), text("garden")]), context = Buffer.concat([text("trove/query/noise/1"), u32(i), data(cell)]), bytes = stream(key(100 + i), context);
  return { key: key(100 + i).toString("hex"), part: i, cell: cell.toString("hex"), numerator: `${t}`, denominator: `${s}`, values: Array.from({ length: 24 }, () => `${laplace(bytes, t, s)}`) };
});
const thresholds = [[1n, 1n, 1n], [2n, 1n, 1n], [5n, 1n, 10n], [17n * 10n ** 6n * 1000n, 1n, 1000n], [1000000n, 693147n, 1n], [1n, 1000n, 1n], [1n, 9223372036854775807n, 1n], [3n, 7n, 3n]]
  .map(([t, s, cells]) => ({ numerator: `${t}`, denominator: `${s}`, oneIn: `${1000000n * cells}`, tau: `${tail(t, s, 1n, 1000000n * cells)}` }));
const labels = ["", "garden", "münchen", "🚲", "it's"];
const choices = [0, 1, 7, 4294967295 >>> 1].map((member) => {
  const cells = labels.flatMap((l) => [2021, 2022, 0].map((year) => [year, l]));
  const bytes = ([year, label]) => Buffer.concat([u64(year), text(label)]);
  const rank = (c) => createHmac("sha256", key(member & 255)).update(Buffer.concat([text("trove/query/cell/1"), u32(member), data(bytes(c))])).digest("hex");
  return { key: key(member & 255).toString("hex"), member, cells: cells.map(([year, label]) => ({ year, label })), first: [...cells].sort((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, 4).map(([year, label]) => ({ year, label })) };
});
console.log(JSON.stringify({ about: "Chance in answers to queries (specs/queries.md, \"Privacy\"); made by tests/interop/query-noise-vectors.mjs. Keys, contexts and cells are hex, integers decimal text.", integers, noise, thresholds, choices }, null, 2));
