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
 *   media: Record<string, Medium>, typed: Record<string, string>}} Checked
 * @typedef {{get(name: string): any, set(name: string, value: unknown): void,
 *   send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void,
 *   on(event: string, handler: Function): void, off(event: string, handler: Function): void}} Model
 * @typedef {{field: Field, el: HTMLElement, show(value: any): void, read?: () => any, check(problem: string, seen: boolean): void}} Control
 */

/** Milliseconds of silence after a key before the kernel is asked. */
const PAUSE = 250;
let forms = 0;

/**
 * An element; `text` and attributes only, so that no value can become markup.
 * @param {string} tag @param {Record<string, any>} [props] @param {...(Node|string)} children @returns {any}
 */
function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name === "cls" ? "class" : name, String(value));
  }
  node.append(...children);
  return node;
}

/** @param {any} node @param {string} text */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = text === "";
}

/**
 * Keeps keys that are pressed in here from the notebook, where `b` inserts a cell. JupyterLab's shortcuts match the
 * element in focus before they look at its ancestors (measured in 4.6), so the attribute has to be on that one.
 * @param {FocusEvent} event
 */
function keepKeys(event) {
  /** @type {Element} */ (event.target).setAttribute("data-lm-suppress-shortcuts", "true");
}

/** Characters as the service counts them: Unicode code points, so that an emoji is one. @param {string} text */
export const count = (text) => [...text].length;

