// A ballot that needs nothing but this page: the vote of the notebook, fed from the page itself, with its answers in the
// browser's own store until they are saved as a file.

import { address, h } from "./dom.js";
import { mountVote } from "./vote.js";

const REPEATS = 0.08;
const APART = 4; // answers between a pair and its repeat

const random = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const below = (count) => crypto.getRandomValues(new Uint32Array(1))[0] % count;

function shuffled(items) {
  const all = [...items];
  for (let at = all.length - 1; at > 0; at -= 1) {
    const other = below(at + 1);
    [all[at], all[other]] = [all[other], all[at]];
  }
  return all;
}

/** CRC-32 of a text, as `zlib.crc32` counts it. */
function crc32(text) {
  let sum = -1;
  for (const byte of new TextEncoder().encode(text)) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ((sum ^ -1) >>> 0).toString(16).padStart(8, "0");
}

const SIGNED = ["vote_id", "rater", "session", "criterion", "left_run", "right_run", "outcome", "repeat_of"];
const checksum = (ballot, votes) => crc32(JSON.stringify(["wan_nb votes", "1", "", ballot, ...votes.flatMap((vote) => SIGNED.map((name) => vote[name] ?? ""))]));

/** What one rater is asked: the pairs block by block, turned around or not, with some of them again later. */
function drawn(blocks) {
  const turned = below(2) === 1;
  const order = [];
  const ends = [];
  for (const block of shuffled(blocks)) {
    order.push(...shuffled(block).map(([one, other]) => (turned ? [other, one] : [one, other])));
    ends.push(order.length);
  }
  const count = order.length >= 2 * APART ? Math.max(1, Math.round(REPEATS * order.length)) : 0;
  const chosen = shuffled([...order.keys()].slice(0, -APART)).slice(0, count);
  // From the back, so that the places before stay what they are.
  const again = chosen.map((at) => ({ at, after: ends.find((end) => end >= at + APART) })).sort((one, other) => other.after - one.after);
  for (const { at, after } of again) order.splice(after, 0, [order[at][1], order[at][0], true]);
  return order.map(([left, right, repeat]) => ({ left, right, repeat: Boolean(repeat) }));
}

/** One sitting, kept where the browser keeps things for a page. */
class Sitting {
  #key;
  #memory = null; // where the browser keeps nothing

  constructor(data) {
    this.data = data;
    this.#key = `wan-ballot-${data.ballot}`;
    this.kept = true;
    if (!this.read()) this.begin();
  }

  /** What is kept; another tab may have gone on with it. */
  read() {
    try {
      this.#memory = JSON.parse(localStorage.getItem(this.#key)) ?? this.#memory;
    } catch {
      this.kept = false;
    }
    return this.#memory;
  }

