import { ask, complain, onSend, word } from "/static/evidock.js";

const form = document.getElementById("setup");
const token = location.hash.slice(1);
// Not to be left in the history, nor seen over a shoulder.
history.replaceState(null, "", location.pathname);
let isFirst = false;

async function open() {
  const problem = document.getElementById("problem");
  if (!token) {
    problem.hidden = false;
    return;
  }
  try {
    const offered = await ask("POST", "/setup/offer", { token });
    isFirst = offered.login === null;
    if (isFirst) {
      const title = document.getElementById("title");
      title.textContent = title.dataset.first;
      document.getElementById("why").hidden = false;
    } else {
      form.login.value = offered.login;
      form.elements.name.value = offered.name;
      form.login.readOnly = form.elements.name.readOnly = true;
    }
    document.getElementById("qr").src = offered.qr;
    document.getElementById("secret").textContent = offered.secret.replace(/(.{4})/g, "$1 ").trim();
    form.hidden = false;
    (isFirst ? form.login : form.password).focus();
  } catch (refused) {
    complain(refused.message);
  }
}

onSend(form, async (typed) => {
  if (typed.password !== document.getElementById("again").value) throw new Error(word("error.differ"));
  const { login, name, password, code } = typed;
  const first = isFirst ? { login: login.trim().toLowerCase(), name: name.trim() } : {};
  await ask("POST", "/setup", { token, password, code, ...first });
  form.hidden = true;
  document.getElementById("done").hidden = false;
});

open();
