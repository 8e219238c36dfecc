// Pages of keeping: how much is chosen before it is proposed, and what a rule pack says before it is adopted.
const propose = document.getElementById("propose");
const boxes = [...(propose?.querySelectorAll("[name=clips]") ?? [])];
const all = document.getElementById("all");
const size = (bytes) => {
  const [unit, name] = bytes >= 1e9 ? [1e9, "GB"] : bytes >= 1e5 ? [1e6, "MB"] : [1e3, "kB"];
  return `${(bytes / unit).toFixed(1)} ${name}`;
};

function count() {
  const chosen = boxes.filter((each) => each.checked);
  document.getElementById("chosen").textContent = String(chosen.length);
  document.getElementById("bytes").textContent = size(chosen.reduce((sum, each) => sum + Number(each.dataset.size), 0));
  propose.querySelector("button").disabled = !chosen.length;
  all.checked = chosen.length === boxes.length;
  all.indeterminate = chosen.length > 0 && !all.checked;
}
if (boxes.length) {
  for (const box of boxes) box.addEventListener("change", count);
  all.addEventListener("change", () => {
    for (const each of boxes) each.checked = all.checked;
    count();
  });
  // The browser may bring back what was chosen before.
  addEventListener("pageshow", count);
  count();
}

// Whoever adopts reads what he adopts: the file itself, not what somebody says of it.
for (const field of document.querySelectorAll("input[type=file][data-shown]")) {
  field.addEventListener("change", async () => {
    const place = document.getElementById(field.dataset.shown);
    place.textContent = field.files[0] ? await field.files[0].text() : "";
    place.hidden = !field.files[0];
  });
}
