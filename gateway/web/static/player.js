// The player of a clip: its own keys beside the browser's, a time line with marks, and the time.
import { ask, complain, onSend, word } from "/static/evidock.js";
import { between, claimed, position } from "/static/moments.js";

const film = document.getElementById("film");
const facts = JSON.parse(document.getElementById("clip-facts").textContent);
const video = film.querySelector("video"), seek = document.getElementById("seek");
const zh = document.documentElement.lang.startsWith("zh");
const $ = (id) => document.getElementById(id);
const frame = 1 / (facts.rate > 0 ? facts.rate : 25);
const length = () => (Number.isFinite(video.duration) ? video.duration : (facts.duration_ms ?? 0) / 1000);
const tell = (name, detail) => film.dispatchEvent(new CustomEvent(name, { detail }));

function jump(to) {
  video.currentTime = Math.min(Math.max(0, to), Math.max(0, length() - 0.001));
}
function toggle() {
  if (video.paused) video.play().catch(() => {});
  else video.pause();
}
function pace(change) {
  const speeds = [...$("speed").options].map((each) => Number(each.value)), at = speeds.indexOf(video.playbackRate);
  video.playbackRate = speeds[Math.min(Math.max(at + change, 0), speeds.length - 1)] ?? 1;
}
function step(frames) {
  video.pause();
  jump(video.currentTime + frames * frame);
}
function full() {
  if (document.fullscreenElement) document.exitFullscreen();
  else film.querySelector(".screen").requestFullscreen?.();
}

const ACTS = {
  play: toggle, back: () => jump(video.currentTime - 5), on: () => jump(video.currentTime + 5),
  previous: () => step(-1), next: () => step(1), mute: () => { video.muted = !video.muted; }, full,
};
for (const button of film.querySelectorAll("button[data-act]")) button.addEventListener("click", () => ACTS[button.dataset.act]());
$("speed").addEventListener("change", () => { video.playbackRate = Number($("speed").value); });
$("volume").addEventListener("input", () => { video.volume = Number($("volume").value); video.muted = false; });
seek.addEventListener("input", () => jump(Number(seek.value)));
for (const mark of film.querySelectorAll("button[data-at]")) mark.addEventListener("click", () => jump(Number(mark.dataset.at)));

// Single letters act only while the player has the focus: nobody types into it.
const KEYS = {
  k: toggle, " ": toggle, j: () => jump(video.currentTime - 10), l: () => jump(video.currentTime + 10),
  arrowleft: ACTS.back, arrowright: ACTS.on, arrowup: () => { video.volume = Math.min(1, video.volume + 0.1); },
  arrowdown: () => { video.volume = Math.max(0, video.volume - 0.1); }, ",": ACTS.previous, ".": ACTS.next,
  "<": () => pace(-1), ">": () => pace(1), m: ACTS.mute, f: full, home: () => jump(0), end: () => jump(length()),
};
film.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase(), on = event.target;
  if (event.ctrlKey || event.altKey || event.metaKey || film.classList.contains("closed")) return;
  const typing = on.matches("input:not([type=range]), textarea, select") || (on === $("volume") && key.startsWith("arrow"));
  if (typing || (key === " " && on.matches("button")) || !Object.hasOwn(KEYS, key)) return;
  event.preventDefault();
  // The browser's own keys of a focused video would act a second time.
  event.stopPropagation();
  KEYS[key]();
}, true);

function draw() {
  const at = video.currentTime, whole = length();
  seek.max = String(whole);
  if (document.activeElement !== seek || !seek.matches(":active")) seek.value = String(at);
  seek.setAttribute("aria-valuetext", `${position(at)} / ${position(whole)}`);
  $("at").textContent = `${position(at)} / ${position(whole)}`;
  $("claimed").textContent = claimed(facts.clock.started, at) ?? word("js.not-said");
  $("between").textContent = between(facts.clock.interval, at, whole, word);
  tell("at", { share: whole ? at / whole : 0 });
}
function drawState() {
  const button = film.querySelector("[data-act=play]");
  button.classList.toggle("is-on", !video.paused);
  button.setAttribute("aria-label", word(video.paused ? "js.play" : "js.pause"));
  const mute = film.querySelector("[data-act=mute]");
  mute.setAttribute("aria-pressed", String(video.muted));
  mute.classList.toggle("is-on", video.muted);
  $("volume").value = String(video.volume);
  $("speed").value = String(video.playbackRate);
}
for (const event of ["timeupdate", "seeked", "durationchange", "loadedmetadata"]) video.addEventListener(event, draw);
for (const event of ["play", "pause", "volumechange", "ratechange", "ended"]) video.addEventListener(event, drawState);
video.addEventListener("error", () => {
  if (!video.getAttribute("src")) return;
  film.classList.add("unplayed");
  film.querySelector(".unplayable").hidden = false;
  film.querySelector(".screen").hidden = true;
});

