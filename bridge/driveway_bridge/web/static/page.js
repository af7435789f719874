// The bridge's own page. It asks the bridge every two seconds, and shows as the car's state only what the car has said.
import { made, showLog } from "./log.js";
import { byId, count, duration, fill, forget, language, put, putAge, texts } from "./words.js";

const EVERY_MS = 2000;
const ANSWER_MS = 6000;
const COMMAND_MS = 45000; // the bridge ends each command long before
const LOG_EVERY_MS = 15000;
const SIGNAL_EVERY_MS = 60000;
const LOST_AFTER_MS = 6500;
const CONFIRM_MS = 20000;

const cards = new Map();
let heardAt = null; // of the last good answer, on performance.now
let timer = null;
let asking = null; // the question under way
let logAt = -Infinity;
let era = 0; // counts who signed in and out: what was asked before is not answered to who is there now
let awayAt = performance.now(); // since when nobody looks, while nobody does

class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

async function ask(path, body, patience = ANSWER_MS) {
  const options = { signal: AbortSignal.timeout(patience), credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  const svg = answer.headers.get("Content-Type")?.startsWith("image/svg+xml");
  const said = svg ? await answer.text() : await answer.json();
  if (!answer.ok) throw new Refused(answer.status, said.sentence);
  return said;
}

// A car ---------------------------------------------------------------------------------------------------------------

class Card {
  constructor(id) {
    this.id = id;
    this.name = id;
    this.doing = null; // the command under way: its name, what was said before, and what it may overtake
    this.element = byId("car-template").content.firstElementChild.cloneNode(true);
    this.element.dataset.car = id;
    this.parts = Object.fromEntries([...this.element.querySelectorAll("[data-part]")].map((one) => [one.dataset.part, one]));
    this.signalAt = -Infinity;
    this.shown = null;
    const heading = this.parts.name;
    heading.id = `name-${id}`;
    this.element.setAttribute("aria-labelledby", heading.id);
    this.parts["do-lock"].addEventListener("click", () => this.command("lock"));
    this.parts["do-unlock"].addEventListener("click", () => confirmUnlock(this));
  }

  show(car, link) {
    const parts = this.parts;
    this.name = car.name;
    this.shown = car;
    put(parts.name, car.name);
    this.showLock();
    put(parts.doors, car.doors.text);
    parts.doors.classList.toggle("open", car.doors.open);
    putAge(parts["doors-age"], car.doors.age_s, "{age}");
    for (const name of ["asleep", "present"]) {
      put(parts[name], car[name].text);
      putAge(parts[`${name}-age`], car[name].age_s, "{age}");
    }
    put(parts.link, car.link);
    putAge(parts["contact-age"], car.contact_s_ago, "{age}", texts.never);
    parts["signal-row"].hidden = parts.figure.hidden = car.route !== null && car.route !== "bluetooth";
    put(parts.signal, car.signal_dbm === null ? "–" : `${car.signal_dbm} dBm`.replace("-", "−"));
    putAge(parts["signal-age"], car.heard_s_ago, "{age}");
    put(parts.why, link.sentence);
    parts.why.className = `why ${link.state}`;
    if (!parts.figure.hidden) this.showSignal();
  }

  showLock() {
    const { lock } = this.shown;
    const parts = this.parts;
    const locked = ["locked", "internal_locked"].includes(lock.value);
    const unlocked = ["unlocked", "selective_unlocked"].includes(lock.value);
    parts.state.className = `state${this.doing ? " busy" : locked ? " locked" : unlocked ? " unlocked" : ""}`;
    if (this.doing) {
      put(parts.lock, texts[`${this.doing.name}ing`]);
      putAge(parts["lock-age"], null, "", fill(texts.before, { state: this.doing.before }));
    } else {
      put(parts.lock, lock.text);
      const words = lock.from_memory ? texts.heard_before_start : texts.heard;
      const unknown = lock.heard ? fill(words, { age: texts.age_unknown }) : "";
      putAge(parts["lock-age"], lock.age_s, words, unknown);
    }
    this.enable();
  }

  enable() {
    const off = isLost() || this.doing !== null;
    this.parts["do-lock"].disabled = off && this.doing?.name !== "unlock"; // locking may always overtake unlocking
    this.parts["do-unlock"].disabled = off;
  }

  async command(name) {
    const mine = { name, before: this.shown.lock.text, overtakes: this.doing, ended: false };
    const begun = era;
    this.doing = mine;
    this.say("", true);
    this.showLock();
    let said;
    let taken = true;
    try {
      said = await ask("/api/command", { car: this.id, command: name }, COMMAND_MS);
    } catch (error) {
      taken = !(error instanceof Refused);
      said = { good: false, sentence: taken ? texts.no_news : error.message };
      if (error.status === 401 && era === begun) showLogin(said.sentence);
    }
    mine.ended = true;
    await asking; // what was asked before the end may be old
    await refresh(); // what the car said of it comes first, then the sentence
    if (this.doing !== mine) return;
    this.doing = taken || mine.overtakes?.ended ? null : mine.overtakes; // what was not taken overtakes nothing
    this.showLock();
    this.say(said.sentence ?? texts.no_news, said.good === true);
    logAt = -Infinity;
    refresh();
  }

  say(sentence, good) {
    put(this.parts.said, sentence);
    this.parts.said.hidden = sentence === "";
    this.parts.said.classList.toggle("bad", !good);
  }

  async showSignal() {
    const width = Math.round(this.parts.picture.clientWidth);
    const due = performance.now() - this.signalAt >= SIGNAL_EVERY_MS || Math.abs(width - this.width) > 20;
    if (!due || width === 0) return;
    this.signalAt = performance.now();
    this.width = width;
    try {
      const drawn = await ask(`/api/signal.svg?car=${encodeURIComponent(this.id)}&width=${width}`);
      if (width !== this.width) return; // another was asked for since
      const svg = new DOMParser().parseFromString(drawn, "image/svg+xml").documentElement;
      const suffix = `-${this.id}`; // two cars on one page
      for (const named of svg.querySelectorAll("[id]")) named.id += suffix;
      const labels = svg.getAttribute("aria-labelledby").split(" ").map((id) => id + suffix);
      svg.setAttribute("aria-labelledby", labels.join(" "));
      this.parts.picture.replaceChildren(document.importNode(svg, true));
    } catch {
      this.signalAt = -Infinity; // the next answer of the bridge tries again; that none comes is told elsewhere
    }
  }
}

// Unlocking is asked back. ---------------------------------------------------------------------------------------------

const dialog = byId("confirm");
let asked = null;
let closing = null;

function confirmUnlock(card) {
  asked = card;
  put(byId("confirm-heading"), fill(texts.confirm_heading, { car: card.name }));
  dialog.showModal();
  clearTimeout(closing);
  closing = setTimeout(() => dialog.close(), CONFIRM_MS);
}
byId("confirm-no").addEventListener("click", () => dialog.close());
byId("confirm-yes").addEventListener("click", () => {
  const card = asked;
  dialog.close();
  card?.command("unlock");
});
dialog.addEventListener("close", () => {
  if (dialog.open) return; // told late: somebody has asked anew since
  clearTimeout(closing);
  asked = null;
});

// All of it -------------------------------------------------------------------------------------------------------------

const MARKS = { good: "✓", bad: "✕", unknown: "?" };

function show(state) {
  const chain = state.chain.map((link) => ({ ...link }));
  for (const [number, car] of state.cars.entries()) {
    if (!cards.has(car.id)) cards.set(car.id, new Card(car.id));
    const card = cards.get(car.id);
    if (!card.element.isConnected) byId("cars").append(card.element);
    card.show(car, chain[1 + number]);
  }
  for (const [id, card] of cards) {
    if (state.cars.some((car) => car.id === id)) continue;
    if (asked === card) dialog.close();
    card.element.remove();
    forget(card.parts);
    cards.delete(id);
  }
  byId("no-cars").hidden = state.cars.length > 0;
  const lines = JSON.stringify(chain);
  const list = byId("chain");
  if (list.dataset.shown !== lines) {
    list.dataset.shown = lines;
    list.replaceChildren(...chain.map((link) => {
      const item = made("li", link.state);
      const mark = made("span", "mark", MARKS[link.state]);
      mark.setAttribute("aria-hidden", "true");
      const words = made("span");
      words.append(made("b", "", link.name), document.createTextNode(link.sentence));
      item.append(mark, words);
      return item;
    }));
  }
  put(byId("version"), fill(texts.version, { version: state.version, uptime: duration(state.uptime_s) }));
  if (state.health) put(byId("health"), JSON.stringify(state.health, null, 2));
}

const isLost = () => heardAt === null || performance.now() - heardAt > LOST_AFTER_MS;

function judge() {
  if (document.hidden) return; // nothing is asked then: that is no loss
  const lost = !byId("home").hidden && isLost();
  byId("lost").hidden = !lost;
  document.body.classList.toggle("lost", lost);
  if (lost && dialog.open) dialog.close();
  for (const card of cards.values()) card.enable();
}

function showLogin(sentence = "") {
  clearTimeout(timer);
  if (dialog.open) dialog.close();
  byId("home").hidden = byId("logout").hidden = true;
  byId("lost").hidden = true;
  for (const card of cards.values()) {
    card.element.remove();
    forget(card.parts);
  }
  cards.clear();
  showCode("");
  byId("version").textContent = byId("health").textContent = "";
  byId("log").tBodies[0].replaceChildren();
  byId("chain").replaceChildren();
  delete byId("chain").dataset.shown;
  if (sentence || byId("login").hidden) {
    byId("login-said").textContent = sentence;
    byId("login-said").hidden = sentence === "";
  }
  if (!byId("login").hidden) return;
  byId("login").hidden = false;
  byId("password").focus();
}

function showHome() {
  byId("login").hidden = true;
  byId("home").hidden = byId("logout").hidden = false;
}

function refresh() {
  asking ??= news(era);
  return asking;
}

async function news(begun) {
  try {
    const state = await ask(byId("health-panel").open ? "/api/state?details" : "/api/state");
    if (era !== begun) return;
    heardAt = performance.now();
    showHome();
    show(state);
    if (performance.now() - logAt >= LOG_EVERY_MS) {
      logAt = performance.now();
      const log = await ask("/api/log");
      if (era !== begun) return;
      showLog(log, cards.size > 1);
    }
  } catch (error) {
    if (era !== begun) return;
    if (error instanceof Refused && error.status === 401) showLogin();
    else if (byId("login").hidden) byId("home").hidden = byId("logout").hidden = false;
  } finally {
    if (era === begun) asking = null;
  }
  judge();
}

function newEra() {
  era += 1;
  asking = null;
}

async function run() {
  clearTimeout(timer);
  await refresh();
  clearTimeout(timer);
  if (!document.hidden && byId("login").hidden) timer = setTimeout(run, EVERY_MS);
}

setInterval(() => {
  count();
  judge();
}, 1000);
document.addEventListener("visibilitychange", () => {
  const time = performance.now();
  if (document.hidden) {
    awayAt = time;
    return;
  }
  if (heardAt !== null) heardAt = Math.min(time, heardAt + time - awayAt);
  count();
  judge();
  if (byId("login").hidden) run();
});
addEventListener("resize", () => {
  for (const card of cards.values()) if (!card.parts.figure.hidden) card.showSignal();
});

byId("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = byId("login-said");
  said.hidden = true;
  const button = event.target.querySelector("button");
  button.disabled = true;
  try {
    await ask("/api/login", { password: byId("password").value });
    byId("password").value = "";
    newEra();
    logAt = -Infinity;
    byId("login").hidden = true;
    await run();
  } catch (error) {
    said.textContent = error instanceof Refused ? error.message : `${texts.lost} ${texts.lost_remedy}`;
    said.hidden = false;
    byId("password").select();
  } finally {
    button.disabled = false;
  }
});

