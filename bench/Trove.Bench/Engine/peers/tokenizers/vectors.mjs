// Writes specs/vectors/tokenizer.json: what Hugging Face's own library, in Rust, encodes and trains. After npm ci --ignore-scripts:
// node vectors.mjs ../../../../../specs/vectors/tokenizer.json
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import peer from "tokenizers";

const { BPE, Tokenizer, byteLevelPreTokenizer } = peer;
const folder = mkdtempSync(join(tmpdir(), "trove-vectors-"));

// Lines of several scripts, with many pairs equally frequent: which comes first is part of the vector.
const lines = [
  "The tide pools of Morro Bay fill twice a day; what they hold depends on the hour, the wind and the moon.\n",
  "    for (int i = 0; i < tides.Length; i++)\n        pools[i] = tides[i] switch { > 1.5 => \"high\", < 0.25 => \"low\", _ => \"mid\" };\n",
  "It's ten o'clock. We'll see what they've kept, and who'd say 'they're mine'? I'M NOT SURE; SHE'LL KNOW.\n",
  "Die Gezeitentümpel füllen sich zweimal täglich; größere Wellen reißen Muscheln, Schnecken und Krebse mit.\n",
  "潮だまりには一日に二度、海の水が満ちる。カニやヒトデが住んでいる。\n", "潮汐池每天被海水填满两次,里面住着螃蟹、海星和小鱼。\n",
  "تمتلئ برك المد والجزر مرتين في اليوم، وفيها السرطانات ونجوم البحر.\n", "ज्वार के कुंड दिन में दो बार भरते हैं, और उनमें केकड़े रहते हैं।\n",
  "Приливные лужи наполняются дважды в день: крабы, морские звёзды и мелкая рыба.\n",
  "👩‍👩‍👧‍👦 🧑🏽‍🚀 🏴‍☠️ 🇩🇪 ❤️ ½ Ⅷ ② ٣٤٥ 12345 3.14159 1,234,567.89\n", "\t\tif (x)\r\n\r\n\r\n  \u00a0\u2003 y   \n\n\n z \u3000w  \n",
];
const corpus = [];
for (let round = 0; round < 3; round++)
  for (const [i, line] of lines.entries())
    corpus.push(line, ...line.split(/(?<= )/).filter((_, word) => (word + i + round) % 3 === 0).map((word) => word.trimEnd() + "\n"));
const documents = corpus.join("").split(/(?<=\n)/); // as train() reads a file: lines with their ends

function train() {
  const file = join(folder, "corpus.txt"), tokenizer = new Tokenizer(BPE.empty());
  writeFileSync(file, documents.join(""));
  tokenizer.setPreTokenizer(byteLevelPreTokenizer(false, true));
  tokenizer.train([file]);
  const out = join(folder, "tokenizer.json");
  tokenizer.save(out);
  return JSON.parse(readFileSync(out, "utf8")).model;
}
const trained = train();

