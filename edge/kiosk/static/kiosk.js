// Shows what the server says, and nothing it said more than three seconds ago.
// Texts go in as text only; whatever a card or an officer is called stays text.
"use strict";

(() => {
  const FRESH_MS = 3000;
  const IDLE_MS = 180000;
  const first = Number(document.documentElement.dataset.first);
  const $ = (selector, inside = document) => inside.querySelector(selector);

  function say(element, pair) {
    write($(".one", element), pair ? pair[first] : "");
    write($(".two", element), pair ? pair[1 - first] : "");
  }

  function write(element, text) {
    // Untouched when nothing changed: no flicker, and a finger stays on what it meant.
    if (element.textContent !== text) element.textContent = text;
  }

  function attribute(element, name, value) {
    if (value === null || value === undefined) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  }

  // --- sounds ---

  let audio = null;
  const muted = () => localStorage.getItem("muted") === "yes";

  function tones(steps) {
    if (muted()) return;
    audio = audio || new AudioContext();
    if (audio.state === "suspended") audio.resume();
    steps.forEach(([hertz, start, length]) => {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      const at = audio.currentTime + start;
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0, at);
      volume.gain.linearRampToValueAtTime(0.25, at + 0.02);
      volume.gain.setTargetAtTime(0, at + length, 0.05);
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + length + 0.4);
    });
    document.documentElement.dataset.played = steps.length === 2 ? "safe" : "attention";
  }

  const SAFE = [[660, 0, 0.12], [990, 0.16, 0.25]];
  const ATTENTION = [[330, 0, 0.2], [330, 0.35, 0.2], [330, 0.7, 0.2]];

  function soundButton(button) {
    const show = () => attribute(button, "aria-pressed", !muted());
    button.addEventListener("click", () => {
      localStorage.setItem("muted", muted() ? "no" : "yes");
      show();
      tones(SAFE);
    });
    show();
  }

  // --- bays ---

  const ICONS = { safe: "tick", copied: "hand", attention: "alarm" };
  const COLUMNS = [1, 1, 2, 2, 2, 3, 3, 4, 4, 3, 4, 4, 4, 5, 5, 5];
  let kinds = null;

  function show(seen) {
    write($("#dock"), seen.dock);
    write($("#time"), seen.time);
    say($(".trust"), seen.clock);
    attribute($(".clock"), "data-good", seen.clock_good);
    say($("#queue"), seen.queue);
    attribute($("#queue"), "data-good", seen.queue_good);
    $("#alarm").hidden = !seen.alarms;
    write($("#alarms"), String(seen.alarms));
    say($("#alarm .first"), seen.alarm);
    showTiles(seen.tiles);
    hear(seen.tiles);
  }

  function showTiles(tiles) {
    const place = $("#tiles");
    const count = tiles.length;
    $("#idle").hidden = count > 0;
    attribute(place, "data-columns", COLUMNS[count] || 5);
    attribute(place, "data-size", count <= 2 ? "large" : count <= 4 ? "middle" : "small");
    attribute(place, "data-rows", Math.min(3, Math.ceil(count / (COLUMNS[count] || 5))));
    while (place.children.length > count) place.lastElementChild.remove();
    while (place.children.length < count) place.append($("#tile").content.cloneNode(true));
    tiles.forEach((tile, at) => showTile(place.children[at], tile));
  }

  function showTile(element, tile) {
    attribute(element, "data-kind", tile.kind);
    const docking = tile.session ? `/docking/${encodeURIComponent(tile.session)}` : null;
    attribute(element, "href", tile.link || docking);
    attribute($("use", element), "href", `/static/icons.svg#${ICONS[tile.kind] || tile.kind}`);
    write($(".bay", element), tile.bay);
    write($(".camera", element), tile.camera || "");
    write($(".officer", element), tile.officer || "");
    say($(".verdict", element), tile.word);
    say($(".state", element), tile.state);
    say($(".said", element), tile.said);
    write($(".amount", element), tile.amount || "");
    say($(".left", element), tile.left);
    const progress = $("progress", element);
    progress.hidden = !tile.total;
    progress.value = tile.total ? Math.floor((1000 * tile.done) / tile.total) : 0;
  }

  function hear(tiles) {
    const now = new Map(tiles.map((tile) => [`${tile.bay}\n${tile.camera}`, tile.kind]));
    // What was so before this page was looked at makes no sound.
    const became = (kind) =>
      kinds && [...now].some(([name, is]) => is === kind && kinds.has(name) && kinds.get(name) !== kind);
    if (became("attention")) tones(ATTENTION);
    else if (became("safe")) tones(SAFE);
    kinds = now;
  }

  function bays() {
    let freshUntil = 0;
    const look = () => document.body.classList.toggle("blank", performance.now() > freshUntil);
    const source = new EventSource("/events");
    source.onmessage = (event) => {
      const seen = JSON.parse(event.data);
      freshUntil = seen.up ? performance.now() + FRESH_MS - seen.age_ms : 0;
      if (seen.up) show(seen);
      look();
    };
    look();
    setInterval(look, 200);
    soundButton($("#sound"));
  }

  // --- keys for a screen without a keyboard ---

  function pad() {
    const keys = $(".pad");
    const field = $("[data-pad]");
    if (!keys || !field) return;
    const open = (is) => {
      keys.hidden = !is;
      document.body.classList.toggle("padded", is);
      if (is) field.scrollIntoView({ block: "start" });
    };
    const told = () => field.dispatchEvent(new Event("input", { bubbles: true }));
    const put = (text) => {
      const room = field.maxLength - field.value.length + field.selectionEnd - field.selectionStart;
      field.setRangeText(text.slice(0, Math.max(room, 0)), field.selectionStart, field.selectionEnd, "end");
      told();
    };
    const back = () => {
      const [start, end] = [field.selectionStart, field.selectionEnd];
      const before = [...field.value.slice(0, start)];
      if (start === end) before.pop();
      const kept = before.join("");
      field.value = kept + field.value.slice(end);
      field.setSelectionRange(kept.length, kept.length);
      told();
    };
    const shown = (name) => keys.querySelectorAll("[data-set]").forEach((each) => {
      each.hidden = each.dataset.set !== name;
    });
    const shift = $("[data-act=shift]", keys);
    const raise = (is) => {
      attribute(shift, "aria-pressed", is);
      keys.querySelectorAll("[data-set=letters] [data-key]").forEach((each) => {
        each.dataset.key = is ? each.dataset.key.toUpperCase() : each.dataset.key.toLowerCase();
        write(each, each.dataset.key);
      });
    };
    const acts = {
      back, done: () => { open(false); field.blur(); },
      clear: () => { field.value = ""; told(); },
      shift: () => raise(shift.getAttribute("aria-pressed") !== "true"),
      letters: () => shown($("[data-set=letters]", keys).hidden ? "letters" : "marks"),
    };
    // The field keeps its place: a key is no other field.
    keys.addEventListener("pointerdown", (event) => event.preventDefault());
    keys.addEventListener("mousedown", (event) => event.preventDefault());
    keys.addEventListener("click", (event) => {
      const key = event.target.closest("button");
      if (!key) return;
      if (key.dataset.key) put(key.dataset.key);
      else acts[key.dataset.act]();
    });
    field.addEventListener("focus", () => open(true));
    field.addEventListener("click", () => open(true));
    field.addEventListener("keydown", (event) => {
      // A scanner ends with Enter; what it read is looked at before anything is chosen.
      if (event.key === "Enter") { event.preventDefault(); acts.done(); }
    });
    // Numbers of cases are written in capitals, sentences are not.
    raise("find" in field.dataset);
    if (!("find" in field.dataset)) shown("letters");
    document.querySelectorAll("[data-say]").forEach((each) => each.addEventListener("click", () => {
      field.setSelectionRange(field.value.length, field.value.length);
      put((field.value ? " " : "") + each.dataset.say);
    }));
    if ("find" in field.dataset) field.addEventListener("input", () => find(field.value));
  }

  function find(text) {
    const wanted = text.trim();
    const fold = (each) => each.normalize("NFKC").toLowerCase().replace(/\s+/g, "");
    let exact = false;
    document.querySelectorAll("[data-found]").forEach((each) => {
      exact = exact || each.value === wanted;
      each.hidden = !fold(each.textContent).includes(fold(wanted));
    });
    const typed = $("#typed");
    typed.hidden = !wanted || exact;
    typed.value = wanted;
    write($("b", typed), wanted);
  }

  function everyClip(button) {
    button.addEventListener("click", () => {
      const boxes = [...document.querySelectorAll("input[name=clip]")];
      const all = boxes.every((each) => each.checked);
      boxes.forEach((each) => { each.checked = !all; });
    });
  }

  // --- every other page ---

  function others() {
    let touched = performance.now();
    const touch = () => { touched = performance.now(); };
    ["pointerdown", "keydown", "scroll"].forEach((name) => addEventListener(name, touch, true));
    // Whoever comes next finds the bays, not somebody else's clips.
    setInterval(() => {
      if (performance.now() - touched > IDLE_MS) location.replace("/");
    }, 5000);
    const button = $("[data-print]");
    if (button) button.addEventListener("click", () => window.print());
    pad();
    if ($("[data-all]")) everyClip($("[data-all]"));
  }

  if (document.body.classList.contains("bays")) bays();
  else others();
})();
