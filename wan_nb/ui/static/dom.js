// Elements, icons and words. Data reaches the page only as text nodes and attributes: nothing here parses markup.

/**
 * An element. `on…` attributes are listeners, `true` is a bare attribute, `false` and `null` leave one out.
 * @param {string} tag
 * @param {Record<string, unknown>} attributes
 * @param {...(Node|string|null|undefined)} children  strings become text
 */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Text of an element, which is hidden while there is none. @param {any} node @param {string} text */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = text === "";
}

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

/** Addresses for bytes, which hold memory until they are given back. */
export function addresses() {
  /** @type {string[]} */ const urls = [];
  return {
    /** @param {DataView|ArrayBuffer} bytes @param {string} type */
    of(bytes, type) {
      urls.push(URL.createObjectURL(new Blob([/** @type {any} */ (bytes)], { type })));
      return urls[urls.length - 1];
    },
    free: () => urls.splice(0).forEach((url) => URL.revokeObjectURL(url)),
  };
}

// 16 × 16, filled with the colour of the text.
const SHAPES = {
  play: "M4 2.5v11l9.5-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  home: "M3 3h2v10H3zM13 3v10L6 8z",
  end: "M11 3h2v10h-2zM3 3v10l7-5z",
  back: "M8 3v10L2 8zM14 3v10L8 8z",
  forward: "M2 3v10l6-5zM8 3v10l6-5z",
  previous: "M10.5 3v10L4 8zM11.5 3h1.6v10h-1.6z",
  next: "M5.5 3v10L12 8zM2.9 3h1.6v10H2.9z",
  loop: "M4.5 4H11V2l3.5 3L11 8V6H5.5a2 2 0 0 0-2 2v.5h-2V7a3 3 0 0 1 3-3zM11.5 12H5v2l-3.5-3L5 8v2h5.5a2 2 0 0 0 2-2v-.5h2V9a3 3 0 0 1-3 3z",
  sound: "M2 6h2.5L8 3v10L4.5 10H2zM10 5.2a3.4 3.4 0 0 1 0 5.6zM10 2.6a6 6 0 0 1 0 10.8v-1.5a4.6 4.6 0 0 0 0-7.8z",
  silent: "M2 6h2.5L8 3v10L4.5 10H2zM9.6 6.7l1-1L12 7l1.4-1.3 1 1L13 8l1.4 1.3-1 1L12 9l-1.4 1.3-1-1L11 8z",
};

/** @param {keyof typeof SHAPES} name */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 16 16");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[name]);
  picture.append(path);
  return picture;
}

/** @param {number} amount @param {string} currency */
export const money = (amount, currency) => `${currency ?? ""} ${amount.toFixed(2)}`.trim();

// A word, one sign of a script that does not part its words, a gap, or a mark. `wan_nb.ui.diff` splits by the same rule.
const WORDS = /[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff,.;:!?()"]+|\s+|[,.;:!?()"]/gu;
const MOST_CELLS = 2_000_000;

/**
 * What turns one text into the other, in runs of words.
 * @param {string} before @param {string} after
 * @returns {["same"|"gone"|"new", string][]}
 */
export function wordDiff(before, after) {
  const [left, right] = [before.match(WORDS) ?? [], after.match(WORDS) ?? []];
  let head = 0;
  while (head < left.length && head < right.length && left[head] === right[head]) head += 1;
  let tail = 0;
  const room = Math.min(left.length, right.length) - head;
  while (tail < room && left.at(-1 - tail) === right.at(-1 - tail)) tail += 1;
  const [a, b] = [left.slice(head, left.length - tail), right.slice(head, right.length - tail)];
  const steps = left.slice(0, head).map((word) => ["same", word]);
  steps.push(...middleSteps(a, b), ...left.slice(left.length - tail).map((word) => ["same", word]));
  return joinRuns(steps);
}

/** The longest common subsequence of two lists of words as steps; texts too long for the table are replaced whole. */
function middleSteps(a, b) {
  if (a.length * b.length > MOST_CELLS) return [...a.map((word) => ["gone", word]), ...b.map((word) => ["new", word])];
  const wide = b.length + 1;
  const length = new Uint16Array((a.length + 1) * wide);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const [down, across] = [length[(i + 1) * wide + j], length[i * wide + j + 1]];
      length[i * wide + j] = a[i] === b[j] ? length[(i + 1) * wide + j + 1] + 1 : Math.max(down, across);
    }
  }
  const steps = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      steps.push(["same", a[i]]);
      i += 1;
      j += 1;
    } else if (length[(i + 1) * wide + j] >= length[i * wide + j + 1]) {
      steps.push(["gone", a[i]]);
      i += 1;
    } else {
      steps.push(["new", b[j]]);
      j += 1;
    }
  }
  return [...steps, ...a.slice(i).map((word) => ["gone", word]), ...b.slice(j).map((word) => ["new", word])];
}

/** Between two unchanged words all that went stands before all that came; a gap alone does not part two changes. */
function joinRuns(steps) {
  const runs = [];
  let [gone, fresh, gap] = ["", "", ""];
  const flush = () => {
    const found = [["gone", gone], ["new", fresh], ["same", gap]].filter(([, text]) => text);
    for (const [kind, text] of found) {
      if (kind === "same" && runs.at(-1)?.[0] === "same") runs.at(-1)[1] += text;
      else runs.push([kind, text]);
    }
    [gone, fresh, gap] = ["", "", ""];
  };
  for (const [kind, word] of steps) {
    if (kind === "same" && (word.trim() || !(gone || fresh))) {
      flush();
      gap = word;
      flush();
    } else if (kind === "same") gap += word;
    else {
      [gone, fresh, gap] = [gone + gap, fresh + gap, ""];
      if (kind === "gone") gone += word;
      else fresh += word;
    }
  }
  flush();
  return runs;
}
