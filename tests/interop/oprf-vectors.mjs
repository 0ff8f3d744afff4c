// Prints specs/vectors/oprf.json: the vectors of RFC 9497, appendix A.1.2, made anew by @noble/curves and compared with the RFC's
// own outputs, and functions whose key is in shares (specs/custody.md, "Nullifiers nobody can guess").
// Run: node oprf-vectors.mjs > ../../specs/vectors/oprf.json
import { ristretto255, ristretto255_hasher, ristretto255_oprf } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

const { Point } = ristretto255, Fn = Point.Fn, L = Fn.ORDER, { voprf } = ristretto255_oprf;
const le = (bytes) => bytes.reduceRight((n, b) => (n << 8n) | BigInt(b), 0n);
const toLe = (n) => Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 255n));
const scalar = (label) => le(sha512(utf8ToBytes(label))) % L;
const context = concatBytes(utf8ToBytes("OPRFV1-"), Uint8Array.of(1), utf8ToBytes("-ristretto255-SHA512"));
const sized = (bytes) => concatBytes(Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes);
const hashToGroup = (input) => ristretto255_hasher.hashToCurve(input, { DST: concatBytes(utf8ToBytes("HashToGroup-"), context) });
const hashToScalar = (input) => ristretto255_hasher.hashToScalar(input, { DST: concatBytes(utf8ToBytes("HashToScalar-"), context) });
const agree = (a, b) => { if (a !== b) throw new Error(`the reference disagrees: ${a} is not ${b}`); };

// RFC 9497, section 2.2, with the seed that hangs on all items where there are more than two.
function prove(k, B, C, D, r, bound = C.length > 2) {
  const items = bound ? sized(sha512(concatBytes(...C, ...D))) : new Uint8Array(0);
  const seed = sha512(concatBytes(sized(B), sized(concatBytes(utf8ToBytes("Seed-"), context)), items));
  const M = C.reduce((sum, c, i) => sum.add(Point.fromBytes(c).multiply(hashToScalar(concatBytes(sized(seed), Uint8Array.of(i >> 8, i & 255), sized(c), sized(D[i]), utf8ToBytes("Composite"))))), Point.ZERO);
  const c = hashToScalar(concatBytes(...[B, M.toBytes(), M.multiply(k).toBytes(), Point.BASE.multiply(r).toBytes(), M.multiply(r).toBytes()].map(sized), utf8ToBytes("Challenge")));
  return concatBytes(toLe(c), toLe(Fn.sub(r, Fn.mul(c, k))));
}

const hex = (value) => value instanceof Uint8Array ? bytesToHex(value) : Array.isArray(value) ? value.map(hex)
  : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, hex(v)])) : value;

const blindOne = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706", blindTwo = "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e";
const rfc = {
  secretKey: "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909", publicKey: "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e",
  vectors: [
    { name: "A.1.2.1", inputs: ["00"], blinds: [blindOne], blinded: ["863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945"], evaluated: ["aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e"],
      nonce: blindTwo, proof: "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd066d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d",
      outputs: ["b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7da4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c"] },
    { name: "A.1.2.2", inputs: ["5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"], blinds: [blindOne], blinded: ["cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c"], evaluated: ["60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468"],
      nonce: blindTwo, proof: "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02",
      outputs: ["8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6"] },
    { name: "A.1.2.3", inputs: ["00", "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"], blinds: [blindOne, blindTwo],
      blinded: ["863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945", "90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654"],
      evaluated: ["aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e", "cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a"],
      nonce: "419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c", proof: "cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08",
      outputs: ["b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7da4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c",
        "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6"] },
  ],
};
for (const v of rfc.vectors) {
  const k = le(hexToBytes(rfc.secretKey)), inputs = v.inputs.map((i) => hexToBytes(i));
  inputs.forEach((input, i) => {
    const blinded = hashToGroup(input).multiply(le(hexToBytes(v.blinds[i])));
    agree(bytesToHex(blinded.toBytes()), v.blinded[i]);
    agree(bytesToHex(blinded.multiply(k).toBytes()), v.evaluated[i]);
  });
  agree(bytesToHex(prove(k, hexToBytes(rfc.publicKey), v.blinded.map((b) => hexToBytes(b)), v.evaluated.map((e) => hexToBytes(e)), le(hexToBytes(v.nonce)))), v.proof);
  voprf.finalizeBatch(inputs.map((input, i) => ({ input, blind: hexToBytes(v.blinds[i]), evaluated: hexToBytes(v.evaluated[i]), blinded: hexToBytes(v.blinded[i]) })), hexToBytes(rfc.publicKey), hexToBytes(v.proof))
    .forEach((output, i) => agree(bytesToHex(output), v.outputs[i]));
}

const evaluate = (coefficients, x) => coefficients.reduceRight((sum, a) => (sum * BigInt(x) + a) % L, 0n);
const keys = [[1, 1], [2, 3], [3, 5], [16, 16]].map(([threshold, guardians]) => {
  const name = `${threshold} of ${guardians}`, coefficients = Array.from({ length: threshold }, (_, i) => scalar(`${name} oprf coefficient ${i}`));
  const scalars = Array.from({ length: guardians }, (_, i) => evaluate(coefficients, i + 1)), commitments = scalars.map((s) => Point.BASE.multiply(s).toBytes());
  const inputs = [utf8ToBytes(name), new Uint8Array(0), utf8ToBytes("x".repeat(300))], blinds = inputs.map((_, i) => scalar(`${name} blind ${i}`));
  const blinded = inputs.map((input, i) => hashToGroup(input).multiply(blinds[i]).toBytes());
  const nonce = scalar(`${name} nonce`), evaluations = scalars.map((s, i) => {
    const elements = blinded.map((b) => Point.fromBytes(b).multiply(s).toBytes());
    return concatBytes(Uint8Array.of(i + 1), ...elements, prove(s, commitments[i], blinded, elements, nonce));
  });
  return { name, threshold, publicKey: Point.BASE.multiply(coefficients[0]).toBytes(), commitments,
    shares: scalars.map((s, i) => concatBytes(utf8ToBytes("trove/oprf-share/1\n"), Uint8Array.of(i + 1, threshold), toLe(s))),
    inputs, blinds: blinds.map(toLe), blinded, nonce: toLe(nonce), evaluations,
    loosely: prove(scalars[0], commitments[0], blinded, blinded.map((b) => Point.fromBytes(b).multiply(scalars[0]).toBytes()), nonce, false), outputs: inputs.map((input) => voprf.evaluate(toLe(coefficients[0]), input)) };
});
console.log(JSON.stringify(hex({ about: "The verifiable oblivious pseudorandom function of RFC 9497 over ristretto255, and with its key in shares (specs/custody.md); made by tests/interop/oprf-vectors.mjs with @noble/curves. All byte values are hex; scalars are little-endian.", rfc, keys }), null, 2));
