// @ts-check
/**
 * Controls of the form for materials: one picture, sound or clip, and a list of them whose order counts.
 *
 * @typedef {import("./form.js").Field} Field
 * @typedef {import("./form.js").Model} Model
 * @typedef {import("./form.js").Checked} Checked
 */

import { addresses, h, say } from "./dom.js";

/** @param {number} bytes */
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** A message beside a control, tied to it for screen readers. @param {string} id */
export function messageOf(id) {
  return h("div", { id, class: "wan-problem", "aria-live": "polite", hidden: true });
}

/** @param {any} message @param {any[]} inputs @param {string} problem @param {boolean} seen */
export function mark(message, inputs, problem, seen) {
  say(message, problem);
  // What was never touched is not wrong yet, only missing.
  message.classList.toggle("wan-todo", !seen);
  for (const input of inputs) {
    if (problem && seen) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
}

/**
 * A material: by file, by dropping, by path or by URL, with a preview.
 * @param {Field} field @param {string} id @param {Model} model @param {string[]} files @param {number} chunk
 */
export function materialControl(field, id, model, files, chunk) {
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
  const file = { image: "a picture", audio: "a sound file", clip: "a clip" }[field.kind] ?? "a file";
  const hint = h("span", { class: "wan-help" }, `Drag ${file} here`);
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

  const legend = h("legend", { title: field.help }, field.label);
  const spoken = h("label", { for: id, class: "wan-hidden" }, `${field.label}, path or URL`);
  /** What is dragged may be another item of a list. @param {DragEvent} event */
  const isFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const el = h("fieldset", {
    class: "wan-field wan-material",
    ondragover: (/** @type {DragEvent} */ event) => { if (!isFile(event)) return; event.preventDefault(); event.stopPropagation(); el.classList.add("wan-drop"); },
    ondragleave: () => el.classList.remove("wan-drop"),
    ondrop: (/** @type {DragEvent} */ event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      event.stopPropagation(); // or the notebook would open the file
      el.classList.remove("wan-drop");
      const file = event.dataTransfer?.files[0];
      if (file) upload(file);
    },
  }, legend, h("div", { class: "wan-screen" }, preview, listen, clear), spoken,
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
    /** What it is called now: its place in a list may change. @param {string} label */
    rename(label) {
      field.label = label;
      say(legend, label);
      say(spoken, `${label}, path or URL`);
      choose.setAttribute("aria-label", `Choose a file for ${label}`);
      clear.setAttribute("aria-label", `Remove ${label}`);
      listen.setAttribute("aria-label", `Play ${label}`);
    },
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

/**
 * A list of materials in order: dragged by its handle, or moved by the arrow keys on it; the last place takes a new one.
 * @param {Field} field @param {string} id @param {Model} model @param {string[]} files @param {number} chunk
 * @param {Field|null} voice  what each item may carry
 * @param {string[]} sounds
 */
export function listControl(field, id, model, files, chunk, voice, sounds) {
  /** @type {Map<string, any>} */ const controls = new Map();
  /** @type {Map<string, any>} */ const voices = new Map();
  /** @type {Map<string, any>} */ const items = new Map();
  /** @type {string[]} */ let order = [];
  let next = 1;
  let dragged = "";
  const noun = { image: "Image", clip: "Video", audio: "Audio" }[field.kind] ?? "Item";
  const message = messageOf(`${id}-problem`);
  const told = h("div", { class: "wan-hidden", role: "status" });
  const list = h("ol", { class: "wan-materials" });
  const el = h("fieldset", { class: "wan-field wan-list" }, h("legend", { title: field.help }, field.label, " ", h("span", { class: "wan-help" }, `${field.help} At most ${field.most}.`)), list, message, told);

  /** @param {string} slot @param {number} to */
  function move(slot, to) {
    const others = order.filter((one) => one !== slot);
    const place = Math.max(0, Math.min(others.length, to));
    if (order.indexOf(slot) === place) return;
    others.splice(place, 0, slot);
    order = others;
    draw();
    say(told, `${field.label}: moved to place ${place + 1} of ${order.length}`);
    model.send({ kind: "order", field: field.name, slots: order });
  }
  /** @param {string} slot */
  function made(slot) {
    const control = materialControl({ ...field, name: slot }, `${id}-${slot.replaceAll("#", "-")}`, model, files, chunk);
    controls.set(slot, control);
    // No button: Firefox does not let one be dragged.
    /** @type {any} */ const handle = h("span", {
      role: "button", tabindex: 0, class: "wan-button wan-handle", draggable: "true", title: "Drag, or use the arrow keys, to change the order",
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
        if (!step) return;
        event.preventDefault();
        move(slot, order.indexOf(slot) + step);
        handle.focus();
      },
      ondragstart: (/** @type {DragEvent} */ event) => { dragged = slot; event.dataTransfer?.setData("text/x-wan-item", slot); },
      ondragend: () => { dragged = ""; },
    }, "⠿");
    const item = h("li", {
      ondragover: (/** @type {DragEvent} */ event) => { if (dragged) event.preventDefault(); },
      ondrop: (/** @type {DragEvent} */ event) => {
        if (!dragged) return;
        event.preventDefault();
        event.stopPropagation();
        move(dragged, order.includes(slot) ? order.indexOf(slot) : order.length);
      },
    }, handle, control.el);
    if (voice) {
      const own = materialControl({ ...voice, name: `${voice.name}#${slot}`, label: "Voice" }, `${id}-${slot.replaceAll("#", "-")}-voice`, model, sounds, chunk);
      own.el.classList.add("wan-voice");
      voices.set(`${voice.name}#${slot}`, own);
      item.append(own.el);
    }
    items.set(slot, { item, handle, voice: item.lastChild });
    return item;
  }
  function draw() {
    const free = `${field.name}#${next}`;
    const shown = order.length < field.most ? [...order, free] : order;
    for (const slot of shown) if (!items.has(slot)) made(slot);
    for (const slot of [...items.keys()]) if (!shown.includes(slot)) forget(slot);
    const active = document.activeElement;
    shown.forEach((slot, place) => {
      const { item, handle, voice: sound } = items.get(slot);
      if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
      const given = order.includes(slot);
      const label = given ? `${noun} ${place + 1}` : order.length ? `Another ${field.kind === "audio" ? "sound" : field.kind}` : `${noun} 1`;
      controls.get(slot).rename(label);
      if (voice) { voices.get(`${voice.name}#${slot}`).rename(`Voice of ${noun} ${place + 1}`); sound.hidden = !given; }
      handle.hidden = !given || order.length < 2;
      handle.setAttribute("aria-label", `${label}, place ${place + 1} of ${order.length}: arrow keys move it`);
    });
    if (active instanceof HTMLElement && el.contains(active)) active.focus();
  }
  /** @param {string} slot */
  function forget(slot) {
    controls.get(slot).close();
    controls.delete(slot);
    if (voice) { voices.get(`${voice.name}#${slot}`).close(); voices.delete(`${voice.name}#${slot}`); }
    items.get(slot).item.remove();
    items.delete(slot);
  }
  const every = () => [...controls.entries(), ...voices.entries()];

  return {
    field, el,
    show() {},
    /** @param {Checked} checked */
    update(checked) {
      order = [...(checked.lists?.[field.name] ?? [])];
      const numbers = order.map((slot) => Number(slot.split("#")[1]));
      next = Math.max(next, 1 + Math.max(0, ...numbers));
      draw();
      for (const [slot, control] of every()) {
        control.update(checked);
        control.check(checked.problems[slot] ?? "", false);
      }
    },
    /** @param {string} problem @param {boolean} seen */
    check(problem, seen) { mark(message, [], problem, seen || order.length > 0); },
    /** @param {any} reply @param {DataView[]} buffers */
    answer(reply, buffers) { (controls.get(reply.field) ?? voices.get(reply.field))?.answer(reply, buffers); },
    close() { for (const [, control] of every()) control.close(); },
  };
}
