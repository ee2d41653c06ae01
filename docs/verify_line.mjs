#!/usr/bin/node
// SPDX-License-Identifier: Apache-2.0
// Verifies one line of a Vedette log alone and prints its event.id: verify_line.mjs KEYS < LINE. Needs Node.js 18 or later, nothing else. That
// nothing is missing, moved or doubled, only a whole log shows: verify_log.mjs. Exit status: 0 verified, 1 not.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const LINE = new RegExp(String.raw`^(.*),"vedette_sig":\{"batch":"([^"]*)","epoch":(\d+),"path":\[((?:"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=",?)*)\],` +
  String.raw`"prev":"([^"]*)","sig":"([A-Za-z0-9+/]{85}[AQgw]==)","stream":"([^"]*)","time":"([^"]*)","v":1\}\}\n?$`, "s");
const fail = (what) => { console.error(what); process.exit(1); };
const hash = (...parts) => parts.reduce((h, part) => h.update(part, "latin1"), createHash("sha256")).digest();
const [, body, batch, epoch, path, prev, sig, stream, time] = LINE.exec(readFileSync(0, "latin1")) ?? fail("not one record");
const event = JSON.parse(Buffer.from(body + "}", "latin1").toString()).event, [first, count] = batch.split(" ").map(Number);
const siblings = path.split('"').filter((_, i) => i % 2).map((text) => Buffer.from(text, "base64"));
let root = hash("\0", body, "}"), index = event.sequence - first;
if (!(Number.isInteger(index) && index >= 0 && index < count)) fail("edited: it is not at its place in the batch");
for (let last = count - 1; last; index = index >> 1, last = last >> 1) // from the leaf to the root
  root = index & 1 ? hash("\x01", siblings.shift() ?? "", root) : index < last ? hash("\x01", root, siblings.shift() ?? "") : root;
const statement = ["vedette-batch/v1", stream, epoch, batch, prev, time, root.toString("base64"), ""].join("\n");
const words = readFileSync(process.argv[2], "latin1").split(/\r?\n/).map((line) => line.split(" "));
const key = words.find(([mark, ...name]) => mark === "vedette-key/v1" && name[0].split("/")[0] === stream.split("/")[0] && name[1] === epoch) ?? fail("no key for its stream and epoch");
const jwk = { kty: "OKP", crv: "Ed25519", x: Buffer.from(key[3], "base64").toString("base64url") };
if (siblings.length || !verify(null, Buffer.from(statement, "latin1"), createPublicKey({ key: jwk, format: "jwk" }), Buffer.from(sig, "base64"))) fail("edited");
console.log(event.id);
