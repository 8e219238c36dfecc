import { byOwnClock } from "/static/evidock.js";

// Parts of a page that the gateway draws anew while the reader looks on: an element with
// data-live says where its content comes from. Whatever the reader is doing in it goes first.
const OFTEN_MS = 5000;
const SELDOM_MS = 30000;
// What changes a page that is looked at; other events are not waited for.
const KINDS = ["clip.sealed", "clip.stored", "clip.lost", "clip.erased", "session.opened", "session.closed", "dock.enrolled",
  "dock.revoked", "dock.booted", "alarm.raised", "alarm.cleared", "alarm.settled", "case.linked", "case.unlinked"];
const QUIET = { "x-evidock-live": "1" };
const parts = [...document.querySelectorAll("[data-live]")];
let timer;
let told = false;

function isUsed(part) {
  const typed = [...part.querySelectorAll("input, textarea")].some((e) => e.value !== e.defaultValue);
  const open = part.querySelector("details.act[open], dialog[open]");
  return typed || open || part.contains(document.activeElement?.closest("input, select, textarea"));
}

function put(part, text) {
  if (part.dataset.drawn === text || isUsed(part)) return;
  const held = part.contains(document.activeElement) ? document.activeElement : null;
  const again = held?.id ? `#${CSS.escape(held.id)}` : held?.getAttribute("href");
  part.innerHTML = text;
  byOwnClock(part);
  part.dataset.drawn = text;
  if (!again) return;
  const found = held.id ? part.querySelector(again) : [...part.querySelectorAll("a[href]")].find((e) => e.getAttribute("href") === again);
  found?.focus({ preventScroll: true });
}

function stale(part, is) {
  const said = document.getElementById("stale");
  part.classList.toggle("stale", is);
  if (said) said.hidden = !parts.some((each) => each.classList.contains("stale"));
}

async function draw(part) {
  try {
    // A part that keeps asking is nobody who is at work: it does not keep a session open.
    const answer = await fetch(part.dataset.live, { headers: QUIET, redirect: "manual", signal: AbortSignal.timeout(15000) });
    if (!answer.ok) throw new Error(answer.type);
    put(part, await answer.text());
    stale(part, false);
  } catch {
    stale(part, true);
  }
}

async function all() {
  clearTimeout(timer);
  if (!document.hidden) await Promise.all(parts.map(draw));
  clearTimeout(timer);
  timer = setTimeout(all, told ? SELDOM_MS : OFTEN_MS);
}

// Told of something new, it looks at once, but not more than once a second.
let due = false;
function soon() {
  if (due) return;
  due = true;
  setTimeout(() => {
    due = false;
    all();
  }, 1000);
}

function listen() {
  const events = new EventSource("/api/v1/events");
  events.onopen = () => {
    told = true;
  };
  for (const kind of KINDS) events.addEventListener(kind, soon);
  events.onerror = () => {
    told = false;
    // What was refused is not asked again by the browser: then it is looked at often instead.
  };
  addEventListener("pagehide", () => events.close());
}

if (parts.length) {
  for (const part of parts) part.dataset.drawn = part.innerHTML;
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) all();
  });
  timer = setTimeout(all, OFTEN_MS);
  listen();
}
