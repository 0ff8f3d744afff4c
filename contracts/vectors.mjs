#!/usr/bin/env node
// Writes specs/vectors/{merkle,chain-eip712}.json with ethers, an implementation that is not ours. Same output each time.
// Usage: contracts/vectors.mjs [FOLDER]   (default: specs/vectors)
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  AbiCoder, Signature, SigningKey, TypedDataEncoder, computeAddress, concat, encodeBytes32String, id, keccak256, toBeHex,
  toUtf8Bytes,
} from "ethers";

const root = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ? resolve(process.argv[2]) : join(root, "../specs/vectors");
const abi = AbiCoder.defaultAbiCoder();
const address = (label) => computeAddress(id(label));
const write = (name, value) => writeFileSync(join(target, name), JSON.stringify(value, null, 2) + "\n");

const claimTypes = ["uint64", "uint32", "bytes32", "address", "uint256", "bytes32"];
const leafOf = (c) =>
  keccak256(
    keccak256(abi.encode(claimTypes, [c.epoch, c.index, c.contribution, c.owner, c.amount, c.partsRoot])),
  );
const hashPair = (a, b) => keccak256(BigInt(a) < BigInt(b) ? concat([a, b]) : concat([b, a]));

function layersOf(leaves) {
  const layers = [leaves];
  while (layers.at(-1).length > 1) {
    const below = layers.at(-1);
    const above = [];
    for (let i = 0; i < below.length; i += 2)
      above.push(i + 1 < below.length ? hashPair(below[i], below[i + 1]) : below[i]);
    layers.push(above);
  }
  return layers;
}

function proofOf(layers, index) {
  const proof = [];
  for (const layer of layers.slice(0, -1)) {
    if ((index ^ 1) < layer.length) proof.push(layer[index ^ 1]);
    index >>= 1;
  }
  return proof;
}

// The nodes beside leaves first … first + count − 1: of each layer the left one, then the right one.
function rangeProofOf(layers, first, count) {
  const proof = [];
  let last = first + count - 1;
  for (const layer of layers.slice(0, -1)) {
    if (first & 1) proof.push(layer[first - 1]);
    if (!(last & 1) && last + 1 < layer.length) proof.push(layer[last + 1]);
    [first, last] = [first >> 1, last >> 1];
  }
  return proof;
}

function tree(size, epoch) {
  const claims = Array.from({ length: size }, (_, index) => ({
    epoch,
    index,
    contribution: id(`contribution ${epoch}/${index}`),
    // Two contributions an owner.
    owner: address(`owner ${index >> 1}`),
    amount: String(10n ** 18n * BigInt(index + 1) + BigInt(index)),
    partsRoot: id(`parts ${epoch}/${index}`),
  }));
  const leaves = claims.map(leafOf);
  const layers = layersOf(leaves);
  return {
    claims,
    leaves,
    total: String(claims.reduce((sum, c) => sum + BigInt(c.amount), 0n)),
    root: layers.at(-1)[0],
    proofs: leaves.map((_, i) => proofOf(layers, i)),
    // Apart from each other; the last is the whole tree, which needs no proof.
    ranges: [[0, 1], [1, 3], [4, 1], [5, 3], [31, 33], [64, 35], [99, 1], [0, size]]
      .filter(([first, count]) => first + count <= size)
      .filter(([first, count], i, all) => all.findIndex((r) => r[0] === first && r[1] === count) === i)
      .map(([first, count]) => ({ first, count, proof: rangeProofOf(layers, first, count) })),
  };
}

const trees = [1, 2, 3, 5, 8, 100].map((size, i) => tree(size, i + 1));
const eight = trees[4];
mkdirSync(target, { recursive: true });
write("merkle.json", {
  note: "leaf = keccak256(keccak256(abi.encode(epoch, index, contribution, owner, amount, partsRoot))); see specs/chain.md",
  trees,
  // Each must be refused against the root of the tree of eight leaves.
  rejected: [
    { class: "ProofOfAnotherLeaf", root: eight.root, leaf: eight.leaves[0], proof: eight.proofs[1] },
    { class: "OtherAmount", root: eight.root, leaf: leafOf({ ...eight.claims[0], amount: "2" }), proof: eight.proofs[0] },
    { class: "ProofTooShort", root: eight.root, leaf: eight.leaves[0], proof: eight.proofs[0].slice(0, 2) },
    { class: "ProofTooLong", root: eight.root, leaf: eight.leaves[0], proof: [...eight.proofs[0], eight.root] },
    {
      // The 64 bytes below an inner node, hashed twice as a leaf would be.
      class: "InnerNodeAsLeaf",
      root: eight.root,
      leaf: keccak256(hashPair(eight.leaves[0], eight.leaves[1])),
      proof: eight.proofs[0].slice(1),
    },
  ],
});