  write(change) {
    this.#memory = { ...this.#memory, ...change };
    try {
      localStorage.setItem(this.#key, JSON.stringify(this.#memory));
    } catch {
      this.kept = false;
    }
  }

  begin() {
    this.#memory = null;
    this.write({ sitting: random(8), rater: "", order: drawn(this.data.blocks), votes: [], saved: 0 });
  }

  /** Answers that were not taken back. */
  get standing() {
    const { votes } = this.read();
    const back = new Set(votes.filter(({ outcome }) => outcome === "undo").map(({ repeat_of: of }) => of));
    return votes.filter(({ vote_id: id, outcome }) => outcome !== "undo" && !back.has(id));
  }

  /** Number of the next question; a repeat of what was passed over is none. */
  get place() {
    const { order } = this.read();
    const standing = this.standing;
    const done = new Set(standing.map(({ place }) => place));
    return order.findIndex((asked, at) => !done.has(at) && !(asked.repeat && !this.first(asked, standing)));
  }

  first({ left, right }, standing = this.standing) {
    return standing.find((vote) => vote.left_run === right && vote.right_run === left && vote.outcome !== "skip");
  }

  progress() {
    const { order } = this.read();
    const standing = this.standing;
    const done = new Set(standing.map(({ place }) => place));
    const name = ({ left, right }) => [left, right].sort().join();
    const answered = new Set(order.filter((asked, at) => done.has(at)).map(name));
    const whole = this.data.blocks.map((block) => block.every(([left, right]) => answered.has(name({ left, right }))));
    const last = standing.at(-1);
    const at = last ? this.data.blocks.findIndex((block) => block.flat().includes(last.left_run)) : -1;
    const pairs = this.data.blocks.flat().length;
    return { done: answered.size, pairs, complete: whole.filter(Boolean).length, blocks: whole.length, may_stop: answered.size >= pairs || Boolean(whole[at]) };
  }

  answer(place, outcome, details) {
    const { order, votes, sitting } = this.read();
    const asked = order[place];
    const of = asked.repeat ? this.first(asked) : null;
    this.write({ votes: [...votes, { vote_id: random(8), ts: new Date().toISOString(), session: sitting, criterion: this.data.criterion, left_run: asked.left, right_run: asked.right, outcome, repeat_of: of?.vote_id ?? null, picker: asked.repeat ? "repeat" : "ballot", place, ...details }] });
  }

  undo() {
    const last = this.standing.at(-1);
    if (!last) return false;
    this.write({ votes: [...this.read().votes, { ...last, vote_id: random(8), ts: new Date().toISOString(), outcome: "undo", repeat_of: last.vote_id }] });
    return true;
  }

  /** The votes file as text, and its name. */
  file() {
    const { sitting, rater, votes } = this.read();
    const rows = votes.map(({ place, ...vote }) => ({ ...vote, rater }));
    const { ballot } = this.data;
    const name = rater.normalize("NFC").replaceAll(/[^\p{L}\p{N} _-]/gu, "").trim() || sitting.slice(0, 6);
    const text = JSON.stringify({ format: "wan_nb votes", version: 1, study: "", ballot, votes: rows, checksum: checksum(ballot, rows) }, null, 1);
    return { name: `votes-${name}.json`, text };
  }
}

/** The sitting as what `mountVote` asks. */
function questions(sitting, told) {
  const { data } = sitting;
  let number = 0;
  let place = -1;
  const clip = (name, side) => ({ ...data.clips[name], id: `${number}-${side}`, label: "" });
  const show = () => {
    place = sitting.place;
    number += 1;
  };
  const state = (note) => {
    const asked = sitting.read().order[place];
    const clips = asked && [clip(asked.left, "left"), clip(asked.right, "right")];
    const count = sitting.standing.filter(({ outcome }) => outcome !== "skip").length;
    const pair = asked ? { number, clips, simulated: clips.some(({ simulated }) => simulated) } : null;
    const end = "Every pair has been asked: you can stop. Save your votes, and send the file to whoever gave you this page.";
    told();
    return { content: { pair, told: null, count, note, question: data.question, sentence: "", progress: sitting.progress(), end } };
  };
  const embedded = (id, type) => address(Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (sign) => sign.charCodeAt(0)), type);
  return {
    originals: false,
    async ask(message) {
      let note = "";
      if (message.kind === "vote" && place >= 0) {
        if (message.number !== number || sitting.place !== place) note = "This pair has been voted on elsewhere.";
        else {
          sitting.answer(place, message.outcome, message.details);
          note = message.outcome === "skip" ? "Skipped." : "Stored in this browser.";
        }
      } else if (message.kind === "undo") note = sitting.undo() ? "The last vote is taken back." : "There is no vote to take back.";
      show();
      return state(note);
    },
    async media(id, quality) {
      const asked = sitting.read().order[place];
      const { link, embed, sound, heard } = data.media[asked[id.split("-")[1]]];
      if (quality === "proxy") return link ? { url: link, free: () => {} } : embedded(embed, "video/mp4");
      return heard ? { url: heard, free: () => {} } : embedded(sound, "audio/mp4");
    },
  };
}

function open(place, data) {
  const sitting = new Sitting(data);
  const kept = h("p", { class: "about", "aria-live": "polite" });
  const name = h("input", { id: "rater", autocomplete: "off", maxlength: 80, oninput: () => sitting.write({ rater: name.value.trim() }) });
  const save = h("button", { type: "button", onclick: download }, "Save my votes");
  const anew = h("button", { type: "button", onclick: next }, "Somebody else votes");
  let life = new AbortController();
  const stage = h("div", {});
  place.append(stage, h("div", { class: "ballot" }, h("label", { for: "rater" }, "Your name"), name, save, anew), kept);

  function tell() {
    const { votes, saved } = sitting.read();
    const left = votes.length - saved;
    save.disabled = !votes.length;
    kept.textContent = !sitting.kept
      ? "This browser keeps nothing for this page: save your votes before you close it."
      : left
        ? "Your votes are kept in this browser: you can close the page and go on later. They are not saved as a file yet."
        : votes.length
          ? "All your votes are in the file that you saved. Send it to whoever gave you this page."
          : "Your votes are kept in this browser until you save them as a file.";
  }

  function download() {
    const { name: called, text } = sitting.file();
    const { url, free } = address(text, "application/json");
    h("a", { href: url, download: called }).click();
    setTimeout(free, 60_000);
    sitting.write({ saved: sitting.read().votes.length });
    tell();
  }

  function next() {
    const { votes, saved } = sitting.read();
    if (votes.length > saved && !confirm("The votes in this browser are not saved as a file. Leave them behind?")) return;
    sitting.begin();
    mount();
  }

  function mount() {
    life.abort();
    life = new AbortController();
    const root = h("div", {});
    stage.replaceChildren(root);
    name.value = sitting.read().rater;
    mountVote(root, questions(sitting, tell), life.signal, false);
    root.focus({ preventScroll: true });
  }

  addEventListener("beforeunload", (event) => {
    const { votes, saved } = sitting.read();
    if (!sitting.kept && votes.length > saved) event.preventDefault();
  });
  mount();
}

open(document.getElementById("wan-ballot"), JSON.parse(document.getElementById("wan-data").textContent));
