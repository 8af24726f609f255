// Pages of clips on one clock, with their prompts and numbers: in a notebook through the kernel, in a report without.

import { channel, clipsFrom } from "./kernel_channel.js";
import { copier } from "./clipboard.js";
import { frameAt } from "./transport.js";
import { addresses, h, money } from "./dom.js";
import { renderInHtml } from "./host_page.js";
import { Player } from "./player.js";
import { makeMarks } from "./marks.js";

/**
 * @typedef {object} Page
 * @property {import("./player.js").Shown[]} clips
 * @property {number} page  from 0
 * @property {number} pages
 * @property {number} total
 * @property {string[]} orders  names that `page` takes; the first one is the order of the study
 * @property {{names: string[], runs: ["same"|"gone"|"new", string][]}[]} [prompts]  missing where they stand elsewhere
 *
 * @typedef {import("./player.js").Source & {page: (page: number, order: string) => Promise<Page>,
 *   mark?: (id: string, mark: object) => Promise<import("./marks.js").Marks>, overhear?: Function}} ClipPages  `mark`
 *   where marks are taken down; `overhear` tells what other views were answered
 */

const number = (value) => (Number.isInteger(value) ? String(value) : Number(value.toPrecision(4)).toString());
const shown = (value) => (typeof value === "number" ? number(value) : value === true ? "yes" : value === false ? "no" : String(value ?? "–"));

/** What stands under a clip. */
function facts(clip) {
  const details = Object.entries(clip.params ?? {}).map(([name, value]) => `${name} ${shown(value)}`);
  if (Number.isInteger(clip.seed)) details.push(`seed ${clip.seed}`);
  if (typeof clip.cost === "number" && !clip.simulated) details.push(money(clip.cost, clip.currency));
  if (clip.rating) details.push(`${"★".repeat(clip.rating)}${"☆".repeat(5 - clip.rating)}`);
  return [
    h("bdi", { class: "wan-c-name" }, clip.label),
    clip.simulated ? h("span", { class: "wan-c-simulated" }, "SIMULATED") : null,
    h("span", { class: "wan-c-facts" }, details.join(" · ")),
  ].filter(Boolean);
}

/** Prompts of a page, each told apart from the first one word by word. @param {Page["prompts"]} texts */
function prompts(texts) {
  const tags = { same: "span", gone: "del", new: "ins" };
  const lines = texts.flatMap(({ names, runs }) => [h("dt", {}, names.join(", ")), h("dd", {}, ...runs.map(([kind, part]) => h(tags[kind], {}, part)))]);
  return h("dl", { class: "wan-c-prompts" }, ...lines);
}

/** The few measures that have a name for people. @param {any[]} clips @param {Record<string, string>} words */
function measures(clips, words) {
  const names = Object.keys(words).filter((name) => clips.some((clip) => name in (clip.measures ?? {})));
  if (!names.length) return null;
  const header = h("tr", {}, h("th", {}), ...clips.map((clip) => h("th", { scope: "col" }, clip.label)));
  const rows = names.map((name) => h("tr", {}, h("th", { scope: "row" }, words[name]), ...clips.map((clip) => h("td", {}, shown(clip.measures?.[name])))));
  return h("div", { class: "wan-c-scroll" }, h("table", { class: "wan-c-table" }, h("thead", {}, header), h("tbody", {}, ...rows)));
}

const fold = (title, ...parts) => h("details", { class: "wan-c-fold" }, h("summary", {}, title), ...parts);

/**
 * @param {HTMLElement} root
 * @param {ClipPages} source
 * @param {AbortSignal} signal
 * @param {boolean} told  whether prompts and measures stand elsewhere on the page already
 */
