// @ts-check
/**
 * The form of one request. Its controls are made from the catalog's fields, which the kernel sends; what is wrong is
 * judged by the kernel too, so that the form, the flags and the checks cannot drift apart.
 *
 * @typedef {{name: string, label: string, where: string, type: string, help: string, choices: string[], open: boolean, optional: boolean,
 *   minimum: number|null, maximum: number|null, max_characters: number|null, unit: string, kind: string,
 *   suffixes: string[], formats: string[], max_bytes: number|null, most: number, items: string[],
 *   specials: {value: number, help: string}[]}} Field
 * @typedef {{name: string, facts: string, note: string, url: string|null, kind: string}} Medium
 * @typedef {{problems: Record<string, string>, ready: boolean, mode: string, price: string,
 *   clips: number, media: Record<string, Medium>, typed: Record<string, string>, lists: Record<string, string[]>,
 *   model: string, fields: Field[], values: Record<string, any>, aside: string[]}} Checked
 * @typedef {{get(name: string): any, set(name: string, value: unknown): void,
 *   send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void,
 *   on(event: string, handler: Function): void, off(event: string, handler: Function): void}} Model
 * @typedef {{field: Field, el: HTMLElement, show(value: any): void, read?: () => any, check(problem: string, seen: boolean): void}} Control
 */

import { copier } from "./clipboard.js";
import { h, say } from "./dom.js";
import { listControl, mark, materialControl, messageOf } from "./form_material.js";
import { renderInHtml, keepKeys } from "./host_page.js";

/** Milliseconds of silence after a key before the kernel is asked. */
const PAUSE = 250;
/** Milliseconds after which it is said why no answer comes. */
const LATE_AFTER = 3000;
let forms = 0;

/** Characters as the service counts them: Unicode code points, so that an emoji is one. @param {string} text */
export const count = (text) => [...text].length;

/** The line that parts prompts, as in a cell. */
const PARTED = /^---(?:[ \t].*)?$/m;

/** Text area with a counter. @param {Field} field @param {string} id @param {() => void} changed @returns {Control} */
function textControl(field, id, changed) {
  const message = messageOf(`${id}-problem`);
  const counter = h("span", { class: "wan-counter" });
  const another = () => {
    area.value = `${area.value.trimEnd()}\n---\n`.trimStart();
    area.focus();
    tell();
    changed();
  };
  const more = field.name === "prompt" ? h("button", { type: "button", class: "wan-button", title: "Prompts behind --- lines are compared on the same seeds", onclick: another }, "Another prompt") : null;
  const area = h("textarea", { id, rows: field.name === "prompt" ? 4 : 2, dir: "auto", "aria-describedby": `${id}-help ${id}-problem`, oninput: () => (tell(), changed()) });
  function tell() {
    const texts = more ? area.value.split(PARTED).map((text) => text.replace(/^\n+|\n+$/g, "")) : [area.value];
    const used = Math.max(...texts.map(count));
    counter.textContent = `${used.toLocaleString("en")} / ${field.max_characters?.toLocaleString("en")}`;
    counter.classList.toggle("wan-over", used > (field.max_characters ?? Infinity));
  }
  tell();
  return {
    field,
    el: h("div", { class: `wan-field wan-text wan-${field.name}` },
      h("div", { class: "wan-label" }, h("label", { for: id }, field.label), h("span", { id: `${id}-help`, class: "wan-help" }, field.help), counter, more), area, message),
    read: () => area.value,
    show: (value) => { area.value = value ?? ""; tell(); },
    check: (problem, seen) => mark(message, [area], problem, seen || problem !== "" && area.value !== ""),
  };
}

/** One of few choices. @param {Field} field @param {string} id @param {() => void} changed @returns {Control} */
function choiceControl(field, id, changed) {
  const message = messageOf(`${id}-problem`);
  const choices = field.optional ? ["", ...field.choices] : field.choices;
  const inputs = choices.map((choice) => h("input", { type: "radio", name: id, value: choice, onchange: changed }));
  return {
    field,
    el: h("fieldset", { class: "wan-field wan-choice", "aria-describedby": `${id}-problem` },
      h("legend", { title: field.help }, field.label),
      h("div", { class: "wan-segments" }, ...inputs.map((input, i) => h("label", {}, input, h("span", {}, choices[i] || "as given")))), message),
    read: () => inputs.find((input) => input.checked)?.value ?? "",
    show: (value) => inputs.forEach((input) => (input.checked = input.value === (value ?? ""))),
    check: (problem, seen) => mark(message, inputs, problem, seen),
  };
}

