#!/usr/bin/node
// SPDX-License-Identifier: Apache-2.0
// Verifies a whole Vedette log: verify_log.mjs [--complete] [--from-middle] KEYS FILE. Needs Node.js 18 or later, nothing else. Takes and
// refuses what `vedette verify` takes and refuses (docs/verify.md has the rules). Exit status: 0 verified, 1 not.
import * as crypto from "node:crypto"; import { readFileSync } from "node:fs";

// A line to the byte, but for its body. The last digit of base64 may leave no stray bits, so there is one form only.
const INT = String.raw`(?:0|[1-9]\d{0,15})`, HASH = "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", SIG = "[A-Za-z0-9+/]{85}[AQgw]==";
const LINE = new RegExp(String.raw`^(.*),"vedette_sig":\{"batch":"(${INT} ${INT})","epoch":(${INT}),"path":\[((?:"${HASH}",?)*)\],"prev":"(${HASH})",` +
  String.raw`"sig":"(${SIG})","stream":"([^"\\ ]{1,64})","time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z)","v":1\}\}\n$`, "s");
const need = (holds, what) => { if (holds) return holds; throw new Error(what); };
const hash = (...parts) => parts.reduce((h, part) => h.update(part, "latin1"), crypto.createHash("sha256")).digest();
export const keyOf = (x) => crypto.createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(x, "base64").toString("base64url") }, format: "jwk" });
const names = (v) => (v && typeof v === "object" ? Object.values(v).reduce((n, x) => n + names(x), Array.isArray(v) ? 0 : Object.keys(v).length) : 0);

// A record as it is written: escapes stand for nothing, and numbers are texts behind half a surrogate pair, which no text may hold.
function read(line) {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line), strings = /"(?:[^"\\]|\\.)*"/gs;
  // As many names as colons: none stands twice in one object.
  need(names(JSON.parse(text)) === text.replace(strings, "").split(":").length - 1 && !text.match(strings).some((string) => /\p{Cs}/u.test(JSON.parse(string))), "no record: a doubled key, or half a surrogate pair");
  return JSON.parse(text.replace(/\\./gs, "?").replace(/"[^"]*"|-?\d[\d.eE+-]*/g, (token) => (token[0] === '"' ? token : `"\ud800${token}"`)));
}

// Returns how many records verified and whether the log is whole, or throws what is wrong with the first bad line.
export function verify(log, keys, fromMiddle, records = 0, unclosed = false, name = "", start = [0n, 0n, Buffer.alloc(32).toString("base64"), [], false], rolled = []) {
  let [expected, end, link, past, closed] = start;
  for (let at = 0, next; (next = log.indexOf(10, at) + 1) || log.length - at > 1 << 20; at = next, records++) try {
    const line = log.subarray(at, need(next && next - at <= (1 << 20) + 1, "not a record: too long") && next), record = read(line);
    const [, body, batch, epoch, path, prev, sig, stream, time] = need(LINE.exec(line.toString("latin1")), "not a record");
    const { dataset, sequence: n } = record.event, sequence = BigInt(n.slice(1)), [first, count, number] = [...batch.split(" "), epoch].map(BigInt);
    // The agent's next stream names the end of the one before.
    const [agent] = stream.split("/"), p = records && stream !== name && need(agent === name.split("/")[0] && !sequence && record.vedette.previous, "spliced, or what stands before it is missing");
    // An agent that lost its log knows where its key began.
    const isEnd = p && p.next === `\ud800${expected}` && p.statement === link && p.closed === closed, isRolled = p && p.next === `\ud800${rolled[0]}` && p.statement === rolled[1] && p.closed === false;
    if (p) need(p.stream === name && (isEnd || isRolled), "chain broken"), unclosed ||= !closed || !isEnd, [expected, end, link, past, closed] = start, rolled = [];
    need(typeof dataset === "string" && dataset[0] !== "\ud800" && first <= sequence && sequence < first + count && sequence <= 1n << 53n && count <= 65536n, "edited");
    let root = hash("\0", body, "}"), siblings = path.split('"').filter((_, i) => i % 2).map((text) => Buffer.from(text, "base64"));
    for (let index = sequence - first, last = count - 1n; last; index >>= 1n, last >>= 1n)
      root = index & 1n ? hash("\x01", siblings.shift() ?? "", root) : index < last ? hash("\x01", root, siblings.shift() ?? "") : root;
    const key = keys.get(`${agent} ${number}`), statement = ["vedette-batch/v1", stream, epoch, batch, prev, time, root.toString("base64"), ""].join("\n");
    need(crypto.verify(null, Buffer.from(statement, "latin1"), need(key, "no key that signs here: another log, or what stands before it is missing"), Buffer.from(sig, "base64")) && !siblings.length, "edited");
    if (!records) unclosed = !fromMiddle && record.vedette?.previous !== undefined; // a past that is not here
    if (fromMiddle && !records) [expected, end, link] = [sequence, first, first ? prev : link];
    need(n === `\ud800${expected}` && !closed && (sequence === 0n) === (dataset === "vedette.open"), `deleted, replayed or moved: record ${sequence} stands where ${expected} should`);
    need(sequence < end ? past[0] === statement && past[1] === sig : first === end && prev === link && !(time < past[2]), "chain broken");
    [keys, name, expected, end, closed, link, past] = [new Map([[`${agent} ${number}`, key]]), stream, sequence + 1n, first + count, dataset === "vedette.close", hash(statement).toString("base64"), [statement, sig, time]];
    // The last record under a key names the next one.
    if (dataset === "vedette.key-roll" && need(record.vedette.next_epoch === `\ud800${number + 1n}` && sequence + 1n === end, "not a record: its turn"))
      keys = new Map([[`${agent} ${number + 1n}`, keyOf(need(new RegExp(`^${HASH}$`).exec(record.vedette.next_key), "not a record: no next key")[0])]]), rolled = [end, link];
  } catch (what) { throw new Error(`line ${records + 1}: ${what.message}`); }
  return [need(records, "line 1: not a record: the log is empty or torn"), closed && !unclosed && expected === end && log[log.length - 1] === 10];
}

if (process.argv[1]?.endsWith("verify_log.mjs")) try {
  const [logFile, keyFile, ...options] = process.argv.slice(2).reverse();
  need(logFile && keyFile && options.every((o) => o === "--complete" || o === "--from-middle"), "usage: verify_log.mjs [--complete] [--from-middle] KEYS FILE");
  const lines = [...readFileSync(keyFile, "latin1").matchAll(new RegExp(`^vedette-key/v1 (?=[^ \n]{1,64} )([^ \n/]*)[^ \n]*( ${INT}) (${HASH})\r?$`, "gm"))].reverse();
  const [records, whole] = verify(readFileSync(logFile), new Map(lines.map(([, agent, epoch, key]) => [agent + epoch, keyOf(key)])), options.includes("--from-middle"));
  process.exit((console.log(`verified ${records} records${whole ? "" : `\nopen-ended after ${records}`}`), options.includes("--complete") && !whole ? 1 : 0));
} catch (what) { console.error(what.message); process.exit(1); }
