// Draws what player-proof and player-worker find: step by step, in the reader's words.
import { complain, word } from "/static/evidock.js";
import { LEAF, readOnce } from "/static/hashing.js";
import { Findings, checkTrail, plain } from "/static/player-proof.js";
import { inBoth } from "/static/reasons.js";
import { WORDS } from "/static/trail.js";

const panel = document.getElementById("proof"), film = document.getElementById("film");
const facts = JSON.parse(document.getElementById("clip-facts").textContent);
const zh = document.documentElement.lang.startsWith("zh");
const CONTENT = 2, MOST = 20;
const LACKS = new Set(["incomplete", "unwitnessed", "unsupported"]);
const SIGNS = { waiting: "…", checking: "…", good: "✓", lack: "!", bad: "✗", open: "–" };
const fill = (name, values = {}) => word(name).replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
const saying = (reason) => {
  const [chinese, english] = inBoth(reason);
  return zh && chinese !== "原因见英文" ? chinese : english;
};
const stepOf = (number) => panel.querySelector(`li[data-number="${number}"]`);
let given = null, policy = null, worker = null, shut = true, states = {}, turn = 0;

function put(number, state, note, items = []) {
  const line = stepOf(number);
  states[number] = state;
  line.dataset.state = state;
  line.querySelector(".sign").textContent = SIGNS[state];
  line.querySelector(".now").textContent = word(`js.step.${state}`);
  line.querySelector(".note").textContent = note ?? "";
  const list = line.querySelector("ul");
  list.replaceChildren(...items.slice(0, MOST).map((each) => {
    const made = document.createElement("li");
    made.textContent = plain(each);
    return made;
  }));
  line.querySelector(".means").hidden = state !== "bad";
  conclude();
}

function conclude() {
  const all = Object.values(states), is = (state) => all.includes(state);
  const outcome = is("bad") ? "bad" : is("checking") || is("waiting") ? "checking" : is("lack") ? "lack" : "good";
  const place = panel.querySelector(".verdict");
  const state = outcome === "checking" && shut && !is("checking") ? "held" : outcome;
  if (place.dataset.outcome === state) return;
  place.dataset.outcome = state;
  // Of footage that nobody could look at here nothing is said.
  place.textContent = word(state === "good" && states[CONTENT] === "open" ? "js.proof.unseen" : `js.proof.${state}`);
}

function drawTrail(found) {
  for (const line of panel.querySelectorAll("li[data-number]")) {
    const number = Number(line.dataset.number);
    if (number === CONTENT) continue;
    const mine = found.items.filter((each) => each.step === number), good = found.good[number] ?? 0;
    const wrong = mine.filter((each) => !LACKS.has(each.outcome)).length;
    const open = (found.open[number] ?? []).map(saying);
    const state = wrong ? "bad" : mine.length ? "lack" : good ? "good" : "open";
    const told = mine.map((each) => `${zh ? WORDS[each.outcome] : each.outcome}: ${each.subject}: ${saying(each.reason)}`);
    put(number, state, good ? fill("js.proof.count", { count: good }) : "", [...told, ...open]);
  }
}

// Seconds are reckoned as if every second took as many bytes, and said to be.
const clockOf = (bytes, size) => {
  if (!facts.duration_ms) return null;
  const seconds = Math.floor(facts.duration_ms / 1000 * bytes / size);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};
function damaged(bad, size) {
  return bad.map((leaf) => {
    const from = leaf * LEAF, to = Math.min(from + LEAF, size);
    const values = { leaf, from, to: to - 1, start: clockOf(from, size), end: clockOf(to, size) };
    return fill(values.start ? "js.proof.leaf-at" : "js.proof.leaf", values);
  });
}
function markDamage(bad, size) {
  const places = document.getElementById("damage");
  places.replaceChildren(...bad.map((leaf) => {
    const mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const width = Math.max(4, 1000 * LEAF / size);
    mark.setAttribute("x", String(Math.min(1000 - 4, 1000 * leaf * LEAF / size)));
    mark.setAttribute("width", String(width));
    mark.setAttribute("y", "0");
    mark.setAttribute("height", "24");
    return mark;
  }));
}

