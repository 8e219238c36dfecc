// Forms that look for something: the address says what was asked, and nothing else.
import { ownZone } from "/static/evidock.js";

const find = document.getElementById("find"), zone = find.elements.zone;
find.addEventListener("submit", () => {
  const timed = [...find.elements].some((each) => each.type === "datetime-local" && each.value);
  if (zone) zone.value = timed ? ownZone() : "";
  for (const each of find.elements) if (each.name && !each.value) each.disabled = true;
});
addEventListener("pageshow", () => { for (const each of find.elements) each.disabled = false; });
