// One clock for several <video> or <audio> elements.
//
// Setting currentTime while playing, to chase a neighbour, never settles on files with long groups of pictures: the
// seek itself takes longer than the error that it mends. So clips start together behind a gate (every one seeked to
// the same frame and able to play through), whoever runs ahead is held until the slowest is there, and nothing seeks
// while anything plays. A stall, a loop, a seek or a pause of one brings all of them back to the gate.

/** @typedef {{media: HTMLMediaElement, fps: number}} Track  one element and its frames per second */

export const RATES = [0.1, 0.25, 0.5, 1, 1.5, 2];
const SAMPLE_MS = 100;
// The clocks of two running elements read within a few ms of each other. A lead this long is no jitter and is held at
// once, shorter while a neighbour has not moved at all; anything smaller waits for the median of three samples.
const SURE_FRAMES = 1.5;
const SURE_AT_START = 0.5;
const RESTART_S = 0.008; // what play() costs: a held clip is let go this much before it is due

const CHANGED = "wan-changed";

const frames = ({ media, fps }) => Math.max(1, Math.round(media.duration * fps));

/** The frame on show at `time` seconds. */
export const frameAt = (track, time) =>
  Math.min(frames(track) - 1, Math.max(0, Math.floor(time * track.fps + 1e-3)));

/** The middle of a frame in seconds: the only times that are sought, because a frame's edge may show either side. */
export const middle = (track, frame) => (frame + 0.5) / track.fps;

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Resolve when `test()` holds, looking again at each of the `events` of `media`; also when it fails or is let go. */
export function until(media, events, test, signal) {
  return new Promise((resolve) => {
    const done = new AbortController();
    const look = () => {
      if (!test() && !media.error && !signal.aborted) return;
      done.abort();
      resolve();
    };
    for (const name of [...events, "error", "emptied"]) media.addEventListener(name, look, { signal: done.signal });
    signal.addEventListener("abort", look, { signal: done.signal });
    look();
  });
}

/** Plays, pauses, steps and loops its tracks as one; says "change" whenever something to show has changed. */
export class Transport extends EventTarget {
  rate = 1;
  loop = true;
  from = 0;
  to = Infinity;
  holds = 0; // how often someone had to be held back

  #tracks = [];
  #goal = { time: 0, playing: false };
  #dirty = false;
  #work = null;
  #running = new Set();
  #held = new Set();
  #leads = new Map();
  #origin = new Map();
  #stands = new WeakMap(); // where a track was put that has not run since
  #sampled = 0;
  #watch = new AbortController();
  #signal;

  /** @param {AbortSignal} signal  lets everything go */
  constructor(signal) {
    super();
    this.#signal = signal;
    signal.addEventListener("abort", () => {
      this.#halt();
      this.#watch.abort();
    });
    // A hidden page gets no frames to look at, and browsers pause its muted videos one by one.
    document.addEventListener("visibilitychange", () => document.hidden && this.pause(), { signal });
  }

  get playing() {
    return this.#goal.playing;
  }

  /** Whether the tracks stand still on the frame that was asked for. */
  get settled() {
    return this.#work === null && !this.#running.size;
  }

