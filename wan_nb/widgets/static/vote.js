// Two clips whose names are hidden, and five keys. What they are called is told only after the vote is stored: until
// then the browser does not know it either.

import { actionButton } from "./player_controls.js";
import { channel, clipsFrom } from "./kernel_channel.js";
import { h, money, say } from "./dom.js";
import { renderInHtml } from "./host_page.js";
import { Player } from "./player.js";
import { SEEN } from "./clip_tile.js";

const CHOICES = [
  { key: "1", label: "The first", outcome: "left", text: "First" },
  { key: "0", label: "Both the same", outcome: "tie", text: "Same" },
  { key: "9", label: "Both bad", outcome: "both_bad", text: "Both bad" },
  { key: "2", label: "The second", outcome: "right", text: "Second" },
  { key: "s", label: "Skip, or on to the next pair", outcome: "skip", text: "Skip" },
];

/** How far the rater has come, and whether this is a good moment to stop. */
function come({ done, pairs, complete, blocks, may_stop: mayStop }) {
  const far = `${done} of ${pairs} ${pairs === 1 ? "pair" : "pairs"}, ${complete} of ${blocks} ${blocks === 1 ? "seed" : "seeds"} complete`;
  return done >= pairs ? `${far}: you can stop.` : mayStop ? `${far}: you can stop here, or go on.` : `${far}.`;
}

/** What a vote said, for the line under the clips. */
const said = { left: "the first", right: "the second", tie: "both the same", both_bad: "both are bad", skip: "skipped" };

function revealed(clip) {
  const details = [...Object.entries(clip.params ?? {}).map(([name, value]) => `${name} ${value}`)];
  if (Number.isInteger(clip.seed)) details.push(`seed ${clip.seed}`);
  if (typeof clip.cost === "number" && !clip.simulated) details.push(money(clip.cost, clip.currency));
  return [h("bdi", { class: "wan-c-name" }, clip.label), h("span", { class: "wan-c-facts" }, details.join(" · "))];
}

/**
 * @param {HTMLElement} root
 * @param {{ask: Function, media: Function, originals: boolean, overhear?: Function}} source  `ask` answers {pair, count,
 *   sentence, told, …}; `overhear` tells what other views were answered
 * @param {AbortSignal} signal
 * @param {boolean} named  whether the names of the clips are there to be shown
 */
