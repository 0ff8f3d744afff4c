// Prints specs/vectors/sign-in.json: messages of EIP-4361, signed by ethers (EIP-191), and texts that are none.
// Run: node sign-in-vectors.mjs > ../../specs/vectors/sign-in.json
import { Wallet, id } from "ethers";

const wallet = new Wallet(id("a member"));
const head = (domain = "example.com") => `${domain} wants you to sign in with your Ethereum account:\n${wallet.address}\n\n`;
const rest = "URI: https://example.com/login\nVersion: 1\nChain ID: 1\nNonce: 32891756\nIssued At: 2021-09-30T16:25:24Z";
const good = head() + "\n" + rest;
const accept = [
  ["WithAStatement", head() + "I accept the ExampleOrg Terms of Service: https://example.com/tos\n\n" + rest],
  ["WithoutAStatement", good],
  ["WithAPort", head("example.com:3388") + "\n" + rest],
  ["WithAScheme", head("https://example.com") + "\n" + rest],
  ["WithAnIpv6Address", head("[::1]:8080") + "\n" + rest],
  ["WithResources", head() + "I accept.\n\n" + rest + "\nResources:\n- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/\n- https://example.com/my-web2-claim.json"],
  ["WithNoResources", good + "\nResources:"],
  ["WithEverything", head() + "I accept.\n\n" + rest + "\nExpiration Time: 2021-10-01T16:25:24Z\nNot Before: 2021-09-30T16:25:24Z\nRequest ID: a%20b:1\nResources:\n- https://example.com/"],
  ["WithAnEmptyRequestId", good + "\nRequest ID: "],
];
const refuse = {
  LowerCaseAddress: good.replace(wallet.address, wallet.address.toLowerCase()),
  WrongChecksum: good.replace(wallet.address, wallet.address.replace(/[a-f]/, (c) => c.toUpperCase())),
  ShortAddress: good.replace(wallet.address, wallet.address.slice(0, 41)),
  NoBlankLineAfterTheAddress: good.replace("\n\n\n", "\n\n"),
  StatementOfTwoLines: head() + "one\ntwo\n\n" + rest,
  StatementBeyondAscii: head() + "Ich akzeptiere für immer\n\n" + rest,
  StatementWithATab: head() + "I\taccept\n\n" + rest,
  CarriageReturns: good.replaceAll("\n", "\r\n"),
  NewlineAtTheEnd: good + "\n",
  SpaceAtTheEnd: good + " ",
  SpaceBefore: " " + good,
  NoDomain: good.replace("example.com wants", " wants"),
  DomainWithAPath: head("example.com/login") + "\n" + rest,
  DomainWithAnotherLine: head("evil.example\nexample.com") + "\n" + rest,
  UriWithoutAScheme: good.replace("https://example.com/login", "example.com/login"),
  UriWithASpace: good.replace("/login", "/log in"),
  UriWithABrokenEscape: good.replace("/login", "/log%2"),
  VersionTwo: good.replace("Version: 1", "Version: 2"),
  NoVersion: good.replace("Version: 1\n", ""),
  ChainOfLetters: good.replace("Chain ID: 1", "Chain ID: one"),
  ChainBeyondEveryNumber: good.replace("Chain ID: 1", "Chain ID: 99999999999999999999999"),
  NonceOfSeven: good.replace("32891756", "3289175"),
  NonceWithADash: good.replace("32891756", "3289-1756"),
  OtherOrder: good.replace("Version: 1\nChain ID: 1", "Chain ID: 1\nVersion: 1"),
  FieldTwice: good.replace("Version: 1", "Version: 1\nVersion: 1"),
  UnknownField: good.replace("Nonce:", "Colour: red\nNonce:"),
  TimeWithoutAZone: good.replace("24Z", "24"),
  TimeWithASpace: good.replace("30T16", "30 16"),
  ThirteenthMonth: good.replace("2021-09", "2021-13"),
  DateOnly: good.replace("2021-09-30T16:25:24Z", "2021-09-30"),
  TimesInTheWrongOrder: good + "\nNot Before: 2021-09-30T16:25:24Z\nExpiration Time: 2021-10-01T16:25:24Z",
  RequestIdWithASpace: good + "\nRequest ID: a b",
  ResourceThatIsNoUri: good + "\nResources:\n- no uri",
  ResourceWithoutADash: good + "\nResources:\nhttps://example.com/",
};
console.log(JSON.stringify({
  accept: await Promise.all(accept.map(async ([name, message]) => ({ name, message, address: wallet.address, signature: await wallet.signMessage(message) }))),
  refuse: Object.entries(refuse).map(([name, message]) => ({ name, message })),
}, null, 1));