  /** Seconds from the start to the end of the longest track. */
  get span() {
    return Math.max(0, ...this.#alive().map(({ media }) => media.duration));
  }

  get end() {
    return Math.min(this.to, this.span);
  }

  get time() {
    const active = this.#active();
    if (active.length) return Math.min(...active.map(({ media }) => media.currentTime));
    return this.#running.size ? this.span : this.#goal.time;
  }

  /** @param {Track[]} tracks  from now on these, at the same time as before; the old ones are left paused */
  use(tracks) {
    if (tracks.length === this.#tracks.length && tracks.every((track, at) => track === this.#tracks[at])) return this.#work;
    const time = this.time;
    this.#halt();
    this.#watch.abort();
    this.#watch = new AbortController();
    this.#tracks = tracks;
    for (const track of tracks) {
      const on = (name, act) => track.media.addEventListener(name, act, { signal: this.#watch.signal });
      on("waiting", () => this.#mayAct(track) && this.#settle({ time: this.time }));
      on("pause", () => this.#mayAct(track) && track.media.paused && this.pause());
      on("loadedmetadata", () => this.#tell());
      on("error", () => this.#settle({ time: this.time }));
    }
    return this.#settle({ time });
  }

  play() {
    const over = this.time >= this.end - 0.5 / this.#fps();
    return this.#settle({ playing: true, time: over ? this.from : this.time });
  }

  pause() {
    return this.#settle({ playing: false, time: this.time });
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  /** @param {number} time  seconds; clips that are shorter stay on their last frame */
  seek(time) {
    return this.#settle({ time: Math.min(Math.max(0, time), this.span) });
  }

  /** @param {number} count  frames of the finest track; negative is back */
  step(count) {
    const track = this.#finest();
    if (!track) return Promise.resolve();
    const frame = frameAt({ media: { duration: this.span }, fps: track.fps }, this.time) + count;
    return this.#settle({ playing: false, time: Math.max(0, Math.min(middle(track, frame), this.span)) });
  }

  /** @param {number} rate  times the natural speed */
  pace(rate) {
    this.rate = rate;
    for (const { media } of this.#running) media.playbackRate = rate;
    this.#tell();
  }

  #alive() {
    return this.#tracks.filter(({ media }) => !media.error && media.readyState > 0);
  }

  #active() {
    return [...this.#running].filter(({ media }) => !media.ended && !media.error);
  }

  #finest() {
    return this.#alive().reduce((best, track) => (best && best.fps >= track.fps ? best : track), null);
  }

  #fps() {
    return this.#finest()?.fps ?? 25;
  }

  /** Whether an event of this track came from outside: running, not held back by us, not at its end. */
  #mayAct(track) {
    return this.#running.has(track) && !this.#held.has(track) && !track.media.ended;
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }

  /** Write down what is wanted; one worker brings the tracks there, however often the wish changes on the way. */
  #settle(wish) {
    Object.assign(this.#goal, wish);
    this.#dirty = true;
    for (const { media } of this.#tracks) media.dispatchEvent(new Event(CHANGED)); // whoever waits at the gate looks up
    this.#work ??= this.#reach().finally(() => {
      this.#work = null;
      this.#tell();
    });
    this.#tell();
    return this.#work;
  }

  async #reach() {
    while (this.#dirty && !this.#signal.aborted) {
      this.#dirty = false;
      this.#halt();
      const tracks = this.#tracks.filter(({ media }) => media.src);
      await Promise.all(tracks.map((track) => this.#bring(track)));
      if (!this.#dirty && this.#goal.playing) this.#start();
    }
  }

  /** One track to the wanted frame and, when it shall play, ready to play through. */
  async #bring(track) {
    const { media } = track;
    const stop = this.#signal;
    await until(media, ["loadedmetadata"], () => !media.src || media.readyState > 0, stop);
    if (!media.src || media.error || stop.aborted) return;
    const goal = middle(track, frameAt(track, this.#goal.time));
    // A clock that stopped near the goal proves nothing: the picture may be frames behind it on a busy machine.
    if (media.seeking || this.#stands.get(track) !== goal) {
      this.#stands.set(track, goal);
      media.currentTime = goal;
      await until(media, ["seeked"], () => !media.seeking, stop);
    }
    const through = () => this.#dirty || !this.#goal.playing || media.readyState === HTMLMediaElement.HAVE_ENOUGH_DATA;
    await until(media, ["canplaythrough", CHANGED], through, stop);
  }

  #halt() {
    const running = [...this.#running];
    this.#running.clear();
    this.#held.clear();
    this.#leads.clear();
    for (const { media } of running) media.pause();
  }

  /** Everything in one task, so that the clocks start within a millisecond. */
  #start() {
    const { time } = this.#goal;
    const ready = this.#alive().filter(({ media }) => time < media.duration - 0.25 / this.#fps());
    this.#running = new Set(ready);
    this.#origin = new Map(ready.map((track) => [track, track.media.currentTime]));
    for (const { media } of ready) media.playbackRate = this.rate;
    for (const track of ready) this.#stands.delete(track);
    for (const { media } of ready) {
      // AbortError is our own pause arriving first; anything else is the browser refusing to play.
      media.play().catch((error) => error.name === "AbortError" || this.#settle({ playing: false }));
    }
    this.#sampled = 0;
    requestAnimationFrame((now) => this.#tick(now, this.#running));
  }

  #tick(now, turn) {
    if (turn !== this.#running || !turn.size) return;
    const active = this.#active();
    const slowest = Math.min(...active.map(({ media }) => media.currentTime));
    if (!active.length || slowest >= this.end) {
      this.#settle(this.loop ? { time: this.from } : { playing: false, time: this.end });
      return;
    }
    this.#keep(active, slowest, now - this.#sampled >= SAMPLE_MS);
    if (now - this.#sampled >= SAMPLE_MS) {
      this.#sampled = now;
      this.#tell();
    }
    requestAnimationFrame((next) => this.#tick(next, turn));
  }

  /** Hold who is more than one frame ahead; let go who is no longer. */
  #keep(active, slowest, sample) {
    const frame = 1 / Math.min(...active.map(({ fps }) => fps));
    const begun = active.every((track) => track.media.currentTime - this.#origin.get(track) > 1e-3);
    for (const track of active) {
      const lead = track.media.currentTime - slowest;
      if (this.#held.has(track)) {
        if (lead > RESTART_S * this.rate) continue;
        this.#held.delete(track);
        this.#leads.delete(track);
        track.media.play().catch(() => {});
        continue;
      }
      const leads = this.#leads.get(track) ?? [];
      if (sample) this.#leads.set(track, [...leads.slice(-2), lead]);
      if (lead > (begun ? SURE_FRAMES : SURE_AT_START) * frame || (leads.length === 3 && median(leads) > frame)) {
        this.#held.add(track);
        this.#leads.set(track, []);
        this.holds += 1;
        track.media.pause();
      }
    }
  }
}