export function mountCompare(root, source, signal, told = false) {
  const head = h("div", { class: "wan-c-head" });
  const under = h("div", {});
  root.append(head);
  /** Where a mark can be taken down, buttons in place of the stars in words. @param {any} clip */
  const caption = (clip) => {
    if (!source.mark || !clip.marks) return facts(clip);
    const marks = makeMarks(() => clip.label, async (mark) => {
      marks.disable(true);
      try {
        update(await source.mark(clip.id, mark));
      } catch (error) {
        player.say(error.message);
      }
      marks.disable(false);
    });
    const update = (now) => {
      Object.assign(clip, { marks: now, rating: now.rating });
      marks.update(now);
    };
    marks.update(clip.marks);
    updates.set(clip.id, update);
    return [...facts({ ...clip, rating: null }), marks.el];
  };
  const updates = new Map(); // of the marks of the clips on show, by id
  // Marks that are given in another tab stand here too.
  source.overhear?.(({ id, marks }) => marks && updates.get(id)?.(marks));
  const taken = h("p", { class: "wan-c-taken", hidden: true });
  /** The line of code that makes the frame on show the material of the next clip. */
  const take = async () => {
    const [{ clip, track, ready } = {}] = player.pair;
    if (!ready) return player.say("This clip has no frame to use.");
    try {
      const code = h("code", {}, await source.frame(clip.id, frameAt(track, player.transport.time)));
      taken.replaceChildren(h("span", {}, "In a cell: "), code, " ", ...copier(code), h("span", {}, " Then: %%wan --first-frame {{frame}}"));
      taken.hidden = false;
    } catch (error) {
      player.say(error.message);
    }
  };
  const use = { group: "look", key: "f", label: "Use frame: this one of A, as first frame of the next clip", text: "Use frame", once: true, run: take };
  const player = new Player(root, source, { signal, label: "Compare clips", caption, actions: source.frame ? [use] : [] });
  root.append(taken, under);
  let [page, order, turn] = [0, "", 0];

  const go = async (next, by = order) => {
    turn += 1;
    const mine = turn;
    try {
      const answer = await source.page(next, by);
      if (mine !== turn || signal.aborted) return;
      [page, order] = [answer.page, by || answer.orders[0]];
      draw(answer);
      await player.show(answer.clips);
    } catch (error) {
      if (!signal.aborted) player.say(error.message);
    }
  };

  const draw = ({ clips, pages, total, orders, prompts: texts, measures: words = {}, remark }) => {
    const sort = h("select", { "aria-label": "Order by", onchange: () => go(0, sort.value) }, ...orders.map((name) => h("option", { value: name, selected: name === order }, words[name] ?? name.replaceAll("_", " "))));
    const turnTo = (step, sign, label) => h("button", { type: "button", "aria-label": label, title: label, disabled: page + step < 0 || page + step >= pages, onclick: () => go(page + step) }, sign);
    const leaf = h("span", { class: "wan-c-group" }, turnTo(-1, "‹", "Page before"), h("span", { class: "wan-c-speed" }, `${page + 1} / ${pages}`), turnTo(1, "›", "Next page"));
    const count = clips.length < total ? `${clips.length} of ${total} clips` : `${total} ${total === 1 ? "clip" : "clips"}`;
    const simulated = clips.length && clips.every((clip) => clip.simulated) ? h("span", { class: "wan-c-simulated" }, "SIMULATED") : null;
    head.replaceChildren(h("strong", {}, count), ...[simulated, orders.length > 1 ? h("label", {}, "Order by ", sort) : null, pages > 1 ? leaf : null].filter(Boolean));
    if (told) return;
    const numbers = measures(clips, words);
    under.replaceChildren(...[fold("Prompts", prompts(texts)), numbers && fold("Measures", numbers), remark && h("p", {}, remark)].filter(Boolean));
    under.firstChild.open = true;
  };

  go(0);
  return player;
}

/** The kernel as the source of pages: strips and clips arrive as buffers and become Blob addresses that are given back. */
function kernelPages(model, signal) {
  const { ask, overhear } = channel(model, signal);
  const strips = addresses();
  signal.addEventListener("abort", strips.free);
  return {
    originals: true,
    overhear,
    frame: async (id, frame) => (await ask({ kind: "frame", id, frame })).content.code,
    mark: async (id, mark) => (await ask({ kind: "mark", id, mark })).content.marks,
    async page(page, order) {
      const { content, buffers } = await ask({ kind: "page", page, order });
      strips.free();
      const urls = buffers.map((bytes) => strips.of(bytes, "image/jpeg"));
      const clips = content.clips.map((clip) => ({ ...clip, strip: clip.strip === null ? null : urls[clip.strip] }));
      return { ...content, clips };
    },
    media: clipsFrom(ask),
  };
}

function render({ model, el }) {
  const life = new AbortController();
  mountCompare(el.appendChild(h("div", {})), kernelPages(model, life.signal), life.signal);
  return () => life.abort();
}

export default { initialize: (widget) => renderInHtml(widget, render), render };
