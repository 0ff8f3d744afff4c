// Prints specs/vectors/use-seed.json: the seed of a use, what follows from it, and a result sealed with it (specs/uses.md, "Seed").
// Run: node use-seed-vectors.mjs > ../../specs/vectors/use-seed.json
import { x25519, ristretto255, ristretto255_hasher, ristretto255_oprf } from "@noble/curves/ed25519.js";
import { createCipheriv, createHash, createHmac, hkdfSync } from "node:crypto";
import { sha512 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

const { Point } = ristretto255, Fn = Point.Fn, L = Fn.ORDER;
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
const text = (s) => Buffer.concat([u32(Buffer.byteLength(s)), Buffer.from(s)]);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const hkdf = (ikm, salt, info, length) => Buffer.from(hkdfSync("sha256", ikm, salt, info, length));
const le = (bytes) => bytes.reduceRight((n, b) => (n << 8n) | BigInt(b), 0n);
const toLe = (n) => Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 255n));
const fill = (label, n) => Buffer.from(sha512(utf8ToBytes(label))).subarray(0, n);
const base64 = (bytes) => Buffer.from(bytes).toString("base64").replace(/=+$/, "");

function seal(key, nonce, plaintext) {
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

// c2sp.org/age with file key, ephemeral secret and nonce given; payloads of one chunk.
function age(fileKey, ephemeral, nonce, recipient, plaintext) {
  const share = x25519.scalarMultBase(ephemeral), shared = x25519.scalarMult(ephemeral, recipient);
  const wrap = hkdf(shared, Buffer.concat([share, recipient]), "age-encryption.org/v1/X25519", 32);
  const header = `age-encryption.org/v1\n-> X25519 ${base64(share)}\n${base64(seal(wrap, Buffer.alloc(12), fileKey))}\n---`;
  const mac = createHmac("sha256", hkdf(fileKey, "", "header", 32)).update(header).digest();
  const last = Buffer.alloc(12); last[11] = 1;
  return Buffer.concat([Buffer.from(`${header} ${base64(mac)}\n`), nonce, seal(hkdf(fileKey, nonce, "payload", 32), last, plaintext)]);
}

const coefficients = [le(fill("use seed coefficient 0", 32)) % L, le(fill("use seed coefficient 1", 32)) % L];
const share = (i) => Fn.add(coefficients[0], Fn.mul(coefficients[1], BigInt(i)));
const asset = Buffer.alloc(20, 0x11), buyerSecret = fill("buyer", 32), recipient = Buffer.from(x25519.scalarMultBase(buyerSecret));
const uses = [["request one", 1, 3], ["request one", 2, 3], ["request two", 1, 0]].map(([name, use, parts]) => {
  const request = sha256(name), input = Buffer.concat([text("trove/oprf/use/1"), asset, request, u32(use)]);
  const element = ristretto255_hasher.hashToCurve(input, { DST: Buffer.concat([Buffer.from("HashToGroup-OPRFV1-"), Buffer.of(1), Buffer.from("-ristretto255-SHA512")]) });
  const secrets = Array.from({ length: parts }, (_, i) => fill(`part ${i}`, 32));
  const output = Buffer.from(ristretto255_oprf.voprf.evaluate(toLe(coefficients[0]), input));
  const secret = Buffer.concat([output, sha256(Buffer.concat(secrets))]);
  const key = (what, length = 32) => hkdf(secret, "", text(what), length);
  const result = Buffer.from(`{"answer":"${name}"}`), keys = hkdf(key("trove/use/result/1"), "", Buffer.concat([text("trove/result/1"), request, u32(use), sha256(result)]), 64);
  return { request, use, input, element: element.toBytes(), evaluations: [1, 2, 3].map((i) => element.multiply(share(i)).toBytes()), secrets, output,
    noise: key("trove/use/noise/1"), cells: key("trove/use/cells/1"), result, sealed: age(keys.subarray(0, 16), keys.subarray(16, 48), keys.subarray(48), recipient, result) };
});
const hex = (v) => v instanceof Uint8Array ? Buffer.from(v).toString("hex") : Array.isArray(v) ? v.map(hex) : v && typeof v === "object" ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, hex(x)])) : v;
console.log(JSON.stringify(hex({ about: "Seeds of uses, of a key shared 2 of 3 (specs/uses.md, \"Seed\"); made by tests/interop/use-seed-vectors.mjs with @noble/curves and node:crypto. All byte values are hex.",
  threshold: 2, commitments: [1, 2, 3].map((i) => Point.BASE.multiply(share(i)).toBytes()), shares: [1, 2, 3].map((i) => toLe(share(i))), asset, buyer: buyerSecret, uses }), null, 2));
