// Up to six clips on one clock: side by side, or two of them on top of each other. Shared by the comparison, the vote
// and the report; where bytes come from is the business of the `Source` that they are given.

import { RATES, Transport } from "./transport.js";
import { Tile } from "./tile.js";
import { h, icon } from "./dom.js";

/**
 * @typedef {object} Shown  what is known of a clip before its bytes are here
 * @property {string} id
 * @property {string} label
 * @property {number} fps
 * @property {number} width
 * @property {number} height
 * @property {boolean} playable  whether there is a clip; `note` says why not
 * @property {boolean} has_audio
 * @property {?string} strip  address of a JPEG of frames side by side; the first frame is the first one
 * @property {?number} row
 * @property {?number} column  place in the grid, from 0
 *
 * @typedef {object} Source
 * @property {(id: string, quality: "proxy"|"original", signal: AbortSignal) => Promise<{url: string, free: () => void}>} media
 * @property {boolean} originals  whether asking for originals gives anything else than proxies
 */

export const VIEWS = ["side", "wipe", "difference", "onion"];
const VIEW_NAMES = { side: "Side", wipe: "Wipe", difference: "Difference", onion: "Onion" };
const MIX_NAMES = { wipe: "Edge", difference: "Gain", onion: "Mix" };

// Every key, its button and its line of help: said once. `hold` acts while it is down.
const ACTIONS = [
  { group: "seek", key: "Home", label: "To the start", icon: "home", run: (p) => p.transport.seek(0) },
  { group: "seek", key: "ArrowLeft", sign: "←", label: "Back 1 s", icon: "back", run: (p) => p.jump(-1) },
  { group: "seek", key: ",", label: "Back 1 frame", icon: "previous", run: (p) => p.transport.step(-1) },
  { group: "seek", key: " ", sign: "Space", label: "Play or pause", icon: "play", name: "play", run: (p) => p.transport.toggle() },
  { group: "seek", key: ".", label: "On 1 frame", icon: "next", run: (p) => p.transport.step(1) },
  { group: "seek", key: "ArrowRight", sign: "→", label: "On 1 s", icon: "forward", run: (p) => p.jump(1) },
  { group: "seek", key: "End", label: "To the end", icon: "end", run: (p) => p.transport.seek(Infinity) },
  { group: "loop", key: "l", label: "Loop", icon: "loop", name: "loop", run: (p) => p.toggleLoop() },
  { group: "loop", key: "[", label: "Loop from here", text: "[", name: "from", run: (p) => p.bound("from") },
  { group: "loop", key: "]", label: "Loop to here", text: "]", name: "to", run: (p) => p.bound("to") },
  { group: "pace", key: "-", label: "Slower", text: "−", run: (p) => p.pace(-1) },
  { group: "pace", key: "+", label: "Faster", also: "=", text: "+", run: (p) => p.pace(1) },
  { group: "look", key: "m", label: "Sound of the first, the second, none", icon: "silent", name: "sound", run: (p) => p.nextSound() },
  { group: "look", key: "v", label: "Next view", text: "View", name: "view", run: (p) => p.nextView() },
  { group: "look", key: "x", label: "Swap the two in place, while held", text: "Swap", name: "swap", hold: (p, on) => p.swap(on) },
];
const HELP = { key: "?", label: "Keys", text: "?", name: "help", group: "help", run: (p) => p.toggleHelp() };

/** The stage with its tiles, the controls under it, and the keys. */
export class Player {
  tiles = [];
  view = "side";
  swapped = false;
  sharp = false;
  #pair = [0, 1];
  #sounding = null;
  #heard = null;
  #mix = { wipe: 50, difference: 1, onion: 50 };
  #page = new AbortController();
  #sharpAt = null;
  #sharpening = new AbortController();

