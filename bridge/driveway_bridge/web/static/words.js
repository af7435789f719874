// Words and ages. An age counts on by itself between two answers of the bridge.

export const byId = (id) => document.getElementById(id);
export const texts = JSON.parse(byId("texts").textContent);
export const language = document.documentElement.lang;
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

const ages = new Map(); // element -> {since, words}

const relative = new Intl.RelativeTimeFormat(language, { numeric: "always", style: "long" });
const now = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(0, "second");
const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function spoken(seconds) {
  if (seconds < 1) return now;
  const [unit, size] = units.find(([, length]) => seconds >= length) ?? units[3];
  return relative.format(-Math.floor(seconds / size), unit);
}

export function duration(seconds) {
  const [unit, size] = units.find(([, length]) => seconds >= length) ?? units[3];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(Math.floor(seconds / size));
}

export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// performance.now stands still while a computer sleeps, and only then the time of day gets ahead of it.
let slept = 0;
let ahead = Date.now() - performance.now();

function passed() {
  const before = ahead;
  ahead = Date.now() - performance.now();
  if (ahead - before > 1000) slept += ahead - before;
  return performance.now() + slept;
}

export function putAge(element, seconds, words = "{age}", otherwise = "") {
  if (seconds === null || seconds === undefined) {
    ages.delete(element);
    put(element, otherwise);
  } else {
    ages.set(element, { since: passed() - seconds * 1000, words });
    tick(element);
  }
}

function tick(element) {
  const { since, words } = ages.get(element);
  put(element, fill(words, { age: spoken(Math.max(0, (passed() - since) / 1000)) }));
}

// Let all ages be those of now.
export function count() {
  for (const element of ages.keys()) tick(element);
}

// These elements are not shown any more.
export function forget(elements) {
  for (const element of Object.values(elements)) ages.delete(element);
}
