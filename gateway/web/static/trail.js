// Statements of a trail, checked in the reader's own browser: the twin of protocols/trail.
// Used by the page of a clip, and put into verify.html of every pack (gateway/export/wording).
import { ORDER, bytes, cbor, checkpointOf, continues, es256, hex, leafHash, openNote, plain,
  readOnce, rootFromPath, same, sha, sign1, signedBy, text, unbase64, unhex } from "/static/hashing.js";

export const STEPS = {
  1: ["证据包文件齐全", "the pack is complete"],
  2: ["原始文件与封存时的摘要一致", "the clips' bytes match the digests in their records"],
  3: ["记录与签名声明一致", "the records match their statements"],
  4: ["签名成立，密钥已登记且未吊销", "statements are signed by keys enrolled and not revoked"],
  5: ["存证链连续", "the chains are contiguous"],
  6: ["回执与路径证明已入日志", "receipts and paths prove inclusion in the checkpoint"],
  7: ["检查点由日志签名，并满足见证策略", "the checkpoint is signed by the log, and by enough witnesses"],
  8: ["时间戳", "timestamps over the checkpoint"],
  9: ["清单中的每个文件都有交代", "every recording of the inventory is accounted for"],
  10: ["封存、入库、导出先后有序", "sealed, stored and handed out in order"],
};
export const WORST = ["altered", "incomplete", "unsigned", "unknown-key", "revoked", "not-logged",
  "unwitnessed", "unsupported"];
export const WORDS = { altered: "已被改动", incomplete: "不完整", unsigned: "签名不成立",
  "unknown-key": "密钥未登记", revoked: "密钥已吊销", "not-logged": "未入透明日志",
  unwitnessed: "未经见证", unsupported: "不支持" };

export class Findings {
  constructor() { this.items = []; this.good = {}; this.open = {}; }
  ok(step) { this.good[step] = (this.good[step] || 0) + 1; }
  bad(step, outcome, subject, reason) { this.items.push({ step, outcome, subject, reason }); }
  left(step, reason) { (this.open[step] = this.open[step] || []).push(reason); }
}

// --- statements and keys
// `beside` compares what else is said of the entry, before its record is judged.
export async function readEntry(entry, found, beside = async () => {}) {
  const name = `entry ${entry.index}`;
  try {
    const raw = unbase64(entry.statement), frame = sign1(raw), claims = frame.header.get(15);
    const record = entry.record === null ? null : unbase64(entry.record);
    const event = { index: entry.index, name, raw, frame, iss: claims.get(1), sub: claims.get(2),
      chain: frame.header.get("evidock") || [], hash: hex(await sha(raw)), record: null,
      withheld: record === null };
    await beside(raw, record);
    if (record === null) return event;
    if (!same(await sha(record), frame.payload)) {
      found.bad(3, "altered", name, "the record is not the one that was signed");
      return event;
    }
    const said = readOnce(text.decode(record), false);
    if (said.v !== 1 || !said.body || !said.at) {
      found.bad(3, "unsupported", name, "record not understood");
      return event;
    }
    event.record = said;
    found.ok(3);
    return event;
  } catch (error) {
    found.bad(3, "altered", name, `statement: ${error.message}`);
    return null;
  }
}
// Which key signs where: the first is the gateway's word; each further one needs the dock's own
// word under the key before it, a proof that the new one is held, and the gateway's word.
export async function rotationOf(event, dock, said, owners) {
  const body = event.record.body, key = await es256(body.statement_key);
  const previous = await es256(body.previous_key), [epoch, seq] = event.chain;
  const text = ["evidock key rotation v1", event.iss, `${epoch}.${seq}`, hex(previous.kid),
    hex(key.kid)].join("\n") + "\n";
  const proof = unbase64(body.proof);
  if (hex(key.kid) !== body.kid) throw Error("names another key id than its key has");
  if (proof.length !== 64 || BigInt("0x" + hex(proof.slice(32))) > ORDER / 2n ||
    !await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key.key, proof,
      bytes.encode(text))) throw Error("nobody proves to hold the new key");
  if (!same(previous.kid, keyAt(dock, event.chain).kid))
    throw Error("it gives up another key than the one that signs there");
  if (owners.has(body.kid)) throw Error("it is or was somebody's key: a key is one dock's, for ever");
  const claim = said.find((each) => each.sub === event.iss && each.record.body.epoch === epoch &&
    each.record.body.seq === seq);
  const agrees = claim && claim.index > event.index && claim.record.body.kid === body.kid &&
    claim.record.body.statement_hash === event.hash;
  if (agrees) owners.add(body.kid);
  return { place: event.chain, key, confirmed: agrees ? claim.index : Infinity };
}
export const keyAt = (dock, place) => dock.rotations.filter((each) => later(place, each.place) &&
  each.confirmed < Infinity).reduce((_, each) => each.key, dock.key);
