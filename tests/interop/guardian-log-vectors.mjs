// Prints specs/vectors/guardian-log.json: a guardian's log of two chains, and the head it publishes (specs/custody.md).
// Run: node guardian-log-vectors.mjs > ../../specs/vectors/guardian-log.json
// With arguments "check FILE CHAIN" it checks a log instead, and prints its count and head or the first line that does not fit.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { TypedDataEncoder, Wallet, ZeroAddress, getAddress, getBytes, id } from "ethers";

const sha256 = (bytes) => "0x" + createHash("sha256").update(bytes).digest("hex");
const uint32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
const text = (s) => Buffer.concat([uint32(Buffer.byteLength(s)), Buffer.from(s)]);
const genesis = (guardian, chain) => sha256(Buffer.concat([text("trove/guardian-log/1"), getBytes(guardian), uint32(chain)]));

if (process.argv[2] === "check") {
  const lines = readFileSync(process.argv[3], "latin1").split("\n").slice(0, -1);
  let prev = genesis(JSON.parse(lines[0]).guardian, Number(process.argv[4]));
  for (const [i, line] of lines.entries()) {
    const entry = JSON.parse(line);
    if (entry.n !== i + 1 || entry.prev !== prev) {
      console.log(`line ${i + 1} does not fit`);
      process.exit(1);
    }
    prev = sha256(Buffer.from(line, "latin1"));
  }
  console.log(`${lines.length} ${prev}`);
  process.exit(0);
}

const wallet = new Wallet(id("a guardian"));
const guardian = wallet.address, asset = getAddress("0x" + id("asset").slice(26)), request = id("request"), verifier = getAddress("0x" + id("verifier").slice(26));
const chainOf = (chain, entries) => {
  let prev = genesis(guardian, chain);
  const lines = entries.map((entry, i) => {
    const line = JSON.stringify({ n: i + 1, prev, ...entry });
    prev = sha256(line);
    return line;
  });
  return { chain, genesis: genesis(guardian, chain), lines, head: prev };
};
const use = { asset, request, use: 1, keyVersion: 2, committeeEpoch: 1, proofs: false };
const first = chainOf(1, [
  { at: 1800000000000, outcome: "begun", guardian, chain: 1 },
  { at: 1800000001000, outcome: "refused", ...use, code: "not-open", reason: "use 1 with version 2 of its key is not open on this guardian's chain" },
  { at: 1800000002000, outcome: "released", ...use, parts: 16384, block: 18446744073709 },
  { at: 1800000002500, outcome: "evaluated", asset, committeeEpoch: 1, verifier, contribution: id("contribution"), blinded: id("blinded") },
  { at: 1800000002600, outcome: "refused", asset, code: "too-many", reason: "no more today", verifier, blinded: id("blinded") },
  { at: 1800000003000, outcome: "alarm", asset, request, use: 1, code: "unusual-volume", reason: "a \"quoted\" \\ reason" },
]);
const second = chainOf(2, [{ at: 1800000004000, outcome: "begun", guardian, chain: 2, lost: { chain: 1, count: 7, head: id("lost") } }]);
const message = { guardian, chain: 1, count: 6, head: first.head, time: 1800000005000 };
const domain = { name: "Trove", version: "1", chainId: 31337, verifyingContract: ZeroAddress };
const types = { LogHead: [["address", "guardian"], ["uint32", "chain"], ["uint64", "count"], ["bytes32", "head"], ["uint64", "time"]].map(([type, name]) => ({ type, name })) };
console.log(JSON.stringify({
  about: "A guardian's log; made by tests/interop/guardian-log-vectors.mjs", guardian, chains: [first, second],
  head: { chainId: 31337, ...message, digest: TypedDataEncoder.hash(domain, types, message), signature: await wallet.signTypedData(domain, types, message) },
}, null, 2));