/** @param {number} bytes */
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** A message beside a control, tied to it for screen readers. @param {string} id */
function messageOf(id) {
  return h("div", { id, cls: "wan-problem", "aria-live": "polite", hidden: true });
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
  const counter = h("span", { cls: "wan-counter" });
  const area = h("textarea", { id, rows: field.name === "prompt" ? 4 : 2, dir: "auto", "aria-describedby": `${id}-help ${id}-problem`, oninput: () => (tell(), changed()) });
  function tell() {
    const used = count(area.value);
    counter.textContent = `${used.toLocaleString("en")} / ${field.max_characters?.toLocaleString("en")}`;
    counter.classList.toggle("wan-over", used > (field.max_characters ?? Infinity));
  }
  tell();
  return {
    field,
    el: h("div", { cls: `wan-field wan-text wan-${field.name}` },
      h("div", { cls: "wan-label" }, h("label", { for: id }, field.label), h("span", { id: `${id}-help`, cls: "wan-help" }, field.help), counter), area, message),
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
    el: h("fieldset", { cls: "wan-field wan-choice", "aria-describedby": `${id}-problem` },
      h("legend", { title: field.help }, field.label),
      h("div", { cls: "wan-segments" }, ...inputs.map((input, i) => h("label", {}, input, h("span", {}, field.choices[i])))), message),
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
    el: h("div", { cls: "wan-field" }, h("label", { for: id }, field.label), input, list, message),
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
    id, type: "number", min: low, max: high, step: 1, placeholder: short ? "" : "derived", inputmode: "numeric", "aria-describedby": `${id}-problem`,
    oninput: () => { slider.value = number.value; changed(); },
  });
  const slider = h("input", { type: "range", min: low, max: high, "aria-label": `${field.label}, slider`, oninput: () => { number.value = slider.value; changed(); } });
  const dice = h("button", {
    type: "button", cls: "wan-button", title: "Draw a seed", "aria-label": "Draw a seed",
    onclick: () => { number.value = Math.floor(Math.random() * high); changed(); },
  }, "⚄");
  return {
    field,
    el: h("div", { cls: `wan-field wan-number wan-${field.name}` }, h("label", { for: id, title: field.help }, field.label),
      h("div", { cls: "wan-with" }, ...(short ? [slider] : []), number, ...(field.unit ? [h("span", {}, field.unit)] : []), ...(short ? [] : [dice])), message),
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
    el: h("div", { cls: "wan-field wan-check" }, input, h("label", { for: id }, field.label), h("span", { id: `${id}-help`, cls: "wan-help" }, field.help)),
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
    id, type: "text", list: list.id, spellcheck: "false", placeholder: "path, URL", "aria-describedby": `${id}-problem`,
    onchange: () => { touched(); model.send({ kind: "give", field: field.name, text: path.value }); },
    onkeydown: (/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter") { event.preventDefault(); path.blur(); path.focus(); } },
  });
  const picker = h("input", { type: "file", accept: field.suffixes.join(","), tabindex: -1, "aria-hidden": "true", onchange: () => { if (picker.files[0]) upload(picker.files[0]); picker.value = ""; } });
  const choose = h("button", { type: "button", cls: "wan-button", "aria-label": `Choose a file for ${field.label}`, onclick: () => picker.click() }, "File …");
  const clear = h("button", { type: "button", cls: "wan-button", "aria-label": `Remove ${field.label}`, hidden: true, onclick: () => { path.value = ""; cancelUpload(); model.send({ kind: "give", field: field.name, text: "" }); path.focus(); } }, "Remove");
  const listen = h("button", { type: "button", cls: "wan-button", "aria-label": `Play ${field.label}`, hidden: true, onclick: () => model.send({ kind: "listen", field: field.name }) }, "▶ Play");
  const article = /^[AEIOU]/.test(field.kind.toUpperCase()) ? "an" : "a";
  const hint = h("span", { cls: "wan-help" }, `drop ${article} ${field.kind} here`);
  const preview = h("div", { cls: "wan-preview" }, hint);
  const facts = h("div", { cls: "wan-help" });
  const note = h("div", { cls: "wan-help" });
  const progress = h("progress", { max: 1, value: 0, hidden: true, "aria-label": `Upload of ${field.label}` });
  let seen = false;
  let shown = "";
  /** @type {((received: number) => void)|null} */ let got = null;
  /** @type {string[]} */ const urls = [];
  const touched = () => { seen = true; };

  const el = h("fieldset", {
    cls: "wan-field wan-material",
    ondragover: (/** @type {DragEvent} */ event) => { event.preventDefault(); event.stopPropagation(); el.classList.add("wan-drop"); },
    ondragleave: () => el.classList.remove("wan-drop"),
    ondrop: (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      event.stopPropagation(); // or the notebook would open the file
      el.classList.remove("wan-drop");
      const file = event.dataTransfer?.files[0];
      if (file) upload(file);
    },
  }, h("legend", { title: field.help }, field.label), preview, h("label", { for: id, cls: "wan-hidden" }, `${field.label}, path or URL`),
    h("div", { cls: "wan-with" }, path, choose, picker), list, progress, facts, note, h("div", { cls: "wan-with" }, listen, clear), message);

  function cancelUpload() {
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
    await step({ kind: "begin", name: file.name, size: file.size });
    for (let index = 0; index * chunk < file.size; index++) {
      const piece = await file.slice(index * chunk, (index + 1) * chunk).arrayBuffer();
      progress.value = Number(await step({ kind: "piece", index }, [piece])) / file.size;
    }
    const sha256 = digest ? [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("") : "";
    say(facts, `looking at ${file.name} …`);
    model.send({ kind: "end", field: field.name, sha256 });
  }
  /** @param {DataView} bytes @param {string} type */
  function urlOf(bytes, type) {
    const url = URL.createObjectURL(new Blob([/** @type {any} */ (bytes)], { type }));
    urls.push(url);
    return url;
  }

  return {
    field, el,
    show() {},
    /** @param {Checked} checked */
    update(checked) {
      const medium = checked.media[field.name];
      if (document.activeElement !== path || medium) path.value = checked.typed[field.name] ?? (medium ? path.value : "");
      if (got === null || medium) {
        say(facts, medium ? `${medium.name} · ${medium.facts}` : "");
        progress.hidden = true;
      }
      say(note, medium?.note ?? "");
      clear.hidden = !medium && !checked.typed[field.name];
      listen.hidden = !medium || medium.kind === "image" || medium.url !== null;
      el.classList.toggle("wan-given", Boolean(medium));
      const key = medium ? `${medium.name}|${medium.facts}|${medium.url}` : "";
      if (key === shown) return;
      shown = key;
      preview.replaceChildren(...(medium ? [] : [hint]));
      if (medium?.url) {
        const tag = { image: "img", audio: "audio", clip: "video" }[medium.kind] ?? "img";
        preview.append(h(tag, { src: medium.url, alt: "", controls: tag !== "img", preload: "none", loading: "lazy", referrerpolicy: "no-referrer", "aria-label": field.label }));
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
      else if (reply.kind === "preview") preview.replaceChildren(h("img", { src: urlOf(buffers[0], "image/jpeg"), alt: `Preview of ${field.label}` }));
      else if (reply.kind === "play") {
        const tag = field.kind === "audio" ? "audio" : "video";
        preview.replaceChildren(h(tag, { src: urlOf(buffers[0], reply.type), controls: true, autoplay: true, "aria-label": field.label }));
      }
    },
    close: () => urls.forEach((url) => URL.revokeObjectURL(url)),
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

  const mode = h("span", { cls: "wan-mode", role: "status" });
  const price = h("strong", { cls: "wan-price" });
  const said = h("div", { cls: "wan-said", role: "status", hidden: true });
  const submit = h("button", { type: "button", cls: "wan-button wan-submit", onclick: () => order() }, "Make the clip");
  const code = h("div", { cls: "wan-code" });
  /** @type {Record<string, any>} */ const controls = {};
  for (const field of fields) controls[field.name] = make(field);
  /** @param {(field: Field) => boolean} test */
  const those = (test) => fields.filter(test).map((field) => controls[field.name].el);
  const isMain = (/** @type {Field} */ f) => f.where === "parameters" && f.type !== "bool";

  const root = h("div", { cls: "wan-form", role: "form", "aria-label": "New clip", "data-lm-suppress-shortcuts": "true", onfocusin: keepKeys },
    h("div", { cls: "wan-head" }, h("strong", {}, "New clip"), mode, ...(about.simulated ? [h("span", { cls: "wan-badge" }, "SIMULATED")] : []), h("span", { cls: "wan-help" }, `at ${about.service}`)),
    ...those((f) => f.name === "prompt"),
    h("div", { cls: "wan-materials" }, ...those((f) => f.where === "media")),
    h("div", { cls: "wan-settings" }, ...those(isMain)),
    h("details", {}, h("summary", {}, "More"), h("div", { cls: "wan-more" }, ...those((f) => f.name !== "prompt" && f.where !== "media" && !isMain(f)))),
    h("div", { cls: "wan-foot" }, submit, price, h("span", { cls: "wan-space" }),
      h("button", { type: "button", cls: "wan-button", onclick: () => showCode("%%wan") }, "Show as %%wan cell"),
      h("button", { type: "button", cls: "wan-button", onclick: () => showCode("Python") }, "Show as Python")),
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
  const values = () => Object.fromEntries(fields.filter((f) => f.where !== "media").map((f) => [f.name, controls[f.name].read()]));
  function later() {
    clearTimeout(timer);
    say(said, "");
    code.replaceChildren();
    timer = window.setTimeout(() => model.send({ kind: "set", values: values(), n: ++asked }), PAUSE);
  }
  let wanted = "";
  /** @param {string} name */
  function showCode(name) {
    if (code.dataset.shown === name && code.children.length) return code.replaceChildren();
    wanted = name;
    clearTimeout(timer);
    model.send({ kind: "code", values: values(), n: ++asked });
  }
  function order() {
    if (busy) return; // the second half of a double click
    busy = true;
    submit.disabled = true;
    clearTimeout(timer);
    for (const field of fields) seen.add(field.name);
    say(said, "Sending …");
    patience = window.setTimeout(() => say(said, "The kernel is busy: this is sent when the running cell has ended."), 1500);
    model.send({ kind: "submit", values: values(), n: ++asked });
  }
  /** @param {Checked} checked */
  function draw(checked) {
    say(mode, checked.mode);
    say(price, checked.price);
    for (const field of fields) {
      const control = controls[field.name];
      control.update?.(checked);
      control.check(checked.problems[field.name] ?? "", seen.has(field.name));
    }
    submit.classList.toggle("wan-ready", checked.ready);
  }
  /** @param {Record<string, string>} texts */
  function drawCode(texts) {
    const text = h("pre", { tabindex: 0, "aria-label": wanted }, texts[wanted] ?? "");
    const done = h("span", { role: "status", cls: "wan-help" });
    const copy = h("button", {
      type: "button", cls: "wan-button",
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(text.textContent);
          say(done, "copied");
        } catch {
          getSelection()?.selectAllChildren(text);
          say(done, "selected: press Ctrl+C");
        }
      },
    }, "Copy");
    code.dataset.shown = wanted;
    code.replaceChildren(text, h("div", { cls: "wan-with" }, copy, done));
  }
  /** @param {any} message @param {DataView[]} buffers */
  function receive(message, buffers) {
    if (message.field) controls[message.field]?.answer?.(message, buffers);
    if (message.kind === "checked" && (message.n == null || message.n === asked)) draw(message.checked);
    if (message.kind === "code") drawCode(message.code);
    if (message.kind === "said") {
      clearTimeout(patience);
      busy = false;
      submit.disabled = false;
      say(said, message.text);
    }
  }

  const first = model.get("values");
  for (const field of fields) controls[field.name].show(first[field.name]);
  draw(model.get("checked"));
  model.on("msg:custom", receive);
  model.send({ kind: "hello" });
  return () => {
    clearTimeout(timer);
    clearTimeout(patience);
    model.off("msg:custom", receive);
    for (const control of Object.values(controls)) control.close?.();
  };
}

export default { render };
