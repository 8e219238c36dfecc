// What proves a clip, checked in the reader's own browser, with the code that goes along in packs:
// the trail at once, the bytes while they play. What is shown was found here, and nothing else.
import { checkpointOf, continues, cosignersOf, es256, hex, openNote, plain, policyOf, readOnce,
  same, unbase64 } from "/static/hashing.js";
import { Findings, checkAnswer, checkChains, checkCustody, checkHead, checkIncluded, checkKnown,
  checkPlaces, checkReceipt, checkSession, checkSignatures, readEntry } from "/static/trail.js";
import { w } from "/static/reasons.js";

const KEYS = ["gateway", "origin", "statement_key", "receipt_key", "checkpoint_key"];

async function got(path, read) {
  const answer = await fetch(`/api/v1${path}`, { cache: "no-store", redirect: "error" });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? String(answer.status));
  return read(answer);
}
const json = (path) => got(path, async (answer) => readOnce(await answer.text()));

// What this browser saw of the log before. It is a witness of its own, whoever signs the log.
const place = (trust) => `evidock-log ${trust.origin}`;
function remembered(trust) {
  try {
    return JSON.parse(localStorage.getItem(place(trust)));
  } catch {
    return null;
  }
}
function remember(trust, note, at) {
  const keys = Object.fromEntries(KEYS.map((name) => [name, trust[name]]));
  try {
    localStorage.setItem(place(trust), JSON.stringify({ ...keys, note, at }));
  } catch {
    // A browser that keeps nothing has seen nothing, next time.
  }
}

async function way(from, to) {
  if (from === to || from === 0) return [];
  return (await json(`/log/proofs/consistency?from=${from}&to=${to}`)).path;
}

// Every checkpoint that somebody says he knew, with the way from it to the newest.
async function waysTo(head, sizes) {
  const earlier = [];
  for (const size of [...new Set(sizes)].sort((one, other) => one - other))
    if (size > 0 && size < head.size)
      earlier.push({ from_size: size, path: await way(size, head.size).catch(() => null) });
  return { earlier: earlier.filter((each) => each.path) };
}

async function checkReceipts(clip, events, head, trust, found) {
  const proof = await json(`/clips/${clip}/proof`), key = await es256(trust.receipt_key);
  const own = await openNote(proof.checkpoint, trust.checkpoint_key);
  const [old, fresh] = own.size < head.size ? [own, head] : [head, own];
  const ways = (await way(old.size, fresh.size)).map(unbase64);
  const one = old.size === fresh.size ? same(old.root, fresh.root)
    : await continues(old.size, old.root, fresh.size, fresh.root, ways);
  if (!one) found.bad(6, "altered", "checkpoint", w("回执所在的日志与存证链所在的日志不是同一份", "the receipts are of another log than the trail"));
  for (const proven of [proof.sealed, proof.stored].filter(Boolean)) {
    const event = events.find((each) => each.index === proven.index);
    if (!event || !same(event.raw, unbase64(proven.statement)))
      found.bad(6, "altered", `entry ${proven.index}`, w("回执是另一份签名声明的", "the receipt is another statement's"));
    else await checkReceipt(unbase64(proven.receipt), event.name, event, own, key, trust, found);
  }
}

async function checkWitnesses(needed, head, trust, policyText, found) {
  const notes = (await json(`/log/cosigned?at_least=${needed}`)).checkpoints;
  if (!policyText) {
    found.left(7, notes.length
      ? w(`有 ${notes.length} 个检查点附有外部见证人的签名；要核验它们，请在下方选择从其他途径取得的见证策略文件`,
        `${notes.length} checkpoints bear lines of outside witnesses; to check those, give a witness policy from elsewhere below`)
      : w("尚无外部见证人签过包含此记录的检查点", "no outside witness has cosigned a checkpoint over this clip yet"));
    return;
  }
  const policy = policyOf(policyText);
  if (policy.logs.size && !policy.logs.has(trust.checkpoint_key)) found.bad(7, "unsigned", "checkpoint", "signed by no log of the policy");
  for (const note of notes) {
    const seen = await openNote(note, trust.checkpoint_key);
    const [old, fresh] = seen.size < head.size ? [seen, head] : [head, seen];
    const tied = old.size === fresh.size ? same(old.root, fresh.root)
      : await continues(old.size, old.root, fresh.size, fresh.root, (await way(old.size, fresh.size)).map(unbase64));
    if (!tied) found.bad(7, "altered", "witnesses", w("见证人看到的是另一份日志", "the witnesses saw another log than this one"));
    else if (policy.quorum === "none" || (await cosignersOf(note, policy)).has(policy.quorum)) {
      found.ok(7);
      return;
    }
  }
  found.bad(7, "unwitnessed", "witnesses", "too few witnesses of the policy cosigned");
}