async function show() {
  film.classList.remove("closed");
  for (const each of film.querySelectorAll("[data-open]")) each.hidden = false;
  const asked = film.querySelector("form");
  if (asked) asked.hidden = true;
  draw();
  drawState();
  tell("open");
  await load();
  strip();
}

// Which of both is played is said beside it: a preview is a copy, and no evidence.
async function load() {
  const which = film.querySelector(".which"), lost = film.querySelector(".unplayable");
  let told = { source: "original", url: `/api/v1/clips/${facts.clip}/content` };
  try {
    told = await ask("GET", `/clips/${facts.clip}/playback`);
  } catch {
    // The original is there all the same; whether this browser plays it, it says itself.
  }
  which.textContent = which.dataset[told.source] ?? "";
  which.dataset.source = told.source;
  if (told.source === "none") {
    lost.querySelector("span").textContent = told.why[zh ? "zh" : "en"];
    lost.hidden = false;
    video.hidden = true;
    if (told.waits) setTimeout(load, 5000);
    return;
  }
  lost.hidden = true;
  video.hidden = false;
  video.src = told.url;
}

// Pictures from along the clip, where there are any, to go to a place by.
async function strip() {
  const place = document.getElementById("strip");
  let told;
  try {
    told = await ask("GET", `/clips/${facts.clip}/contact-strip/times`);
  } catch {
    return;
  }
  const picture = new Image();
  picture.src = `/api/v1/clips/${facts.clip}/contact-strip`;
  await picture.decode().catch(() => {});
  if (!picture.naturalWidth) return;
  place.replaceChildren(...told.times_ms.map((ms, at) => {
    const button = document.createElement("button"), cell = document.createElement("canvas");
    [cell.width, cell.height] = [told.tile_width, told.tile_height];
    cell.getContext("2d").drawImage(picture, (at % told.columns) * told.tile_width, Math.floor(at / told.columns) * told.tile_height,
      told.tile_width, told.tile_height, 0, 0, told.tile_width, told.tile_height);
    button.type = "button";
    const seconds = ms === null ? null : ms / 1000;
    button.setAttribute("aria-label", seconds === null ? word("js.strip-somewhere") : `${word("js.strip-to")} ${position(seconds)}`);
    button.disabled = seconds === null;
    button.addEventListener("click", () => jump(seconds));
    button.append(cell);
    return button;
  }));
  place.hidden = false;
}

const form = film.querySelector("form"), said = film.querySelector(".said");
// In this tab alone, and for a short while: whoever comes back looks for another reason.
const kept = `evidock-view ${facts.clip}`;
if (form) {
  onSend(form, async ({ reason }) => {
    if (!reason.trim()) throw new Error(word("js.reason-needed"));
    const acknowledged = [...form.querySelectorAll("[name=mark]:checked")].map((each) => each.value);
    const told = await ask("POST", `/clips/${facts.clip}/views`, { how: "play", reason: reason.trim(), ...(acknowledged.length ? { acknowledged } : {}) });
    sessionStorage.setItem(kept, String(told.index));
    if (said) said.hidden = true;
    await show();
    film.querySelector("[data-act=play]").focus();
    video.play().catch(() => complain(null));
  });
}
said?.querySelector("button").addEventListener("click", () => {
  said.hidden = true;
  form.hidden = false;
  form.elements.reason.focus();
});
if (facts.own) show();
else if (said && sessionStorage.getItem(kept) === said.dataset.view) {
  said.hidden = false;
  show();
}
