// What pages share: asking the API, and saying in the reader's words what it refused.
const words = JSON.parse(document.getElementById("words").textContent);

export async function ask(method, path, body, more = {}) {
  const headers = body === undefined ? more : { "content-type": "application/json", ...more };
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method, headers, credentials: "same-origin", redirect: "error",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Error(words["error.away"]);
  }
  if (answer.status === 204) return null;
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  const known = words[`error.${told.code}`] ?? words["error.other"];
  const first = told.errors?.[0];
  throw new Error(filled(known, {
    seconds: answer.headers.get("retry-after") ?? "",
    detail: told.detail ?? answer.status,
    what: first ? wrong(first) : "",
  }));
}

// What people get wrong most is said in their words; anything else as the API has it.
const WRONG = [["not masked", "js.wrong-masked"], ["holds a number", "js.wrong-number"], ["holds what looks like a whole identity", "js.wrong-identity"]];
function wrong({ what, where }) {
  const said = WRONG.find(([start]) => what.includes(start));
  const [, field, place] = /^body\.(\w+)(?:\.(\d+))?/.exec(where) ?? [];
  const named = words[`js.where-${field}`];
  const at = named ? `${named}${place === undefined ? "" : ` ${Number(place) + 1}`}` : where;
  return `${said ? words[said[1]] : what} (${at})`;
}

export const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

// A part of a page that is drawn anew may take the element along: it is kept here.
const place = document.getElementById("problem");
export function complain(text, form) {
  if (!place) return;
  form?.before(place);
  place.textContent = text ?? "";
  place.hidden = !text;
  if (text) place.scrollIntoView({ block: "nearest" });
}

// Runs what a form is for, once at a time, and shows what went wrong where the reader looks.
export function onSend(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button:not([type=button])");
    const label = button.textContent;
    complain(null);
    button.disabled = true;
    button.textContent = button.dataset.working;
    try {
      await act(Object.fromEntries(new FormData(form)));
    } catch (problem) {
      complain(problem.message, form);
    } finally {
      button.disabled = false;
      button.textContent = label;
    }
  });
}

// Forms that say which address of the API they are for, and what comes after it.
const then = {
  reload: () => location.reload(),
  // The address may name what was made.
  go: (told, form) => location.assign(form.dataset.to.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(told[name] ?? ""))),
  tell: (told, form) => tell(told, document.getElementById(form.dataset.place)),
};

// Shows what is told once: elements with data-told say which part of the answer they are for.
function tell(told, place) {
  for (const each of place.querySelectorAll("[data-told]")) {
    const value = told[each.dataset.told] ?? "";
    if (each instanceof HTMLImageElement) each.src = value;
    else each.textContent = value;
  }
  place.hidden = false;
  place.focus();
}

// What a field says, as the API takes it; undefined where nothing was filled in.
function said(field) {
  const value = field.value.trim();
  switch (field.dataset.as ?? field.type) {
    case "number": return value === "" ? undefined : Number(value);
    case "checkbox": return field.checked;
    case "list": return undefined;
    case "words": return value === "" ? undefined : value.split(/[\s,，、;；]+/).filter(Boolean);
    case "ms": return value === "" ? undefined : Math.round(Number(value) * 1000);
    case "null": return null;
    // A moment is typed by the reader's own clock; the API wants to know which one that is.
    case "datetime-local": return value === "" ? undefined : new Date(value).toISOString();
    case "radio": return field.checked ? value : undefined;
    default: return value === "" ? undefined : value;
  }
}

// A file as the API takes it: its bytes, or its text.
async function contentOf(field) {
  const file = field.files[0];
  if (!file || field.dataset.as === "text") return file?.text();
  const bytes = new Uint8Array(await file.arrayBuffer());
  return btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join(""));
}

async function bodyOf(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled) continue;
    if (field.dataset.must !== undefined) {
      if (field.value.trim() !== field.dataset.must) throw new Error(filled(words["error.must-match"], { detail: field.dataset.must }));
      continue;
    }
    if (field.dataset.as === "list" || field.dataset.as === "some") {
      // Of "some", none chosen is nothing said.
      if (field.dataset.as === "list" || field.checked) body[field.name] ??= [];
      if (field.checked) body[field.name].push(field.value);
      continue;
    }
    const value = field.type === "file" ? await contentOf(field) : said(field);
    if (value !== undefined) body[field.name] = value;
  }
  return body;
}

// The address may name what was typed: what stands in {braces} is not said again in the body.
function pathOf(form, body) {
  return form.dataset.path.replace(/\{(\w+)\}/g, (_, name) => {
    const value = body[name] ?? "";
    delete body[name];
    return encodeURIComponent(value);
  });
}

function wire(form) {
  onSend(form, async () => {
    const body = await bodyOf(form);
    const path = pathOf(form, body);
    const told = await ask(form.dataset.method ?? "POST", path, body);
    form.reset();
    then[form.dataset.then](told, form);
  });
}

for (const form of document.querySelectorAll("form[data-path]")) wire(form);

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", async () => {
    const label = button.textContent;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

// Times by the reader's own clock, with its zone; what the page said stays as a title.
export const two = (number) => String(number).padStart(2, "0");
export function ownZone(at = new Date()) {
  const east = -at.getTimezoneOffset(), minutes = Math.abs(east);
  return `${east < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
function ownTime(at, seconds) {
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}${seconds} ${ownZone(at)}`;
}
export function byOwnClock(root) {
  for (const each of root.querySelectorAll("time[datetime]")) {
    const at = new Date(each.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    each.title = each.textContent;
    each.textContent = ownTime(at, each.dataset.exact === undefined ? "" : `:${two(at.getSeconds())}`);
  }
}
// Of "2026-06-19 02:00 UTC", as a browser keeps it; anything else stays what it is.
export function byOwnClockText(text) {
  const [, day, time] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC$/.exec(text ?? "") ?? [];
  return day ? ownTime(new Date(`${day}T${time}Z`), "") : text;
}
byOwnClock(document);

// Browsers draw these fields in a language of their own: what belongs into one is said beside it.
export function hintMoments(root) {
  for (const field of root.querySelectorAll("input[type=datetime-local]")) {
    const hint = document.createElement("small");
    hint.textContent = filled(words["js.moment-hint"], { zone: `UTC${ownZone()}` });
    field.lang = document.documentElement.lang;
    field.before(" ", hint);
  }
}
hintMoments(document);

export const word = (name) => words[name];

document.getElementById("signout")?.addEventListener("click", async () => {
  try {
    await ask("DELETE", "/session");
    location.assign("/signin");
  } catch (problem) {
    complain(problem.message);
  }
});
