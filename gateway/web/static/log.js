// The log, checked in the reader's own browser: that its key signed the checkpoint, that it only
// grew since this browser looked last, and that an entry stands where the page says.
import { ask, byOwnClockText, filled, word } from "/static/evidock.js";
import { checkpointOf, continues, hex, leafHash, openNote, rootFromPath, same, sha, sign1, unbase64 } from "/static/hashing.js";

const KEYS = ["gateway", "origin", "statement_key", "receipt_key", "checkpoint_key"];
const list = document.getElementById("steps");
const say = (name, values = {}) => filled(word(`js.${name}`), values);

function step(state, text, small) {
  const item = document.createElement("li");
  item.dataset.step = state;
  item.textContent = text;
  if (small) item.append(Object.assign(document.createElement("small"), { textContent: small }));
  list.append(item);
  return state === "good";
}

// The same place as for a clip's proof: this browser is one witness, whatever it looks at.
const place = (origin) => `evidock-log ${origin}`;
function remembered(origin) {
  try {
    const kept = JSON.parse(localStorage.getItem(place(origin)));
    return kept && { ...kept, at: byOwnClockText(kept.at) };
  } catch {
    return null;
  }
}
function remember(trust, note) {
  const keys = Object.fromEntries(KEYS.map((name) => [name, trust[name]]));
  try {
    localStorage.setItem(place(trust.origin), JSON.stringify({ ...keys, note, at: new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC" }));
  } catch {
    // A browser that keeps nothing has seen nothing, next time.
  }
}

async function checkSignature(note, trust) {
  try {
    await openNote(note, trust.checkpoint_key);
  } catch (error) {
    if (error.name !== "NotSupportedError") return step("bad", say("step-failed", { why: error.message }));
    step("open", say("step-signature"), say("no-ed25519"));
    return true;
  }
  return step("good", say("step-signature"), trust.checkpoint_key);
}

function checkKeys(before, trust) {
  if (!before) return step("good", say("step-key-first"));
  const fits = KEYS.every((name) => before[name] === trust[name]);
  return step(fits ? "good" : "bad", say(fits ? "step-key" : "step-key-differs", before));
}

async function checkGrowth(before, head) {
  const old = checkpointOf(before.note), values = { at: before.at, n: head.size - old.size };
  let fits = old.origin === head.origin, said = "step-same";
  if (old.size > head.size) {
    // Not yet a lie: it may be an older answer that was kept on the way. It is said loudly all the same.
    show(before.note);
    return step("bad", say("step-shrunk", { at: before.at, n: head.size }));
  }
  if (old.size === head.size) fits &&= same(old.root, head.root);
  else {
    const { path } = await ask("GET", `/log/proofs/consistency?from=${old.size}&to=${head.size}`);
    fits &&= await continues(old.size, old.root, head.size, head.root, path.map(unbase64));
    said = "step-grown";
  }
  if (!fits) show(before.note);
  return step(fits ? "good" : "bad", say(fits ? said : "step-rewritten", values));
}

function show(note) {
  const old = document.getElementById("old");
  old.textContent = note;
  old.hidden = false;
}

async function checkEntry(entry, head) {
  const statement = unbase64(entry.statement);
  if (entry.record !== null) {
    const fits = same(await sha(unbase64(entry.record)), sign1(statement).payload);
    step(fits ? "good" : "bad", say("step-record"));
  }
  const leaf = await leafHash(statement);
  step("good", say("step-leaf"), hex(leaf));
  const { path } = await ask("GET", `/log/proofs/inclusion?index=${entry.index}&size=${head.size}`);
  let root = null;
  try {
    root = await rootFromPath(leaf, entry.index, head.size, path.map(unbase64));
  } catch {
    // Too long, too short, or of another place: no proof.
  }
  const fits = root !== null && same(root, head.root);
  step(fits ? "good" : "bad", say(fits ? "step-path" : "step-path-bad", { n: path.length, index: entry.index }), hex(head.root));
}

async function got(path) {
  const answer = await fetch(path, { cache: "no-store", redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
}

async function check() {
  list.replaceChildren();
  document.getElementById("old").hidden = true;
  if (!globalThis.crypto?.subtle) return step("open", say("no-crypto"));
  try {
    const trust = await ask("GET", "/trust"), note = await got("/api/v1/log/checkpoint");
    const head = checkpointOf(note), before = remembered(trust.origin);
    let well = await checkSignature(note, trust);
    well = checkKeys(before, trust) && well;
    if (before) well = await checkGrowth(before, head) && well;
    // What is wrong is not taken for what was seen: it would be forgotten at the next look.
    if (well) remember(trust, note);
    const entry = document.getElementById("entry");
    if (entry) await checkEntry(JSON.parse(entry.textContent), head);
  } catch (error) {
    step("open", say("step-failed", { why: error.message }));
  }
}

document.getElementById("again")?.addEventListener("click", check);
document.getElementById("find")?.addEventListener("submit", (event) => {
  event.preventDefault();
  location.assign(`/log/${encodeURIComponent(document.getElementById("position").value)}`);
});
check();
