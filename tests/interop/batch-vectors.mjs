// Prints specs/vectors/threshold-batch.json: one proof for many partial decryptions, and what they combine to, made by an
// implementation of its own over @noble/curves (specs/custody.md, "Batches").
// Run: node batch-vectors.mjs > ../../specs/vectors/threshold-batch.json
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";

const { Point } = ed25519, L = Point.Fn.ORDER;
const le = (bytes) => bytes.reduceRight((n, b) => (n << 8n) | BigInt(b), 0n);
const toLe = (n) => Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 255n));
const uint32 = (n) => Uint8Array.of(n >> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255);
const scalar = (...pieces) => le(sha512(concatBytes(...pieces))) % L;
const clamp = (b) => { const c = b.slice(); c[0] &= 248; c[31] = (c[31] & 127) | 64; return c; };
const sum = (weights, points) => points.reduce((total, point, k) => total.add(Point.fromBytes(point).multiply(weights[k])), Point.ZERO);

function prove(s, i, S, A, D, context, fresh) {
  const seed = sha512(concatBytes(utf8ToBytes("trove/partial-decryption-batch/seed/1"), uint32(A.length), Uint8Array.of(i), S, ...A, ...D, context));
  const weights = A.map((_, k) => 8n * le(sha512(concatBytes(utf8ToBytes("trove/partial-decryption-batch/weight/1"), seed, uint32(k))).slice(0, 16)));
  const M = sum(weights, A), Z = sum(weights, D);
  const statement = concatBytes(utf8ToBytes("trove/partial-decryption-batch/1"), seed, Uint8Array.of(i), S, M.toBytes(), Z.toBytes());
  const k = scalar(utf8ToBytes("trove/partial-decryption/nonce/1"), toLe(s), fresh, statement);
  const c = scalar(utf8ToBytes("trove/partial-decryption/1"), statement, Point.BASE.multiply(k).toBytes(), M.multiply(k).toBytes());
  return concatBytes(toLe(c), toLe((k + c * s) % L));
}

const hex = (value) => value instanceof Uint8Array ? bytesToHex(value) : Array.isArray(value) ? value.map(hex)
  : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, hex(v)])) : value;

const batches = [[2, 3, 1], [2, 3, 5], [4, 7, 3]].map(([threshold, guardians, count]) => {
  const name = `${threshold} of ${guardians}, ${count}`, label = (text) => utf8ToBytes(`${name} batch ${text}`);
  const coefficients = Array.from({ length: threshold }, (_, i) => scalar(label(`coefficient ${i}`)));
  const scalars = Array.from({ length: guardians }, (_, x) => coefficients.reduceRight((total, a) => (total * BigInt(x + 1) + a) % L, 0n));
  const secrets = Array.from({ length: count }, (_, k) => sha512(label(`secret ${k}`)).slice(0, 32));
  const points = secrets.map((secret) => Point.BASE.multiply(le(clamp(secret)) % L)), context = label("use");
  const recipient = ed25519.utils.toMontgomery(Point.BASE.multiply(coefficients[0]).toBytes());
  const answers = scalars.map((s, i) => {
    const D = points.map((point) => point.multiply(s).toBytes()), fresh = sha512(label(`fresh ${i}`)).slice(0, 32);
    return { bytes: concatBytes(Uint8Array.of(i + 1), ...D), fresh, proof: prove(s, i + 1, Point.BASE.multiply(s).toBytes(), points.map((point) => point.toBytes()), D, context, fresh) };
  });
  return { name, threshold, guardians, coefficients: coefficients.map(toLe), secrets, context, answers, shared: secrets.map((secret) => x25519.getSharedSecret(secret, recipient)) };
});
console.log(JSON.stringify(hex({ about: "Batches of partial decryptions with their proofs (specs/custody.md); made by tests/interop/batch-vectors.mjs with @noble/curves. All byte values are hex; scalars are little-endian.", batches }), null, 2));
