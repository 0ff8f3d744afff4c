// Writes specs/vectors/{abi,rlp,transactions}.json with ethers and checks a part of them with cast.
// Run: (cd contracts && npm ci --ignore-scripts) && node tests/Trove.Tests/Chain/vectors.mjs
import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";

const root = new URL("../../../", import.meta.url);
const require = createRequire(new URL("contracts/package.json", root));
const { AbiCoder, Transaction, Wallet, computeAddress, encodeRlp, getCreateAddress, keccak256, toBeHex } = require("ethers");
const cast = new URL("contracts/node_modules/@foundry-rs/cast-linux-amd64/bin/cast", root).pathname;

// mulberry32: the same vectors on every run
let state = 20261121;
const random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];
const hex = (n) => "0x" + Array.from({ length: n }, () => below(256).toString(16).padStart(2, "0")).join("");

const type = (depth) => {
  const kind = below(depth > 0 ? 11 : 7);
  switch (kind) {
    case 0: case 1: return "uint" + 8 * (1 + below(32));
    case 2: return "int" + 8 * (1 + below(32));
    case 3: return pick(["bool", "address"]);
    case 4: return "bytes" + (1 + below(32));
    case 5: return "bytes";
    case 6: return "string";
    case 7: case 8: return type(depth - 1) + "[]";
    case 9: return type(depth - 1) + `[${1 + below(3)}]`;
    default: return "(" + Array.from({ length: 1 + below(4) }, () => type(depth - 1)).join(",") + ")";
  }
};
const split = (inner) => {
  const parts = [];
  let level = 0, start = 0;
  for (let i = 0; i <= inner.length; i++) {
    if (i === inner.length || (inner[i] === "," && level === 0)) { parts.push(inner.slice(start, i)); start = i + 1; }
    else if (inner[i] === "(") level++;
    else if (inner[i] === ")") level--;
  }
  return parts;
};
const value = (t) => {
  const array = /^(.*)\[(\d*)\]$/.exec(t);
  if (array) return Array.from({ length: array[2] === "" ? below(4) : Number(array[2]) }, () => value(array[1]));
  if (t[0] === "(") return split(t.slice(1, -1)).map(value);
  if (t === "bool") return random() < 0.5;
  if (t === "address") return hex(20);
  if (t === "string") return pick(["", "Trove", "x".repeat(31), "y".repeat(32), "z".repeat(33), "größer, 多语言, \u{1F30D}"]);
  if (t === "bytes") return hex(pick([0, 1, 31, 32, 33, 70]));
  if (t.startsWith("bytes")) return hex(Number(t.slice(5)));
  const bits = BigInt(t.replace(/\D/g, ""));
  const signed = t[0] === "i";
  const top = (1n << (signed ? bits - 1n : bits)) - 1n;
  const low = signed ? -top - 1n : 0n;
  return String(pick([0n, 1n, top, low, top / 3n, signed ? -1n : top - 1n]));
};
const castArgument = (v) => Array.isArray(v) ? "[" + v.map(castArgument).join(",") + "]" : String(v);

