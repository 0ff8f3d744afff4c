// Encodes documents (a JSON string a line) and prints the seconds it took and the number of tokens. Run: node encode.mjs ai-tokenizer|tiktoken cl100k_base FILE
import { readFileSync } from "node:fs";

const [peer, name, file] = process.argv.slice(2);
const documents = readFileSync(file, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
let encode;
if (peer === "tiktoken") {
  const encoding = (await import("tiktoken")).get_encoding(name);
  encode = (text) => encoding.encode_ordinary(text);
} else {
  const tokenizer = new (await import("ai-tokenizer")).Tokenizer(await import(`ai-tokenizer/encoding/${name}`));
  encode = (text) => tokenizer.encode(text, [], []);
}
for (const document of documents.slice(0, documents.length / 4)) // compiled and with its caches warm
  encode(document);
let tokens = 0;
const start = performance.now();
for (const document of documents)
  tokens += encode(document).length;
console.log(((performance.now() - start) / 1000).toFixed(6), tokens);
