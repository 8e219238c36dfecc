// What pages share: asking the API, and saying in the reader's words what it refused.
const words = JSON.parse(document.getElementById("words").textContent);

export async function ask(method, path, body) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
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
  const values = { seconds: answer.headers.get("retry-after") ?? "", detail: told.detail ?? answer.status };
  throw new Error(known.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? ""));
}

export function complain(text) {
  const place = document.getElementById("problem");
  place.textContent = text ?? "";
  place.hidden = !text;
  if (text) place.scrollIntoView({ block: "nearest" });
}

// Runs what a form is for, once at a time, and shows what went wrong where the reader looks.
export function onSend(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const label = button.textContent;
    complain(null);
    button.disabled = true;
    button.textContent = button.dataset.working;
    try {
      await act(Object.fromEntries(new FormData(form)));
    } catch (problem) {
      complain(problem.message);
    } finally {
      button.disabled = false;
      button.textContent = label;
    }
  });
}

// Forms that say which address of the API they are for, and what comes after it.
const then = {
  reload: () => location.reload(),
  play: () => play(),
  pack: (told) => {
    const place = document.getElementById("pack");
    place.querySelector("a").href = `/api/v1/exports/${told.number}/pack.zip`;
    place.hidden = false;
  },
};

for (const form of document.querySelectorAll("form[data-path]")) {
  onSend(form, async (typed) => {
    const filled = Object.entries(typed).map(([name, value]) => [name, value.trim()]);
    const body = Object.fromEntries(filled.filter(([, value]) => value));
    const told = await ask(form.dataset.method ?? "POST", form.dataset.path, body);
    form.reset();
    then[form.dataset.then](told, form);
  });
}

const player = document.getElementById("player");

function play() {
  const video = player.querySelector("video");
  video.addEventListener("error", () => {
    video.hidden = true;
    player.querySelector(".unplayable").hidden = false;
  });
  video.src = `/api/v1/clips/${player.dataset.clip}/content`;
  video.hidden = false;
  const asked = player.querySelector("form");
  if (asked) asked.hidden = true;
}

if (player?.dataset.own === "yes") play();

export const word = (name) => words[name];

document.getElementById("signout")?.addEventListener("click", async () => {
  try {
    await ask("DELETE", "/session");
    location.assign("/signin");
  } catch (problem) {
    complain(problem.message);
  }
});
