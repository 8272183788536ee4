// One person with the vendor's own client. Arguments: the URL of the server, the configuration of the client (JSON).
// Each line that comes in is one call, {"on": class, "call": method, "with": [arguments]}; each line that goes out is what became of it,
// {"value": …} or {"refused": HTTP status, "told": body}. Bytes are written {"base64": …}, dates {"date": …}.

"use strict";

const readline = require("node:readline");
const webapi = require("@superoffice/webapi");

const [, , url, configuration] = process.argv;
const apis = {};

function read(value) {
  if (Array.isArray(value)) return value.map(read);
  if (value === null || typeof value !== "object") return value;
  if ("base64" in value) return Buffer.from(value.base64, "base64");
  if ("date" in value && Object.keys(value).length === 1) return new Date(value.date);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, read(each)]));
}

function shown(value) {
  if (value instanceof Date) return { date: value.toISOString() };
  if (Buffer.isBuffer(value) || value instanceof ArrayBuffer) return { base64: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(shown);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shown(each)]));
}

async function become({ on, call, with: given }) {
  try {
    apis[on] ??= new webapi[on](url, JSON.parse(configuration));
    return { value: shown(await apis[on][call](...given.map(read))) };
  } catch (error) {
    if (!error.response) return { failed: String(error.stack) };
    const told = error.response.data;
    return { refused: error.response.status, told: Buffer.isBuffer(told) ? JSON.parse(told.toString()) : told };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await become(JSON.parse(line))) + "\n");
  }
})();
