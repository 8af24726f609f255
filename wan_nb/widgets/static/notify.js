// @ts-check
// Told when it is done: a notification of the browser, and the title of the tab, for somebody who looks elsewhere.

const ASKED = "wan-nb-asked-to-notify";

/** Ask for leave to show notifications, once in this browser, and only when something was pressed: browsers want that. */
export function askLeave() {
  if (!("Notification" in window) || Notification.permission !== "default") return;
  try {
    if (localStorage.getItem(ASKED)) return;
    localStorage.setItem(ASKED, "yes");
  } catch {
    return; // a frame without a store of its own gets no leave either
  }
  Notification.requestPermission().catch(() => {});
}

/** What has ended, in words. @param {any[]} rows @param {any} about */
function ending(rows, { states, title }) {
  const word = (/** @type {string} */ state) => states[state]?.word ?? state.toLowerCase();
  if (rows.length === 1) return `${rows[0].label}: ${word(rows[0].state)}`;
  const counts = new Map();
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1);
  const told = [...counts].map(([state, count]) => `${count} ${word(state)}`).join(", ");
  return title ? `${title}: ${told}` : told;
}

/**
 * Tell that nothing of a board goes on any more, where nobody sees it.
 * @param {any[]} before @param {any[]} rows @param {any} about
 */
export function tellEnd(before, rows, about) {
  const open = (/** @type {any[]} */ all) => all.some(({ state }) => about.active.includes(state));
  if (!about.notify || !document.hidden || !open(before) || open(rows)) return;
  const text = ending(rows, about);
  const old = document.title;
  const now = `✓ ${text}`;
  if (!old.startsWith("✓ ")) {
    document.title = now;
    const back = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", back);
      if (document.title === now) document.title = old;
    };
    document.addEventListener("visibilitychange", back);
  }
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  try {
    // Several boards of one run are one notification.
    const shown = new Notification("wan_nb", { body: text, tag: rows.map(({ id }) => id).join() });
    shown.onclick = () => window.focus();
  } catch {
    // Chrome on Android knows them in service workers only; the title is enough
  }
}