/** Free text with suggestions. @param {Field} field @param {string} id @param {() => void} changed @returns {Control} */
function lineControl(field, id, changed) {
  const message = messageOf(`${id}-problem`);
  const list = h("datalist", { id: `${id}-list` }, ...field.choices.map((choice) => h("option", { value: choice })));
  const input = h("input", { id, type: "text", list: list.id, spellcheck: "false", title: field.help, "aria-describedby": `${id}-problem`, oninput: changed });
  return {
    field,
    el: h("div", { class: "wan-field" }, h("label", { for: id }, field.label), input, list, message),
    read: () => input.value,
    show: (value) => { input.value = value ?? ""; },
    check: (problem, seen) => mark(message, [input], problem, seen),
  };
}

/**
 * The model: as what is given decides it, one of those that are known, or another name.
 * @param {Field} field @param {string} id @param {() => void} changed
 */
function modelControl(field, id, changed) {
  const message = messageOf(`${id}-problem`);
  const automatic = h("option", { value: "" }, "follows what you give");
  const other = h("option", { value: "?" }, "another name …");
  const choose = h("select", { id, title: field.help, "aria-describedby": `${id}-problem`, onchange: () => { name.hidden = choose.value !== "?"; if (!name.hidden) name.focus(); changed(); } },
    automatic, ...field.choices.map((choice) => h("option", { value: choice }, choice)), other);
  const name = h("input", { type: "text", spellcheck: "false", hidden: true, "aria-label": "Name of the model", oninput: changed });
  return {
    field,
    el: h("div", { class: "wan-field wan-model" }, h("label", { for: id }, field.label), choose, name, message),
    read: () => (choose.value === "?" ? name.value : choose.value),
    show: (/** @type {any} */ value) => {
      const known = !value || field.choices.includes(value);
      choose.value = known ? value ?? "" : "?";
      name.hidden = known;
      name.value = known ? "" : value;
    },
    update: (/** @type {Checked} */ checked) => { automatic.textContent = `follows what you give: ${checked.model}`; },
    check: (/** @type {string} */ problem, /** @type {boolean} */ seen) => mark(message, [choose], problem, seen),
  };
}

/** A number: with a slider when the range is short, with a dice when it is endless. @param {Field} field @param {string} id @param {() => void} changed @returns {Control} */
function numberControl(field, id, changed) {
  const message = messageOf(`${id}-problem`);
  const low = field.minimum ?? 0;
  const high = field.maximum ?? 2 ** 31 - 1;
  const short = high - low <= 100;
  const number = h("input", {
    id, type: "number", min: low, max: high, step: 1, placeholder: short ? "" : "automatic", inputmode: "numeric", "aria-describedby": `${id}-problem`,
    oninput: () => { slider.value = number.value; changed(); },
  });
  const slider = h("input", { type: "range", min: low, max: high, "aria-label": `${field.label}, slider`, oninput: () => { number.value = slider.value; changed(); } });
  const dice = h("button", {
    type: "button", class: "wan-button", title: "Draw a seed", "aria-label": "Draw a seed",
    onclick: () => { number.value = Math.floor(Math.random() * high); changed(); },
  }, "⚄");
  const specials = (field.specials ?? []).map(({ value, help }) => h("button", {
    type: "button", class: "wan-button", onclick: () => { number.value = String(value); changed(); } }, `${value}: ${help}`));
  return {
    field,
    el: h("div", { class: `wan-field wan-number wan-${field.name}` }, h("label", { for: id, title: field.help }, field.label),
      h("div", { class: "wan-with" }, ...(short ? [slider] : []), number, ...(field.unit ? [h("span", {}, field.unit)] : []), ...(short ? [] : [dice]), ...specials), message),
    // The text as typed: a number that the kernel cannot read is told so, and not dropped here.
    read: () => (number.value === "" && number.validity.badInput ? "?" : number.value),
    show: (value) => { number.value = value ?? ""; slider.value = value ?? low; },
    check: (problem, seen) => mark(message, [number], problem, seen),
  };
}

/** @param {Field} field @param {string} id @param {() => void} changed @returns {Control} */
function checkControl(field, id, changed) {
  const input = h("input", { id, type: "checkbox", onchange: changed, "aria-describedby": `${id}-help` });
  return {
    field,
    el: h("div", { class: "wan-field wan-check" }, input, h("label", { for: id }, field.label), h("span", { id: `${id}-help`, class: "wan-help" }, field.help)),
    read: () => input.checked,
    show: (value) => { input.checked = Boolean(value); },
    check: () => {},
  };
}

