// The button under a plan, and what became of a click.

import { h, say } from "./dom.js";
import { renderInHtml, keepKeys } from "./host_page.js";

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const click = () => {
    buy.disabled = true; // a double click is one purchase; the kernel too takes the first alone
    model.send({ kind: "buy" });
  };
  const buy = h("button", { type: "button", class: "wan-button wan-main", onclick: click });
  const message = h("span", { role: "status", class: "wan-help" });
  const draw = () => {
    say(buy, model.get("label"));
    buy.disabled = model.get("busy");
    buy.classList.toggle("wan-ready", model.get("main"));
    say(message, model.get("message"));
  };
  model.on("change", draw);
  draw();
  el.append(h("div", { class: "wan-widget", "data-lm-suppress-shortcuts": "true", onfocusin: keepKeys }, buy, " ", message));
  return () => model.off("change", draw);
}

export default { initialize: (/** @type {{model: any}} */ widget) => renderInHtml(widget, render), render };