const key = new SigningKey(id("Trove test vectors"));
const signer = computeAddress(key);
const chainId = 31337;
const otherChainId = 1;
const contracts = Object.fromEntries(
  ["ledger", "factory", "dollar", "grants", "governor", "stakes", "registry"].map((name) => [name, address(name)]),
);
const otherContract = address("other contract");
const fields = (list) => list.split(",").map((f) => ({ type: f.split(" ")[0], name: f.split(" ")[1] }));
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

// `structs` are the types of members that are structs themselves, and of theirs.
function vector(primaryType, domainName, verifyingContract, list, message, extra = {}, structs = {}) {
  const domain = { name: domainName, version: "1", chainId, verifyingContract };
  const types = { [primaryType]: fields(list) };
  for (const [name, members] of Object.entries(structs)) types[name] = fields(members);
  const member = (name) => types[primaryType].find((f) => f.type === name);
  const within = (name) =>
    types[name]
      .map((f) => f.type.replace("[]", ""))
      .reduce((found, type) => (types[type] ? { ...found, ...within(type) } : found), { [name]: types[name] });
  const nested = Object.keys(structs)
    .filter(member)
    .map((name) => ({
      type: TypedDataEncoder.from(within(name)).encodeType(name),
      structHash: TypedDataEncoder.hashStruct(name, within(name), message[member(name).name]),
    }));
  const digestIn = (d) => TypedDataEncoder.hash(d, types, message);
  const sign = (d) => key.sign(digestIn(d)).serialized;
  const signature = Signature.from(sign(domain));
  const highS = concat([signature.r, toBeHex(order - BigInt(signature.s), 32), toBeHex(signature.v === 27 ? 28 : 27)]);
  return {
    primaryType,
    encodeType: TypedDataEncoder.from(types).encodeType(primaryType),
    domain,
    message,
    ...extra,
    ...(nested.length ? { nested } : {}),
    domainSeparator: TypedDataEncoder.hashDomain(domain),
    structHash: TypedDataEncoder.hashStruct(primaryType, types, message),
    digest: digestIn(domain),
    signature: signature.serialized,
    // None of these may pass for a signature of `signer` over `digest`.
    rejected: [
      { class: "HighS", signature: highS },
      { class: "CompactSignature", signature: signature.compactSerialized },
      { class: "OtherChain", signature: sign({ ...domain, chainId: otherChainId }) },
      { class: "OtherContract", signature: sign({ ...domain, verifyingContract: otherContract }) },
    ],
  };
}

const salt = id("salt");
const contribution = keccak256(
  abi.encode(["uint256", "address", "address", "bytes32"], [chainId, contracts.ledger, signer, salt]),
);

// A buyer's request, the vote on it, and its two uses: the first has a result, the second fails.
const termsType =
  "address buyer,bytes32 buyerKey,uint8 use,bytes32[] kinds,uint16 fromYear,uint16 toYear,uint64 lastEpoch,bytes32 codeHash,uint32 groupSize,uint64 epsilon,uint256 price,uint32 uses,uint64 expiry,bytes32 salt";
