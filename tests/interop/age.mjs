// age by npm age-encryption, for tests: node age.mjs encrypt|decrypt KIND KEY [armor] < in > out, KIND recipient, identity or passphrase.
import { armor, Decrypter, Encrypter } from "age-encryption";
import { readFileSync, writeFileSync } from "node:fs";

const [mode, kind, key, armored] = process.argv.slice(2);
const input = readFileSync(0);
let output;
if (mode === "encrypt") {
  const encrypter = new Encrypter();
  if (kind === "passphrase") { encrypter.setPassphrase(key); encrypter.setScryptWorkFactor(10); }
  else encrypter.addRecipient(key);
  output = await encrypter.encrypt(input);
  if (armored) output = armor.encode(output);
} else {
  const decrypter = new Decrypter();
  if (kind === "passphrase") decrypter.addPassphrase(key); else decrypter.addIdentity(key);
  output = await decrypter.decrypt(armored ? armor.decode(input.toString("latin1")) : input);
}
writeFileSync(1, output);
