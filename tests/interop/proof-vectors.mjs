// Prints specs/vectors/proof-of-knowledge.json, made by an implementation of its own over @noble/curves.
// Run: node proof-vectors.mjs > ../../specs/vectors/proof-of-knowledge.json
// With arguments "verify PROOF SHARE CONTEXT" (hex) it prints true or false instead.
import { ed25519, x25519, ED25519_TORSION_SUBGROUP } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

const { Point } = ed25519, L = Point.Fn.ORDER, P = Point.Fp.ORDER;
const le = (bytes) => bytes.reduceRight((n, b) => (n << 8n) | BigInt(b), 0n);
const toLe = (n) => Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 255n));
const seed = (label) => sha512(utf8ToBytes(label)).slice(0, 32);
const clamp = (b) => { const c = b.slice(); c[0] &= 248; c[31] = (c[31] & 127) | 64; return c; };
const scalar = (...pieces) => le(sha512(concatBytes(...pieces))) % L;
const challenge = (context, A, R) => scalar(utf8ToBytes("trove/ephemeral-share/1"), context, A, R);
const mul = (n) => (n % L === 0n ? Point.ZERO : Point.BASE.multiply(n % L));

function prove(secret, context, fresh) {
  const e = clamp(secret);
  const k = scalar(utf8ToBytes("trove/ephemeral-share/nonce/1"), e, fresh, context);
  const A = mul(le(e)).toBytes(), R = mul(k).toBytes();
  return concatBytes(A, R, toLe((k + challenge(context, A, R) * le(e)) % L));
}

function verify(proof, share, context) {
  if (proof.length !== 96) return false;
  const [a, r, s] = [proof.slice(0, 32), proof.slice(32, 64), le(proof.slice(64))];
  try {
    const [A, R] = [Point.fromBytes(a), Point.fromBytes(r)]; // strict: canonical only
    if (s >= L || [A, R].some((p) => p.isSmallOrder() || !p.isTorsionFree())) return false;
    if (bytesToHex(ed25519.utils.toMontgomery(a)) !== bytesToHex(share)) return false;
    return mul(s).equals(R.add(A.multiply(challenge(context, a, r))));
  } catch { return false; }
}

if (process.argv[2] === "verify") {
  console.log(verify(...process.argv.slice(3, 6).map((hex) => hexToBytes(hex))));
  process.exit(0);
}

const vectors = [], add = (name, valid, { secret, share, context, fresh, proof }) => {
  if (verify(proof, share, context) !== valid) throw new Error(`${name}: the reference disagrees with itself`);
  vectors.push({ name, valid, ...(secret && { secret: bytesToHex(secret), fresh: bytesToHex(fresh) }), share: bytesToHex(share), context: bytesToHex(context), proof: bytesToHex(proof) });
};

const valid = ["a", "b", "c"].map((label, i) => {
  const secret = i === 2 ? new Uint8Array(32) : seed(`secret ${label}`); // an all-zero secret clamps to 2^254
  const context = i === 1 ? new Uint8Array(0) : utf8ToBytes(`context ${label}`), fresh = seed(`fresh ${label}`);
  return { secret, context, fresh, share: x25519.getPublicKey(secret), proof: prove(secret, context, fresh) };
});
valid.forEach((v, i) => add(["a context", "an empty context", "a secret of zeroes"][i], true, v));

const base = valid[0], { context } = base, e = le(clamp(base.secret)), A = mul(e);
const invalid = (name, change) => add(name, false, { share: base.share, context, proof: base.proof, ...change });
const withProof = (f) => { const p = base.proof.slice(); f(p); return p; };
invalid("another context", { context: utf8ToBytes("context b") });
invalid("the share of another secret", { share: valid[1].share });
invalid("a bit of A flipped", { proof: withProof((p) => (p[3] ^= 1)) });
invalid("a bit of R flipped", { proof: withProof((p) => (p[35] ^= 1)) });
invalid("a bit of s flipped", { proof: withProof((p) => (p[67] ^= 1)) });
invalid("the sign of A flipped: the same share", { proof: withProof((p) => (p[31] ^= 128)) });
invalid("s not reduced: s + L", { proof: withProof((p) => p.set(toLe(le(p.slice(64)) + L), 64)) });
invalid("s of zero", { proof: withProof((p) => p.fill(0, 64)) });
invalid("too short", { proof: base.proof.slice(0, 95) });
invalid("too long", { proof: concatBytes(base.proof, Uint8Array.of(0)) });
invalid("empty", { proof: new Uint8Array(0) });

// Points with a part of small order for which s·B = R + c·A still holds: only the subgroup check refuses them.
const torsion = ED25519_TORSION_SUBGROUP.map((h) => Point.fromHex(h));
const T = torsion.find((t) => !t.multiplyUnsafe(4n).equals(Point.ZERO)); // order 8
const grind = (Apoint, secretPart, torsionOfA) => {
  for (let n = 0; ; n++) {
    const k = scalar(utf8ToBytes(`grind ${n}`));
    for (let j = 0n; j < 8n; j++) {
      const R = mul(k).add(T.multiplyUnsafe(j)), c = challenge(context, Apoint.toBytes(), R.toBytes());
      if ((j + c * torsionOfA) % 8n !== 0n) continue;
      if (torsionOfA && j === 0n && n < 4) continue;
      return concatBytes(Apoint.toBytes(), R.toBytes(), toLe((k + c * secretPart) % L));
    }
  }
};
const montgomery = (point) => { const y = point.toAffine().y, F = Point.Fp; return toLe(F.mul(F.add(1n, y), F.inv(F.sub(1n, y)))); };
const mixed = A.add(T);
invalid("A of mixed order, the equation holds", { share: montgomery(mixed), proof: grind(mixed, e, 1n) });
invalid("A of small order 8, the equation holds", { share: montgomery(T), proof: grind(T, 0n, 1n) });
{ // R alone of mixed order: grind until c makes up for nothing, so that only a cofactored equation would hold
  const R = mul(7n).add(T), c = challenge(context, A.toBytes(), R.toBytes());
  invalid("R of mixed order", { proof: concatBytes(A.toBytes(), R.toBytes(), toLe((7n + c * e) % L)) });
}
const identity = Point.ZERO.toBytes();
invalid("A the identity", { share: new Uint8Array(32), proof: concatBytes(identity, mul(5n).toBytes(), toLe(5n)) });
invalid("A not canonical: y = p + 1", { share: new Uint8Array(32), proof: concatBytes(toLe(P + 1n), mul(5n).toBytes(), toLe(5n)) });
{
  const c = challenge(context, A.toBytes(), identity);
  invalid("R the identity", { proof: concatBytes(A.toBytes(), identity, toLe((c * e) % L)) });
  const c2 = challenge(context, A.toBytes(), toLe(P + 1n));
  invalid("R not canonical: y = p + 1", { proof: concatBytes(A.toBytes(), toLe(P + 1n), toLe((c2 * e) % L)) });
}
invalid("A not on the curve", { proof: concatBytes(toLe(2n), base.proof.slice(32)) });
{ // order 2 alone: what a check of the subgroup by x = 0 only takes for the identity (CVE-2025-69277)
  const half = A.add(T.multiplyUnsafe(4n));
  invalid("A of mixed order with a part of order 2, the equation holds", { share: montgomery(half), proof: grind(half, e, 4n) });
}
console.log(JSON.stringify({ about: "Proofs of knowledge of an ephemeral secret (specs/age-parts.md); made by tests/interop/proof-vectors.mjs with @noble/curves. All values are hex.", vectors }, null, 2));