  /**
   * @param {HTMLElement} root  becomes the group that takes the keys
   * @param {Source} source
   * @param {{signal: AbortSignal, label: string, marks?: [string, string], actions?: object[], caption?: (clip: Shown) => (Node|string)[]}} options
   */
  constructor(root, source, { signal, label, marks = ["A", "B"], actions = [], caption = () => [] }) {
    Object.assign(this, { root, source, signal, marks, caption });
    this.actions = [...ACTIONS, ...actions, HELP];
    this.transport = new Transport(signal);
    this.buttons = {};
    this.#furnish(label);
    root.addEventListener("keydown", (event) => this.#key(event, true), { signal });
    root.addEventListener("keyup", (event) => this.#key(event, false), { signal });
    root.addEventListener("focusout", ({ relatedTarget }) => this.swapped && !root.contains(relatedTarget) && this.swap(false), { signal });
    // After a click the keys shall belong to the player again: Space on a clicked button would press it once more.
    root.addEventListener("click", (event) => event.detail && !event.target.closest("select, summary, a") && root.focus({ preventScroll: true }), { signal });
    this.transport.addEventListener("change", () => this.#refresh(), { signal });
    signal.addEventListener("abort", () => this.clear());
  }

  #furnish(label) {
    const { root, signal } = this;
    root.classList.add("wan-c");
    const keys = this.actions.map(({ key }) => (key === " " ? "Space" : key)).join(" ");
    // Lumino takes single keys in command mode before any handler here could stop them; this attribute keeps it away.
    const attributes = { role: "group", tabindex: 0, "aria-label": label, "aria-keyshortcuts": keys, "data-lm-suppress-shortcuts": "true" };
    for (const [name, value] of Object.entries(attributes)) root.setAttribute(name, value);
    this.stage = h("div", { class: "wan-c-stage", "data-view": "side" });
    this.stage.addEventListener("pointerdown", (event) => this.#point(event), { signal });
    this.stage.addEventListener("pointermove", (event) => event.buttons === 1 && this.#point(event), { signal });
    this.scrub = h("input", { type: "range", class: "wan-c-scrub", min: 0, max: 1, step: "any", value: 0, "aria-label": "Time", oninput: () => this.transport.seek(Number(this.scrub.value)) });
    this.clock = h("output", { class: "wan-c-clock" });
    this.speed = h("span", { class: "wan-c-speed" }, "1×");
    this.mix = h("input", { type: "range", class: "wan-c-mix", oninput: () => this.setMix(Number(this.mix.value)) });
    this.mixLabel = h("label", { class: "wan-c-mixer", hidden: true }, h("span", {}), this.mix);
    this.live = h("p", { class: "wan-c-live", "aria-live": "polite" });
    this.help = h("dl", { class: "wan-c-help", hidden: true });
    for (const { key, sign, label: does } of this.actions) this.help.append(h("div", {}, h("dt", {}, h("kbd", {}, sign ?? key)), h("dd", {}, does)));
    const groups = ["seek", "loop", "pace", "look"].map((name) => this.#group(name));
    groups[2].insertBefore(this.speed, groups[2].lastChild);
    this.views = h("span", { class: "wan-c-views" }, ...VIEWS.map((view) => h("button", { type: "button", "data-view": view, onclick: () => this.setView(view) }, VIEW_NAMES[view])));
    this.buttons.view.after(this.views, this.mixLabel);
    this.originals = h("button", { type: "button", hidden: !this.source.originals, title: "Show the original file while paused", "aria-pressed": "false", onclick: () => this.toggleSharp() }, "Original");
    groups[3].append(this.originals, this.button(HELP));
    this.controls = h("div", { class: "wan-c-controls" }, h("div", { class: "wan-c-line" }, this.scrub, this.clock), h("div", { class: "wan-c-line" }, ...groups, this.live));
    root.append(this.stage, this.controls, this.help);
  }

  #group(name) {
    return h("span", { class: "wan-c-group" }, ...this.actions.filter(({ group }) => group === name).map((action) => this.button(action)));
  }

  button(action) {
    const { key, sign, label, hold, name } = action;
    const attributes = { type: "button", title: `${label} (${sign ?? key})`, "aria-label": label, "aria-keyshortcuts": key === " " ? "Space" : key };
    const node = h("button", attributes, action.icon ? icon(action.icon) : action.text);
    if (hold) {
      node.addEventListener("pointerdown", () => hold(this, true));
      for (const end of ["pointerup", "pointerleave", "pointercancel"]) node.addEventListener(end, () => this.swapped && hold(this, false));
      node.addEventListener("click", (event) => event.detail || hold(this, !this.swapped)); // from the keyboard it stays
    } else node.addEventListener("click", () => action.run(this));
    if (name) this.buttons[name] = node;
    return node;
  }

  #key(event, down) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const { target } = event;
    if (target.matches("select, textarea, input:not([type=range])")) return;
    if (target === this.mix && /^(Arrow|Home|End)/.test(event.key)) return;
    if (target.matches("button, summary, a") && (event.key === " " || event.key === "Enter")) return;
    const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = this.actions.find(({ key, also }) => key === pressed || also === pressed);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    if (action.hold) event.repeat || action.hold(this, down);
    else if (down && !(event.repeat && action.once)) action.run(this);
  }

  #point(event) {
    if (this.view !== "wipe" || !event.target.closest(".wan-c-screen")) return;
    const box = this.tiles[this.#pair[0]].screen.getBoundingClientRect();
    this.setMix(Math.round(Math.min(100, Math.max(0, ((event.clientX - box.left) / box.width) * 100))));
  }

  /** Replace what is on the stage. @param {Shown[]} clips */
  show(clips) {
    this.clear();
    this.#page = new AbortController();
    const { signal } = this.#page;
    const seek = (time) => this.transport.seek(time);
    this.tiles = clips.map((clip) => new Tile(clip, this.source, signal, seek));
    for (const tile of this.tiles) tile.caption.append(this.#chips(tile), ...this.caption(tile.clip));
    const playable = this.tiles.flatMap((tile, index) => (tile.clip.playable ? [index] : []));
    this.#pair = [playable[0] ?? 0, playable[1] ?? 1];
    if (playable.length < 2) this.view = "side";
    this.stage.append(...this.tiles.map(({ node }) => node));
    this.stage.style.setProperty("--wan-columns", Math.max(1, ...clips.map(({ column }, index) => (column ?? index) + 1)));
    this.#place();
    return Promise.all(
      this.tiles.map(async (tile) => {
        await tile.load();
        if (!signal.aborted) await this.#use();
      }),
    );
  }

  clear() {
    this.#page.abort();
    this.#sharpening.abort();
    this.#sharpAt = null;
    this.tiles = [];
    this.transport.use([]);
    this.#sounding = null;
    this.#heard = null;
  }

  get pair() {
    return this.#pair.map((index) => this.tiles[index]);
  }

  /** Make a tile the first (0) or the second (1) of the two that are laid over each other. */
  choose(tile, side) {
    const index = this.tiles.indexOf(tile);
    if (this.#pair[1 - side] === index) this.#pair[1 - side] = this.#pair[side];
    this.#pair[side] = index;
    this.#place();
    this.#use();
    this.say(`${this.marks[side]} is ${tile.clip.label}`);
  }

  say(text) {
    this.live.textContent = text;
  }

  jump(seconds) {
    return this.transport.seek(this.transport.time + seconds);
  }

  toggleLoop() {
    this.transport.loop = !this.transport.loop;
    if (!this.transport.loop) Object.assign(this.transport, { from: 0, to: Infinity });
    this.say(this.transport.loop ? "Loop on" : "Loop off");
    this.#refresh();
  }

  bound(side) {
    const { transport } = this;
    transport[side] = transport.time;
    if (transport.to <= transport.from) Object.assign(transport, side === "from" ? { to: Infinity } : { from: 0 });
    transport.loop = true;
    const to = Math.min(transport.to, transport.span);
    this.say(`Loop from ${transport.from.toFixed(2)} s to ${to.toFixed(2)} s`);
    this.#refresh();
  }

  pace(by) {
    const at = RATES.indexOf(this.transport.rate) + by;
    this.transport.pace(RATES[Math.min(RATES.length - 1, Math.max(0, at))]);
    this.say(`Speed ${this.transport.rate}×`);
  }

  setView(view) {
    if (view !== "side" && this.pair.some((tile) => !tile?.clip.playable)) return this.say("This view needs two clips.");
    this.view = view;
    this.#place();
    this.#use();
    this.say(VIEW_NAMES[view]);
  }

  nextView() {
    this.setView(VIEWS[(VIEWS.indexOf(this.view) + 1) % VIEWS.length]);
  }

  setMix(value) {
    this.#mix[this.view] = value;
    this.#place();
  }

  swap(on) {
    this.swapped = on;
    this.#place();
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
    this.buttons.help.setAttribute("aria-expanded", String(!this.help.hidden));
  }

  toggleSharp() {
    this.sharp = !this.sharp;
    this.originals.setAttribute("aria-pressed", String(this.sharp));
    this.#refresh();
  }

  /** First, second, none; a clip without sound is passed over. */
  async nextSound() {
    const order = [...this.pair.filter((tile) => tile?.ready && tile.clip.has_audio), null];
    const tile = order[(order.indexOf(this.#sounding) + 1) % order.length];
    if (tile === null) this.say(order.length > 1 ? "Sound off" : "These clips have no sound.");
    await this.solo(tile);
  }

  /** Sound of this tile alone, or of none. */
  async solo(tile) {
    this.#sounding = tile;
    this.#heard = null;
    if (tile) this.say("Loading sound …");
    try {
      const track = await tile?.sound();
      if (this.#sounding !== tile) return;
      this.#heard = track ?? null;
      if (tile) this.say(`Sound of ${this.marks[this.pair.indexOf(tile)] ?? tile.clip.label}`);
    } catch (error) {
      this.#sounding = null;
      this.say(error.message);
    }
    await this.#use();
  }

  /** Tell the clock which elements run: those that are seen, and the one that is heard. */
  #use() {
    const seen = this.view === "side" ? this.tiles : this.pair;
    const tracks = seen.filter((tile) => tile?.ready).map(({ track }) => track);
    return this.transport.use(this.#heard ? [...tracks, this.#heard] : tracks);
  }

  /** Which of the two a tile is; with more than two on the stage, buttons to choose them. */
  #chips(tile) {
    if (this.tiles.length <= 2) return h("span", { class: "wan-c-chips" }, h("b", { class: "wan-c-chip" }, this.marks[this.tiles.indexOf(tile)]));
    const choose = (side) => () => this.choose(tile, side);
    const names = this.marks.map((mark, side) => h("button", { type: "button", class: "wan-c-chip", title: `Make this ${mark}`, onclick: choose(side) }, mark));
    return h("span", { class: "wan-c-chips" }, ...(tile.clip.playable ? names : []));
  }

  /** Everything that depends on view, pair, swap and mix. */
  #place() {
    const { view, swapped } = this;
    const pair = swapped ? [...this.#pair].reverse() : this.#pair;
    this.stage.dataset.view = view;
    this.stage.toggleAttribute("data-swapped", swapped);
    this.stage.style.setProperty("--wan-mix", view === "difference" ? this.#mix.difference : `${this.#mix[view] ?? 50}%`);
    this.tiles.forEach((tile, index) => {
      const side = this.#pair.indexOf(index);
      const trades = swapped && side >= 0 && this.tiles.length > 1;
      const { row, column } = this.tiles[trades ? this.#pair[1 - side] : index].clip;
      const { style, classList } = tile.node;
      style.gridArea = view !== "side" ? "1 / 1" : Number.isInteger(column) ? `${row + 1} / ${column + 1}` : "auto";
      style.order = view !== "side" ? pair.indexOf(index) : trades ? this.#pair[1 - side] : index; // painted in this order
      tile.node.hidden = view !== "side" && side < 0;
      classList.toggle("wan-c-a", index === pair[0]);
      classList.toggle("wan-c-b", index === pair[1]);
      tile.badge.textContent = side < 0 ? "" : `${this.marks[side]} ${tile.clip.label}`.trim();
      tile.caption.querySelectorAll("button.wan-c-chip").forEach((chip, at) => chip.setAttribute("aria-pressed", String(at === side)));
    });
    for (const button of this.views.children) button.setAttribute("aria-pressed", String(button.dataset.view === view));
    this.buttons.swap.setAttribute("aria-pressed", String(swapped));
    this.mixLabel.hidden = view === "side";
    if (view === "side") return;
    this.mixLabel.firstChild.textContent = MIX_NAMES[view];
    Object.assign(this.mix, view === "difference" ? { min: 1, max: 12 } : { min: 0, max: 100 });
    this.mix.value = this.#mix[view];
  }

  /** Show where the clock is. */
  #refresh() {
    const { transport, buttons } = this;
    const { time, span, playing } = transport;
    this.scrub.max = span || 1;
    this.scrub.value = time;
    const fps = Math.max(1, ...this.tiles.map(({ track }) => track.fps));
    this.clock.textContent = `${time.toFixed(2)} / ${span.toFixed(2)} s · frame ${Math.floor(time * fps + 1e-3)}`;
    this.speed.textContent = `${transport.rate}×`;
    buttons.play.replaceChildren(icon(playing ? "pause" : "play"));
    buttons.loop.setAttribute("aria-pressed", String(transport.loop));
    buttons.from.setAttribute("aria-pressed", String(transport.from > 0));
    buttons.to.setAttribute("aria-pressed", String(Number.isFinite(transport.to)));
    buttons.sound.replaceChildren(icon(this.#sounding ? "sound" : "silent"));
    this.scrub.style.setProperty("--wan-done", `${span ? (time / span) * 100 : 0}%`);
    for (const tile of this.tiles) tile.head.style.left = `${Math.min(1, time / (tile.video.duration || 1)) * 100}%`;
    this.#sharpen(this.sharp && transport.settled && !playing ? time : null);
  }

  #sharpen(time) {
    if (time === this.#sharpAt) return;
    this.#sharpAt = time;
    this.#sharpening.abort();
    this.#sharpening = new AbortController();
    for (const tile of this.tiles) {
      tile.dull();
      if (time !== null && tile.ready && !tile.node.hidden) tile.sharpen(time, this.#sharpening.signal).catch((error) => this.say(error.message));
    }
  }
}
