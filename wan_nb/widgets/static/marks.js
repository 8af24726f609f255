// Stars, drop, note and tags of a clip, by mouse and by key; a mark is told to the kernel, and shown when it has said yes.

import { h, say } from "./dom.js";

/**
 * @typedef {{rating: number|null, note: string, tags: string[], dropped: boolean}} Marks
 * @param {() => string} label  of the clip, for assistive technology
 * @param {(mark: Partial<{rating: number|null, note: string, tags: string, dropped: boolean}>) => void} tell
 */
export function makeMarks(label, tell) {
  /** @type {Marks} */ let marks = { rating: null, note: "", tags: [], dropped: false };
  const stars = [1, 2, 3, 4, 5].map((count) =>
    h("button", { type: "button", class: "wan-star", onclick: () => tell({ rating: marks.rating === count ? null : count }) }),
  );
  const drop = h("button", { type: "button", class: "wan-button", onclick: () => tell({ dropped: !marks.dropped }) });
  const note = opener("Note", () => marks.note, (text) => tell({ note: text }));
  const tags = opener("Tags", () => marks.tags.join(", "), (text) => tell({ tags: text }));
  const told = h("span", { class: "wan-told", dir: "auto", hidden: true });
  const el = h("div", { class: "wan-marks" }, h("span", { class: "wan-stars", role: "group" }, ...stars), drop, note.button, tags.button, told, note.field, tags.field);

  /** @param {string} name @param {() => string} now @param {(text: string) => void} done */
  function opener(name, now, done) {
    const input = h("input", { type: "text", maxlength: 2000, placeholder: name === "Tags" ? "keep, bright" : "", onkeydown: key });
    const field = h("span", { class: "wan-field", hidden: true }, input, h("button", { type: "button", class: "wan-button", onclick: keep }, "Keep"));
    const button = h("button", { type: "button", class: "wan-button", "aria-expanded": "false", onclick: () => open(field.hidden) }, name);
    /** @param {boolean} on */
    function open(on) {
      field.hidden = !on;
      button.setAttribute("aria-expanded", String(on));
      if (on) {
        /** @type {any} */ (input).value = now();
        input.focus();
      }
    }
    function keep() {
      open(false);
      button.focus();
      done(/** @type {any} */ (input).value);
    }
    /** @param {any} event */
    function key(event) {
      event.stopPropagation(); // the keys of players and notebooks
      if (event.key === "Enter" && !event.isComposing) keep();
      if (event.key === "Escape") {
        open(false);
        button.focus();
      }
    }
    return { button, field, input, name };
  }

  return {
    el,
    /** @param {Marks} next */
    update(next) {
      marks = next;
      stars.forEach((star, i) => {
        star.textContent = i < (marks.rating ?? 0) ? "★" : "☆";
        star.setAttribute("aria-pressed", String(marks.rating === i + 1));
        star.setAttribute("aria-label", `${i + 1} stars: ${label()}`);
      });
      drop.textContent = marks.dropped ? "Dropped" : "Drop";
      drop.setAttribute("aria-pressed", String(marks.dropped));
      drop.title = "A dropped clip is kept; comparisons and deliveries leave it out";
      drop.setAttribute("aria-label", `${marks.dropped ? "Take back" : "Drop"} ${label()}`);
      for (const { button, input, name } of [note, tags]) for (const node of [button, input]) node.setAttribute("aria-label", `${name}: ${label()}`);
      say(told, [marks.tags.map((tag) => `#${tag}`).join(" "), marks.note].filter(Boolean).join(" · "));
    },
    /** @param {boolean} off */
    disable(off) {
      for (const button of el.querySelectorAll("button")) button.disabled = off;
    },
  };
}
