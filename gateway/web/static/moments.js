// When it was, said honestly: the position in the file, what the camera's clock claimed for it, and
// between which moments of the dock's clock it must have been (docs/clocks.md).
const two = (number) => String(number).padStart(2, "0");

export function position(seconds) {
  const tenths = Math.max(0, Math.floor(seconds * 10 + 1e-6)), whole = Math.floor(tenths / 10);
  const hours = Math.floor(whole / 3600), rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}.${tenths % 10}`;
  return hours ? `${hours}:${rest}` : rest;
}

// A claim is digits on a clock of whatever zone: they are counted on, never converted.
const CLAIM = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(\.\d+)?(.*)$/;
export function claimed(started, seconds) {
  const [, year, month, day, hour, minute, second, , zone] = CLAIM.exec(started ?? "") ?? [];
  if (!year) return null;
  const at = new Date(Date.UTC(+year, +month - 1, +day, +hour, +minute, +second) + Math.floor(seconds) * 1000);
  if (Number.isNaN(at.getTime())) return null;
  return `${at.toISOString().slice(0, 19).replace("T", " ")}${zone === "Z" ? " UTC" : zone ? ` ${zone}` : ""}`;
}

const zone = () => {
  const minutes = -new Date().getTimezoneOffset();
  return `UTC${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
};
function local(ms) {
  const at = new Date(ms);
  return [`${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`, `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`];
}

// Bounds of the whole recording become bounds of one place in it: what comes before it in the file
// was recorded before it, and what comes after it, after. Rounded outwards to whole seconds.
export function between(interval, seconds, duration, words) {
  const from = Date.parse(interval?.earliest ?? ""), to = Date.parse(interval?.latest ?? "");
  const lowest = Number.isNaN(from) ? null : Math.floor(from / 1000 + seconds) * 1000;
  const highest = Number.isNaN(to) ? null : Math.ceil(to / 1000 - Math.max(0, (duration || 0) - seconds)) * 1000;
  if (lowest === null && highest === null) return words("js.when-unknown");
  const fill = (name, values) => words(name).replace(/\{(\w+)\}/g, (_, key) => values[key]);
  if (highest === null || lowest === null) {
    const [date, time] = local(lowest ?? highest);
    return fill(lowest === null ? "js.when-latest" : "js.when-earliest", { at: `${date} ${time}`, zone: zone() });
  }
  if (lowest > highest) return words("js.when-torn");
  const [day, first] = local(lowest), [other, last] = local(highest);
  return fill("js.when-between", { from: `${day} ${first}`, to: other === day ? last : `${other} ${last}`, zone: zone() });
}
