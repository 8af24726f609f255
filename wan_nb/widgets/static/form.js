// @ts-check
/**
 * The form of one request. Its controls are made from the catalog's fields, which the kernel sends; what is wrong is
 * judged by the kernel too, so that the form, the flags and the checks cannot drift apart.
 *
 * @typedef {{name: string, label: string, where: string, type: string, help: string, choices: string[], open: boolean,
 *   minimum: number|null, maximum: number|null, max_characters: number|null, unit: string, kind: string,
 *   suffixes: string[], formats: string[], max_bytes: number|null}} Field
 * @typedef {{name: string, facts: string, note: string, url: string|null, kind: string}} Medium
 * @typedef {{problems: Record<string, string>, ready: boolean, mode: string, price: string,
 *   clips: number, media: Record<string, Medium>, typed: Record<string, string>}} Checked
 * @typedef {{get(name: string): any, set(name: string, value: unknown): void,
 *   send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void,
 *   on(event: string, handler: Function): void, off(event: string, handler: Function): void}} Model
 * @typedef {{field: Field, el: HTMLElement, show(value: any): void, read?: () => any, check(problem: string, seen: boolean): void}} Control
 */

import { copier } from "./clipboard.js";
import { addresses, h, say } from "./dom.js";
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

/** @param {number} bytes */
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** A message beside a control, tied to it for screen readers. @param {string} id */
function messageOf(id) {
  return h("div", { id, class: "wan-problem", "aria-live": "polite", hidden: true });
}