function heard({ data }, content) {
  const size = content.size;
  if (data.held) {
    shut = true;
    put(CONTENT, "waiting", fill(word(`js.proof.held-${data.held}`) ? `js.proof.held-${data.held}` : "js.proof.held-away"));
    panel.querySelector(".again").hidden = false;
    return;
  }
  markDamage(data.bad, size);
  const bad = damaged(data.bad, size);
  if (!data.done) {
    const note = fill(data.located ? "js.proof.leaves" : "js.proof.leaves-blind", { seen: data.seen, count: data.count });
    put(CONTENT, data.bad.length ? "bad" : "checking", note, bad);
    return;
  }
  const note = data.good ? fill("js.proof.bytes-good", { sha256: data.sha256 })
    : data.why === "missing" ? word("js.proof.missing") : data.why === "size" ? word("js.proof.size") : word("js.proof.bytes-bad");
  put(CONTENT, data.good ? "good" : "bad", note, bad);
}

// Starts once there is footage to see: what is checked here is what a reader may have.
async function checkBytes(content) {
  const answer = await fetch(`/api/v1/clips/${facts.clip}/leaves`, { cache: "no-store" }).catch(() => null);
  const list = answer?.ok ? await answer.arrayBuffer() : null;
  worker = new Worker("/static/player-worker.js", { type: "module" });
  worker.addEventListener("message", (event) => heard(event, content));
  worker.addEventListener("error", () => put(CONTENT, "open", word("js.proof.no-worker")));
  worker.postMessage({ start: { url: `/api/v1/clips/${facts.clip}/content`, size: content.size, count: content.tree.leaves, root: content.tree.root, sha256: content.sha256, list } });
}
film?.addEventListener("at", ({ detail }) => worker?.postMessage({ at: Math.floor(detail.share * Math.ceil(facts.size / LEAF)) }));

const opened = new Promise((done) => {
  if (film && !film.classList.contains("closed")) done();
  film?.addEventListener("open", () => done(), { once: true });
});

async function run() {
  const mine = ++turn;
  worker?.terminate();
  worker = null;
  states = {};
  shut = false;
  for (const line of panel.querySelectorAll("li[data-number]")) put(Number(line.dataset.number), "checking");
  put(CONTENT, "waiting", facts.size === null ? "" : word(film ? "js.proof.first-why" : "js.proof.no-content"));
  if (!globalThis.crypto?.subtle) {
    for (const line of panel.querySelectorAll("li[data-number]")) put(Number(line.dataset.number), "open", word("js.proof.insecure"));
    return;
  }
  // A tick must not claim what nobody asked for.
  if (policy) stepOf(7).querySelector("b").textContent = panel.querySelector(".checks").dataset.asked;
  const found = new Findings();
  let content = null;
  try {
    content = await checkTrail({ clip: facts.clip, shown: facts, trust: facts.trust, given, policy, now: new Date().toISOString().slice(0, 16) + "Z" }, found,
      (at, all) => { panel.querySelector(".verdict").title = `${at} / ${all}`; });
    if (mine !== turn) return;
    drawTrail(found);
  } catch (problem) {
    if (mine !== turn) return;
    // Whatever cannot be read is no proof: every step that it would have made stands as wrong.
    drawTrail(found);
    for (const line of panel.querySelectorAll("li[data-number]"))
      if (["open", "checking"].includes(line.dataset.state) && Number(line.dataset.number) !== CONTENT)
        put(Number(line.dataset.number), "bad", fill("js.proof.unread", { why: plain(saying(problem.message)) }));
    put(CONTENT, "open", word("js.proof.no-record"));
    return;
  }
  if (!content) put(CONTENT, "bad", word("js.proof.no-record"));
  else if (!film) put(CONTENT, "open", word("js.proof.no-content"));
  else {
    shut = film.classList.contains("closed");
    conclude();
    await opened;
    if (mine !== turn) return;
    shut = false;
    put(CONTENT, "checking");
    await checkBytes(content);
  }
}

panel.querySelector(".again").addEventListener("click", () => {
  panel.querySelector(".again").hidden = true;
  worker?.postMessage({ go: true });
});
panel.querySelector("[name=trust]").addEventListener("change", async ({ target }) => {
  try {
    given = target.files[0] ? readOnce(await target.files[0].text()) : null;
  } catch (problem) {
    complain(saying(problem.message));
    return;
  }
  run();
});
panel.querySelector("[name=policy]").addEventListener("change", async ({ target }) => {
  policy = target.files[0] ? await target.files[0].text() : null;
  run();
});
run();
