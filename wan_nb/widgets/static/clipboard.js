// Texts to take along.

import { h, say } from "./dom.js";

/**
 * A button that puts a text into the clipboard, and what became of it.
 * @param {HTMLElement} text  what holds it
 */
export function copier(text) {
  const done = h("span", { role: "status", class: "wan-help" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text.textContent ?? "");
      say(done, "copied");
    } catch {
      getSelection()?.selectAllChildren(text); // no clipboard without https or permission: one key copies it
      say(done, "selected: press Ctrl+C");
    }
  };
  return [h("button", { type: "button", class: "wan-button", onclick: copy }, "Copy"), done];
}