/** @param {{model: Model, el: HTMLElement}} context */
function render({ model, el }) {
  const scope = `wan-form-${++forms}`;
  const me = String(Math.random()); // several pages show one form
  /** @type {Field[]} */ let fields = model.get("fields");
  const about = model.get("about");
  let timer = 0;
  let asked = 0;
  let busy = false;
  let patience = 0;
  /** @type {Set<string>} */ const seen = new Set();

  const mode = h("span", { class: "wan-mode", role: "status" });
  const price = h("strong", { class: "wan-price" });
  const said = h("div", { class: "wan-said", role: "status", hidden: true });
  const submit = h("button", { type: "button", class: "wan-button wan-main", onclick: () => order() }, "Make the clip");
  const code = h("div", { class: "wan-code" });
  /** @type {Field} */ const each = { name: "seeds", label: "Seeds for each prompt", where: "study", type: "int", help: "Every prompt is made with the same seeds; six tell which is better, at the earliest.",
    choices: [], open: false, optional: false, minimum: 1, maximum: 100, max_characters: null, unit: "", kind: "", suffixes: [], formats: [], max_bytes: null, most: 1, items: [], specials: [] };
  /** @type {Record<string, any>} */ const shows = {
    "%%wan": h("button", { type: "button", class: "wan-button", "aria-pressed": "false", onclick: () => showCode("%%wan") }, "Show as %%wan cell"),
    Python: h("button", { type: "button", class: "wan-button", "aria-pressed": "false", onclick: () => showCode("Python") }, "Show as Python"),
  };
  /** @type {Record<string, any>} */ const controls = {};
  /** @type {string} */ let drawn = "";
  /** @type {Field[]} */ let all = [];
  const places = {
    prompt: h("div", {}),
    singles: h("div", { class: "wan-materials" }),
    lists: h("div", { class: "wan-lists" }),
    settings: h("div", { class: "wan-settings" }),
    more: h("div", { class: "wan-more" }),
  };
  const aside = h("div", { class: "wan-help wan-aside", role: "status", hidden: true });
  const isMain = (/** @type {Field} */ f) => f.where === "model" || (f.where === "parameters" && f.type !== "bool");

  /** Controls for the fields of the model, those that were there and are the same kept. @param {Field[]} wanted @param {Record<string, any>} given */
  function build(wanted, given) {
    const text = JSON.stringify(wanted);
    if (text === drawn) return;
    drawn = text;
    fields = wanted;
    all = [...wanted.filter((f) => f.where !== "item"), each];
    for (const name of Object.keys(controls)) {
      const field = all.find((f) => f.name === name);
      if (field && JSON.stringify(field) === controls[name].made) continue;
      controls[name].close?.();
      delete controls[name];
    }
    for (const field of all) {
      if (controls[field.name]) continue;
      controls[field.name] = make(field);
      controls[field.name].made = JSON.stringify(field);
      controls[field.name].show(given[field.name]);
    }
    /** @param {(field: Field) => boolean} test */
    const those = (test) => all.filter(test).map((field) => controls[field.name].el);
    const active = document.activeElement;
    places.prompt.replaceChildren(...those((f) => f.name === "prompt"));
    places.singles.replaceChildren(...those((f) => f.kind !== "" && f.most === 1));
    places.lists.replaceChildren(...those((f) => f.kind !== "" && f.most > 1));
    places.settings.replaceChildren(...those(isMain), controls.seeds.el);
    places.more.replaceChildren(...those((f) => f.name !== "prompt" && f.name !== "seeds" && f.kind === "" && !isMain(f)));
    if (active instanceof HTMLElement && root.contains(active)) active.focus();
  }

  const root = h("div", { class: "wan-widget wan-form", role: "form", "aria-label": "New clip", "data-lm-suppress-shortcuts": "true", onfocusin: keepKeys },
    h("div", { class: "wan-head" }, h("strong", {}, "New clip"), mode, h("span", { class: "wan-space" }),
      about.simulated ? h("span", { class: "wan-badge" }, "SIMULATED") : h("span", { class: "wan-help" }, `at ${about.service}`)),
    places.prompt, places.settings, aside, places.singles, places.lists,
    h("details", {}, h("summary", {}, "More"), places.more),
    h("div", { class: "wan-foot" }, submit, price, about.simulated ? h("span", { class: "wan-help" }, "simulated: nothing is billed") : null, h("span", { class: "wan-space" }),
      ...Object.values(shows)),
    said, code);
  el.append(root);

  /** @param {Field} field */
  function make(field) {
    const id = `${scope}-${field.name}`;
    const changed = () => { seen.add(field.name); later(); };
    const files = (/** @type {string} */ kind) => about.files[kind] ?? [];
    if (field.kind && field.most > 1) {
      const voice = fields.find((f) => f.where === "item" && f.items.includes(field.name)) ?? null;
      return listControl(field, id, model, files(field.kind), about.chunk, voice, files("audio"));
    }
    if (field.kind) return materialControl(field, id, model, files(field.kind), about.chunk);
    if (field.where === "model") return modelControl(field, id, changed);
    if (field.type === "bool") return checkControl(field, id, changed);
    if (field.type === "int") return numberControl(field, id, changed);
    if (field.max_characters) return textControl(field, id, changed);
    return (field.choices.length && !field.open ? choiceControl : lineControl)(field, id, changed);
  }
  const values = () => Object.fromEntries(all.filter((f) => f.kind === "").map((f) => [f.name, controls[f.name].read()]));
  function later() {
    clearTimeout(timer);
    say(said, "");
    drawCode("");
    timer = window.setTimeout(() => ask("set"), PAUSE);
  }
  /** A question with all that is typed; `wait` is said when no answer comes. @param {string} kind @param {string} [wait] */
  function ask(kind, wait = "The kernel is busy: this is checked when the running cell has ended.") {
    clearTimeout(timer);
    clearTimeout(patience);
    patience = window.setTimeout(() => say(said, wait), LATE_AFTER);
    model.send({ kind, values: values(), n: ++asked, page: me });
  }
  let wanted = "";
  /** @param {string} name */
  function showCode(name) {
    if (wanted === name) return drawCode("");
    wanted = name;
    ask("code");
  }
  function order() {
    if (busy) return; // the second half of a double click
    busy = true;
    submit.disabled = true;
    for (const field of all) seen.add(field.name);
    say(said, "Sending …");
    ask("submit", "The kernel is busy: this is sent when the running cell has ended.");
  }
  /** @param {Checked} checked */
  function draw(checked) {
    build(checked.fields, checked.values);
    say(mode, checked.mode);
    say(aside, checked.aside.length ? `Put aside: ${checked.aside.join("; ")}. It comes back as soon as it fits.` : "");
    say(price, checked.price);
    controls.seeds.el.hidden = !checked.clips && !checked.problems.seeds;
    say(submit, checked.clips > 1 ? `Make ${checked.clips} clips` : "Make the clip");
    for (const field of all) {
      const control = controls[field.name];
      control.update?.(checked);
      control.check(checked.problems[field.name] ?? "", seen.has(field.name));
    }
    submit.classList.toggle("wan-ready", checked.ready);
  }
  /** @param {string} name  nothing without one @param {string} [source] */
  function drawCode(name, source = "") {
    wanted = name;
    for (const [kind, button] of Object.entries(shows)) button.setAttribute("aria-pressed", String(kind === name));
    const text = h("pre", { tabindex: 0, "aria-label": name }, source);
    code.replaceChildren(...(name ? [text, h("div", { class: "wan-with" }, ...copier(text))] : []));
  }
  /** What was typed into another page of this notebook; a control that is in use here keeps its own. @param {any} given */
  function mirror(given) {
    for (const { name, kind } of all) {
      const control = controls[name];
      if (!kind && name in given && !control.el.contains(document.activeElement)) control.show(given[name]);
    }
  }
  /** @param {any} message @param {DataView[]} buffers */
  function receive(message, buffers) {
    if (message.field) (controls[message.field] ?? controls[message.field.split("#").filter((/** @type {string} */ part) => controls[part])[0]])?.answer?.(message, buffers);
    const other = message.page != null && message.page !== me;
    if (message.kind === "checked" && (message.n == null || other || message.n === asked)) {
      draw(message.checked);
      if (other) mirror(message.checked.values);
      rest();
    }
    if (message.kind === "code" && wanted) drawCode(wanted, message.code[wanted]);
    if (message.kind === "said") {
      busy = false;
      rest();
      drawCode("");
      submit.disabled = false;
      say(said, message.text);
    }
  }

  // ipywidgets says so when a kernel is restarted or shut down: from then on nobody answers.
  function leave() {
    clearTimeout(patience);
    busy = submit.disabled = true;
    say(said, "The kernel was restarted or has ended. Run this cell again for a new form; what is typed here can be copied.");
  }

  /** The kernel has answered. */
  function rest() {
    clearTimeout(patience);
    if (said.textContent?.startsWith("The kernel is busy")) say(said, busy ? "Sending …" : "");
  }

  build(fields, model.get("values"));
  draw(model.get("checked"));
  model.on("msg:custom", receive);
  model.on("comm_live_update", leave);
  model.send({ kind: "hello" });
  return () => {
    clearTimeout(timer);
    clearTimeout(patience);
    model.off("msg:custom", receive);
    model.off("comm_live_update", leave);
    for (const control of Object.values(controls)) control.close?.();
  };
}

export default { initialize: (/** @type {{model: Model}} */ widget) => renderInHtml(widget, render), render };
