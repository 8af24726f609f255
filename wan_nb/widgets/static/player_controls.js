// The bar under the stage, and the keys: every key has a button, a line of help and a name for assistive technology,
// all from one table.

import { h, icon } from "./dom.js";
import { keepKeys } from "./host_page.js";

export const VIEWS = ["side", "wipe", "difference", "onion"];
export const VIEW_NAMES = { side: "Side", wipe: "Wipe", difference: "Difference", onion: "Onion" };

// `hold` acts while the key is down, `also` is the same key without Shift.
export const ACTIONS = [
  { group: "seek", key: "Home", label: "To the start", icon: "home", run: (p) => p.transport.seek(0) },
  { group: "seek", key: "ArrowLeft", sign: "←", label: "1 s back", icon: "back", run: (p) => p.jump(-1) },
  { group: "seek", key: ",", label: "1 frame back", icon: "previous", run: (p) => p.transport.step(-1) },
  { group: "seek", key: " ", sign: "Space", label: "Play or pause", icon: "play", name: "play", run: (p) => p.transport.toggle() },
  { group: "seek", key: ".", label: "1 frame on", icon: "next", run: (p) => p.transport.step(1) },
  { group: "seek", key: "ArrowRight", sign: "→", label: "1 s on", icon: "forward", run: (p) => p.jump(1) },
  { group: "seek", key: "End", label: "To the end", icon: "end", run: (p) => p.transport.seek(Infinity) },
  { group: "loop", key: "l", label: "Loop", icon: "loop", name: "loop", run: (p) => p.toggleLoop() },
  { group: "loop", key: "[", label: "Loop from here", text: "[", name: "from", run: (p) => p.bound("from") },
  { group: "loop", key: "]", label: "Loop to here", text: "]", name: "to", run: (p) => p.bound("to") },
  { group: "pace", key: "-", label: "Slower", text: "−", name: "slower", run: (p) => p.pace(-1) },
  { group: "pace", key: "+", also: "=", label: "Faster", text: "+", run: (p) => p.pace(1) },
  { group: "look", key: "m", label: "Sound of the first, the second, none", icon: "silent", name: "sound", run: (p) => p.nextSound() },
  { group: "look", key: "v", label: "Next view", text: "View", name: "view", run: (p) => p.nextView() },
  { group: "look", key: "x", label: "Swap the two in place, while held", text: "Swap", name: "swap", hold: (p, on) => p.swap(on) },
];
export const HELP = { group: "help", key: "?", label: "Keys", text: "?", name: "help", run: (p) => p.toggleHelp() };

const spoken = ({ key }) => (key === " " ? "Space" : key);

/** The button of an action; those with a name are found again in `player.buttons`. */
export function actionButton(player, action) {
  const { sign, key, label, hold, name } = action;
  const attributes = { type: "button", title: `${label} (${sign ?? key})`, "aria-label": label, "aria-keyshortcuts": spoken(action) };
  const node = h("button", attributes, action.icon ? icon(action.icon) : action.text);
  if (hold) {
    node.addEventListener("pointerdown", () => hold(player, true));
    for (const end of ["pointerup", "pointerleave", "pointercancel"]) node.addEventListener(end, () => player.swapped && hold(player, false));
    node.addEventListener("click", (event) => event.detail || hold(player, !player.swapped)); // from the keyboard it stays
  } else node.addEventListener("click", () => action.run(player));
  if (name) player.buttons[name] = node;
  return node;
}

/** Put stage, bar and help into the player's root, and leave on the player what it changes later. */
export function furnish(player, label) {
  const { root, actions } = player;
  root.classList.add("wan-c");
  // Lumino takes single keys in command mode before any handler here could stop them; the last one keeps it away.
  const attributes = { role: "group", tabindex: 0, "aria-label": label, "aria-keyshortcuts": actions.map(spoken).join(" "), "data-lm-suppress-shortcuts": "true" };
  for (const [name, value] of Object.entries(attributes)) root.setAttribute(name, value);
  root.addEventListener("focusin", keepKeys);
  const group = (name) => h("span", { class: "wan-c-group" }, ...actions.filter((action) => action.group === name).map((action) => actionButton(player, action)));
  const line = (...parts) => h("div", { class: "wan-c-line" }, ...parts);

  player.stage = h("div", { class: "wan-c-stage", "data-view": "side" });
  player.scrub = h("input", { type: "range", class: "wan-c-scrub", min: 0, max: 1, step: "any", value: 0, "aria-label": "Time", oninput: () => player.transport.seek(Number(player.scrub.value)) });
  player.clock = h("output", { class: "wan-c-clock" });
  player.live = h("p", { class: "wan-c-live", "aria-live": "polite" });
  const parts = [group("seek"), group("loop"), group("pace"), group("look")];

  player.speed = h("span", { class: "wan-c-speed" }, "1×");
  player.buttons.slower.after(player.speed);
  player.mix = h("input", { type: "range", class: "wan-c-mix", oninput: () => player.setMix(Number(player.mix.value)) });
  player.mixLabel = h("label", { class: "wan-c-mixer", hidden: true }, h("span", {}), player.mix);
  player.views = h("span", { class: "wan-c-views" }, ...VIEWS.map((view) => h("button", { type: "button", "data-view": view, onclick: () => player.setView(view) }, VIEW_NAMES[view])));
  player.buttons.view.after(player.views, player.mixLabel);
  player.originals = h("button", { type: "button", hidden: !player.source.originals, title: "Show the original file while paused", "aria-pressed": "false", onclick: () => player.toggleSharp() }, "Original");
  parts[3].append(player.originals, actionButton(player, HELP));

  player.controls = h("div", { class: "wan-c-controls" }, line(player.scrub, player.clock), line(...parts, player.live));
  const helps = actions.map(({ key, sign, label: does }) => h("div", {}, h("dt", {}, h("kbd", {}, sign ?? key)), h("dd", {}, does)));
  player.help = h("dl", { class: "wan-c-help", hidden: true }, ...helps);
  root.append(player.stage, player.controls, player.help);
}

/** What a key does; keys that are nobody's, and those that belong to the control in focus, pass. */
export function onKey(player, event, down) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const { target } = event;
  if (target.matches("select, textarea, input:not([type=range])")) return;
  if (target === player.mix && /^(Arrow|Home|End)/.test(event.key)) return;
  if (target.matches("button, summary, a") && (event.key === " " || event.key === "Enter")) return;
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = player.actions.find(({ key, also }) => key === pressed || also === pressed);
  if (!action) return;
  event.preventDefault();
  event.stopPropagation();
  if (action.hold) event.repeat || action.hold(player, down);
  else if (down && !(event.repeat && action.once)) action.run(player);
}
