// Questions to the kernel and their answers. Bytes travel as buffers of custom messages: a synced trait would put them
// into the notebook file.

import { address } from "./dom.js";

/**
 * @param {object} model  the widget's model
 * @param {AbortSignal} signal
 * @returns {{ask: (question: object, signal?: AbortSignal) => Promise<{content: any, buffers: DataView[]}>,
 *   overhear: (told: (content: any) => void) => void}}  `overhear` is told the answers that other views have asked for
 */
export function channel(model, signal) {
  const waiting = new Map();
  // Several views, also those of other tabs, hear all answers: a ticket tells whose it is.
  const name = String(Math.random());
  let count = 0;
  let other = (/** @type {any} */ _content) => {};
  const hear = (content, buffers) => {
    const reply = waiting.get(content.ticket);
    if (!reply) return content.error ? undefined : other(content);
    waiting.delete(content.ticket);
    if (content.error) reply.reject(new Error(content.error));
    else reply.resolve({ content, buffers });
  };
  model.on("msg:custom", hear);
  signal.addEventListener("abort", () => model.off("msg:custom", hear));

  const ask = (question, asked) =>
    new Promise((resolve, reject) => {
      const ticket = `${name}-${(count += 1)}`;
      waiting.set(ticket, { resolve, reject });
      asked?.addEventListener("abort", () => {
        if (!waiting.delete(ticket)) return;
        model.send({ kind: "drop", ticket }); // a proxy that nobody waits for need not be made
        reject(new Error("No longer wanted."));
      });
      model.send({ ...question, ticket });
    });
  return { ask, overhear: (told) => (other = told) };
}

/** How the clips of a channel come to a player. */
export const clipsFrom = (ask) => async (id, quality, wanted) => {
  const { buffers } = await ask({ kind: "get", id, quality }, wanted);
  return address(buffers[0], "video/mp4");
};
