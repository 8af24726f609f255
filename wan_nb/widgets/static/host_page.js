// What a widget asks of the page around it: keys for itself, and a place in the saved notebook.

/**
 * Keeps keys that are pressed in here from the notebook, where `b` inserts a cell. JupyterLab's shortcuts match the
 * element in focus before they look at its ancestors (measured in 4.6), so the attribute has to be on that one.
 * @param {FocusEvent} event
 */
export function keepKeys(event) {
  /** @type {Element} */ (event.target).setAttribute("data-lm-suppress-shortcuts", "true");
}

/**
 * Lives in plain HTML. A saved output that holds a widget is an error text wherever its kernel is gone, and in
 * JupyterLab no HTML beside the widget helps (measured). So the kernel is asked to leave HTML alone in the output, with
 * the name of the widget as a class, and the view is put there for as long as there is a kernel. Only for pages that
 * keep widgets and outputs in one document, as JupyterLab and Notebook 7 do; elsewhere the widget stays where it is.
 * @param {{model: any, signal?: AbortSignal}} widget  as given to `initialize`, which runs without any view
 * @param {(context: {model: any, el: HTMLElement}) => (() => void)} render
 */
export function renderInHtml({ model }, render) {
  const selector = `.${model.get("place")}`;
  /** @type {Map<Element, () => void>} */ const views = new Map();
  /** @type {any} */ let held = null; // what had the focus in here when its place was taken away
  /** @type {any} */ let pressed = null; // what the pointer, or the space bar, went down on
  let release = "pointerup";
  /** @param {Event} event @param {string} end */
  const press = ({ target }, end) => {
    pressed = /** @type {Element} */ (target).closest("button");
    release = end;
  };
  const life = new AbortController();
  /** A press that lasts while its place is published anew is a click all the same: browsers drop it. @param {Element} on */
  function keepPress(on) {
    let clicked = false;
    on.addEventListener("click", () => (clicked = true), { once: true, capture: true });
    document.addEventListener(release, ({ target }) => setTimeout(() => {
      if (!clicked && target instanceof Element && target.closest("button") === on) /** @type {HTMLElement} */ (on).click();
    }), { once: true, signal: life.signal });
  }
  /** @param {Element} el */
  function move(el) {
    if (views.has(el)) return;
    // An output that was published anew: what was open or playing in the one before goes on in this one.
    const before = [...views.keys()].find((place) => !place.isConnected);
    el.replaceChildren(...(before?.childNodes ?? [])); // in place of the static picture, for readers without a kernel
    el.addEventListener("focusin", ({ target }) => (held = target));
    // Of a place that is taken away the focus goes too; a person takes it elsewhere while the place stays.
    el.addEventListener("focusout", () => queueMicrotask(() => el.isConnected && !el.contains(document.activeElement) && (held = null)));
    el.addEventListener("pointerdown", (event) => press(event, "pointerup"));
    el.addEventListener("keydown", (event) => event.key === " " && press(event, "keyup"));
    if (before && held && el.contains(held)) held.focus({ preventScroll: true });
    if (before && pressed && el.contains(pressed)) keepPress(pressed);
    views.set(el, (before && views.get(before)) ?? render({ model, el: /** @type {HTMLElement} */ (el) }));
    if (before) views.delete(before);
  }
  for (const end of ["pointerup", "pointercancel", "keyup"]) document.addEventListener(end, () => setTimeout(() => (pressed = null)), { signal: life.signal });
  const watcher = new MutationObserver((changes) => {
    for (const node of changes.flatMap((change) => [...change.addedNodes])) {
      if (!(node instanceof Element)) continue;
      if (node.matches(selector)) move(node);
      node.querySelectorAll(selector).forEach(move);
    }
  });
  if (document.body.dataset.jpThemeName) {
    watcher.observe(document.body, { childList: true, subtree: true });
    document.querySelectorAll(selector).forEach(move);
    model.send({ kind: "place" });
  }
  return () => {
    watcher.disconnect();
    life.abort();
    views.forEach((close) => close());
  };
}
