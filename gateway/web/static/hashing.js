// Digests, trees, CBOR, COSE and signed notes in a browser: the twin of hashing/, after its SPEC.md.
// Used by pages, and put into verify.html of every pack (gateway/export/wording).
export const LEAF = 1 << 20, SMALL = 64 << 20;
// A mark at the beginning is no part of any text here: another reader would see another one.
export const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }), bytes = new TextEncoder();
export const plain = (s, short = true) => String(s).slice(0, short ? 400 : undefined).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
  (c) => "\\u" + c.codePointAt(0).toString(16).padStart(4, "0"));
// --- small tools ---------------------------------------------------------------------
export const hex = (raw) => Array.from(raw, (b) => b.toString(16).padStart(2, "0")).join("");
export const unhex = (s) => Uint8Array.from(s.match(/../g) || [], (pair) => parseInt(pair, 16));
// One text for the same bytes: no spaces, no missing end, nothing in the last bits.
export function unbase64(s) {
  const raw = atob(s);
  if (btoa(raw) !== s) throw Error("base64 in another form than its own");
  return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}
// Readers that take different ones of two equal names, or 3.0 for 3, see two documents.
export function readOnce(words, whole = true) {
  const value = JSON.parse(words), open = [];
  let last = "";
  for (const [token] of words.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]|-?[0-9][0-9.eE+-]*/g)) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      const name = JSON.parse(last), names = open[open.length - 1];
      if (names.has(name)) throw Error(`JSON with ${plain(name)} twice`);
      names.add(name);
    } else if (token[0] === '"') last = token;
    else if (whole && !/^-?[0-9]+$/.test(token)) throw Error("JSON with a fraction");
  }
  return value;
}
export const same = (a, b) => a.length === b.length && a.every((value, at) => value === b[at]);
export const sha = async (raw) => new Uint8Array(await crypto.subtle.digest("SHA-256", raw));
export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}
export const leafHash = (raw) => sha(joined([0], raw));
export const nodeHash = (left, right) => sha(joined([1], left, right));

export async function rootOf(leaves) {
  if (!leaves.length) return sha(new Uint8Array());
  let level = leaves;
  while (level.length > 1) {
    const next = [];
    for (let at = 0; at + 1 < level.length; at += 2)
      next.push(await nodeHash(level[at], level[at + 1]));
    if (level.length % 2) next.push(level[level.length - 1]);
    level = next;
  }
  return level[0];
}

// RFC 9162 section 2.1.3.2
export async function rootFromPath(leaf, index, size, path) {
  if (!(index >= 0 && index < size)) throw Error("leaf is not in the tree");
  let node = index, last = size - 1, hash = leaf;
  for (const sibling of path) {
    if (last === 0) throw Error("path is too long");
    if (node % 2 || node === last) {
      hash = await nodeHash(sibling, hash);
      while (node % 2 === 0 && node) { node = Math.floor(node / 2); last = Math.floor(last / 2); }
    } else hash = await nodeHash(hash, sibling);
    node = Math.floor(node / 2); last = Math.floor(last / 2);
  }
  if (last) throw Error("path is too short");
  return hash;
}

// RFC 9162 section 2.1.4.2
export async function continues(oldSize, oldRoot, newSize, newRoot, path) {
  const nodes = path.slice();
  if (Number.isInteger(Math.log2(oldSize))) nodes.unshift(oldRoot);
  let node = oldSize - 1, last = newSize - 1;
  while (node % 2) { node = Math.floor(node / 2); last = Math.floor(last / 2); }
  if (!nodes.length) return false;
  let old = nodes[0], fresh = nodes[0];
  for (const sibling of nodes.slice(1)) {
    if (last === 0) return false;
    if (node % 2 || node === last) {
      old = await nodeHash(sibling, old); fresh = await nodeHash(sibling, fresh);
      while (node % 2 === 0 && node) { node = Math.floor(node / 2); last = Math.floor(last / 2); }
    } else fresh = await nodeHash(fresh, sibling);
    node = Math.floor(node / 2); last = Math.floor(last / 2);
  }
  return last === 0 && same(old, oldRoot) && same(fresh, newRoot);
}

