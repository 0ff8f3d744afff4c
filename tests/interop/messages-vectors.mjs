// Prints specs/vectors/messages.json: every message that members, founders, verifiers, guardians and runners sign, hashed by ethers.
// Run: node messages-vectors.mjs > ../../specs/vectors/messages.json
import { TypedDataEncoder, getAddress, id } from "ethers";

const address = (name) => getAddress("0x" + id(name).slice(26));
const chainId = "31337";
const ledger = address("ledger"), factory = address("factory"), asset = address("asset"), owner = address("owner"), token = address("token");
const trove = { name: "Trove", version: "1", chainId, verifyingContract: ledger };
const atFactory = { ...trove, verifyingContract: factory };
const atGrants = { ...trove, verifyingContract: address("grants") };
const ofLedger = { ...trove, name: "Trove Ledger" };
const nonce = id("nonce"), deadline = "1893456000";

const messages = [
  ["Announce", trove, "address asset,bytes32 contribution,address owner,bytes32 partsRoot,uint64 size,bytes32 nonce,uint64 deadline",
    { asset, contribution: id("contribution"), owner, partsRoot: id("parts"), size: "9007199254740993", nonce, deadline }],
  ["Manifest", trove, "address asset,bytes32 contribution,address owner,bytes32 partsRoot,bytes32 evidence,uint64 evidenceSize,uint64 announcedBlock,bytes32 policyHash,bytes32 nonce,uint64 deadline",
    { asset, contribution: id("contribution"), owner, partsRoot: id("parts"), evidence: id("evidence"), evidenceSize: "4096", announcedBlock: "77", policyHash: id("policy"), nonce, deadline }],
  ["Attestation", trove, "address asset,bytes32 contribution,address owner,bytes32 partsRoot,bytes32 evidenceResultsHash,bytes32 tagsHash,bytes32 nullifier,uint64 words,uint64 announcedBlock,bytes32 policyHash,uint64 verifierSetVersion,bytes32 codeVersion",
    { asset, contribution: id("contribution"), owner, partsRoot: id("parts"), evidenceResultsHash: id("results"), tagsHash: id("tags"), nullifier: id("nullifier"), words: "18446744073709551615", announcedBlock: "77", policyHash: id("policy"), verifierSetVersion: "3", codeVersion: id("code") }],
  ["Refusal", trove, "address asset,bytes32 contribution,string code,string reason",
    { asset, contribution: id("contribution"), code: "not-in-evidence", reason: "ein Datensatz: 世界" }],
  ["VerifierRequest", atFactory, "address verifier,string purpose,bytes32 subject,bytes32 nonce,uint64 deadline",
    { verifier: owner, purpose: "evidence", subject: id("contribution"), nonce, deadline }],
  ["OprfQuestion", trove, "address asset,bytes32 contribution,address verifier,bytes32 blinded,uint64 deadline", { asset, contribution: id("contribution"), verifier: owner, blinded: id("blinded"), deadline }],
  ["OprfAnswer", trove, "bytes32 question,uint32 committeeEpoch,bytes32 answer", { question: id("question"), committeeEpoch: "4294967295", answer: id("answer") }],
  ["CloseEpoch", trove, "address asset,uint64 epoch,bytes32 nonce,uint64 deadline", { asset, epoch: "12", nonce, deadline }],
  ["Claim", trove, "address asset,address owner,bytes32 nonce,uint64 deadline", { asset, owner, nonce, deadline }],
  ["TestDollars", atFactory, "address to,uint256 amount,bytes32 nonce,uint64 deadline",
    { to: owner, amount: "340282366920938463463374607431768211455", nonce, deadline }],
  ["StartCeremony", atFactory, "bytes32 ceremony,address founder,bytes32 salt,uint256 deadline", { ceremony: id("ceremony"), founder: owner, salt: id("salt"), deadline }],
  ["Release", atGrants, "bytes32 request,uint32 use,uint32 keyVersion,uint32 committeeEpoch,bool proofs,bytes32 answer",
    { request: id("request"), use: "4294967295", keyVersion: "2", committeeEpoch: "3", proofs: true, answer: id("answer") }],
  ["ReleaseRefusal", atGrants, "bytes32 request,uint32 use,uint32 keyVersion,uint32 committeeEpoch,bool proofs,string code,string reason",
    { request: id("request"), use: "1", keyVersion: "2", committeeEpoch: "1", proofs: false, code: "not-a-runner", reason: "kein Läufer: 世界" }],
  ["WantProofs", atGrants, "bytes32 request,uint32 use,uint32 keyVersion,address runner", { request: id("request"), use: "1", keyVersion: "2", runner: owner }],
  ["Withdraw", ofLedger, "address owner,bytes32 contribution,uint256 deadline", { owner, contribution: id("contribution"), deadline }],
  ["LogHead", { ...trove, verifyingContract: "0x" + "00".repeat(20) }, "address guardian,uint32 chain,uint64 count,bytes32 head,uint64 time",
    { guardian: owner, chain: "4294967295", count: "9223372036854775807", head: id("head"), time: "1893456000123" }],
  ["DelegateStatement", trove, "address asset,address delegate,string text,uint64 revision", { asset, delegate: owner, text: "Ich lese jede Anfrage: 世界", revision: "9223372036854775807" }],
  ["Delegation", { name: "Tidepool", version: "1", chainId, verifyingContract: asset }, "address delegatee,uint256 nonce,uint256 expiry", { delegatee: owner, nonce: "7", expiry: deadline }],
  ["ReceiveWithAuthorization", { name: "Test Dollar", version: "1", chainId, verifyingContract: token },
    "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce",
    { from: owner, to: asset, value: "250000000", validAfter: "0", validBefore: deadline, nonce }],
];

const vectors = messages.map(([name, domain, fields, message]) => {
  const types = { [name]: fields.split(",").map((f) => { const [type, field] = f.split(" "); return { type, name: field }; }) };
  return { name, domain, domainSeparator: TypedDataEncoder.hashDomain(domain), message, digest: TypedDataEncoder.hash(domain, types, message) };
});
console.log(JSON.stringify({ about: "The messages of Trove (EIP-712), hashed by ethers; made by tests/interop/messages-vectors.mjs", vectors }, null, 2));
