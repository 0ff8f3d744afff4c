// Prints specs/vectors/threshold.json, made by an implementation of its own over @noble/curves (specs/custody.md).
// Run: node threshold-vectors.mjs > ../../specs/vectors/threshold.json
// With arguments (hex) it answers instead: "combine PARTIAL..." with the shared secret,
// "verify COMMITMENT POINT PARTIAL CONTEXT PROOF" with true or false.
import { ed25519, x25519, ED25519_TORSION_SUBGROUP } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

const { Point } = ed25519, Fn = Point.Fn, L = Fn.ORDER, P = Point.Fp.ORDER;
const le = (bytes) => bytes.reduceRight((n, b) => (n << 8n) | BigInt(b), 0n);
const toLe = (n) => Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 255n));
const scalar = (...pieces) => le(sha512(concatBytes(...pieces))) % L;
const seed = (label) => sha512(utf8ToBytes(label)).slice(0, 32);
const clamp = (b) => { const c = b.slice(); c[0] &= 248; c[31] = (c[31] & 127) | 64; return c; };
const mul = (n, point = Point.BASE) => (n % L === 0n ? Point.ZERO : point.multiply(n % L));
const montgomery = (point) => ed25519.utils.toMontgomery(point.toBytes());

// A point of prime order, strictly decoded, or an exception.
const decode = (bytes) => {
  const point = Point.fromBytes(bytes);
  if (point.isSmallOrder() || !point.isTorsionFree()) throw new Error("not of prime order");
  return point;
};

const evaluate = (coefficients, x) => coefficients.reduceRight((sum, a) => (sum * BigInt(x) + a) % L, 0n);
const lagrange = (indices, i, at) => indices.reduce((product, j) => (j === i ? product
  : Fn.mul(product, Fn.mul(Fn.create(BigInt(at - j)), Fn.inv(Fn.create(BigInt(i - j)))))), 1n);
const interpolate = (points, at) => points.reduce((sum, [i, point]) => sum.add(mul(lagrange(points.map(([j]) => j), i, at), point)), Point.ZERO);
const combine = (partials) => montgomery(interpolate(partials.map((p) => [p[0], decode(p.slice(1))]), 0));

const pieces = (context, commitment, point, partial) =>
  [context, partial.slice(0, 1), commitment, point, partial.slice(1)];
const challenge = (statement, T, U) => scalar(utf8ToBytes("trove/partial-decryption/1"), ...statement, T.toBytes(), U.toBytes());

function prove(s, commitment, point, partial, context, fresh) {
  const statement = pieces(context, commitment, point, partial);
  const k = scalar(utf8ToBytes("trove/partial-decryption/nonce/1"), toLe(s), fresh, ...statement);
  const c = challenge(statement, mul(k), mul(k, decode(point)));
  return concatBytes(toLe(c), toLe((k + c * s) % L));
}

function verify(commitment, point, partial, context, proof) {
  if (proof.length !== 64) return false;
  const c = le(proof.slice(0, 32)), z = le(proof.slice(32));
  if (c >= L || z >= L) return false;
  try {
    const T = mul(z).subtract(mul(c, decode(commitment))), U = mul(z, decode(point)).subtract(mul(c, decode(partial.slice(1))));
    return challenge(pieces(context, commitment, point, partial), T, U) === c;
  } catch { return false; }
}

function deal(coefficients, guardians) {
  const indices = Array.from({ length: guardians }, (_, i) => i + 1), scalars = indices.map((i) => evaluate(coefficients, i));
  return { coefficients, scalars, threshold: coefficients.length, commitments: scalars.map((s) => mul(s).toBytes()), recipient: montgomery(mul(coefficients[0])),
    shares: scalars.map((s, i) => concatBytes(utf8ToBytes("trove/guardian-share/1\n"), Uint8Array.of(i + 1, coefficients.length), toLe(s))) };
}

const [command, ...rest] = process.argv.slice(2), inputs = rest.map((hex) => hexToBytes(hex));
if (command) {
  console.log(command === "combine" ? bytesToHex(combine(inputs)) : verify(...inputs));
  process.exit(0);
}

