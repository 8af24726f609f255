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

/** An address for bytes, which holds memory until it is given back. @param {any} bytes @param {string} type */
export function address(bytes, type) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  return { url, free: () => URL.revokeObjectURL(url) };
}

/** Addresses that are given back together. */
export function addresses() {
  /** @type {ReturnType<typeof address>[]} */ const held = [];
  return {
    /** @param {any} bytes @param {string} type */
    of(bytes, type) {
      held.push(address(bytes, type));
      return held[held.length - 1].url;
    },
    free: () => held.splice(0).forEach(({ free }) => free()),
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
