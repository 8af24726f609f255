// Which runs a gallery shows: filters, order, pages. The table is the output beneath, which the kernel writes.

import { h, say } from "./dom.js";
import { renderInHtml, keepKeys } from "./host_page.js";

const PAUSE = 400; // ms without a key before what is typed is looked for

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const { states, studies, ratings, sorts } = model.get("choices");
  /** @type {any} */ let timer;
  let wanted = 1; // the page that was asked for last: who presses twice before the answer wants the one after the next
  let question = 0; // the one that has no answer yet
  /** @param {number} page */
  const ask = (page) => {
    clearTimeout(timer);
    wanted = page;
    question = Math.ceil(Math.random() * 2 ** 50);
    say(told, "Looking …");
    const values = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value]));
    model.send({ kind: "ask", ...values, page, of: question });
  };
  const typed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => ask(1), PAUSE);
  };
  /** @param {string[][]} options */
  const select = (options) =>
    h("select", { onchange: () => ask(1) }, ...options.map(([value, word]) => h("option", { value }, word)));
  const names = `${model.get("place")}-studies`;
  /** @type {Record<string, any>} */
  const fields = {
    status: select(states),
    study: h("input", { type: "text", list: names, autocomplete: "off", onchange: () => ask(1) }),
    text: h("input", { type: "search", oninput: typed, onchange: () => ask(1) }),
    rating: select(ratings),
    sort: select(sorts),
  };
  const words = { status: "State", study: "Study", text: "Text", rating: "Rating", sort: "Order" };
  const labels = Object.entries(words).map(([name, word]) => {
    fields[name].setAttribute("aria-label", word); // else the options were part of the name
    return h("label", { class: `wan-choice wan-choice-${name}` }, h("span", {}, word), fields[name]);
  });
  const page = h("input", { type: "number", min: 1, step: 1, onchange: () => ask(Number(page.value) || 1) });
  /** @param {string} word @param {number} step */
  const turn = (word, step) => {
    const button = h("button", { type: "button", class: "wan-button" }, word);
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-disabled") !== "true") ask(Math.max(wanted + step, 1));
    });
    return button;
  };
  const before = turn("Previous page", -1);
  const after = turn("Next page", 1);
  const of = h("span", {});
  const told = h("span", { role: "status", class: "wan-help" });
  const draw = () => {
    const { choice, pages, said, of: answered } = model.get("shown");
    if (question === answered) question = 0;
    if (!question) wanted = choice.page;
    for (const [name, field] of Object.entries(fields)) if (field !== document.activeElement) field.value = choice[name];
    if (page !== document.activeElement) page.value = choice.page;
    page.setAttribute("max", pages);
    say(of, `of ${pages}`);
    before.setAttribute("aria-disabled", String(choice.page <= 1));
    after.setAttribute("aria-disabled", String(choice.page >= pages));
    say(told, said);
  };
  model.on("change:shown", draw);
  draw();
  const list = h("datalist", { id: names }, ...studies.map((/** @type {string} */ value) => h("option", { value })));
  const pager = h("div", { class: "wan-pager" }, before, h("label", {}, "Page ", page, " ", of), after, told);
  const parts = [h("div", { class: "wan-choices" }, ...labels, list), pager];
  const keys = { class: "wan-widget wan-gallery", role: "group", "aria-label": "Which runs are shown", "data-lm-suppress-shortcuts": "true", onfocusin: keepKeys };
  el.append(h("div", keys, ...parts));
  return () => {
    clearTimeout(timer);
    model.off("change:shown", draw);
  };
}

export default { initialize: (/** @type {{model: any}} */ widget) => renderInHtml(widget, render), render };
