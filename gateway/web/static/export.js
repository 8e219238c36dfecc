// Handing out, of a case or of one clip: stated first, then a pack to download, then who has seen it.
import { ask, filled, onSend, word } from "/static/evidock.js";

const form = document.getElementById("export");
if (form) {
  onSend(form, async ({ recipient, reason }) => {
    if (!recipient.trim() || !reason.trim()) throw new Error(word("js.export-needs"));
    const about = form.dataset.clip ? { clip: form.dataset.clip } : { case_no: form.dataset.case };
    const acknowledged = [...form.querySelectorAll("[name=mark]:checked")].map((each) => each.value);
    const told = await ask("POST", "/exports", { ...about, recipient: recipient.trim(), reason: reason.trim(), ...(acknowledged.length ? { acknowledged } : {}) });
    const pack = document.getElementById("pack");
    document.getElementById("pack-number").textContent = String(told.number);
    pack.querySelector("a").href = `/api/v1/exports/${told.number}/pack.zip`;
    pack.hidden = false;
    form.reset();
    follow(told.number);
  });
}

// A pack is worth more once others have seen its acts in the log: how far that is.
async function follow(number) {
  const seen = document.getElementById("pack-seen");
  for (let tries = 0; tries < 30; tries++) {
    const told = await ask("GET", `/exports/${number}/witnesses?wait=10`).catch(() => null);
    if (!told) return;
    const values = { seen: told.cosigned.length, asked: told.asked.length };
    seen.textContent = told.asked.length ? filled(word("js.export-seen"), values) : word("js.export-unseen");
    if (told.cosigned.length >= told.asked.length) return;
  }
}
