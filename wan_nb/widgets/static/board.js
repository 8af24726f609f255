// @ts-check
/**
 * The live board: 1 to 500 runs, one model, any number of views.
 *
 * The kernel sends only the rows that changed (`kind: "rows"`) and a sign of life every few seconds (`kind: "beat"`);
 * times tick here, from timestamps, so that a moving clock costs no message. Nothing that comes from the kernel is ever
 * read as markup: text goes into text nodes.
 *
 * @typedef {{id: string, label: string, named: boolean, study: string|null, variant: string|null, prompt: string, facts: string, state: string, service_status: string,
 *   simulated: boolean, created: number|null, submitted: number|null, started: number|null, ended: number|null,
 *   queue_s: number|null, run_s: number|null, expected_s: number|null, price: string, again: string, message: string,
 *   video: string|null, cancelable: boolean, pin: string, earlier: boolean, marks: import("./marks.js").Marks}} Row
 * @typedef {{mark: string, word: string, tone: string, group: string}} Look
 * @typedef {{title: string, empty: string, states: Record<string, Look>, groups: Record<string, string>, active: string[], money: string,
 *   offer: {text: string, button: string}, notify: boolean}} About
 * @typedef {{get(name: string): any, set(name: string, value: unknown): void, send(content: unknown): void,
 *   on(event: string, handler: Function): void, off(event: string, handler: Function): void}} Model
 */

import { copier } from "./clipboard.js";
import { addresses, h, say } from "./dom.js";
import { renderInHtml, keepKeys } from "./host_page.js";
import { makeMarks } from "./marks.js";
import { askLeave, tellEnd } from "./notify.js";

/** Seconds without a word from the kernel after which open rows are called stale; it speaks every 5 s. */
const STALE_AFTER = 20;
/** Milliseconds after which an unanswered click is explained: the kernel hears it when its cell ends. */
const PATIENCE = 1000;
/** Rows from which on filters are worth their place. */
const FILTER_FROM = 4;
/** Rows from which on the page has to be spared. */
const MANY = 20;

