// Prints specs/vectors/eip712.json: typed data hashed and signed by ethers. Run: node eip712-vectors.mjs > ../../specs/vectors/eip712.json
import { TypedDataEncoder, Wallet, SigningKey, id } from "ethers";

// A key made for these vectors only: keccak256("trove test key 1"), as any tool can recompute. Never a real one.
const secret = id("trove test key 1");
const wallet = new Wallet(secret);
const domain = { name: "Trove", version: "1", chainId: 31337, verifyingContract: "0x5FbDB2315678afecb367f032d93F642f64180aa3" };
const word = (n) => "0x" + n.toString(16).padStart(64, "0");
const max = (bits) => ((1n << BigInt(bits)) - 1n).toString();

const cases = [
  { name: "withdraw", primary: "Withdraw", types: { Withdraw: [["address", "owner"], ["bytes32", "contribution"], ["uint256", "deadline"]] },
    message: { owner: wallet.address, contribution: id("contribution"), deadline: "1893456000" } },
  { name: "integers at their limits", primary: "Limits", types: { Limits: [["uint8", "a"], ["uint64", "b"], ["uint128", "c"], ["uint256", "d"], ["uint256", "e"], ["bool", "f"]] },
    message: { a: "255", b: max(64), c: max(128), d: max(256), e: "0", f: true } },
  { name: "dynamic", primary: "Note", types: { Note: [["string", "text"], ["bytes", "data"], ["address[]", "to"], ["bytes32[]", "parts"]] },
    message: { text: "Grüße, 世界", data: "0x00ff10", to: [wallet.address, domain.verifyingContract], parts: [word(1), word(2), word(3)] } },
  { name: "empty dynamic", primary: "Note", types: { Note: [["string", "text"], ["bytes", "data"], ["address[]", "to"], ["bytes32[]", "parts"]] },
    message: { text: "", data: "0x", to: [], parts: [] } },
  { name: "chain id above 2^53", primary: "Ping", types: { Ping: [["uint256", "nonce"]] }, domain: { ...domain, chainId: "18446744073709551615" },
    message: { nonce: "7" } },
  { name: "mail, the example of EIP-712", primary: "Mail",
    types: { Mail: [["Person", "from"], ["Person", "to"], ["string", "contents"]], Person: [["string", "name"], ["address", "wallet"]] },
    domain: { name: "Ether Mail", version: "1", chainId: 1, verifyingContract: "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC" },
    message: { from: { name: "Cow", wallet: "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826" },
               to: { name: "Bob", wallet: "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB" }, contents: "Hello, Bob!" } },
];

const vectors = cases.map((c) => {
  const types = Object.fromEntries(Object.entries(c.types).map(([n, fields]) => [n, fields.map(([type, name]) => ({ type, name }))]));
  const encoder = TypedDataEncoder.from(types);
  const d = c.domain ?? domain;
  const digest = TypedDataEncoder.hash(d, types, c.message);
  return {
    name: c.name, type: encoder.encodeType(c.primary), domain: { ...d, chainId: String(d.chainId) }, message: c.message,
    domainSeparator: TypedDataEncoder.hashDomain(d), structHash: encoder.hash(c.message), digest,
    signature: new SigningKey(secret).sign(digest).serialized,
  };
});
console.log(JSON.stringify({ about: "EIP-712 structs hashed and signed (RFC 6979) by ethers; made by tests/interop/eip712-vectors.mjs", secret, address: wallet.address, vectors }, null, 2));