byId("logout").addEventListener("click", async () => {
  try {
    await ask("/api/logout", {});
  } catch {
    heardAt = null; // whoever is still signed in must not be shown as gone
    judge();
    return;
  }
  newEra();
  showLogin();
});

let codeShown = false;
let codeAsked = null;

function showCode(text, shown = false) {
  codeShown = shown;
  codeAsked = null;
  put(byId("code"), text);
  put(byId("code-show"), shown ? texts.code_hide : texts.code_show);
}

byId("code-show").addEventListener("click", async () => {
  if (codeShown) {
    showCode("");
    return;
  }
  const mine = {};
  codeAsked = mine;
  try {
    const { code } = await ask("/api/code", {});
    if (codeAsked === mine) showCode(code, true);
  } catch (error) {
    if (codeAsked !== mine) return;
    if (error instanceof Refused && error.status === 401) showLogin(error.message);
    else showCode(error instanceof Refused ? error.message : `${texts.lost} ${texts.lost_remedy}`);
  }
});
byId("code-panel").addEventListener("toggle", () => {
  if (!byId("code-panel").open) showCode(""); // told late: it may be open again, and the code asked for
});
byId("health-panel").addEventListener("toggle", async () => {
  put(byId("health"), ""); // what was shown before is old
  if (!byId("health-panel").open) return;
  await asking; // without the details
  refresh();
});

for (const link of document.querySelectorAll("nav a")) {
  if (link.lang === language) link.setAttribute("aria-current", "true");
}
run();