// --- CBOR and COSE, the few forms of hashing/SPEC.md ---------------------------------------
export function cbor(raw) {
  let at = 0;
  const need = (count) => {
    if (count > raw.length - at) throw Error("CBOR is cut short");
    const part = raw.slice(at, at + count);
    at += count;
    return part;
  };
  function item(depth) {
    if (depth > 8) throw Error("CBOR is nested too deep");
    const [first] = need(1), major = first >> 5, info = first & 31;
    if (first === 0xf6) return null;
    if (info > 27 || major === 7) throw Error("CBOR of a form that is not used here");
    let value = info;
    if (info >= 24) {
      value = Number(need(1 << (info - 24)).reduce((sum, b) => sum * 256n + BigInt(b), 0n));
      const least = [24, 256, 65536, 4294967296][info - 24];
      if (value < least || !Number.isSafeInteger(value)) throw Error("CBOR is not shortest");
    }
    if (major === 0) return value;
    if (major === 1) return -1 - value;
    if (major === 2) return need(value);
    if (major === 3) return text.decode(need(value));
    if (value > 100) throw Error("CBOR is too large");
    if (major === 4) return Array.from({ length: value }, () => item(depth + 1));
    if (major === 6) return { tag: value, value: item(depth + 1) };
    const map = new Map();
    for (let pair = 0; pair < value; pair++) {
      const key = item(depth + 1);
      if (map.has(key)) throw Error("CBOR map with a key twice");
      map.set(key, item(depth + 1));
    }
    return map;
  }
  const value = item(0);
  if (at !== raw.length) throw Error("bytes after the CBOR");
  return value;
}
export function sign1(raw) {
  const { tag, value } = cbor(raw) || {};
  if (tag !== 18 || !Array.isArray(value) || value.length !== 4) throw Error("no COSE_Sign1");
  const [wrapped, unprotected, payload, signature] = value;
  return { wrapped, header: cbor(wrapped), unprotected, payload, signature };
}
export function bstr(raw) {
  const n = raw.length;
  const head = n < 24 ? [64 + n] : n < 256 ? [88, n] : [89, n >> 8, n & 255];
  return joined(head, raw);
}
export const toBeSigned = (wrapped, payload) =>
  joined([0x84, 0x6a], bytes.encode("Signature1"), bstr(wrapped), [0x40], bstr(payload));

// --- keys ------------------------------------------------------------------------------------
export const ORDER = BigInt("0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
export const spkiOf = (pem) => unbase64(pem.replace(/-----[A-Z ]+-----|\s/g, ""));
export async function es256(pem) {
  const spki = spkiOf(pem);
  const kind = { name: "ECDSA", namedCurve: "P-256" };
  const key = await crypto.subtle.importKey("spki", spki, kind, false, ["verify"]);
  return { kid: await sha(spki), key };
}
export async function signedBy(key, frame, payload) {
  const kid = frame.header.get(4), algorithm = frame.header.get(1);
  if (algorithm !== -7 && algorithm !== -9) return "unsupported algorithm";
  if (!(kid instanceof Uint8Array) || !same(kid, key.kid)) return "signed under another key";
  if (frame.signature.length !== 64) return "signature of another length";
  // Of the two values of s that verify, the higher would make a second valid statement.
  if (BigInt("0x" + hex(frame.signature.slice(32))) > ORDER / 2n) return "signature not low-S";
  const message = toBeSigned(frame.wrapped, payload), kind = { name: "ECDSA", hash: "SHA-256" };
  const good = await crypto.subtle.verify(kind, key.key, frame.signature, message);
  return good ? "" : "signature does not verify";
}
export function checkpointOf(note) {
  const end = note.lastIndexOf("\n\n");
  if (end < 0) throw Error("no signed note");
  const body = note.slice(0, end + 1), [origin, size, root] = body.split("\n");
  if (!/^(?:\u2014 [^\s+]+ [A-Za-z0-9+/]+={0,2}\n){1,16}$/.test(note.slice(end + 2)))
    throw Error("a signed note with a line that is no signature");
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size)) throw Error("checkpoint without a size");
  return { body, origin, size: Number(size), root: unbase64(root), lines: note.slice(end + 2) };
}
export async function openNote(note, vkey) {
  const checkpoint = checkpointOf(note), [name, id, material] = vkey.split("+");
  const raw = unbase64(vkey.slice(name.length + id.length + 2));
  const named = await sha(joined(bytes.encode(name + "\n"), raw));
  if (!material || raw.length !== 33 || raw[0] !== 1 || hex(named.slice(0, 4)) !== id)
    throw Error("no usable checkpoint key");
  const key = await crypto.subtle.importKey("raw", raw.slice(1), "Ed25519", false, ["verify"]);
  let good = false;
  for (const line of checkpoint.lines.split("\n")) {
    const [dash, by, coded] = line.split(" ");
    if (dash !== "\u2014" || by !== name) continue;
    const signature = unbase64(coded);
    if (hex(signature.slice(0, 4)) !== id) continue;
    const message = bytes.encode(checkpoint.body);
    if (!await crypto.subtle.verify("Ed25519", key, signature.slice(4), message))
      throw Error("the log's signature does not verify");
    good = true;
  }
  if (!good) throw Error("not signed by the log's key");
  if (checkpoint.origin !== name) throw Error("the checkpoint of another log");
  return checkpoint;
}

