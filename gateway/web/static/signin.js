import { ask, onSend } from "/static/evidock.js";

const form = document.getElementById("signin");
onSend(form, async (typed) => {
  try {
    await ask("POST", "/session", { ...typed, login: typed.login.trim().toLowerCase() });
  } catch (problem) {
    // A code serves once: the next try needs another.
    form.code.value = "";
    form.code.focus();
    throw problem;
  }
  location.assign(form.dataset.next);
});
