// Says the whole particulars of a case anew: what the API takes is everything or nothing.
import { ask, hintMoments, onSend, ownZone, two } from "/static/evidock.js";

const form = document.getElementById("particulars");

// A moment is shown by the reader's own clock, and said again word for word where nobody touched it.
function ownClock(text) {
  const at = new Date(text);
  if (!text || Number.isNaN(at.getTime())) return "";
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function momentOf(field) {
  if (field.value === field.dataset.shown) return field.dataset.was;
  return field.value && `${field.value.length === 16 ? `${field.value}:00` : field.value}${ownZone(new Date(field.value))}`;
}

function valueOf(field) {
  if (field.type === "checkbox") return field.dataset.not === undefined ? field.checked : !field.checked;
  const value = field.type === "datetime-local" ? momentOf(field) : field.value.trim();
  return value || undefined;
}

const saidIn = (part) => Object.fromEntries(
  [...part.querySelectorAll("[data-of]")].map((field) => [field.dataset.of, valueOf(field)]),
);

function ready(part) {
  for (const field of part.querySelectorAll("input[data-was]")) {
    field.value = ownClock(field.dataset.was);
    field.dataset.shown = field.value;
  }
  for (const button of part.querySelectorAll("[data-remove]")) {
    button.addEventListener("click", () => {
      const group = button.closest("[data-group]");
      button.closest("[data-row]").remove();
      group.querySelector("[data-add]").focus();
    });
  }
}

function body() {
  const said = JSON.parse(form.dataset.kept);
  for (const field of form.querySelectorAll("input[name]")) {
    if (field.value.trim()) said[field.name] = field.value.trim();
  }
  for (const group of form.querySelectorAll("[data-group]")) {
    said[group.dataset.group] = [...group.querySelectorAll("[data-row]")].map(saidIn);
  }
  for (const one of form.querySelectorAll("[data-one]")) {
    const value = saidIn(one);
    if (Object.values(value).some((each) => each !== undefined)) said[one.dataset.one] = value;
  }
  return said;
}

if (form) {
  ready(form);
  for (const button of form.querySelectorAll("[data-add]")) {
    const group = button.closest("[data-group]");
    button.addEventListener("click", () => {
      const row = group.querySelector("template").content.firstElementChild.cloneNode(true);
      ready(row);
      hintMoments(row);
      group.querySelector("[data-rows]").append(row);
      row.querySelector("input").focus();
    });
  }
  onSend(form, async () => {
    // Whoever else stated something about the case meanwhile is not overwritten unseen.
    await ask("PUT", form.dataset.case, body(), { "if-match": `"${form.dataset.version}."` });
    location.reload();
  });
}