/** @param {any} message @param {any[]} inputs @param {string} problem @param {boolean} seen */
function mark(message, inputs, problem, seen) {
  say(message, problem);
  // What was never touched is not wrong yet, only missing.
  message.classList.toggle("wan-todo", !seen);
  for (const input of inputs) {
    if (problem && seen) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
}

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
  const inputs = field.choices.map((choice) => h("input", { type: "radio", name: id, value: choice, onchange: changed }));
  return {
    field,
    el: h("fieldset", { class: "wan-field wan-choice", "aria-describedby": `${id}-problem` },
      h("legend", { title: field.help }, field.label),
      h("div", { class: "wan-segments" }, ...inputs.map((input, i) => h("label", {}, input, h("span", {}, field.choices[i])))), message),
    read: () => inputs.find((input) => input.checked)?.value ?? "",
    show: (value) => inputs.forEach((input) => (input.checked = input.value === value)),
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
  return {
    field,
    el: h("div", { class: `wan-field wan-number wan-${field.name}` }, h("label", { for: id, title: field.help }, field.label),
      h("div", { class: "wan-with" }, ...(short ? [slider] : []), number, ...(field.unit ? [h("span", {}, field.unit)] : []), ...(short ? [] : [dice])), message),
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

/**
 * A material: by file, by dropping, by path or by URL, with a preview.
 * @param {Field} field @param {string} id @param {Model} model @param {string[]} files @param {number} chunk
 */
function materialControl(field, id, model, files, chunk) {
  const message = messageOf(`${id}-problem`);
  const list = h("datalist", { id: `${id}-list` }, ...files.map((file) => h("option", { value: file })));
  const path = h("input", {
    id, type: "text", list: list.id, spellcheck: "false", placeholder: "path or URL", "aria-describedby": `${id}-problem`,
    onchange: () => { touched(); model.send({ kind: "give", field: field.name, text: path.value }); },
    onkeydown: (/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter") { event.preventDefault(); path.blur(); path.focus(); } },
  });
  const picker = h("input", { type: "file", accept: field.suffixes.join(","), tabindex: -1, "aria-hidden": "true", onchange: () => { if (picker.files[0]) upload(picker.files[0]); picker.value = ""; } });
  const choose = h("button", { type: "button", class: "wan-button", "aria-label": `Choose a file for ${field.label}`, onclick: () => picker.click() }, "File…");
  const clear = h("button", { type: "button", class: "wan-button wan-clear", title: "Remove", "aria-label": `Remove ${field.label}`, hidden: true, onclick: () => { path.value = ""; cancelUpload(); model.send({ kind: "give", field: field.name, text: "" }); path.focus(); } }, "✕");
  const listen = h("button", { type: "button", class: "wan-button wan-listen", "aria-label": `Play ${field.label}`, hidden: true, onclick: () => model.send({ kind: "listen", field: field.name }) }, "▶ Play");
  const article = /^[AEIOU]/.test(field.kind.toUpperCase()) ? "an" : "a";
  const hint = h("span", { class: "wan-help" }, `Drop ${article} ${field.kind} here`);
  const preview = h("div", { class: "wan-preview" }, hint);
  const facts = h("div", { class: "wan-help" });
  const note = h("div", { class: "wan-help" });
  const progress = h("progress", { max: 1, value: 0, hidden: true, "aria-label": `Upload of ${field.label}` });
  let seen = false;
  let shown = "";
  let turn = 0; // of the upload that counts
  /** @type {((received: number) => void)|null} */ let got = null;
  const urls = addresses();
  const touched = () => { seen = true; };

  const el = h("fieldset", {
    class: "wan-field wan-material",
    ondragover: (/** @type {DragEvent} */ event) => { event.preventDefault(); event.stopPropagation(); el.classList.add("wan-drop"); },
    ondragleave: () => el.classList.remove("wan-drop"),
    ondrop: (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      event.stopPropagation(); // or the notebook would open the file
      el.classList.remove("wan-drop");
      const file = event.dataTransfer?.files[0];
      if (file) upload(file);
    },
  }, h("legend", { title: field.help }, field.label), h("div", { class: "wan-screen" }, preview, listen, clear), h("label", { for: id, class: "wan-hidden" }, `${field.label}, path or URL`),
    h("div", { class: "wan-with" }, path, choose, picker), list, progress, facts, note, message);

  function cancelUpload() {
    turn += 1;
    got = null;
    progress.hidden = true;
  }
  /** @param {string} problem */
  function refuse(problem) {
    touched();
    mark(message, [path], problem, true);
  }
  /** @param {File} file */
  async function upload(file) {
    const ending = file.name.toLowerCase().match(/\.[a-z0-9]+$/)?.[0] ?? "";
    if (!field.suffixes.includes(ending)) return refuse(`${file.name} is no ${field.formats.join(" or ")} file.`);
    if (file.size > (field.max_bytes ?? Infinity)) return refuse(`${file.name} has ${megabytes(file.size)}; the limit is ${(field.max_bytes ?? 0) / 1e6} MB.`);
    if (file.size === 0) return refuse(`${file.name} is empty.`);
    cancelUpload();
    const mine = turn;
    touched();
    mark(message, [path], "", true);
    path.value = "";
    progress.hidden = false;
    progress.value = 0;
    say(facts, `sending ${file.name}, ${megabytes(file.size)} …`);
    /** @param {object} content @param {ArrayBuffer[]} [buffers] */
    const step = (content, buffers) => new Promise((resolve) => { got = resolve; model.send({ ...content, field: field.name }, undefined, buffers); });
    // A hash needs a page with https or on this machine; elsewhere the count of bytes must do.
    const digest = crypto.subtle ? await crypto.subtle.digest("SHA-256", await file.arrayBuffer()) : null;
    if (mine === turn) await step({ kind: "begin", name: file.name, size: file.size });
    for (let index = 0; index * chunk < file.size; index++) {
      const piece = await file.slice(index * chunk, (index + 1) * chunk).arrayBuffer();
      if (mine !== turn) return; // another file was chosen, or none
      progress.value = Number(await step({ kind: "piece", index }, [piece])) / file.size;
    }
    const sha256 = digest ? [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("") : "";
    say(facts, `looking at ${file.name} …`);
    model.send({ kind: "end", field: field.name, sha256 });
  }

  return {
    field, el,
    show() {},
    /** @param {Checked} checked */
    update(checked) {
      const medium = checked.media[field.name];
      if (document.activeElement !== path) path.value = checked.typed[field.name] ?? "";
      if (got === null || medium) {
        say(facts, medium?.facts ?? "");
        progress.hidden = true;
      }
      say(note, medium?.note ?? "");
      clear.hidden = !medium && !checked.typed[field.name];
      el.classList.toggle("wan-given", Boolean(medium));
      const key = medium ? `${medium.name}|${medium.facts}|${medium.url}` : "";
      if (key === shown) return;
      shown = key;
      listen.hidden = !medium || medium.kind === "image" || medium.url !== null;
      preview.replaceChildren(...(medium ? [] : [hint]));
      if (medium?.url) {
        const tag = { image: "img", audio: "audio", clip: "video" }[medium.kind] ?? "img";
        preview.append(h(tag, { src: medium.url, alt: "", controls: tag !== "img", preload: "none", loading: "lazy", referrerpolicy: "no-referrer", "aria-label": field.label,
          onerror: () => preview.replaceChildren(h("span", { class: "wan-help" }, "no preview of this URL")) }));
      }
    },
    /** @param {string} problem @param {boolean} all */
    check(problem, all) {
      mark(message, [path], problem, seen || all || path.value !== "");
    },
    /** @param {any} reply @param {DataView[]} buffers */
    answer(reply, buffers) {
      if (reply.kind === "got") { const next = got; got = null; next?.(reply.received); }
      else if (reply.kind === "refused") cancelUpload();
      else if (reply.kind === "preview") preview.replaceChildren(h("img", { src: urls.of(buffers[0], "image/jpeg"), alt: `Preview of ${field.label}` }));
      else if (reply.kind === "play") {
        listen.hidden = true;
        const tag = field.kind === "audio" ? "audio" : "video";
        preview.replaceChildren(h(tag, { src: urls.of(buffers[0], reply.type), controls: true, autoplay: true, "aria-label": field.label }));
      }
    },
    close: urls.free,
  };
}

/** @param {{model: Model, el: HTMLElement}} context */
function render({ model, el }) {
  const scope = `wan-form-${++forms}`;
  /** @type {Field[]} */ const fields = model.get("fields");
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
    choices: [], open: false, minimum: 1, maximum: 100, max_characters: null, unit: "", kind: "", suffixes: [], formats: [], max_bytes: null };
  /** @type {Record<string, any>} */ const shows = {
    "%%wan": h("button", { type: "button", class: "wan-button", "aria-pressed": "false", onclick: () => showCode("%%wan") }, "Show as %%wan cell"),
    Python: h("button", { type: "button", class: "wan-button", "aria-pressed": "false", onclick: () => showCode("Python") }, "Show as Python"),
  };
  /** @type {Record<string, any>} */ const controls = {};
  const all = [...fields, each];
  for (const field of all) controls[field.name] = make(field);
  /** @param {(field: Field) => boolean} test */
  const those = (test) => fields.filter(test).map((field) => controls[field.name].el);
  const isMain = (/** @type {Field} */ f) => f.where === "parameters" && f.type !== "bool";

  const root = h("div", { class: "wan-widget wan-form", role: "form", "aria-label": "New clip", "data-lm-suppress-shortcuts": "true", onfocusin: keepKeys },
    h("div", { class: "wan-head" }, h("strong", {}, "New clip"), mode, h("span", { class: "wan-space" }),
      about.simulated ? h("span", { class: "wan-badge" }, "SIMULATED") : h("span", { class: "wan-help" }, `at ${about.service}`)),
    ...those((f) => f.name === "prompt"),
    h("div", { class: "wan-materials" }, ...those((f) => f.where === "media")),
    h("div", { class: "wan-settings" }, ...those(isMain), controls.seeds.el),
    h("details", {}, h("summary", {}, "More"), h("div", { class: "wan-more" }, ...those((f) => f.name !== "prompt" && f.where !== "media" && !isMain(f)))),
    h("div", { class: "wan-foot" }, submit, price, about.simulated ? h("span", { class: "wan-help" }, "simulated: nothing is billed") : null, h("span", { class: "wan-space" }),
      ...Object.values(shows)),
    said, code);
  el.append(root);

  /** @param {Field} field */
  function make(field) {
    const id = `${scope}-${field.name}`;
    const changed = () => { seen.add(field.name); later(); };
    if (field.where === "media") return materialControl(field, id, model, about.files[field.kind] ?? [], about.chunk);
    if (field.type === "bool") return checkControl(field, id, changed);
    if (field.type === "int") return numberControl(field, id, changed);
    if (field.max_characters) return textControl(field, id, changed);
    return (field.choices.length && !field.open ? choiceControl : lineControl)(field, id, changed);
  }
  const values = () => Object.fromEntries(all.filter((f) => f.where !== "media").map((f) => [f.name, controls[f.name].read()]));
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
    model.send({ kind, values: values(), n: ++asked });
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
    say(mode, checked.mode);
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
  /** @param {any} message @param {DataView[]} buffers */
  function receive(message, buffers) {
    if (message.field) controls[message.field]?.answer?.(message, buffers);
    if (message.kind === "checked" && (message.n == null || message.n === asked)) {
      draw(message.checked);
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

  const first = model.get("values");
  for (const field of all) controls[field.name].show(first[field.name]);
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
