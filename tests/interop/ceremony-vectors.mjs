// Prints specs/vectors/ceremony.json, made by an implementation of its own over @noble/curves and ethers (specs/custody.md, "Ceremony").
// Run: node ceremony-vectors.mjs > ../../specs/vectors/ceremony.json
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { SigningKey, TypedDataEncoder, computeAddress, getAddress, hexlify, id as keccak } from "ethers";

const { Point } = ed25519, Fn = Point.Fn, L = Fn.ORDER, B = Point.BASE;
const le = (bytes) => bytes.reduceRight((n, b) => (n << 8n) | BigInt(b), 0n);
const toLe = (n) => Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 255n));
const scalar = (...pieces) => le(sha512(concatBytes(...pieces))) % L;
const mod = (n) => ((n % L) + L) % L;
const mul = (n, point = B) => (mod(n) === 0n ? Point.ZERO : point.multiply(mod(n)));
const text = utf8ToBytes, bytes = (hex) => hexToBytes(hex.replace("0x", "")), one = (n) => Uint8Array.of(n);
const u32 = (n) => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n), u64 = (n) => concatBytes(u32(0), u32(n));
const data = (b) => concatBytes(u32(b.length), b), tag = (name) => data(text(name));
const evaluate = (coefficients, x) => coefficients.reduceRight((sum, a) => mod(sum * BigInt(x) + a), 0n);
const evaluatePoints = (points, x) => points.reduce((sum, point, k) => sum.add(mul(BigInt(x) ** BigInt(k), point)), Point.ZERO);
const lagrange = (indices, i) => indices.reduce((p, j) => (j === i ? p : Fn.mul(p, Fn.mul(Fn.create(BigInt(-j)), Fn.inv(Fn.create(BigInt(i - j)))))), 1n);

function possession(x, fresh, context) {
  const k = scalar(text("trove/ceremony/possession/nonce/1"), toLe(x), fresh, context), X = mul(x).toBytes();
  const c = scalar(text("trove/ceremony/possession/1"), context, X, mul(k).toBytes());
  return concatBytes(toLe(c), toLe(mod(k + c * x)));
}

// log_B Pj = log_Pi K, in the form of the proof of a partial decryption.
function equality(pj, fresh, context, j, Pi, K) {
  const statement = concatBytes(context, one(j), mul(pj).toBytes(), Pi.toBytes(), K.toBytes());
  const k = scalar(text("trove/partial-decryption/nonce/1"), toLe(pj), fresh, statement);
  const c = scalar(text("trove/partial-decryption/1"), statement, mul(k).toBytes(), mul(k, Pi).toBytes());
  return concatBytes(toLe(c), toLe(mod(k + c * pj)));
}

const guardians = Array.from({ length: 6 }, (_, i) => { const key = keccak(`guardian ${i}`); return { key, address: computeAddress(key) }; });
const committee = (epoch, threshold, members) => ({ epoch, threshold, guardians: members.map((m) => guardians[m].address) });
const committeeBytes = (c) => concatBytes(u32(c.epoch), u32(c.threshold), u32(c.guardians.length), ...c.guardians.map(bytes));
const contract = getAddress("0x" + keccak("registry").slice(26)), chainId = 31337;