const agree = (a, b) => { if (bytesToHex(a) !== bytesToHex(b)) throw new Error("the reference disagrees with itself"); };
const keys = [[1, 1], [1, 3], [2, 3], [3, 5], [16, 16]].map(([threshold, guardians]) => {
  const name = `${threshold} of ${guardians}`;
  const key = deal(Array.from({ length: threshold }, (_, i) => scalar(utf8ToBytes(`${name} coefficient ${i}`))), guardians);
  const secret = seed(`${name} ephemeral`), A = mul(le(clamp(secret))), point = A.toBytes();
  const partials = key.scalars.map((s, i) => concatBytes(Uint8Array.of(i + 1), mul(s, A).toBytes()));
  const shared = x25519.getSharedSecret(secret, key.recipient);
  agree(shared, combine(partials.slice(0, threshold)));
  agree(shared, combine(partials.slice(-threshold).reverse()));
  const context = utf8ToBytes(`${name} use`);
  const proofs = partials.map((partial, i) => {
    const fresh = seed(`${name} fresh ${i}`), proof = prove(key.scalars[i], key.commitments[i], point, partial, context, fresh);
    if (!verify(key.commitments[i], point, partial, context, proof)) throw new Error("the reference disagrees with itself");
    return { fresh, proof };
  });
  return { name, threshold, coefficients: key.coefficients.map(toLe), recipient: key.recipient, commitments: key.commitments, shares: key.shares,
    decryption: { secret, share: x25519.getPublicKey(secret), point, partials, shared, context, proofs } };
});

// Points that are refused wherever a point comes in.
const torsion = ED25519_TORSION_SUBGROUP.map((h) => Point.fromHex(h));
const order = (t) => [1n, 2n, 4n, 8n].find((n) => t.multiplyUnsafe(n).equals(Point.ZERO));
const signed = (y) => { const bytes = toLe(y); bytes[31] |= 128; return bytes; };
const points = [];
torsion.forEach((t, i) => points.push({ name: `small order ${order(t)} (${i})`, failure: "SmallOrder", point: t.toBytes() }));
for (const [name, bytes] of [["y = p", toLe(P)], ["y = p, signed", signed(P)], ["y = p + 1", toLe(P + 1n)], ["y = p + 1, signed", signed(P + 1n)],
  ["y = 1, signed", signed(1n)], ["y = p - 1, signed", signed(P - 1n)]]) points.push({ name: `small order, not canonical: ${name}`, failure: "NotCanonical", point: bytes });
torsion.filter((t) => order(t) > 1n).forEach((t, i) => points.push({ name: `prime order plus order ${order(t)} (${i})`, failure: "MixedOrder", point: mul(12345n).add(t).toBytes() }));
for (let y = P; y < 1n << 255n; y++) { // the only other encodings that are not canonical: y from p + 2 to 2^255 - 1, reduced from 2 to 18
  let on = true;
  try { Point.fromBytes(toLe(y - P)); } catch { on = false; }
  if (y > P + 1n) points.push({ name: `y = p + ${y - P}`, failure: on ? "NotCanonical" : "NotOnCurve", point: toLe(y) });
}
points.push({ name: "no x for y = 2", failure: "NotOnCurve", point: toLe(2n) }, { name: "no x for y = 2, signed", failure: "NotOnCurve", point: signed(2n) });
{ // u = 3 is a point of the twist: y = (u - 1) / (u + 1) has no x
  const F = Point.Fp, y = F.mul(F.create(2n), F.inv(F.create(4n)));
  let on = true;
  try { Point.fromBytes(toLe(y)); } catch { on = false; }
  if (on) throw new Error("u = 3 is on the curve");
  points.push({ name: "the point of the twist with u = 3", failure: "NotOnCurve", point: toLe(y) });
}

const hex = (value) => value instanceof Uint8Array ? bytesToHex(value) : Array.isArray(value) ? value.map(hex)
  : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, hex(v)])) : value;
console.log(JSON.stringify(hex({ about: "Shares of an asset's key and what they decrypt (specs/custody.md); made by tests/interop/threshold-vectors.mjs with @noble/curves. All byte values are hex; scalars are little-endian.", keys, refusedPoints: points }), null, 2));
