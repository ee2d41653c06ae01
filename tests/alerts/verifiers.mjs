// SPDX-License-Identifier: Apache-2.0
// Runs docs/verify_log.mjs and verify_line.mjs many times within one process: a line of JSON in for each run, a line out.
// {"keys": FILE, "log": FILE, "fromMiddle": bool} -> {"records": n, "whole": bool} or {"error": text}
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { keyOf, verify } from "../../docs/verify_log.mjs";

function run({ keys, log, fromMiddle }) {
	const known = new Map();
	for (const line of readFileSync(keys, "latin1").split(/\r?\n/)) {
		const [mark, stream, epoch, key] = line.split(" ");
		if (mark === "vedette-key/v1" && !known.has(`${stream.split("/")[0]} ${epoch}`)) known.set(`${stream.split("/")[0]} ${epoch}`, keyOf(key));
	}
	try {
		const [records, whole] = verify(readFileSync(log), known, fromMiddle);
		return { records, whole };
	} catch (what) {
		return { error: what.message };
	}
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(run(JSON.parse(line))));