export function mountVote(root, source, signal, named = true) {
  let state = null;
  let begun = null; // when both clips could be seen to their end
  const question = h("strong", {});
  const count = h("span", { class: "wan-c-count" });
  const mark = h("span", { class: "wan-c-simulated", hidden: true }, "SIMULATED");
  root.append(h("div", { class: "wan-c-head" }, question, count, mark));

  const actions = CHOICES.map((choice) => ({ ...choice, once: true, group: "vote", run: () => choose(choice.outcome) }));
  actions.push({ key: "u", label: "Undo the last vote", text: "Undo", once: true, group: "vote", run: () => turn({ kind: "undo" }) });
  const player = new Player(root, source, { signal, label: "Vote: which clip is better?", marks: ["1", "2"], actions });

  const buttons = actions.map((action) => {
    const node = actionButton(player, action);
    node.prepend(h("kbd", {}, action.key), " ");
    node.removeAttribute("aria-label"); // what is read aloud is what stands there
    node.dataset.outcome = action.outcome ?? "undo";
    node.disabled = true; // until the kernel has said what there is to vote on
    return node;
  });
  const next = h("button", { type: "button", class: "wan-c-next", hidden: true, onclick: () => turn({ kind: "next" }) }, "Next pair");
  const names = h("input", { type: "checkbox", checked: named });
  const bar = h("div", { class: "wan-c-vote" }, next, ...buttons);
  const sentence = h("p", { class: "wan-c-sentence", "aria-live": "polite" });
  const done = h("p", { class: "wan-c-done", hidden: true });
  const bars = h("progress", { class: "wan-c-progress", "aria-label": "Pairs done" });
  const far = h("span", {});
  const progress = h("div", { class: "wan-c-far", hidden: true }, bars, far);
  const closed = h("p", { class: "wan-c-closed", role: "status", hidden: true });
  player.stage.after(closed, bar, progress, sentence, done);
  if (named) player.controls.append(h("label", { class: "wan-c-check" }, names, " Show the names after each vote"));

  const watched = () => player.tiles.map(({ video }) => [...Array(video.played.length).keys()].reduce((sum, at) => sum + video.played.end(at) - video.played.start(at), 0));

  function choose(outcome) {
    if (state?.told) return outcome === "skip" ? turn({ kind: "next" }) : undefined;
    if (!state?.pair) return undefined;
    if (!open() && outcome !== "skip") return player.say(closed.textContent || "The clips are still loading.");
    const [left, right] = watched();
    const ms = begun === null ? null : Math.round(performance.now() - begun);
    const details = { ms_to_vote: ms, watched_s_left: left, watched_s_right: right, view_mode: player.view };
    return turn({ kind: "vote", number: state.pair.number, outcome, details, reveal: names.checked });
  }

  let busy = false;
  let undoing = false; // wanted while something else was under way
  async function turn(message) {
    if (busy) {
      undoing ||= message.kind === "undo";
      return;
    }
    busy = true;
    try {
      const { content } = await source.ask(message);
      if (!signal.aborted) await draw(content);
    } catch (error) {
      if (!signal.aborted) sentence.textContent = error.message; // nothing was stored: the pair stays
    } finally {
      busy = false;
    }
    if (!undoing || signal.aborted) return;
    undoing = false;
    await turn({ kind: "undo" });
  }

  async function draw(answer) {
    const inside = root.contains(document.activeElement); // a button that gets hidden loses the focus to the page
    const before = state;
    const same = before?.pair && answer.pair?.number === before.pair.number;
    state = answer;
    const { pair, told, progress: now } = answer;
    question.textContent = pair ? answer.question : "No pairs left";
    count.textContent = `${answer.count} ${answer.count === 1 ? "vote" : "votes"}`;
    mark.hidden = !pair?.simulated;
    sentence.textContent = [told ? `Stored: ${said[told.outcome]}. ${told.text}` : answer.note, answer.sentence].filter(Boolean).join(" ");
    for (const node of buttons) node.hidden = node.dataset.outcome !== "undo" && (!pair || Boolean(told));
    enable();
    next.hidden = !told;
    player.stage.hidden = !pair;
    player.controls.hidden = !pair;
    done.hidden = Boolean(pair);
    done.textContent = answer.end ?? "Every pair that can be asked has been asked. The votes are stored.";
    progress.hidden = !now?.pairs; // none where a race needs no vote of this rater
    if (now) {
      Object.assign(bars, { max: now.pairs, value: now.done });
      far.textContent = come(now);
    }
    player.stage.dataset.told = told?.outcome ?? "";
    if (inside) (told ? next : root).focus({ preventScroll: true });
    if (!pair) player.clear();
    else if (!same) await begin(pair);
    if (told && state === answer && !(same && before.told)) told.clips.forEach((clip, at) => player.tiles[at]?.caption.append(...revealed(clip)));
  }

  /** A question is open while both clips can be seen to their end; else there is Skip, with the reason. */
  const open = () => begun !== null && player.tiles.every(({ seen }) => seen);

  function enable() {
    for (const node of buttons) {
      const { outcome } = node.dataset;
      node.disabled = outcome === "undo" ? !state.count : outcome !== "skip" && !open();
    }
    const faults = player.tiles.map(({ fault }) => fault);
    const [first, second] = faults;
    const told = !first || !second ? faults.map((fault, at) => fault && `${["First", "Second"][at]}: ${fault}`).filter(Boolean) : [...new Set(faults)];
    say(closed, told.length && state?.pair && !state.told ? `No vote on clips that nobody can see. ${told.join(" ")} Skip goes on.` : "");
  }

  async function begin(pair) {
    Object.assign(player.transport, { from: 0, to: Infinity });
    player.setView("side");
    player.say("");
    begun = null;
    enable();
    await player.transport.pause();
    player.show(pair.clips).then(() => {
      if (signal.aborted || state?.pair?.number !== pair.number) return;
      if (player.tiles.every(({ seen }) => seen)) begun = performance.now();
      player.say("");
      enable();
      if (!open()) return;
      if (!document.hidden && !matchMedia("(prefers-reduced-motion: reduce)").matches) player.transport.play();
    });
    player.transport.seek(0);
  }

  player.stage.addEventListener(SEEN, enable, { signal });

  // After an answer Enter goes on, whatever has the focus: a button of the player would take the key for itself.
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !state?.told || event.repeat || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    turn({ kind: "next" });
  }, { signal, capture: true });

  // A vote in another tab is one here too; what was said to it, such as "Stored.", is for whoever pressed.
  const where = (/** @type {any} */ now) => JSON.stringify([now?.count, now?.pair?.number, Boolean(now?.told)]);
  source.overhear?.((content) => "pair" in content && !signal.aborted && where(content) !== where(state) && draw({ ...content, note: "" }));

  turn({ kind: "state" });
  return player;
}

function kernelQuestions(model, signal) {
  const { ask, overhear } = channel(model, signal);
  return { originals: true, ask, overhear, media: clipsFrom(ask) };
}

function render({ model, el }) {
  const life = new AbortController();
  mountVote(el.appendChild(h("div", {})), kernelQuestions(model, life.signal), life.signal);
  return () => life.abort();
}

export default { initialize: (widget) => renderInHtml(widget, render), render };
