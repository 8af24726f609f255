// Questions to the kernel and their answers. Bytes travel as buffers of custom messages: a synced trait would put them
// into the notebook file.

/**
 * @param {object} model  the widget's model
 * @param {AbortSignal} signal
 * @returns {(question: object, signal?: AbortSignal) => Promise<{content: any, buffers: DataView[]}>}
 */
export function channel(model, signal) {
  const waiting = new Map();
  // Several views share one model and hear all answers: a ticket tells whose it is.
  const name = crypto.randomUUID?.() ?? String(Math.random());
  let count = 0;
  const hear = (content, buffers) => {
    const reply = waiting.get(content.ticket);
    if (!reply) return;
    waiting.delete(content.ticket);
    if (content.error) reply.reject(new Error(content.error));
    else reply.resolve({ content, buffers });
  };
  model.on("msg:custom", hear);
  signal.addEventListener("abort", () => model.off("msg:custom", hear));

  return (question, asked) =>
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
}

/** An address for bytes, and how to give it back. */
export function blobAddress(bytes, type) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  return { url, free: () => URL.revokeObjectURL(url) };
}