function checkKeys(trust, given, before, found) {
  const differ = (other) => KEYS.some((name) => other[name] !== trust[name]);
  if (given && differ(given)) found.bad(4, "unknown-key", "trust.json", w("网关自称的密钥与所给信任文件不同", "the gateway names other keys than the trust file"));
  if (before && differ(before)) found.bad(4, "unknown-key", "checkpoint", w(`网关自称的密钥与本浏览器此前（${before.at}）所见不同`, `the gateway names other keys than this browser saw on ${before.at}`));
}

function sealingOf(clip, events) {
  const [dock, epoch, seq] = clip.split(".");
  return events.find(({ iss, sub, chain, record }) => record && record.kind === "clip.sealed" &&
    iss === `urn:evidock:dock:${dock}` && sub === `urn:evidock:clip:${clip}` &&
    chain.length === 3 && `${chain[0]}.${chain[1]}` === `${epoch}.${seq}`);
}

// Checks everything but the bytes. Answers with what the dock sealed, or null.
export async function checkTrail({ clip, shown, trust, given, policy, now }, found, tell) {
  const before = remembered(trust);
  checkKeys(trust, given, before, found);
  const document = await json(`/clips/${clip}/trail`);
  if (document.v !== 1 || document.about.clip !== clip) throw new Error("another trail");
  const pinned = before ? before.note : (given ?? trust).checkpoint;
  const events = [];
  const size = checkpointOf(document.checkpoint).size;
  const head = await checkHead(document, { ...trust, checkpoint: pinned }, await waysTo({ size }, [checkpointOf(pinned).size]), found);
  for (const [at, entry] of document.entries.entries()) {
    const event = await readEntry(entry, found);
    if (!event) continue;
    if (events.length && event.index <= events[events.length - 1].index) found.bad(10, "altered", event.name, "out of the order of the log");
    events.push(event);
    if (head) await checkIncluded(event, entry, head, found);
    if (at % 20 === 0) tell(at, document.entries.length);
  }
  if (head) {
    await checkReceipts(clip, events, head, trust, found);
    const known = events.map(({ record }) => record?.checkpoint?.size).filter(Number.isInteger);
    await checkKnown(events, head, await waysTo(head, known), found);
    await checkWitnesses(events.length ? events[events.length - 1].index + 1 : 0, head, trust, policy, found);
  }
  await checkSignatures(events, trust, found);
  checkPlaces(events, trust, found);
  checkChains(events, trust, found);
  const sealing = sealingOf(clip, events);
  if (!sealing) {
    found.bad(9, "incomplete", clip, "its sealing is missing");
    return null;
  }
  const { content, session } = sealing.record.body;
  checkSession(session, events, found);
  const ours = new Set([`urn:evidock:clip:${clip}`, `urn:evidock:session:${session}`]);
  checkAnswer(document, events, trust, ours, found);
  checkCustody(clip, sealing, events, trust.gateway, found);
  if (content.size !== shown.size || content.sha256 !== shown.sha256 || content.tree.root !== shown.root)
    found.bad(3, "altered", clip, w("本页显示的大小或摘要与签名记录不同", "this page shows another size or digest than the signed record"));
  found.left(8, w("浏览器不能核验时间戳：请导出证据包，用 evidock-verify --tsa 核验", "a browser cannot check time stamps: export a pack and use evidock-verify --tsa"));
  if (before && head) found.left(7, w(`延续本浏览器 ${before.at} 所见的 ${checkpointOf(before.note).size} 条日志`, `it continues the log of ${checkpointOf(before.note).size} entries that this browser saw on ${before.at}`));
  const wrong = found.items.some((each) => [4, 6, 7].includes(each.step));
  if (head && !wrong) remember(trust, document.checkpoint, now);
  return content;
}

export { Findings, hex, plain };
