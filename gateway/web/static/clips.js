// The list of clips: times by the reader's clock, ties for many.
import { ask, complain, filled, onSend, ownZone, two, word } from "/static/evidock.js";

const zone = ownZone();
const fill = (name, values) => filled(word(name), values);

const spoken = (ms) => {
  const at = new Date(ms);
  return [`${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`, `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`];
};
for (const each of document.querySelectorAll(".moment")) {
  const from = Date.parse(each.dataset.from ?? ""), to = Date.parse(each.dataset.to ?? "");
  if (Number.isNaN(to)) continue;
  // Rounded outwards: an interval that is made to look neater than it is would lie.
  const [last, end] = spoken(Math.ceil(to / 1000) * 1000);
  if (Number.isNaN(from)) {
    each.textContent = fill("js.list-before", { at: `${last} ${end}`, zone });
    continue;
  }
  const [first, begin] = spoken(Math.floor(from / 1000) * 1000);
  each.textContent = fill("js.list-between", { from: `${first} ${begin}`, to: first === last ? end : `${last} ${end}`, zone });
}

const tie = document.getElementById("tie"), all = document.getElementById("all");
const boxes = [...document.querySelectorAll("tbody input[name=clip]")];
function count() {
  const chosen = boxes.filter((each) => each.checked);
  tie.hidden = !chosen.length;
  document.getElementById("chosen").textContent = String(chosen.length);
  all.checked = chosen.length === boxes.length;
  all.indeterminate = chosen.length > 0 && !all.checked;
}
let before = null;
for (const box of boxes) {
  box.addEventListener("click", (event) => {
    const from = boxes.indexOf(before), to = boxes.indexOf(box);
    if (event.shiftKey && from >= 0)
      for (const each of boxes.slice(Math.min(from, to), Math.max(from, to) + 1)) each.checked = box.checked;
    before = box;
    count();
  });
  box.addEventListener("change", count);
}
all?.addEventListener("change", () => {
  for (const each of boxes) each.checked = all.checked;
  count();
});

// One record for each clip: what fails for one is told, and stays chosen; the others are tied.
if (tie) {
  addEventListener("pageshow", count);
  onSend(tie, async ({ case_no: given, why: reason }) => {
    const number = given.trim(), why = reason.trim();
    if (!number || !why) throw new Error(word("js.bulk-needs"));
    const results = document.getElementById("results");
    results.replaceChildren();
    results.hidden = false;
    let failed = 0;
    const chosen = boxes.filter((each) => each.checked);
    for (const box of chosen) {
      const line = document.createElement("li");
      try {
        await ask("POST", `/cases/${encodeURIComponent(number)}/links`, { clip: box.value, why });
        line.textContent = `✓ ${box.value}`;
        box.checked = false;
      } catch (problem) {
        failed += 1;
        line.className = "failed";
        line.textContent = `✗ ${box.value}: ${problem.message}`;
      }
      results.append(line);
    }
    count();
    const told = fill("js.bulk-done", { done: chosen.length - failed, failed });
    if (failed) complain(told);
    else {
      const line = document.createElement("li");
      line.textContent = told;
      results.prepend(line);
      tie.reset();
    }
  });
}