// The trained tokens, the bytes that no text has, and added tokens behind them.
const byteCharacters = [], vocab = { ...trained.vocab };
for (let b = 0, other = 0; b < 256; b++)
  byteCharacters.push((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174 ? String.fromCharCode(b) : String.fromCharCode(256 + other++));
for (const c of byteCharacters)
  vocab[c] ??= Object.keys(vocab).length;
const size = Object.keys(vocab).length;
const token = (offset, content, special, more) => ({ id: size + offset, content, single_word: false, lstrip: false, rstrip: false, normalized: !special, special, ...more });
const added = [token(0, "<|im_start|>", true), token(1, "<|im_end|>", true), token(2, "<pad>", true, { lstrip: true }), token(3, "</s>", true, { rstrip: true }),
  token(4, "tidepool", false, { single_word: true }), token(5, "<e\u0301>", false)];

const byteLevel = (use_regex, add_prefix_space = false) => ({ type: "ByteLevel", add_prefix_space, trim_offsets: true, use_regex });
const split = (pattern) => ({ type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false });
const sequence = (...pretokenizers) => ({ type: "Sequence", pretokenizers });
const spaces = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`, contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const words = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`, capitals = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`;
const template = { type: "TemplateProcessing", single: [{ SpecialToken: { id: "<|im_start|>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "<|im_end|>", type_id: 0 } }],
  pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
  special_tokens: Object.fromEntries(["<|im_start|>", "<|im_end|>"].map((name, i) => [name, { id: name, ids: [size + i], tokens: [name] }])) };
const kinds = {
  "GPT-2": { pre_tokenizer: byteLevel(true) },
  "GPT-2 with a space in front": { pre_tokenizer: byteLevel(true, true), added_tokens: added },
  "GPT-2 as a split": { pre_tokenizer: sequence(split(String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`), byteLevel(false)) },
  SmolLM: { pre_tokenizer: sequence({ type: "Digits", individual_digits: true }, byteLevel(true)), added_tokens: added },
  "runs of digits": { pre_tokenizer: sequence({ type: "Digits", individual_digits: false }, byteLevel(true, true)) },
  "Llama 3": { pre_tokenizer: sequence(split(String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|${spaces}`), byteLevel(false)), added_tokens: added,
    post_processor: { type: "Sequence", processors: [byteLevel(true), template] }, ignore_merges: true },
  Qwen2: { pre_tokenizer: sequence(split(String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|${spaces}`), byteLevel(false)), added_tokens: added, normalizer: { type: "NFC" } },
  Tekken: { pre_tokenizer: sequence(split(String.raw`${words}|${capitals}|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${spaces}`), byteLevel(false)), added_tokens: added, post_processor: template },
  o200k: { pre_tokenizer: sequence(split(String.raw`${words}${contractions}?|${capitals}${contractions}?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${spaces}`), byteLevel(false)) },
  "no pattern": { pre_tokenizer: byteLevel(false, true), added_tokens: added },
};
const texts = [
  "", " ", "a", "\n", ...lines, lines.join(""), "don't DON'T we'Ve 'Ll x'\u017fy 'twas ''s 's's", "a  b   c    \n  d\n\n\n e \t\tf \r\n g\u00a0h\u2003\u2003i\u3000\u3000\n\u0085x\u2028\u2029y\ufeffz",
  "x1y22z333w4444 5 66 777 8888 ½¾ ²³ Ⅻ ٠١٢٣ 一二", "camelCaseHTTPServer ÄÖÜäöü ǅungla ʰʲ ABC'S dEFG'll A\u0301b\u0301C", "e\u0301 \u00e9 \u1e9b\u0323 \u0344 \u0958 \uac01 \u1100\u1161\u11a8 \u0f73 q\u0307\u0323 \u212b \u2126",
  "\u0301\u0301a \u0301 !\u0301\u0301! \u200d\u200da _a_ __init__ a_b", "<|im_start|>user\nhi <|im_end|>\n", "a <pad>  <pad>b </s>  \n c</s>", "tidepool tidepools a tidepool. tidepool_ -tidepool- \u0301tidepool", "<e\u0301> <\u00e9> <\u00e9",
  "((()))...---!!!??? //path/to\r\n/x ::=>\n\n\"'", "\u0000\u0001\u007f\u00ad\uffff\u{10ffff}\u{1f600}\u{20000}\u{e000}", "a".repeat(300) + " " + "ab".repeat(120) + "\n".repeat(90) + " ".repeat(99) + "." + "-".repeat(128),
];

const tokenizers = [];
for (const [name, kind] of Object.entries(kinds)) {
  const { ignore_merges = false, ...rest } = kind;
  const file = { version: "1.0", truncation: null, padding: null, added_tokens: [], normalizer: null, post_processor: null, decoder: byteLevel(true), ...rest };
  const tokenizer = Tokenizer.fromString(JSON.stringify({ ...file, model: { ...trained, ignore_merges, vocab } }));
  const encode = async (text, addSpecialTokens) => (await tokenizer.encode(text, null, { addSpecialTokens })).getIds();
  const template = rest.post_processor ? await encode("tide", true) : null;
  const ids = [];
  for (const text of texts)
    ids.push(await encode(text, false));
  tokenizers.push({ name, ignore_merges, file, template, ids });
}
rmSync(folder, { recursive: true });

const about = "What Hugging Face's tokenizers 0.23.2 trains from these documents with its defaults (GPT-2's pre-tokenizer, 30,000 tokens, no least frequency, the alphabet of the text), and the ids it gives the texts with "
  + "these files around the trained model and the bytes that it lacks; template: the ids of the text 'tide' with the template's. Made by bench/Trove.Bench/Engine/peers/tokenizers/vectors.mjs.";
const list = (items) => `[\n${items.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`;
const ordered = Object.entries(vocab).sort((a, b) => a[1] - b[1]).map(([name]) => name);
writeFileSync(process.argv[2], `{\n  "about": ${JSON.stringify(about)},\n  "documents": ${list(documents)},\n  "trained": ${Object.keys(trained.vocab).length},\n  "vocab": ${JSON.stringify(ordered)},\n  "merges": ${JSON.stringify(trained.merges)},\n`
  + `  "texts": ${list(texts)},\n  "tokenizers": ${list(tokenizers)}\n}\n`);