// --- witnesses: C2SP tlog-policy and tlog-cosignature
export function policyOf(words) {
  const policy = { witnesses: new Map(), groups: new Map(), logs: new Set(), quorum: null };
  const known = (name) => policy.witnesses.has(name) || policy.groups.has(name);
  if (!words.endsWith("\n")) throw Error("the policy's last line does not end; is it whole?");
  for (const line of words.split("\n")) {
    const [what, ...rest] = line.split(/[ \t]+/).filter(Boolean);
    if (!what || what.startsWith("#")) continue;
    if (what === "log" && rest.length >= 1) policy.logs.add(rest[0]);
    else if (what === "witness" && rest.length >= 2 && !known(rest[0])) {
      if ([...policy.witnesses.values()].includes(rest[1])) throw Error("a key stands twice in it");
      policy.witnesses.set(rest[0], rest[1]);
    } else if (what === "group" && rest.length >= 3 && !known(rest[0]) &&
      rest.slice(2).every(known) && new Set(rest.slice(2)).size === rest.length - 2) {
      const count = rest[1] === "any" ? 1 : rest[1] === "all" ? rest.length - 2 : Number(rest[1]);
      if (!(Number.isInteger(count) && count >= 1 && count <= rest.length - 2))
        throw Error("a group of the policy needs no such number");
      policy.groups.set(rest[0], { count, members: rest.slice(2) });
    } else if (what === "quorum" && rest.length === 1 && policy.quorum === null &&
      (rest[0] === "none" || known(rest[0]))) policy.quorum = rest[0];
    else throw Error("not understood in the policy: " + plain(line));
  }
  if (policy.quorum === null) throw Error("the policy names no quorum");
  return policy;
}
export async function keyOf(witness, vkey) {
  const [name, id] = vkey.split("+"), raw = unbase64(vkey.slice(name.length + id.length + 2));
  const named = await sha(joined(bytes.encode(name + "\n"), raw));
  if (raw.length !== 33 || raw[0] !== 4 || hex(named.slice(0, 4)) !== id)
    throw Error(`the policy has no usable key for ${plain(witness)}`);
  return { name, id, raw: hex(raw),
    key: await crypto.subtle.importKey("raw", raw.slice(1), "Ed25519", false, ["verify"]) };
}
export const linesOf = (note) => checkpointOf(note).lines.split("\n").slice(0, -1).map((line) => {
  const [, by, coded] = line.split(" "), made = unbase64(coded);
  return { by, id: hex(made.slice(0, 4)), made };
});
export async function holds({ made }, { key }, body) {
  if (made.length !== 76 || made[4] > 127) return false;
  const time = new DataView(made.buffer).getBigUint64(4);
  const message = bytes.encode(`cosignature/v1\ntime ${time}\n${body}`);
  return crypto.subtle.verify("Ed25519", key, made.slice(12), message);
}
export async function cosignersOf(note, policy) {
  const { body } = checkpointOf(note), have = new Set();
  for (const [witness, vkey] of policy.witnesses) {
    const own = await keyOf(witness, vkey);
    for (const line of linesOf(note))
      if (line.by === own.name && line.id === own.id && await holds(line, own, body))
        have.add(witness);
  }
  for (const [name, group] of policy.groups)
    if (group.members.filter((each) => have.has(each)).length >= group.count) have.add(name);
  return have;
}