/** Seconds as a person says them. @param {number|null|undefined} seconds */
export function clock(seconds) {
  if (seconds == null || !isFinite(seconds)) return "";
  const s = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  if (s < 60) return `${s} s`;
  return s < 3600 ? `${Math.floor(s / 60)} min ${two(s % 60)} s` : `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
}

/**
 * How far the bar is, from 0 to 1, or null when there is nothing to estimate from. The service reports no percentage:
 * this is elapsed over usual time, and it slows down before the end, which only the clip itself reaches.
 * @param {Row} row @param {number} now
 */
export function progress(row, now) {
  if (row.state === "SUCCEEDED") return 1;
  if (row.state === "DOWNLOADING") return 0.97;
  if (row.state !== "RUNNING") return 0;
  if (!row.expected_s || row.started == null) return null;
  const x = Math.max(0, now - row.started) / row.expected_s;
  return x < 1 ? 0.9 * x : 0.9 + 0.06 * (1 - Math.exp(1 - x));
}

/** What the clock beside the bar says. @param {Row} row @param {number} now */
export function timing(row, now) {
  const since = (/** @type {number|null} */ t) => (t == null ? "" : clock(now - t));
  const parts = [];
  if (row.state === "INTENDED") parts.push(since(row.created));
  else if (row.state === "UNCERTAIN") parts.push(`asked ${since(row.created)} ago`);
  else if (row.state === "PENDING") parts.push(`${since(row.submitted ?? row.created)} in the queue`);
  else if (row.state === "DOWNLOADING") parts.push(since(row.started ?? row.submitted));
  else if (row.state === "RUNNING") {
    const usual = clock(row.expected_s);
    const ran = since(row.started ?? row.submitted);
    const over = row.expected_s && row.started != null && now - row.started > row.expected_s;
    parts.push(!usual ? `${ran}, no estimate yet` : over ? `${ran}, longer than the usual ${usual}` : `${ran} of about ${usual} (estimate)`);
  } else {
    if (row.queue_s != null) parts.push(`queue ${clock(row.queue_s)}`);
    if (row.run_s != null) parts.push(`run ${clock(row.run_s)}`);
  }
  return parts.filter(Boolean).join(" · ");
}

/**
 * One row: built once, then told what changed.
 * @param {string} id @param {{model: Model, about: () => About, alone: () => boolean, ask: (id: string, action: string, given?: object) => void,
 *   stale: () => boolean}} board
 */
function makeRow(id, board) {
  const mark = h("span", { "aria-hidden": "true", class: "wan-mark" });
  const word = h("span");
  const pill = h("span", { class: "wan-pill" }, mark, word);
  const name = h("bdi", { class: "wan-name" });
  const badge = h("span", { class: "wan-badge" }, "SIMULATED");
  const prompt = h("div", { class: "wan-prompt", dir: "auto" });
  const facts = h("span", { class: "wan-facts" });
  const fill = h("div", { class: "wan-fill" });
  const bar = h("div", { class: "wan-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, fill);
  const time = h("span", { class: "wan-time" });
  const price = h("span", { class: "wan-price" });
  const message = h("div", { class: "wan-message", dir: "auto" });
  const note = h("div", { class: "wan-note", role: "status", hidden: true });
  const strip = h("img", { class: "wan-strip", alt: "Frames of the clip, from first to last" });
  const film = h("button", { type: "button", class: "wan-film", onclick: () => openClip() }, strip, h("span", {}, "▶ Play"));
  const stage = h("div", { class: "wan-stage" });
  /** @param {string} action @param {string} text */
  const button = (action, text) => h("button", { type: "button", class: "wan-button", onclick: () => act(action) }, text);
  const cancel = button("cancel", "Cancel");
  const pin = button("pin", "Pin");
  const again = button("again", "Again");
  const cost = h("span", { class: "wan-cost" });
  again.classList.add("wan-again");
  again.append(cost);
  const code = button("code", "Code");
  const frame = h("button", { type: "button", class: "wan-button", onclick: () => act("frame", { time: position() }) }, "Use frame");
  frame.title = "The picture at the player's position, as first frame of the next clip";
  const compare = button("compare", "Compare with the last one");
  compare.title = "Beside the clip that was made before it on the same picture";
  const marks = makeMarks(() => row?.label ?? "", (mark) => act("mark", { mark }));
  const el = h(
    "div", { class: "wan-row", role: "listitem" },
    h("div", { class: "wan-line" }, pill, h("div", { class: "wan-about" }, h("div", { class: "wan-title" }, name, badge), prompt, facts),
      h("div", { class: "wan-going" }, bar, time), price, h("div", { class: "wan-actions" }, cancel, compare, pin, again, frame, code)),
    message, note, film, stage, marks.el,
  );

  /** @type {Row} */ let row;
  let asked = "";
  let patience = 0;
  const urls = addresses();

  /** @param {string} action @param {object} [given] */
  function act(action, given) {
    if (action === "code" && stage.querySelector("[data-of=code]")) return stage.replaceChildren();
    asked = action;
    refresh(); // which disables the buttons, so that a double click is one click
    patience = window.setTimeout(() => say(note, "The kernel is busy: this waits for the running cell."), PATIENCE);
    board.ask(id, action, given);
  }
  /** What plays the clip: here, or on the card above. */
  function player() {
    return stage.querySelector("video") ?? (board.alone() ? el.closest(".wan-board")?.parentElement?.parentElement?.querySelector("video[controls]") : null);
  }
  /** Where it stands, in seconds; at its end the last picture is seen. */
  function position() {
    const video = /** @type {HTMLVideoElement|null} */ (player());
    return video ? Math.max(0, Math.min(video.currentTime, (video.duration || Infinity) - 0.02)) : 0;
  }
  function openClip() {
    if (stage.querySelector("video")) return stage.replaceChildren();
    act("clip");
  }
  function refresh() {
    const off = asked !== "" || board.stale();
    for (const b of [cancel, compare, pin, again, frame, code, film]) b.disabled = off;
    marks.disable(off);
  }

  return {
    el,
    get row() { return row; },
    refresh,
    /** @param {Row} next */
    update(next) {
      const before = row;
      row = next;
      const { states, active, title } = board.about();
      const look = states[row.state] ?? { mark: "·", word: row.state.toLowerCase(), tone: "wait" };
      el.dataset.tone = look.tone;
      el.dataset.state = row.state;
      say(mark, look.mark);
      say(word, look.word);
      pill.title = row.service_status ? `The service says ${row.service_status}` : "";
      say(name, row.variant && row.study === title ? row.variant : row.label);
      name.title = row.label;
      el.classList.toggle("wan-unnamed", !row.named);
      badge.hidden = !row.simulated;
      say(prompt, row.prompt);
      say(facts, row.facts);
      say(price, row.price);
      say(message, row.message);
      const open = active.includes(row.state);
      bar.hidden = !open || row.state === "UNCERTAIN";
      cancel.hidden = !row.cancelable;
      cancel.setAttribute("aria-label", `Cancel ${row.label}`);
      pin.hidden = !row.pin;
      say(pin, row.pin);
      pin.title = "Cells and chains that name no take show this one";
      again.hidden = open || !row.again;
      say(cost, ` · ${row.again}`);
      again.title = `Buys a new clip: ${row.again}`;
      again.setAttribute("aria-label", `Again · ${row.again}: buys a new clip of ${row.label}`);
      compare.hidden = !row.video || !row.earlier;
      marks.el.hidden = !row.video;
      marks.update(row.marks);
      el.classList.toggle("wan-dropped", row.marks.dropped);
      code.setAttribute("aria-label", `Code of ${row.label}`);
      film.hidden = frame.hidden = !row.video;
      frame.setAttribute("aria-label", `Use frame of ${row.label} as first frame of the next clip`);
      film.setAttribute("aria-label", `Play ${row.label}`);
      if (row.video && !strip.getAttribute("src") && (!before || !before.video)) strip.hidden = true;
      refresh();
      return before !== undefined && before.state !== row.state ? `${row.label}: ${look.word}${row.message ? `, ${row.message}` : ""}` : "";
    },
    /** @param {number} now */
    tick(now) {
      say(time, timing(row, now));
      if (bar.hidden) return;
      const at = progress(row, now);
      bar.classList.toggle("wan-unknown", at === null);
      fill.style.transform = `scaleX(${at === null ? 1 : at.toFixed(4)})`;
      bar.setAttribute("aria-label", `Progress of ${row.label}, an estimate`);
      if (at === null) bar.removeAttribute("aria-valuenow");
      else bar.setAttribute("aria-valuenow", String(Math.round(at * 100)));
    },
    /** @param {{kind: string, action?: string, text?: string, code?: Record<string, string>, type?: string}} reply @param {DataView[]} buffers */
    answer(reply, buffers) {
      if (reply.kind === "strip") {
        strip.src = urls.of(buffers[0], "image/jpeg");
        strip.hidden = false;
        return;
      }
      if (!asked && reply.kind !== "said") return; // another view asked
      clearTimeout(patience);
      if (reply.kind === "ack") return say(note, reply.action === "clip" ? "Fetching the clip …" : "");
      const mine = asked;
      asked = "";
      refresh();
      say(note, reply.text ?? "");
      if (reply.kind === "clip" && mine === "clip") {
        const video = h("video", { controls: true, autoplay: true, loop: true, playsinline: true, class: "wan-video", "aria-label": row.label });
        video.src = urls.of(buffers[0], reply.type ?? "video/mp4");
        stage.replaceChildren(video);
      }
      if (reply.kind === "code" && mine === "code") stage.replaceChildren(codePanel(reply.code ?? {}, mine));
      if (reply.kind === "code" && mine === "frame") {
        stage.querySelector(".wan-code")?.remove();
        stage.append(codePanel(reply.code ?? {}, mine)); // beneath the player, which goes on
      }
    },
    close() {
      clearTimeout(patience);
      stage.replaceChildren();
      urls.free();
    },
  };
}

/** Tabs of code with a copy button. @param {Record<string, string>} code @param {string} of  what was asked for */
function codePanel(code, of) {
  const text = h("pre", { tabindex: 0, "aria-label": "Code" });
  const [copy, copied] = copier(text);
  const names = Object.keys(code);
  const tabs = names.map((name) => h("button", { type: "button", class: "wan-button", onclick: () => show(name) }, name));
  /** @param {string} name */
  function show(name) {
    text.textContent = code[name];
    tabs.forEach((tab, i) => tab.setAttribute("aria-pressed", String(names[i] === name)));
    say(copied, "");
  }
  show(names[0]);
  return h("div", { class: "wan-code", "data-of": of }, h("div", { class: "wan-actions" }, ...tabs, copy, copied), text);
}

/** Applies what the kernel sends to the model, so that it holds the truth even while no view is open. @param {{model: Model}} context */
function initialize({ model }) {
  let seq = /** @type {number|null} */ (null);
  /** @param {any} message */
  function receive(message) {
    if (message.kind !== "rows" && message.kind !== "beat") return;
    // A server that is flooded drops messages without a word; a missing number is asked for again.
    const expected = seq === null ? message.seq : seq + (message.kind === "rows" ? 1 : 0);
    if (message.seq !== expected && !message.whole) model.send({ kind: "sync" });
    seq = message.seq;
    if (message.kind !== "rows") return;
    const rows = message.whole ? [] : [...model.get("rows")];
    const at = new Map(rows.map((/** @type {Row} */ row, /** @type {number} */ i) => [row.id, i]));
    for (const row of message.rows) {
      const i = at.get(row.id);
      if (i === undefined) rows.push(row);
      else rows[i] = row;
    }
    const before = model.get("rows");
    model.set("about", { ...model.get("about"), ...message.about });
    model.set("rows", rows);
    tellEnd(before, rows, model.get("about"));
  }
  model.on("msg:custom", receive);
  const leave = renderInHtml({ model }, render);
  return () => {
    leave();
    model.off("msg:custom", receive);
  };
}

/** @param {{model: Model, el: HTMLElement}} context */
function render({ model, el }) {
  /** @type {Map<string, ReturnType<typeof makeRow>>} */ const rows = new Map();
  const life = new AbortController();
  /** @returns {About} */
  const about = () => model.get("about");
  let group = "all";
  let news = performance.now();
  let offset = 0; // of the clock in the kernel; its next message tells it
  let stale = false;
  let gone = false;

  const title = h("strong", { class: "wan-heading" });
  const totals = h("span", { class: "wan-totals" });
  const filters = h("div", { class: "wan-filters", role: "group", "aria-label": "Show runs that are" });
  const told = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", onchange: () => {
    if (told.checked) askLeave();
    model.send({ kind: "notify", on: told.checked });
  } }));
  const notify = h("label", { class: "wan-notify", title: "While this tab is hidden: a notification of the browser, and the tab's title" }, told, " Tell me when it is done");
  const silence = h("span");
  const remedy = h("span", {}, " What you see may be old; the tasks go on at the service. ", h("code", {}, "%wan resume"), " in a cell takes them up again.");
  const notice = h("div", { class: "wan-stale", role: "alert", hidden: true }, silence, remedy);
  const offered = h("span");
  const order = h("button", { type: "button", class: "wan-button wan-order", onclick: () => { order.disabled = true; model.send({ kind: "offer" }); } });
  const offer = h("div", { class: "wan-offer", role: "status", hidden: true }, offered, " ", order);
  const list = h("div", { class: "wan-rows", role: "list" });
  const live = h("div", { class: "wan-live", "aria-live": "polite" });
  const empty = h("div", { class: "wan-empty" });
  const root = h("div", { class: "wan-widget wan-board", role: "group", "aria-label": "Wan runs", "data-lm-suppress-shortcuts": "true", onfocusin: keepKeys },
    h("div", { class: "wan-head" }, title, totals, notify), filters, notice, offer, list, empty, live);
  el.append(root);
  // Where the setting is on already, leave is asked for with whatever is pressed first.
  root.ownerDocument.addEventListener("pointerdown", () => about().notify && askLeave(), { signal: life.signal });

  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      const id = /** @type {any} */ (target).dataset.id;
      const row = rows.get(id)?.row;
      if (!isIntersecting || !row?.video) continue;
      seen.unobserve(target); // asked once; a strip is at most 15 kB and only rows that are seen cost it
      model.send({ kind: "strip", id });
    }
  });
  const board = {
    model, about, stale: () => stale, alone: () => rows.size === 1,
    /** @param {string} id @param {string} action @param {object} [given] */
    ask: (id, action, given) => model.send({ kind: action, id, ...given }),
  };

  function draw() {
    const said = [];
    for (const next of model.get("rows")) {
      let row = rows.get(next.id);
      if (!row) {
        row = makeRow(next.id, board);
        row.el.dataset.id = next.id;
        rows.set(next.id, row);
        list.append(row.el);
      } else if (row.row === next) continue;
      const hadVideo = row.row?.video;
      said.push(row.update(next));
      if (next.video && !hadVideo) seen.observe(row.el);
    }
    const changes = said.filter(Boolean);
    if (changes.length) say(live, changes.length > 3 ? `${changes.length} runs changed` : changes.join(". "));
    live.hidden = false;
    sum();
    tick();
  }
  function sum() {
    const all = [...rows.values()].map((row) => row.row);
    const { states, money, title: name, empty: nothing, offer: { text, button: words } } = about();
    const counts = Object.entries(states)
      .map(([state, look]) => [all.filter((row) => row.state === state).length, look.word])
      .filter(([count]) => count)
      .map(([count, word]) => `${count} ${word}`);
    root.classList.toggle("wan-solo", all.length === 1);
    root.classList.toggle("wan-many", all.length > MANY);
    say(title, name);
    say(totals, [all.length > 1 ? counts.join(", ") : "", money].filter(Boolean).join(" · "));
    say(empty, all.length ? "" : nothing);
    say(offered, text);
    if (order.textContent !== words) order.disabled = false;
    say(order, words);
    offer.hidden = !text;
    order.hidden = !words;
    root.hidden = !all.length && !nothing;
    filters.hidden = all.length < FILTER_FROM;
    for (const [key, word] of Object.entries({ all: "All", ...about().groups })) {
      const count = all.filter((row) => within(row, key)).length;
      let button = filters.querySelector(`[data-group="${key}"]`);
      if (!button) {
        button = h("button", { type: "button", class: "wan-button", "data-group": key, onclick: () => choose(key) });
        filters.append(button);
      }
      button.textContent = `${word} ${count}`;
      button.hidden = !count && key !== group;
    }
    told.checked = about().notify;
    notify.hidden = !all.some((row) => about().active.includes(row.state));
    choose(group);
  }
  /** @param {Row} row @param {string} key */
  function within(row, key) {
    return key === "all" || about().states[row.state]?.group === key;
  }
  /** @param {string} key */
  function choose(key) {
    group = key;
    for (const row of rows.values()) row.el.hidden = rows.size >= FILTER_FROM && !within(row.row, key);
    for (const button of filters.children) button.setAttribute("aria-pressed", String(button.dataset.group === key));
  }
  function tick() {
    const silent = (performance.now() - news) / 1000;
    const open = [...rows.values()].some((row) => about().active.includes(row.row.state));
    const wasStale = stale;
    stale = gone || (open && silent > STALE_AFTER);
    notice.hidden = !stale;
    remedy.hidden = !open;
    if (stale) say(silence, gone ? "The kernel was restarted or has ended." : `No news from the kernel for ${clock(silent)}.`);
    if (stale !== wasStale) {
      root.classList.toggle("wan-is-stale", stale);
      rows.forEach((row) => row.refresh());
    }
    if (stale) return; // a clock that goes on would claim to know
    const now = Date.now() / 1000 + offset;
    rows.forEach((row) => row.tick(now));
  }
  /** @param {any} message @param {DataView[]} buffers */
  function receive(message, buffers) {
    news = performance.now();
    if (message.now) offset = message.now - Date.now() / 1000;
    if (message.id) rows.get(message.id)?.answer(message, buffers);
    tick();
  }

  // ipywidgets says so when a kernel is restarted or shut down; one that dies falls silent.
  function leave() {
    gone = true;
    tick();
  }

  model.on("change:rows", draw);
  model.on("change:about", sum);
  model.on("msg:custom", receive);
  model.on("comm_live_update", leave);
  draw();
  const timer = setInterval(tick, 1000);
  return () => {
    life.abort();
    clearInterval(timer);
    seen.disconnect();
    model.off("change:rows", draw);
    model.off("change:about", sum);
    model.off("msg:custom", receive);
    model.off("comm_live_update", leave);
    rows.forEach((row) => row.close());
  };
}

export default { initialize, render };