const code = "SELECT year, count(*) CLIP 10 AS comments FROM records GROUP BY year";
const terms = {
  buyer: signer,
  buyerKey: id("buyer key"),
  use: 1,
  kinds: ["comment", "post"].map(encodeBytes32String),
  fromYear: 2015,
  toYear: 2026,
  lastEpoch: 1,
  codeHash: keccak256(toUtf8Bytes(code)),
  groupSize: 10,
  epsilon: 500000,
  price: "2500000",
  uses: 2,
  expiry: 1802000000,
  salt: id("request salt"),
};
const request = keccak256(
  abi.encode(
    ["uint256", "address", `tuple(${termsType})`],
    [chainId, contracts.grants, terms],
  ),
);
const description = `Approve request ${request}`;
const proposalId = BigInt(
  keccak256(
    abi.encode(
      ["address[]", "uint256[]", "bytes[]", "bytes32"],
      [[contracts.grants], [0], [concat([id("approve(bytes32)").slice(0, 10), request])], id(description)],
    ),
  ),
);
const proposal = { request, description };
const rules = (votingPeriod, timelockDelay, quorumPercent, approvalPercent, floor, threshold) => ({
  votingPeriod,
  timelockDelay,
  quorumPercent,
  approvalPercent,
  quorumFloor: `${floor}000000000000000000`,
  proposalThreshold: `${threshold}000000000000000000`,
});
write("chain-eip712.json", {
  note: "Signed with a published key: never send it anything. Signatures are r, s, v; 65 bytes, low s, v 27 or 28.",
  privateKey: key.privateKey,
  signer,
  vectors: [
    vector(
      "EpochRoot",
      "Trove Ledger",
      contracts.ledger,
      "uint64 epoch,bytes32 previousRoot,bytes32 root,uint256 total,uint32 leaves,bytes32 treeHash,uint64 verifierSetVersion",
      {
        epoch: 1,
        previousRoot: "0x" + "00".repeat(32),
        root: trees[0].root,
        total: trees[0].total,
        leaves: trees[0].leaves.length,
        treeHash: id("tree"),
        verifierSetVersion: 1,
      },
    ),
    vector(
      "Withdraw",
      "Trove Ledger",
      contracts.ledger,
      "address owner,bytes32 contribution,uint256 deadline",
      { owner: signer, contribution, deadline: 2000000000 },
      { salt },
    ),
    vector(
      "CreateAsset",
      "Trove Factory",
      contracts.factory,
      "address founder,string name,string symbol,bytes32 salt,address paymentToken,bytes32 recipient,bytes32 policyHash,uint256 epochCap,uint8 vestingEpochs,address[] verifiers,bytes32[] verifierRecipients,uint32 threshold,Custody custody,Governance governance,Charter charter,uint256 deadline",
      {
        founder: signer,
        name: "Reddit comments, 2005–2026",
        symbol: "RDT",
        salt,
        paymentToken: contracts.dollar,
        recipient: id("recipient"),
        policyHash: id("policy"),
        epochCap: "1000000000000000000000000",
        vestingEpochs: 4,
        verifiers: [0, 1, 2].map((i) => address(`verifier ${i}`)),
        verifierRecipients: [0, 1, 2].map((i) => id(`verifier recipient ${i}`)),
        threshold: 2,
        custody: {
          guardians: [0, 1, 2].map((i) => address(`guardian ${i}`)),
          commitments: [0, 1, 2].map((i) => id(`commitment ${i}`)),
          oprfCommitments: [0, 1, 2].map((i) => id(`OPRF commitment ${i}`)),
          threshold: 2,
          runners: [0, 1].map((i) => address(`runner ${i}`)),
        },
        governance: {
          voteExtension: 43200,
          minimumOwners: 10,
          minimumAge: 604800,
          query: rules(259200, 86400, 10, 50, 1000, 10),
          copy: rules(432000, 172800, 20, 60, 2000, 20),
          constitution: rules(604800, 604800, 33, 66, 3000, 30),
        },
        charter: {
          useTime: 7200,
          minimumGroupSize: 10,
          minimumSnapshotLeaves: 5,
          challengeTime: 86400,
          period: 2592000,
          budget: "4000000",
          runnerStake: "1000000000",
          verifierStake: "500000000",
          standing: { minimumPrice: "25000000", maximumEpsilon: 500000, minimumGroupSize: 20, uses: 6 },
          fees: [
            { recipient: signer, basisPoints: 500 },
            { recipient: address("operator"), basisPoints: 250 },
          ],
        },
        deadline: 2000000000,
      },
      {},
      {
        Charter:
          "uint32 useTime,uint32 minimumGroupSize,uint32 minimumSnapshotLeaves,uint32 challengeTime,uint32 period,uint64 budget,uint96 runnerStake,uint96 verifierStake,Standing standing,Fee[] fees",
        Fee: "address recipient,uint16 basisPoints",
        Standing: "uint96 minimumPrice,uint64 maximumEpsilon,uint32 minimumGroupSize,uint32 uses",
        Custody: "address[] guardians,bytes32[] commitments,bytes32[] oprfCommitments,uint32 threshold,address[] runners",
        Governance:
          "uint48 voteExtension,uint32 minimumOwners,uint32 minimumAge,Rules query,Rules copy,Rules constitution",
        Rules:
          "uint32 votingPeriod,uint48 timelockDelay,uint16 quorumPercent,uint16 approvalPercent,uint256 quorumFloor,uint256 proposalThreshold",
      },
    ),
    vector(
      "ReceiveWithAuthorization",
      "Trove Test Dollar",
      contracts.dollar,
      "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce",
      {
        from: signer,
        to: address("share token"),
        value: "1000000",
        validAfter: 0,
        validBefore: 2000000000,
        nonce: id("nonce"),
      },
    ),
    vector(
      "ReceiveWithAuthorization",
      "Trove Test Dollar",
      contracts.dollar,
      "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce",
      {
        from: signer,
        to: contracts.grants,
        value: String(BigInt(terms.price) * BigInt(terms.uses)),
        validAfter: 0,
        validBefore: 2000000000,
        // The nonce is the request's identifier: the payment is for these terms and no others.
        nonce: request,
      },
      { termsType: `Terms(${termsType})`, terms, code },
    ),
    vector(
      "Propose",
      "Trove Governor",
      contracts.governor,
      "uint256 proposalId,address proposer,uint256 deadline",
      { proposalId: String(proposalId), proposer: signer, deadline: 2000000000 },
      proposal,
    ),
    vector(
      "Ballot",
      "Trove Governor",
      contracts.governor,
      "uint256 proposalId,uint8 support,address voter,uint256 nonce",
      {
        proposalId: String(proposalId),
        support: 1,
        voter: signer,
        // Nonces are counted for each proposal: the key is the identifier's lower 192 bits, the counter starts at 0.
        nonce: String(BigInt.asUintN(192, proposalId) << 64n),
      },
      proposal,
    ),
    vector(
      "OpenUse",
      "Trove Grants",
      contracts.grants,
      "bytes32 request,uint32 use,bytes32 oneTimeKey,uint32 keyVersion,address runner",
      { request, use: 1, oneTimeKey: id("one-time key"), keyVersion: 1, runner: signer },
    ),
    vector(
      "Result",
      "Trove Grants",
      contracts.grants,
      "bytes32 request,uint32 use,bytes32 resultHash,bytes32 inputsHash,address runner",
      { request, use: 1, resultHash: id("result"), inputsHash: id("inputs"), runner: signer },
    ),
    vector(
      "Failure",
      "Trove Grants",
      contracts.grants,
      "bytes32 request,uint32 use,bytes32 code,address runner",
      { request, use: 2, code: encodeBytes32String("timeout"), runner: signer },
    ),
    vector(
      "Committee",
      "Trove Registry",
      contracts.registry,
      "uint32 epoch,uint32 threshold,address[] guardians,bytes32[] commitments,bytes32[] oprfCommitments,bytes32 recipient,bytes32 transcript",
      {
        epoch: 1,
        threshold: 2,
        // The key of `guardian 1` is keccak256 of this text, and so on.
        guardians: [signer, address("guardian 1"), address("guardian 2")],
        commitments: [0, 1, 2].map((i) => id(`commitment ${i}`)),
        oprfCommitments: [0, 1, 2].map((i) => id(`OPRF commitment ${i}`)),
        recipient: id("recipient"),
        transcript: id("transcript"),
      },
    ),
    vector(
      "Challenge",
      "Trove Grants",
      contracts.grants,
      "bytes32 request,uint32 use,bytes32 oneTimeKey,uint32 keyVersion,address runner",
      { request, use: 1, oneTimeKey: id("one-time key"), keyVersion: 1, runner: signer },
    ),
    vector(
      "Unstake",
      "Trove Stakes",
      contracts.stakes,
      "address account,uint256 amount,uint256 deadline",
      { account: signer, amount: "250000000", deadline: 2000000000 },
    ),
  ],
});
