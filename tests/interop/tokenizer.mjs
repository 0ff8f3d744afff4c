// Encodes documents by Hugging Face's JavaScript library, or normalises them by this machine's ICU, for TokenizerInteropTests.
// Run: node tokenizer.mjs encode|nfc DOCUMENTS [TOKENIZER...]
// DOCUMENTS: a JSON string a line. Prints for each tokenizer, for each document, a line of ids, or of the normalised document.
import { readFileSync } from "node:fs";

const [mode, documentsFile, ...files] = process.argv.slice(2);
const documents = readFileSync(documentsFile, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
const lines = [];
if (mode === "nfc")
  for (const document of documents)
    lines.push(JSON.stringify(document.normalize("NFC")));
else {
  const { Tokenizer } = await import("@huggingface/tokenizers");
  for (const file of files) {
    const tokenizer = new Tokenizer(JSON.parse(readFileSync(file, "utf8")), {});
    for (const document of documents)
      lines.push(tokenizer.encode(document, { add_special_tokens: false }).ids.join(" "));
  }
}
process.stdout.write(lines.join("\n") + "\n");
