// Up to six clips on one clock: side by side, or two of them on top of each other. Shared by the comparison, the vote
// and the report; where bytes come from is the business of the `Source` that they are given.

import { RATES, Transport } from "./transport.js";
import { ACTIONS, furnish, HELP, onKey, VIEW_NAMES, VIEWS } from "./player_controls.js";
import { Tile } from "./clip_tile.js";
import { h, icon } from "./dom.js";

/**
 * @typedef {object} Shown  what is known of a clip before its bytes are here
 * @property {string} id
 * @property {string} label
 * @property {number} fps
 * @property {?number} seconds  length of the clip; what plays for less is cut off
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

const MIX_NAMES = { wipe: "Edge", difference: "Gain", onion: "Mix" };

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
  #gridded = false;
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
    furnish(this, label);
    this.stage.addEventListener("pointerdown", (event) => this.#point(event), { signal });
    this.stage.addEventListener("pointermove", (event) => event.buttons === 1 && this.#point(event), { signal });
    root.addEventListener("keydown", (event) => onKey(this, event, true), { signal });
    root.addEventListener("keyup", (event) => onKey(this, event, false), { signal });
    root.addEventListener("focusout", ({ relatedTarget }) => this.swapped && !root.contains(relatedTarget) && this.swap(false), { signal });
    // After a click the keys shall belong to the player again: Space on a clicked button would press it once more.
    root.addEventListener("click", (event) => event.detail && !event.target.closest("select, summary, a") && root.focus({ preventScroll: true }), { signal });
    this.transport.addEventListener("change", () => this.#refresh(), { signal });
    signal.addEventListener("abort", () => this.clear());
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
    // Variants keep their columns while these stay wide enough to see something; else clips flow.
    const columns = Math.max(0, ...clips.map(({ column }) => (column ?? -1) + 1));
    this.#gridded = columns > 0 && columns <= 4;
    this.stage.style.setProperty("--wan-columns", this.#gridded ? columns : [1, 1, 2, 3, 2][clips.length] ?? 3);
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
      style.gridArea = view !== "side" ? "1 / 1" : this.#gridded ? `${row + 1} / ${column + 1}` : "auto";
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