export async function checkSignatures(events, trust, found) {
  const ours = await es256(trust.statement_key), docks = new Map(), revoked = new Map();
  const owners = new Set([hex(ours.kid), hex((await es256(trust.receipt_key)).kid)]);
  const opening = events[0] && events[0].index === 0 && events[0].record;
  const said = opening && opening.kind === "log.opened" ? opening.body : {}, rotated = [];
  for (const name of ["gateway", "origin", "statement_key", "receipt_key", "checkpoint_key"])
    if (said[name] !== trust[name])
      found.bad(4, "unknown-key", "entry 0", `the log was opened under another ${name}`);
  for (const event of events.filter((each) => each.iss === trust.gateway)) {
    const wrong = await signedBy(ours, event.frame, event.frame.payload);
    if (wrong) { found.bad(4, "unsigned", event.name, wrong); continue; }
    found.ok(4);
    const body = event.record ? event.record.body : {};
    const own = event.sub === "urn:evidock:dock:" + body.dock;
    if (own && event.record.kind === "dock.enrolled") {
      const key = await es256(body.statement_key), before = docks.get(event.sub);
      if (before && !same(before.key.kid, key.kid))
        found.bad(4, "unknown-key", event.name, "enrolled again under another key");
      else if (!before && owners.has(hex(key.kid)))
        found.bad(4, "unknown-key", event.name, "enrolled with a key that is somebody else's");
      else if (!before) {
        owners.add(hex(key.kid));
        docks.set(event.sub, { since: event.index, key, rotations: [] });
      }
    }
    if (own && event.record.kind === "dock.key.rotated") rotated.push(event);
    if (own && event.record.kind === "dock.revoked") {
      const before = revoked.get(event.sub) || [Infinity, 0];
      const last = [body.last_epoch, body.last_seq];
      revoked.set(event.sub, later(before, last) ? last : before);
    }
  }
  const others = events.filter((each) => each.iss !== trust.gateway);
  const rotates = (event) => event.record && event.record.kind === "key.rotated";
  for (const event of [...others.filter(rotates), ...others.filter((each) => !rotates(each))]) {
    const dock = docks.get(event.iss), last = revoked.get(event.iss);
    if (!dock || dock.since >= event.index) {
      found.bad(4, "unknown-key", event.name, `${plain(event.iss)} is not enrolled here`);
      continue;
    }
    if (last && later(event.chain, last)) {
      found.bad(4, "revoked", event.name, `after the last trusted entry of ${event.iss}`);
      continue;
    }
    const unsure = dock.rotations.find((each) => later(event.chain, each.place) &&
      each.confirmed >= event.index);
    if (unsure) {
      found.bad(4, "unknown-key", event.name, "a rotation before it was not confirmed by then");
      continue;
    }
    const wrong = await signedBy(keyAt(dock, event.chain), event.frame, event.frame.payload);
    if (wrong) { found.bad(4, "unsigned", event.name, wrong); continue; }
    found.ok(4);
    if (!rotates(event)) continue;
    try {
      dock.rotations.push(await rotationOf(event, dock, rotated, owners));
    } catch (error) {
      found.bad(4, "unsigned", event.name, `a rotation that does not count: ${error.message}`);
    }
  }
  for (const event of rotated) {
    const { epoch, seq } = event.record.body, dock = docks.get(event.sub);
    const own = dock && dock.rotations.find((each) => each.confirmed === event.index);
    const last = revoked.get(event.sub);
    if (!own && !(last && later([epoch, seq], last)))
      found.bad(4, "unknown-key", event.name, "the gateway's word alone changes no key");
  }
}
export const later = (one, other) => one[0] > other[0] || (one[0] === other[0] && one[1] > other[1]);