const coder = AbiCoder.defaultAbiCoder();
const abi = [];
for (let i = 0; i < 150; i++) {
  const types = Array.from({ length: 1 + below(4) }, () => type(3));
  const values = types.map(value);
  const encoded = coder.encode(types.map((t) => t.replaceAll("(", "tuple(")), values);
  abi.push({ type: "(" + types.join(",") + ")", values, encoded });
  if (!types.join().match(/string|\(/) && values.length > 0) {
    const other = execFileSync(cast, ["abi-encode", `f(${types.join(",")})`, "--", ...values.map(castArgument)]).toString().trim();
    if (other !== encoded) throw new Error(`cast disagrees on ${types}: ${other} ${encoded}`);
  }
}

const w = (n) => BigInt(n).toString(16).padStart(64, "0");
const refused = [
  ["AddressWithDirtyPadding", "(address)", "01" + "00".repeat(11) + "11".repeat(20)],
  ["BoolOfTwo", "(bool)", w(2)],
  ["UInt8Of256", "(uint8)", w(256)],
  ["Int8Of128", "(int8)", w(128)],
  ["Int8OfMinus129", "(int8)", "f".repeat(62) + "7f"],
  ["Bytes4WithDirtyPadding", "(bytes4)", "01020304" + "00".repeat(27) + "01"],
  ["BytesWithDirtyPadding", "(bytes)", w(32) + w(1) + "ff01" + "00".repeat(30)],
  ["BytesWithoutPadding", "(bytes)", w(32) + w(1) + "ff"],
  ["BytesLongerThanData", "(bytes)", w(32) + w(33) + "ff".repeat(32)],
  ["LengthOf2To256", "(bytes)", w(32) + "f".repeat(64)],
  ["LengthOf2To31", "(uint256[])", w(32) + w(2147483648)],
  ["OffsetBeyondData", "(bytes)", w(64) + w(0)],
  ["OffsetIntoHead", "(bytes)", w(0) + w(0)],
  ["OffsetOf2To256", "(bytes)", "f".repeat(64) + w(0)],
  ["SharedTail", "(bytes,bytes)", w(64) + w(64) + w(1) + "aa" + "00".repeat(31)],
  ["GapBeforeTail", "(bytes)", w(64) + w(0) + w(0)],
  ["TailsSwapped", "(bytes,bytes)", w(96) + w(64) + w(0) + w(0)],
  ["BytesAfterTheEnd", "(uint256)", w(1) + w(2)],
  ["TruncatedInsideWord", "(uint256)", w(1).slice(0, 62)],
  ["TruncatedInsideHead", "(uint256,uint256)", w(1)],
  ["MoreElementsThanData", "(uint256[])", w(32) + w(3) + w(1) + w(2)],
  ["StringThatIsNotUtf8", "(string)", w(32) + w(2) + "c328" + "00".repeat(30)],
  ["EmptyData", "(uint256)", ""],
].map(([name, type, data]) => ({ name, type, data: "0x" + data }));

const types = [
  ["uint", "uint7", "uint264", "uint08", "int0", "bytes0", "bytes33", "byte", "", "(", "(uint8", "uint8)", "(uint8,)", "uint8[", "uint8[0]", "uint8[01]", "uint8[-1]", "uint8]", "()[]", "(())[2]", "uint256[2147483647][2147483647]", "uint256" + "[]".repeat(17), "(".repeat(17) + "uint8" + ")".repeat(17)],
].flat();

const rlpItem = (depth) => depth > 0 && random() < 0.5 ? Array.from({ length: below(6) }, () => rlpItem(depth - 1)) : hex(pick([0, 1, 2, 20, 32, 55, 56, 57, 300]));
const rlp = Array.from({ length: 80 }, () => rlpItem(4)).concat(["0x", "0x00", "0x7f", "0x80", [], [[]], [[], [[]]]]).map((item) => ({ item, encoded: encodeRlp(item) }));
const rlpRefused = [
  ["Empty", "0x"],
  ["SingleByteWithPrefix", "0x8100"],
  ["LongLengthBelow56", "0xb837" + "00".repeat(55)],
  ["LongLengthWithLeadingZero", "0xb90038" + "00".repeat(56)],
  ["StringLongerThanData", "0x83ffff"],
  ["ListLongerThanData", "0xc3ffff"],
  ["ItemLongerThanItsList", "0xc283ff"],
  ["LengthOfLengthBeyondData", "0xbf00"],
  ["LengthOf2To63", "0xbf8000000000000000"],
  ["BytesAfterTheItem", "0x0101"],
  ["ListsNestedTooDeep", "0x" + Array.from({ length: 40 }).reduce((inner) => { const n = inner.length / 2; return (192 + n).toString(16) + inner; }, "c0")],
].map(([name, data]) => ({ name, data }));

const secret = "0x" + "46".repeat(32);
const wallet = new Wallet(secret);
const transactions = [];
for (let i = 0; i < 40; i++) {
  const tip = BigInt(below(3000000000));
  const fields = {
    type: 2, chainId: pick([1n, 8453n, 31337n, (1n << 52n) - 1n]), nonce: pick([0, 1, 127, 128, 256, 4294967295]),
    maxPriorityFeePerGas: tip, maxFeePerGas: tip + BigInt(below(1000)) * pick([0n, 1n, 1000000007n]), gasLimit: BigInt(21000 + below(30000000)),
    to: i % 7 === 0 ? null : hex(20), value: pick([0n, 1n, 1000000000000000000n, (1n << 100n) - 1n]), data: hex(pick([0, 1, 4, 68, 300])),
    accessList: i % 5 === 0 ? [{ address: hex(20), storageKeys: Array.from({ length: below(3) }, () => hex(32)) }] : [],
  };
  const transaction = Transaction.from(fields);
  transaction.signature = wallet.signingKey.sign(transaction.unsignedHash);
  transactions.push({
    chainId: String(fields.chainId), nonce: String(fields.nonce), maxPriorityFeePerGas: String(fields.maxPriorityFeePerGas), maxFeePerGas: String(fields.maxFeePerGas),
    gasLimit: String(fields.gasLimit), to: fields.to, value: String(fields.value), data: fields.data,
    accessList: fields.accessList.map((e) => ({ address: e.address, slots: e.storageKeys })),
    signingHash: transaction.unsignedHash, hash: transaction.hash, raw: transaction.serialized,
  });
  if (fields.to && fields.data === "0x" && fields.accessList.length === 0) {
    const other = execFileSync(cast, ["mktx", "--private-key", secret, "--chain", String(fields.chainId), "--nonce", String(fields.nonce), "--gas-limit", String(fields.gasLimit),
      "--gas-price", String(fields.maxFeePerGas), "--priority-gas-price", String(tip), "--value", String(fields.value), fields.to]).toString().trim();
    if (other !== transaction.serialized) throw new Error(`cast disagrees on a transaction: ${other} ${transaction.serialized}`);
  }
}
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const [good] = transactions;
const parts = Transaction.from(good.raw);
const body = [good.chainId, good.nonce, good.maxPriorityFeePerGas, good.maxFeePerGas, good.gasLimit].map((n) => (BigInt(n) === 0n ? "0x" : toBeHex(BigInt(n))))
  .concat([good.to ?? "0x", BigInt(good.value) === 0n ? "0x" : toBeHex(BigInt(good.value)), good.data, good.accessList.map((e) => [e.address, e.slots])]);
const raw = (...tail) => "0x02" + encodeRlp([...body, ...tail]).slice(2);
const { r, s, yParity } = parts.signature;
const parity = (p) => (p ? "0x01" : "0x");
const txRefused = [
  ["HighS", raw(parity(!yParity), r, toBeHex(order - BigInt(s)))],
  ["ZeroR", raw(parity(yParity), "0x", s)],
  ["ZeroS", raw(parity(yParity), r, "0x")],
  ["ParityOfTwo", raw("0x02", r, s)],
  ["SignatureWithLeadingZero", raw(parity(yParity), "0x00" + r.slice(2), s)],
  ["NoSignature", "0x02" + encodeRlp(body).slice(2)],
  ["OneFieldMore", raw(parity(yParity), r, s, "0x")],
  ["NonceWithLeadingZero", "0x02" + encodeRlp([body[0], "0x0001", ...body.slice(2), parity(yParity), r, s]).slice(2)],
  ["NonceOfNineBytes", "0x02" + encodeRlp([body[0], "0x010000000000000000", ...body.slice(2), parity(yParity), r, s]).slice(2)],
  ["ReceiverOf19Bytes", "0x02" + encodeRlp([...body.slice(0, 5), "0x" + "11".repeat(19), ...body.slice(6), parity(yParity), r, s]).slice(2)],
  ["TipAboveFee", "0x02" + encodeRlp([body[0], body[1], "0x03", "0x02", ...body.slice(4), parity(yParity), r, s]).slice(2)],
  ["LegacyType", wallet.signingKey && "0xf86c" + good.raw.slice(6)],
  ["BytesAfterTheEnd", good.raw + "00"],
  ["Truncated", good.raw.slice(0, -2)],
  ["Empty", "0x"],
].map(([name, data]) => ({ name, raw: data }));

const created = [0, 1, 127, 128, 255, 256, 65536].map((nonce) => ({ sender: wallet.address, nonce: String(nonce), address: getCreateAddress({ from: wallet.address, nonce }) }));
const save = (name, data) => writeFileSync(new URL(`specs/vectors/${name}.json`, root), JSON.stringify(data, null, 1) + "\n");
save("abi", { comment: "encoded by ethers 6.17.0, a part checked with cast 1.7.1; refused: by a strict decoder", encoded: abi, refused, refusedTypes: types });
save("rlp", { comment: "encoded by ethers 6.17.0; refused: not canonical, or beyond the limits", encoded: rlp, refused: rlpRefused });
save("transactions", { comment: "signed by ethers 6.17.0, a part checked with cast 1.7.1; a key for tests only", secret, sender: computeAddress(secret), transactions, refused: txRefused, created });
console.log(abi.length, rlp.length, transactions.length, keccak256(good.raw) === good.hash);
