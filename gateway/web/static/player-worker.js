// Fetches a clip in ranges, beside whatever plays, and holds every leaf of 1 MiB against the list
// that leads to the sealed root. Where there is no list, only the end tells.
import { LEAF, hex, leafHash, rootOf, same, unhex } from "/static/hashing.js";
import { Sha256 } from "/static/sha256.js";

const AT_ONCE = 8, TRIES = 6, PATIENCE_MS = 60000;
let wanted = null;
let go = null;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const asked = () => new Promise((done) => { go = done; });

class Wrong extends Error {}

async function bytesOf(url, from, to) {
  for (let tries = 0; ;) {
    try {
      // Never from a cache: what is checked is what the gateway gives now.
      const answer = await fetch(url, { cache: "no-store", redirect: "error",
        headers: { range: `bytes=${from}-${to - 1}` }, signal: AbortSignal.timeout(PATIENCE_MS) });
      if (answer.status === 206) return new Uint8Array(await answer.arrayBuffer());
      const told = await answer.json().catch(() => ({}));
      if (answer.status === 416 || answer.status === 200) throw new Wrong("size");
      if (told.code === "content-missing" || answer.status === 404) throw new Wrong("missing");
      if (answer.status < 500) {
        // Signed out, or the reason is some hours old: the page says so, and goes on when asked.
        postMessage({ held: told.code ?? String(answer.status) });
        await asked();
        tries = 0;
        continue;
      }
      throw new Error(String(answer.status));
    } catch (problem) {
      if (problem instanceof Wrong) throw problem;
      tries += 1;
      if (tries === TRIES) {
        postMessage({ held: "away" });
        await asked();
        tries = 0;
      } else await pause(250 * 2 ** tries);
    }
  }
}

// Leaves from `first` on, each with what it is; `told` is what they should be.
async function leavesFrom(job, first, told, whole) {
  const last = Math.min(first + AT_ONCE, job.count), end = Math.min(last * LEAF, job.size);
  const raw = await bytesOf(job.url, first * LEAF, end);
  if (raw.length !== end - first * LEAF) throw new Wrong("size");
  if (whole) whole.update(raw);
  const made = [];
  for (let at = first; at < last; at++) {
    const leaf = await leafHash(raw.subarray((at - first) * LEAF, (at - first + 1) * LEAF));
    made.push(leaf);
    if (told && !same(leaf, told[at])) job.bad.add(at);
    job.seen.add(at);
  }
  postMessage({ seen: job.seen.size, count: job.count, bad: [...job.bad], located: Boolean(told) });
  return made;
}

async function listOf(job) {
  if (!job.list || job.list.byteLength !== 32 * job.count) return null;
  const raw = new Uint8Array(job.list), told = [];
  for (let at = 0; at < job.count; at++) told.push(raw.slice(32 * at, 32 * at + 32));
  // A list is believed only when it leads to the root that was sealed.
  return same(await rootOf(told), unhex(job.root)) ? told : null;
}

async function run(job) {
  Object.assign(job, { seen: new Set(), bad: new Set() });
  const told = await listOf(job), whole = new Sha256(), leaves = [];
  postMessage({ seen: 0, count: job.count, bad: [], located: Boolean(told) });
  try {
    while (leaves.length < job.count) {
      if (told && wanted !== null && wanted < job.count && !job.seen.has(wanted)) await leavesFrom(job, wanted, told, null);
      wanted = null;
      leaves.push(...await leavesFrom(job, leaves.length, told, whole));
    }
    const root = hex(await rootOf(leaves)), sha256 = hex(whole.digest());
    postMessage({ done: true, root, sha256, bad: [...job.bad], good: root === job.root && sha256 === job.sha256 });
  } catch (problem) {
    if (!(problem instanceof Wrong)) throw problem;
    postMessage({ done: true, good: false, bad: [...job.bad], why: problem.message });
  }
}

onmessage = ({ data }) => {
  if (data.start) run(data.start);
  else if (data.go) go?.();
  else wanted = data.at;
};