// --- chains, dockings, the log
export function checkChains(events, trust, found) {
  const heads = new Map();
  for (const event of events.filter((each) => each.iss === trust.gateway)) {
    const { case: one, clip } = event.record ? event.record.body : {};
    const filed = typeof one === "string" ? "urn:evidock:case:" + one
      : typeof clip === "string" ? "urn:evidock:clip:" + clip : event.sub;
    if (event.sub !== filed)
      found.bad(5, "altered", event.name, `an act on ${plain(filed)} under ${plain(event.sub)}`);
    const [seq, prev] = event.chain, head = heads.get(event.sub) || { seq: -1, hash: "0".repeat(64) };
    const fits = event.chain.length === 2 && seq === head.seq + 1 && hex(prev) === head.hash;
    if (fits) found.ok(5);
    else found.bad(5, "incomplete", plain(event.sub), `gap before act ${seq} of the gateway`);
    heads.set(event.sub, { seq, hash: event.hash });
  }
}
export function checkPlaces(events, trust, found) {
  for (const event of events)
    if (event.chain.length !== (event.iss === trust.gateway ? 2 : 3))
      found.bad(5, "altered", event.name, "without a place in its issuer's chain");
}
export function checkSession(name, events, found) {
  const [dock, epoch, seq] = name.split(".");
  const mine = events.filter((each) => each.iss === "urn:evidock:dock:" + dock &&
    each.chain.length === 3 && each.chain[0] === Number(epoch) && each.chain[1] >= Number(seq));
  mine.sort((one, other) => one.chain[1] - other.chain[1]);
  let before = null;
  const span = [];
  if (!mine.length || !mine[0].record || mine[0].record.kind !== "session.opened") {
    found.bad(5, "incomplete", name, "its opening is missing");
    return;
  }
  for (const event of mine) {
    const [, at, prev] = event.chain;
    if (before ? at !== before.chain[1] + 1 || hex(prev) !== before.hash : at !== Number(seq)) {
      found.bad(5, "incomplete", name, `gap before ${at} in the ledger of ${dock}`);
      return;
    }
    before = event;
    span.push(event);
    const { kind, body } = event.record || {};
    if (kind === "session.closed" && body.session === name && body.reason !== "daily") {
      found.ok(5);
      checkInventory(name, span, events, found);
      return;
    }
  }
  found.bad(5, "incomplete", name, "the docking is not closed");
}
export async function checkIncluded(event, entry, head, found) {
  const leaf = await leafHash(event.raw), path = entry.path.map(unbase64);
  try {
    const root = await rootFromPath(leaf, event.index, head.size, path);
    if (!same(root, head.root)) throw Error("its path leads to another root");
    found.ok(6);
  } catch (error) {
    found.bad(6, "not-logged", event.name, error.message);
  }
}
export async function checkReceipt(raw, name, event, head, receiptKey, trust, found) {
  const leaf = await leafHash(event.raw);
  try {
    const frame = sign1(raw);
    const claims = frame.header.get(15);
    const proofs = frame.unprotected.get(396), paths = proofs && proofs.get(-1);
    if (frame.unprotected.size !== 1 || proofs.size !== 1 || paths.length !== 1)
      throw Error("more in it than one path");
    const [size, index, steps] = cbor(paths[0]);
    const root = await rootFromPath(leaf, index, size, steps);
    const wrong = await signedBy(receiptKey, frame, root);
    if (wrong) throw Error(wrong);
    if (frame.payload !== null || size !== head.size || index !== event.index ||
      !same(root, head.root) || claims.get(1) !== trust.gateway ||
      ![trust.origin, event.sub].includes(claims.get(2)))
      throw Error("a receipt for another place or checkpoint");
    found.ok(6);
  } catch (error) {
    found.bad(6, "not-logged", name, `not a receipt of ${event.name}: ${error.message}`);
  }
}
export async function checkHead(document, trust, ways, found) {
  let head = null;
  try {
    head = await openNote(document.checkpoint, trust.checkpoint_key);
  } catch (error) {
    if (error.name !== "NotSupportedError") {
      found.bad(7, "unsigned", "checkpoint", error.message);
      return null;
    }
    found.left(7, "此浏览器不支持 Ed25519 / this browser has no Ed25519: the checkpoint's " +
      "signature was not checked");
    head = checkpointOf(document.checkpoint);
  }
  const pinned = checkpointOf(trust.checkpoint);
  const way = (ways.earlier || []).find((each) => each.from_size === pinned.size);
  if (pinned.size > head.size)
    found.bad(7, "unwitnessed", "checkpoint", "the trust file pins a later checkpoint");
  else if (pinned.size === head.size && !same(pinned.root, head.root))
    found.bad(7, "altered", "checkpoint", "another root than the pinned one");
  else if (pinned.size < head.size && !way)
    found.bad(7, "incomplete", "checkpoint", "nothing proves that it continues the pinned one");
  else if (pinned.size < head.size &&
    !await continues(pinned.size, pinned.root, head.size, head.root, way.path.map(unbase64)))
    found.bad(7, "altered", "checkpoint", "it does not continue the pinned one");
  else found.ok(7);
  return head;
}
// Docks are witnesses too: every record names the newest checkpoint that its signer had accepted.
export async function checkKnown(events, head, ways, found) {
  const roots = new Map(), paths = new Map((ways.earlier || []).map((e) => [e.from_size, e.path]));
  for (const event of events) {
    const known = event.record && event.record.checkpoint;
    if (!known) continue;
    if (known.size > event.index)
      found.bad(7, "altered", event.name, `names a checkpoint of ${known.size}, not there yet`);
    else if ((roots.get(known.size) || known.root) !== known.root)
      found.bad(7, "altered", event.name, `its issuer knew another log of size ${known.size}`);
    else if (!roots.has(known.size) && known.size > 0 && known.size < head.size) {
      const path = paths.get(known.size);
      if (!path) found.bad(7, "incomplete", event.name, `nothing leads from ${known.size} to here`);
      else if (!await continues(known.size, unhex(known.root), head.size, head.root,
        path.map(unbase64)))
        found.bad(7, "altered", event.name, `another log of size ${known.size} than this one`);
    }
    roots.set(known.size, known.root);
  }
}

