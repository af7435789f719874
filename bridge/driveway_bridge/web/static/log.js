// The table of what was asked for of late.

import { byId, language } from "./words.js";

export function made(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// "en" alone would mean American dates: the reader's own kind of English, or German, is taken if there is one.
const region = (navigator.languages || []).find((one) => one.split("-")[0] === language) || language;
const clock = new Intl.DateTimeFormat(region, { dateStyle: "short", timeStyle: "medium" });

// `several`: there is more than one car to tell of.
export function showLog({ commands }, several) {
  byId("log-empty").hidden = commands.length > 0;
  byId("log").hidden = commands.length === 0;
  byId("log").tBodies[0].replaceChildren(...commands.map((entry) => {
    const row = made("tr");
    const what = several ? `${entry.command} (${entry.car})` : entry.command;
    const result = made("td", entry.good ? "good" : "bad", entry.outcome);
    if (entry.sentence) result.append(made("small", "", entry.sentence));
    const when = entry.unix_s === null ? "–" : clock.format(entry.unix_s * 1000);
    row.append(made("td", "", when), made("td", "", what), result, made("td", "", entry.asked_by));
    return row;
  }));
}
