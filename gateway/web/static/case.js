// The page of a case: what footage its stages have, what may belong to it, and handing out.
import { ask, complain, onSend, word } from "/static/evidock.js";

const place = document.getElementById("case"), path = place.dataset.path;
const fill = (name, values) => word(name).replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
function element(tag, text, kind) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
const when = (text) => new Date(text).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "medium" });

// Which stages have footage: said with how sure that is, whatever clocks were off by.
async function coverage() {
  const told = await ask("GET", `${path}/coverage`);
  for (const each of told.stages) {
    const line = [...document.querySelectorAll("#stages [data-stage]")].find((one) => one.dataset.stage === each.stage);
    const at = line?.querySelector(".coverage");
    if (!at) continue;
    const chip = element("span", word(`js.covered.${each.covered}`) ?? each.covered, "chip");
    chip.dataset.tone = { covered: "good", late: "warn", partly: "warn", missing: "bad" }[each.covered] ?? "";
    at.replaceChildren(" ", chip, each.sure ? "" : ` ${word("js.covered-unsure")}`);
    for (const gap of each.gaps.slice(0, 10)) at.append(element("small", fill("js.gap", { from: when(gap.start), to: when(gap.end) })));
    if (each.excuse) at.append(element("small", fill("js.excuse", each.excuse)));
  }
}

function proposal(each) {
  const line = document.createElement("li"), head = document.createElement("p"), link = element("a", each.clip.name);
  link.href = `/clips/${each.clip.clip}`;
  head.append(link, ` ${each.clip.clip} · `, element("b", fill("js.score", { score: each.score })));
  const reasons = document.createElement("ul");
  reasons.append(...each.reasons.map((reason) => {
    const known = word(`js.reason.${reason.code}`) ? fill(`js.reason.${reason.code}`, reason) : reason.says;
    return element("li", `${known} (+${reason.points})`);
  }));
  line.append(head, reasons);
  if (place.dataset.ties !== "yes") return line;
  const form = document.createElement("form"), why = document.createElement("input");
  form.className = "filters";
  why.maxLength = 1000;
  why.setAttribute("aria-label", word("js.reason-given"));
  why.placeholder = word("js.reason-given");
  const yes = element("button", word("js.accept"), "button"), no = element("button", word("js.reject"), "button second");
  no.type = "button";
  yes.dataset.working = no.dataset.working = word("js.working");
  form.append(why, yes, no);
  const act = async (what) => {
    const said = why.value.trim();
    if (what === "reject" && !said) throw new Error(word("js.reject-why"));
    await ask("POST", `${path}/proposals/${each.clip.clip}/${what}`, said ? { why: said } : {});
    location.reload();
  };
  onSend(form, () => act("accept"));
  no.addEventListener("click", () => act("reject").catch((problem) => complain(problem.message)));
  line.append(form);
  return line;
}
async function proposals() {
  const told = await ask("GET", `${path}/proposals?limit=20`);
  const section = document.getElementById("proposals");
  section.querySelector("ul").replaceChildren(...told.proposals.map(proposal));
  section.hidden = !told.proposals.length;
}
// What this gateway cannot tell is left out; everything else of the page stands already.
coverage().catch(() => {});
proposals().catch(() => {});

const form = document.getElementById("export");
if (form) {
  onSend(form, async ({ recipient, reason }) => {
    if (!recipient.trim() || !reason.trim()) throw new Error(word("js.export-needs"));
    const acknowledged = [...form.querySelectorAll("[name=mark]:checked")].map((each) => each.value);
    const told = await ask("POST", "/exports", { case_no: form.dataset.case, recipient: recipient.trim(), reason: reason.trim(), ...(acknowledged.length ? { acknowledged } : {}) });
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
    seen.textContent = told.asked.length ? fill("js.export-seen", values) : word("js.export-unseen");
    if (told.cosigned.length >= told.asked.length) return;
  }
}
