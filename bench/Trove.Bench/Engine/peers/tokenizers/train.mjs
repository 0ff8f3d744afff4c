// Trains 30,000 tokens, this library's default, as GPT-2 cuts, and prints the seconds and the number of tokens. Run: node train.mjs FILE
import peer from "tokenizers";

const tokenizer = new peer.Tokenizer(peer.BPE.empty());
tokenizer.setPreTokenizer(peer.byteLevelPreTokenizer(false, true));
const start = performance.now();
tokenizer.train([process.argv[2]]);
console.log(`\n${((performance.now() - start) / 1000).toFixed(6)} ${tokenizer.getVocabSize()}`); // the library draws its progress before
