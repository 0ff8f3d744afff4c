// Prints specs/vectors/ceremony.json, made by an implementation of its own over @noble/curves and ethers (specs/custody.md, "Ceremony").
// Run: node ceremony-vectors.mjs > ../../specs/vectors/ceremony.json
import { ed25519, ristretto255 } from "@noble/curves/ed25519.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { SigningKey, TypedDataEncoder, computeAddress, getAddress, hexlify, id as keccak } from "ethers";

const { Point } = ed25519, Fn = Point.Fn, L = Fn.ORDER, B = Point.BASE;
const le = (bytes) => bytes.reduceRight((n, b) => (n << 8n) | BigInt(b), 0n);
const toLe = (n) => Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 255n));
const scalar = (...pieces) => le(sha512(concatBytes(...pieces))) % L;
const mod = (n) => ((n % L) + L) % L;
const mul = (n, point = B) => (mod(n) === 0n ? point.subtract(point) : point.multiply(mod(n)));
// The two keys that are dealt: generator, label of the polynomial, domain of the pads.
const bases = [B, ristretto255.Point.BASE], labels = [2, 4], pads = ["trove/ceremony/share/1", "trove/ceremony/oprf-share/1"], both = [0, 1];
const text = utf8ToBytes, bytes = (hex) => hexToBytes(hex.replace("0x", "")), one = (n) => Uint8Array.of(n);
const u32 = (n) => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n), u64 = (n) => concatBytes(u32(0), u32(n));
const data = (b) => concatBytes(u32(b.length), b), tag = (name) => data(text(name));
const evaluate = (coefficients, x) => coefficients.reduceRight((sum, a) => mod(sum * BigInt(x) + a), 0n);
const evaluatePoints = (points, x) => points.reduce((sum, point, k) => sum.add(mul(BigInt(x) ** BigInt(k), point)), points[0].subtract(points[0]));
const lagrange = (indices, i) => indices.reduce((p, j) => (j === i ? p : Fn.mul(p, Fn.mul(Fn.create(BigInt(-j)), Fn.inv(Fn.create(BigInt(i - j)))))), 1n);