export const pathOf = (named) => named.path !== undefined ? "t" + named.path : "b" + named.path_b64;
export function checkInventory(name, span, events, found) {
  const open = new Map(), pages = [], close = span[span.length - 1].record.body;
  let files = 0, sealed = 0, withheld = 0;
  for (const event of span) {
    const { kind, body } = event.record || {};
    const own = [name.split(".")[0], event.chain[0], event.chain[1]].join(".");
    if (event.withheld && event.sub === "urn:evidock:clip:" + own) withheld += 1;
    if (!body || body.session !== name) continue;
    if (kind === "session.inventory") {
      pages.push(body.page);
      files += body.files.length;
      for (const each of body.files)
        if (each.disposition === "ingest" || each.disposition === "growing")
          open.set(pathOf(each), each.path || each.path_b64);
    }
    if (kind === "clip.sealed") { sealed += 1; open.delete(pathOf(body.source)); }
  }
  const last = span[span.length - 1], [epoch, seq, prev] = last.chain;
  if (seq && (close.head !== `${name.split(".")[0]}.${epoch}.${seq - 1}` ||
    close.head_hash !== hex(prev)))
    found.bad(9, "altered", name, "its close names another entry before it");
  if (pages.length !== close.inventory_pages || pages.some((page, at) => page !== at) ||
    files !== close.inventory_files)
    found.bad(9, "incomplete", name, `its close says ${close.inventory_files} files on ` +
      `${close.inventory_pages} pages; here are ${files} on ${pages.length}`);
  if (sealed > close.sealed || close.sealed > sealed + withheld)
    found.bad(9, "incomplete", name, `its close says ${close.sealed} sealed; here are ${sealed}`);
  for (const left of close.leftovers) open.delete(pathOf(left));
  const unnamed = close.leftovers.length ? close.leftovers_total - close.leftovers.length : 0;
  const hidden = Math.min(withheld, Math.max(0, close.sealed - sealed));
  if (open.size > hidden + Math.max(0, unnamed))
    found.bad(9, "incomplete", name, `${open.size - hidden - Math.max(0, unnamed)} listed and not ` +
      `accounted for, such as ${plain([...open.values()][0])}`);
  else found.ok(9);
  const inside = new Set(span.map((each) => each.index));
  for (const event of events)
    if (event.record && event.record.kind === "clip.sealed" && event.record.body.session === name &&
      !inside.has(event.index)) found.bad(9, "incomplete", event.name, "sealed outside its docking");
}
function numberedBy(said, number) {
  const named = (kind) => said.filter((each) => each.record.kind === kind).map((each) => each.record.body);
  const opened = named("case.opened"), there = new Set(opened.map((body) => body.case));
  return new Set([...opened, ...named("case.renumbered")]
    .filter((body) => body.case_no === number && there.has(body.case)).map((body) => body.case));
}
// What these cases became part of, and everything that became part of that.
function familyOf(said, cases) {
  const merged = said.filter((each) => each.record.kind === "case.merged").map((each) => each.record.body);
  const into = new Map();
  for (const body of merged) if (!into.has(body.merged)) into.set(body.merged, body.case);
  const heads = new Set([...cases].map((each) => {
    const seen = new Set([each]);
    while (into.has(each) && !seen.has(into.get(each))) seen.add(each = into.get(each));
    return each;
  }));
  const found = new Set(heads);
  for (const body of [...merged].reverse()) if (found.has(body.case)) found.add(body.merged);
  return { heads, cases: new Set([...found, ...cases]) };
}
export function checkAnswer(document, events, trust, ours, found) {
  const about = document.about, said = events.filter((e) => e.iss === trust.gateway && e.record);
  const numbered = numberedBy(said, about.case_no), { cases, heads } = familyOf(said, numbered);
  for (const event of events.filter((each) => each.record === null && each.withheld)) {
    const must = event.iss === trust.gateway
      ? !about.clip || !event.sub.startsWith("urn:evidock:case:") : ours.has(event.sub);
    if (must) found.bad(9, "incomplete", event.name, "its record is withheld");
  }
  if (about.clip && about.case_no != null) {
    found.bad(9, "incomplete", plain(about.case_no), "the trail of a clip, not of a case");
    return;
  }
  if (about.clip) {
    if (document.clips.length === 1 && document.clips[0] === about.clip) found.ok(9);
    else found.bad(9, "incomplete", plain(about.clip), "the trail is about another clip");
    return;
  }
  if (numbered.size !== 1)
    found.bad(numbered.size ? 10 : 9, numbered.size ? "altered" : "incomplete", plain(about.case_no),
      numbered.size ? "several cases were opened under it" : "no statement in it opens this case");
  if (about.case != null && !heads.has(about.case))
    found.bad(9, "incomplete", plain(about.case_no), "another case than was opened under it");
  for (const { record: { kind, body } } of said) {
    if (kind !== "case.merged" || !cases.has(body.case)) continue;
    const there = events.filter((each) => each.iss === trust.gateway &&
      each.sub === "urn:evidock:case:" + body.merged).length;
    if (there < body.acts) found.bad(9, "incomplete", plain(body.merged_no),
      `${body.acts} acts before it was merged, ${there} here`);
    if (there > body.acts) found.bad(10, "altered", plain(body.merged_no),
      `${there - body.acts} acts after it was merged`);
  }
  const links = new Map();
  for (const { record: { kind, body } } of said)
    if (kind === "case.linked" && cases.has(body.case)) links.set(body.link, body.clip);
    else if (kind === "case.unlinked" && cases.has(body.case)) links.delete(body.link);
  const linked = new Set(links.values());
  for (const clip of linked)
    if (!document.clips.includes(clip)) found.bad(9, "incomplete", plain(clip), "linked, left out");
  for (const clip of document.clips)
    if (!linked.has(clip)) found.bad(10, "altered", plain(clip), "not linked to the case");
  found.ok(9);
}
// Where the gateway states that a clip's bytes are disposed of; null where it does not.
export function disposedAt(name, events, gateway) {
  const told = events.find((each) => each.sub === "urn:evidock:clip:" + name &&
    each.iss === gateway && each.record && each.record.kind === "clip.disposed");
  return told ? told.index : null;
}
// As protocols/trail/disposing: two people's word, under no hold, once.
function checkDisposing(name, content, acts, events, gateway, found) {
  const wrong = (reason) => found.bad(10, "altered", name, reason);
  const ofKind = (list, kind) => list.filter((each) => each.record.kind === kind);
  const [first, ...more] = ofKind(acts, "clip.disposed");
  if (!first) return;
  const at = first.index, { body } = first.record;
  const said = events.filter((each) => each.iss === gateway && each.record);
  if (more.length) wrong(`disposed of once more at entry ${more[0].index}`);
  if (body.size !== content.size || body.sha256 !== content.sha256 ||
    body.root !== content.tree.root)
    wrong(`something else than was sealed is disposed of at entry ${at}`);
  const stored = acts.filter(({ record }) => ["clip.stored", "clip.repaired"].includes(record.kind));
  if (!stored.some((each) => each.index < at))
    wrong(`disposed of at entry ${at}, before it was stored`);
  for (const { index } of stored.filter((each) => each.index > at))
    wrong(`brought back at entry ${index}, after it was disposed of`);
  const [asked, agreed, against] = ["proposed", "approved", "refused"].map((what) =>
    ofKind(said, `disposal.${what}`).find(({ sub, record }) => record.body.disposal ===
      body.disposal && sub === "urn:evidock:disposal:" + body.disposal));
  const listed = asked && asked.record.body.clips.some((each) =>
    each.clip === name && each.sha256 === body.sha256);
  if (!listed || asked.index !== body.proposed || asked.index >= at)
    wrong(`disposed of at entry ${at}, though nobody had proposed it`);
  else if (!agreed || agreed.index !== body.approved || agreed.index <= asked.index ||
    agreed.index >= at)
    wrong(`disposed of at entry ${at}, though nobody had approved it`);
  else {
    const one = asked.record.body, other = agreed.record.body;
    if (other.proposal !== asked.hash)
      wrong(`disposed of at entry ${at}, on the approval of another proposal`);
    if (!one.asker || one.asker === other.asker || one.by === other.by)
      wrong(`disposed of at entry ${at} by one person alone`);
    if (against && against.index < at)
      wrong(`disposed of at entry ${at}, though it had been refused`);
  }
  for (const hold of holdsAt(name, at, said, ofKind))
    wrong(`disposed of at entry ${at} under the hold of entry ${hold.index}`);
}
function holdsAt(name, at, said, ofKind) {
  const before = said.filter((each) => each.index < at);
  const links = ofKind(before, "case.linked").filter(({ record }) => record.body.clip === name);
  const untied = new Map(ofKind(before, "case.unlinked").map(({ index, record }) =>
    [record.body.link, index]));
  return ofKind(before, "hold.placed").filter(({ index, record: { body } }) => {
    const lifted = ofKind(before, "hold.lifted").some(({ record }) =>
      record.body.hold === body.hold && (record.body.clip || "") === (body.clip || ""));
    if (lifted) return false;
    if (body.clip) return body.clip === name;
    const cases = new Set([body.case]);
    for (const { record } of ofKind(before, "case.merged"))
      if (cases.has(record.body.case) || cases.has(record.body.merged))
        cases.add(record.body.case).add(record.body.merged);
    return links.some(({ record }) => cases.has(record.body.case) &&
      (untied.get(record.body.link) ?? at) > index);
  });
}
export function checkCustody(name, sealing, events, gateway, found) {
  const sub = "urn:evidock:clip:" + name, content = sealing.record.body.content;
  const acts = events.filter((each) => each.sub === sub && each.iss === gateway && each.record);
  const stored = acts.filter((each) => each.record.kind === "clip.stored");
  if (!stored.length) found.bad(10, "incomplete", name, "not stored yet");
  for (const act of stored) {
    const body = act.record.body;
    if (act.index > sealing.index && body.sha256 === content.sha256 && body.size === content.size &&
      body.root === content.tree.root && body.statement_hash === sealing.hash) found.ok(10);
    else found.bad(10, "altered", name, "stored as something else than was sealed");
  }
  const first = Math.min(...stored.map((act) => act.index));
  for (const { index, record: { kind, body } } of acts)
    if (kind === "clip.repaired" && (index < first || body.size !== content.size ||
      body.sha256 !== content.sha256 || body.root !== content.tree.root))
      found.bad(10, "altered", name, `repaired to something else, or too early, at entry ${index}`);
  const released = new Set(stored.map((act) => act.index));
  let intended = false;
  for (const { iss, index, record, sub: about } of events) {
    if (about !== sub || !record || iss !== "urn:evidock:dock:" + name.split(".")[0]) continue;
    if (record.kind === "erase.intended") {
      intended = true;
      const release = record.body.release_index;
      if (!released.has(release) || release >= index)
        found.bad(10, "altered", name, `to be erased on a release at ${release}, which is none`);
    }
    if (record.kind === "clip.erased" && !intended)
      found.bad(10, "altered", name, "erased without a word about the release that allowed it");
    if (record.kind === "clip.erased" && record.body.reread_sha256 !== content.sha256)
      found.bad(10, "altered", name, "erased, though the card had something else than was sealed");
  }
  checkDisposing(name, content, acts, events, gateway, found);
  return acts;
}
