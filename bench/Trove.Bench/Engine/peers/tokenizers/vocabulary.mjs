// Writes a vocabulary of tiktoken's as a tokenizer.json, so that all encode by the same one. Run: node vocabulary.mjs cl100k_base FILE
// tiktoken merges by the rank of the result; the merges are found again by encoding each token with lower ranks only.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [name, out] = process.argv.slice(2);
const encoder = JSON.parse(readFileSync(createRequire(import.meta.url).resolve(`tiktoken/encoders/${name}.json`), "utf8"));
const ranks = new Map();
for (const line of encoder.bpe_ranks.split("\n").filter(Boolean)) {
  const [, offset, ...tokens] = line.split(" ");
  tokens.forEach((token, i) => ranks.set(Buffer.from(token, "base64").toString("latin1"), Number(offset) + i));
}
const characters = [];
for (let b = 0, other = 0; b < 256; b++)
  characters.push((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174 ? String.fromCharCode(b) : String.fromCharCode(256 + other++));
const written = (token) => [...token].map((c) => characters[c.charCodeAt(0)]).join("");

const vocab = {}, merges = [];
for (const [token, rank] of [...ranks].sort((a, b) => a[1] - b[1])) {
  vocab[written(token)] = rank;
  const parts = [...token];
  while (parts.length > 2) {
    let at = -1, lowest = rank;
    for (let i = 0; i + 1 < parts.length; i++) {
      const found = ranks.get(parts[i] + parts[i + 1]);
      if (found !== undefined && found < lowest)
        [at, lowest] = [i, found];
    }
    parts.splice(at, 2, parts[at] + parts[at + 1]);
  }
  if (parts.length === 2)
    merges.push(parts.map(written));
}
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
writeFileSync(out, JSON.stringify({ version: "1.0", added_tokens: [], normalizer: null,
  pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "Split", pattern: { Regex: encoder.pat_str }, behavior: "Isolated", invert: false }, byteLevel] },
  post_processor: null, decoder: byteLevel, model: { type: "BPE", ignore_merges: true, vocab, merges } }));