// Of one secret over edwards25519, or of that and one over ristretto255.
function possession(secrets, fresh, context) {
  const nonces = secrets.map((x, i) => scalar(text("trove/ceremony/possession/nonce/1"), toLe(x), fresh, context, one(i)));
  const points = (scalars) => concatBytes(...scalars.map((x, i) => mul(x, bases[i]).toBytes()));
  const c = scalar(text("trove/ceremony/possession/1"), context, points(secrets), points(nonces));
  return concatBytes(toLe(c), ...secrets.map((x, i) => toLe(mod(nonces[i] + c * x))));
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

// `wrong`: [i, j, key] of a dealer whose share of one key for a member is off by one.
function ceremony(name, before, next, wrong) {
  const old = before?.next, nonce = bytes(keccak(`nonce of ${name}`)), dealers = (old ?? next).guardians;
  const terms = concatBytes(tag("trove/ceremony/1"), u64(chainId), bytes(contract), u32(old ? 2 : 1), nonce,
    ...(old ? [committeeBytes(old), ...before.commitments, ...before.oprfCommitments] : []), committeeBytes(next), ...(old ? [before.recipient] : []));
  const id = sha256(concatBytes(tag("trove/ceremony-id/1"), data(terms)));
  const seats = [...dealers, ...next.guardians.filter((g) => !dealers.includes(g))].map((guardian) => {
    const seed = sha256(text(`seed of ${guardian} in ${name}`)), derive = (label, n) => scalar(text("trove/ceremony/secret/1"), seed, id, one(label), one(n));
    const seat = { guardian, key: guardians.find((g) => g.address === guardian).key, dealer: dealers.indexOf(guardian) + 1, member: next.guardians.indexOf(guardian) + 1, seed, derive };
    seat.p = derive(1, 0);
    seat.P = mul(seat.p);
    if (seat.dealer) {
      seat.coefficients = both.map((key) => Array.from({ length: next.threshold }, (_, k) => (k === 0 && old ? before.scalars[key][seat.dealer - 1] : derive(labels[key], k))));
      seat.C = both.map((key) => seat.coefficients[key].map((a) => mul(a, bases[key])));
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

  const opening = (seat) => sha256(concatBytes(tag("trove/ceremony/commitments/1"), id, u32(seat.dealer), u32(next.threshold), ...seat.C.flat().map((C) => C.toBytes())));
  const join = seats.map((s) => sign(1, s, concatBytes(s.P.toBytes(), possession([s.p], fresh(1, s), context(1, s)), s.dealer ? opening(s) : new Uint8Array(32))));

  const dealing = [];
  const deal = seats.filter((s) => s.dealer).map((s) => {
    s.sent = members.map((m) => {
      const K = mul(s.p, m.P), step = { dealer: s.dealer, member: m.member, key: K.toBytes() };
      dealing.push(step);
      return both.map((key) => {
        const pad = scalar(text(pads[key]), id, one(s.dealer), one(m.member), K.toBytes());
        const off = wrong && wrong[0] === s.dealer && wrong[1] === m.member && wrong[2] === key ? 1n : 0n;
        const share = mod(evaluate(s.coefficients[key], m.member) + off), encrypted = mod(share + pad), name = key ? "oprf " : "";
        Object.assign(step, { [name + "pad"]: toLe(pad), [name + "share"]: toLe(share), [name + "encrypted"]: toLe(encrypted) });
        return { share, encrypted };
      });
    });
    const body = concatBytes(one(next.threshold), one(members.length), ...s.C.flat().map((C) => C.toBytes()), possession(s.coefficients.map((c) => c[0]), fresh(2, s), context(2, s)),
      ...both.flatMap((key) => s.sent.map((e) => toLe(e[key].encrypted))));
    return { ...sign(2, s, body), forged: wrong?.[0] === s.dealer };
  });

  const out = new Set();
  const checking = seats.filter((s) => s.member).map((m) => {
    const complaints = seats.filter((s) => s.dealer && both.some((key) => !mul(s.sent[m.member - 1][key].share, bases[key]).equals(evaluatePoints(s.C[key], m.member)))).map((s) => {
      out.add(s.dealer);
      const K = mul(m.p, s.P);
      return concatBytes(one(s.dealer), K.toBytes(), equality(m.p, fresh(3, m), concatBytes(tag("trove/ceremony/complaint/1"), id, u32(s.dealer)), m.member, s.P, K));
    });
    return sign(3, m, concatBytes(one(complaints.length), ...complaints));
  });

  const Q = seats.filter((s) => s.dealer && !out.has(s.dealer)), indices = Q.map((s) => s.dealer);
  const weight = (s) => (old ? lagrange(indices, s.dealer) : 1n);
  const D = both.map((key) => Array.from({ length: next.threshold }, (_, k) => Q.map((s) => mul(weight(s), s.C[key][k])).reduce((a, b) => a.add(b))));
  const [commitments, oprfCommitments] = both.map((key) => members.map((m) => evaluatePoints(D[key], m.member).toBytes()));
  const recipient = ed25519.utils.toMontgomery(D[0][0].toBytes()), oprfPublicKey = D[1][0].toBytes();
  const scalars = both.map((key) => members.map((m) => mod(Q.reduce((sum, s) => sum + weight(s) * s.sent[m.member - 1][key].share, 0n))));
  both.forEach((key) => scalars[key].forEach((s, j) => { if (bytesToHex(mul(s, bases[key]).toBytes()) !== bytesToHex([commitments, oprfCommitments][key][j])) throw new Error("the reference disagrees with itself"); }));
  if (old && (bytesToHex(recipient) !== bytesToHex(before.recipient) || bytesToHex(oprfPublicKey) !== bytesToHex(before.oprfPublicKey))) throw new Error("the change made another key");

  const listed = (messages) => concatBytes(u32(messages.length), ...messages.map((m) => m.digest));
  transcript = sha256(concatBytes(tag("trove/ceremony-transcript/1"), id, listed(join), listed(deal), listed(checking),
    u32(indices.length), ...indices.map(u32), u32(next.threshold), u32(members.length), ...commitments, recipient, ...oprfCommitments));
  const fields = "uint32 epoch,uint32 threshold,address[] guardians,bytes32[] commitments,bytes32[] oprfCommitments,bytes32 recipient,bytes32 transcript";
  const committeeDigest = TypedDataEncoder.hash({ name: "Trove Registry", version: "1", chainId, verifyingContract: contract },
    { Committee: fields.split(",").map((f) => f.split(" ")).map(([type, name]) => ({ type, name })) },
    { ...next, commitments: commitments.map(hexlify), oprfCommitments: oprfCommitments.map(hexlify), recipient: hexlify(recipient), transcript: hexlify(transcript) });
  const confirmation = (m) => bytes(new SigningKey(m.key).sign(committeeDigest).serialized);
  const confirm = seats.filter((s) => s.member).map((m) => sign(4, m, concatBytes(transcript, possession(scalars.map((s) => s[m.member - 1]), fresh(4, m), context(4, m)), confirmation(m))));

  const shares = (epoch, index, threshold, pair) => concatBytes(text("trove/guardian-shares/1\n"), u32(epoch), Uint8Array.of(index, threshold), ...pair.map(toLe));
  const vector = { name, terms, id, seats: seats.map((s) => ({ guardian: s.guardian, signingKey: bytes(s.key), dealer: s.dealer, member: s.member, seed: s.seed, p: toLe(s.p), point: s.P.toBytes(),
    coefficients: (s.coefficients?.[0] ?? []).map(toLe), oprfCoefficients: (s.coefficients?.[1] ?? []).map(toLe),
    oldShares: old && s.dealer ? shares(old.epoch, s.dealer, old.threshold, before.scalars.map((l) => l[s.dealer - 1])) : null })),
    dealing, rounds: [join, deal, checking, confirm], dealers: indices, transcript, commitments, recipient, oprfCommitments, oprfPublicKey, committeeDigest: bytes(committeeDigest), confirmations: members.map(confirmation),
    shares: members.map((m) => shares(next.epoch, m.member, next.threshold, scalars.map((l) => l[m.member - 1]))) };
  return { vector, next, commitments, recipient, oprfCommitments, oprfPublicKey, scalars };
}

const creation = ceremony("creation, 2 of 3", null, committee(1, 2, [0, 1, 2]));
const refresh = ceremony("refresh, 2 of 3", creation, committee(2, 2, [0, 1, 2]));
const resharing = ceremony("resharing, 2 of 3 to 3 of 5", refresh, committee(3, 3, [3, 1, 4, 0, 5]));
const complaint = ceremony("creation, 2 of 3, with a wrong share", null, committee(1, 2, [3, 4, 5]), [2, 3, 0]);
const oprfComplaint = ceremony("creation, 2 of 3, with a wrong share of the pseudorandom function", null, committee(1, 2, [3, 4, 5]), [1, 2, 1]);

const hex = (value) => value instanceof Uint8Array ? bytesToHex(value) : Array.isArray(value) ? value.map(hex)
  : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, hex(v)])) : value;
console.log(JSON.stringify(hex({ about: "Ceremonies with all that is derived on the way (specs/custody.md); made by tests/interop/ceremony-vectors.mjs with @noble/curves and ethers. All byte values are hex; scalars are little-endian. A forged message is one that no honest guardian sends.",
  ceremonies: [creation, refresh, resharing, complaint, oprfComplaint].map((c) => c.vector) }), null, 2));