// `wrong`: [i, j] of a dealer whose share for a member is off by one.
function ceremony(name, before, next, wrong) {
  const old = before?.next, nonce = bytes(keccak(`nonce of ${name}`)), dealers = (old ?? next).guardians;
  const terms = concatBytes(tag("trove/ceremony/1"), u64(chainId), bytes(contract), u32(old ? 2 : 1), nonce,
    ...(old ? [committeeBytes(old), ...before.commitments] : []), committeeBytes(next), ...(old ? [before.recipient] : []));
  const id = sha256(concatBytes(tag("trove/ceremony-id/1"), data(terms)));
  const seats = [...dealers, ...next.guardians.filter((g) => !dealers.includes(g))].map((guardian) => {
    const seed = sha256(text(`seed of ${guardian} in ${name}`)), derive = (label, n) => scalar(text("trove/ceremony/secret/1"), seed, id, one(label), one(n));
    const seat = { guardian, key: guardians.find((g) => g.address === guardian).key, dealer: dealers.indexOf(guardian) + 1, member: next.guardians.indexOf(guardian) + 1, seed, derive };
    seat.p = derive(1, 0);
    seat.P = mul(seat.p);
    if (seat.dealer) {
      seat.coefficients = Array.from({ length: next.threshold }, (_, k) => (k === 0 && old ? before.scalars[seat.dealer - 1] : derive(2, k)));
      seat.C = seat.coefficients.map((a) => mul(a));
    }
    return seat;
  });
  const members = next.guardians.map((g) => seats.find((s) => s.guardian === g));
  let transcript = new Uint8Array(32);
  const context = (round, seat) => concatBytes(tag("trove/ceremony/possession-context/1"), id, u32(round), bytes(seat.guardian), transcript);
  const sign = (round, seat, body) => {
    const digest = TypedDataEncoder.hash({ name: "Trove", version: "1", chainId, verifyingContract: contract },
      { CeremonyMessage: [["bytes32", "ceremony"], ["uint8", "round"], ["address", "author"], ["bytes", "body"]].map(([type, name]) => ({ type, name })) },
      { ceremony: hexlify(id), round, author: seat.guardian, body: hexlify(body) });
    const signature = new SigningKey(seat.key).sign(digest);
    return { seat: seats.indexOf(seat), digest: bytes(digest), body,
      message: concatBytes(tag("trove/ceremony-message/1"), id, u32(round), bytes(seat.guardian), data(body), bytes(signature.serialized)) };
  };
  const fresh = (round, seat) => toLe(seat.derive(3, round));

  const opening = (seat) => sha256(concatBytes(tag("trove/ceremony/commitments/1"), id, u32(seat.dealer), u32(seat.C.length), ...seat.C.map((C) => C.toBytes())));
  const join = seats.map((s) => sign(1, s, concatBytes(s.P.toBytes(), possession(s.p, fresh(1, s), context(1, s)), s.dealer ? opening(s) : new Uint8Array(32))));

  const dealing = [];
  const deal = seats.filter((s) => s.dealer).map((s) => {
    s.sent = members.map((m) => {
      const share = evaluate(s.coefficients, m.member), K = mul(s.p, m.P);
      const pad = scalar(text("trove/ceremony/share/1"), id, one(s.dealer), one(m.member), K.toBytes());
      const off = wrong && wrong[0] === s.dealer && wrong[1] === m.member ? 1n : 0n;
      const encrypted = mod(share + off + pad);
      dealing.push({ dealer: s.dealer, member: m.member, key: K.toBytes(), pad: toLe(pad), share: toLe(mod(share + off)), encrypted: toLe(encrypted) });
      return { share: mod(share + off), encrypted };
    });
    const body = concatBytes(one(next.threshold), one(members.length), ...s.C.map((C) => C.toBytes()), possession(s.coefficients[0], fresh(2, s), context(2, s)), ...s.sent.map((e) => toLe(e.encrypted)));
    return { ...sign(2, s, body), forged: wrong?.[0] === s.dealer };
  });

  const out = new Set();
  const checking = seats.filter((s) => s.member).map((m) => {
    const complaints = seats.filter((s) => s.dealer && !mul(s.sent[m.member - 1].share).equals(evaluatePoints(s.C, m.member))).map((s) => {
      out.add(s.dealer);
      const K = mul(m.p, s.P);
      return concatBytes(one(s.dealer), K.toBytes(), equality(m.p, fresh(3, m), concatBytes(tag("trove/ceremony/complaint/1"), id, u32(s.dealer)), m.member, s.P, K));
    });
    return sign(3, m, concatBytes(one(complaints.length), ...complaints));
  });

  const Q = seats.filter((s) => s.dealer && !out.has(s.dealer)), indices = Q.map((s) => s.dealer);
  const weight = (s) => (old ? lagrange(indices, s.dealer) : 1n);
  const D = Array.from({ length: next.threshold }, (_, k) => Q.reduce((sum, s) => sum.add(mul(weight(s), s.C[k])), Point.ZERO));
  const commitments = members.map((m) => evaluatePoints(D, m.member).toBytes()), recipient = ed25519.utils.toMontgomery(D[0].toBytes());
  const scalars = members.map((m) => mod(Q.reduce((sum, s) => sum + weight(s) * s.sent[m.member - 1].share, 0n)));
  scalars.forEach((s, j) => { if (bytesToHex(mul(s).toBytes()) !== bytesToHex(commitments[j])) throw new Error("the reference disagrees with itself"); });
  if (old && bytesToHex(recipient) !== bytesToHex(before.recipient)) throw new Error("the change made another key");

  const listed = (messages) => concatBytes(u32(messages.length), ...messages.map((m) => m.digest));
  transcript = sha256(concatBytes(tag("trove/ceremony-transcript/1"), id, listed(join), listed(deal), listed(checking),
    u32(indices.length), ...indices.map(u32), u32(next.threshold), u32(members.length), ...commitments, recipient));
  const confirm = seats.filter((s) => s.member).map((m) => sign(4, m, concatBytes(transcript, possession(scalars[m.member - 1], fresh(4, m), context(4, m)))));

  const vector = { name, terms, id, seats: seats.map((s) => ({ guardian: s.guardian, signingKey: bytes(s.key), dealer: s.dealer, member: s.member, seed: s.seed, p: toLe(s.p), point: s.P.toBytes(),
    coefficients: (s.coefficients ?? []).map(toLe), oldShare: old && s.dealer ? concatBytes(text("trove/guardian-share/1\n"), Uint8Array.of(s.dealer, old.threshold), toLe(before.scalars[s.dealer - 1])) : null })),
    dealing, rounds: [join, deal, checking, confirm], dealers: indices, transcript, commitments, recipient,
    shares: scalars.map((s, j) => concatBytes(text("trove/guardian-share/1\n"), Uint8Array.of(j + 1, next.threshold), toLe(s))) };
  return { vector, next, commitments, recipient, scalars };
}

const creation = ceremony("creation, 2 of 3", null, committee(1, 2, [0, 1, 2]));
const refresh = ceremony("refresh, 2 of 3", creation, committee(2, 2, [0, 1, 2]));
const resharing = ceremony("resharing, 2 of 3 to 3 of 5", refresh, committee(3, 3, [3, 1, 4, 0, 5]));
const complaint = ceremony("creation, 2 of 3, with a wrong share", null, committee(1, 2, [3, 4, 5]), [2, 3]);

const hex = (value) => value instanceof Uint8Array ? bytesToHex(value) : Array.isArray(value) ? value.map(hex)
  : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, hex(v)])) : value;
console.log(JSON.stringify(hex({ about: "Ceremonies with all that is derived on the way (specs/custody.md); made by tests/interop/ceremony-vectors.mjs with @noble/curves and ethers. All byte values are hex; scalars are little-endian. A forged message is one that no honest guardian sends.",
  ceremonies: [creation, refresh, resharing, complaint].map((c) => c.vector) }), null, 2));
