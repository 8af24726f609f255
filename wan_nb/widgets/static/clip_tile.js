// One clip on the stage: its screen, its strip with a playhead, its caption.

import { frameAt, middle, until } from "./transport.js";
import { h } from "./dom.js";

const FRAMED = "wan-framed"; // said by a video when a frame has come to its screen
export const SEEN = "wan-seen"; // said by a tile when it is known whether its clip can be seen, or no longer

const SHORT_S = 0.5; // a copy may end a frame or two before the clip
const AGAIN_MS = 1000; // after which a frame that has not come to the screen is sought again
const LATE = 5; // times after which the reason is said; it is taken back when the frame comes

/** Why the browser shows no picture of a clip, or not all of it. @param {HTMLVideoElement} video */
function why(video) {
  const { src, error } = video;
  if (!video.canPlayType('video/mp4; codecs="avc1.42E01E"')) return "This browser cannot play H.264, the codec of the clips: another one can, or this one with the codecs of its system.";
  if (/^(blob|data):/.test(src)) return "This clip cannot be played here: its file is damaged, or of a kind that this browser does not know.";
  const file = decodeURIComponent(src.split("/").slice(-2).join("/"));
  const status = /\b[45]\d\d\b[^)]*/.exec(error?.message ?? "")?.[0];
  return `The file of this clip cannot be read: ${file} ${status ? `(${status.trim()})` : "is gone, refused or damaged"}.`;
}

/** Resolves when a frame of `video` from `seconds` on is on the screen; also when it fails or is let go. */
async function framed(video, seconds, signal) {
  if (!video.requestVideoFrameCallback) return; // an old Firefox, which tells a cut by an error
  let at = -1;
  const look = (_, { mediaTime }) => {
    at = mediaTime;
    video.dispatchEvent(new Event(FRAMED));
    if (at < seconds && !signal.aborted) video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  await until(video, [FRAMED], () => at >= seconds, signal);
}

export class Tile {
  seen = false; // whether the clip can be seen to its end
  fault = ""; // why it cannot
  #source;
  #signal;
  #frees = [];
  #original = null;
  #sound = null;
  #looked = false;

  /**
   * @param {import("./player.js").Shown} clip
   * @param {import("./player.js").Source} source
   * @param {AbortSignal} signal  ends when the page of clips is left
   * @param {(time: number) => void} seek  called when a moment on the strip is pointed at
   */
  constructor(clip, source, signal, seek) {
    this.clip = clip;
    this.#source = source;
    this.#signal = signal;
    this.video = silent("wan-c-video");
    this.video.setAttribute("aria-label", clip.label);
    this.video.addEventListener("error", () => this.video.src && this.#judge(why(this.video)));
    this.track = { media: this.video, fps: clip.fps || 24 };
    this.note = h("p", { class: "wan-c-note", hidden: true });
    this.badge = h("span", { class: "wan-c-badge" });
    this.screen = h("div", { class: "wan-c-screen" }, this.video, this.note, this.badge);
    this.head = h("span", { class: "wan-c-here" });
    this.caption = h("figcaption", { class: "wan-c-caption" });
    const strip = clip.strip ? this.#film(seek) : null;
    this.node = h("figure", { class: "wan-c-tile" }, this.screen, strip, this.caption);
    this.node.style.setProperty("--wan-ratio", this.#ratio);
    signal.addEventListener("abort", () => this.#free());
  }

  /** Whether there is something to play: until the end was looked at, the clock leaves the clip alone. */
  get ready() {
    return this.#looked && !this.video.error;
  }

  get #ratio() {
    const { width, height } = this.clip;
    return width && height ? width / height : 16 / 9;
  }

  #film(seek) {
    const picture = h("img", { src: this.clip.strip, alt: "", draggable: "false" });
    picture.addEventListener("load", () => {
      const frames = Math.max(1, Math.round(picture.naturalWidth / picture.naturalHeight / this.#ratio));
      // The first frame stands in until the clip is here.
      this.screen.style.background = `#000 url("${this.clip.strip}") 0 0 / ${frames * 100}% 100% no-repeat`;
    });
    const strip = h("div", { class: "wan-c-strip", title: "Go to this moment" }, picture, this.head);
    const point = (event) => {
      const box = strip.getBoundingClientRect();
      seek(((event.clientX - box.left) / box.width) * (this.video.duration || 0));
    };
    strip.addEventListener("pointerdown", point);
    strip.addEventListener("pointermove", (event) => event.buttons === 1 && point(event));
    return strip;
  }

  say(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  async #fetch(quality) {
    const { url, free } = await this.#source.media(this.clip.id, quality, this.#signal);
    if (this.#signal.aborted) free();
    else this.#frees.push(free);
    return url;
  }

  /** Note, and tell, whether the clip can be seen. */
  #judge(fault) {
    if (this.#signal.aborted) return;
    this.fault ||= fault; // the first one is the cause
    this.seen = !this.fault;
    this.say(this.fault);
    this.node.dispatchEvent(new Event(SEEN, { bubbles: true }));
  }

  /** Ask for the proxy, put it on the screen, and find out whether it can be seen. */
  async load() {
    if (!this.clip.playable) return this.#judge(this.clip.note || "No clip.");
    this.say("Preparing …");
    try {
      const url = await this.#fetch("proxy");
      if (this.#signal.aborted) return undefined;
      this.video.src = url;
      return this.#judge(await this.#end());
    } catch (error) {
      return this.#judge(error.message);
    }
  }

  /**
   * Look at the last frame; returns why there is none. A clip that is cut off has a beginning all the same, and Chromium
   * seeks beyond what is there without an error: only a frame that came to the screen is seen.
   */
  async #end() {
    const { video, track } = this;
    const settled = (event, test) => until(video, [event], test, this.#signal);
    await settled("loadedmetadata", () => video.readyState > 0);
    const { duration, videoWidth } = video;
    if (video.error || !videoWidth || !(duration > 0 && duration < Infinity)) return why(video);
    const last = framed(video, duration - SHORT_S, this.#signal);
    for (const time of [duration, 0]) {
      video.currentTime = middle(track, frameAt(track, time));
      await settled("seeked", () => !video.seeking && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA);
      if (video.error) return why(video);
      if (time) await this.#patiently(last);
    }
    this.#looked = true;
    return video.error || video.duration < (this.clip.seconds ?? 0) - SHORT_S ? why(video) : "";
  }

  /** Wait for the last frame; where it is long in coming, say what that mostly means. */
  async #patiently(last) {
    const { video, track } = this;
    let times = 0;
    const look = setInterval(() => {
      if (video.seeking) return;
      // On a busy machine a frame may come between two calls and be told by none: the one before it is as good.
      video.currentTime = middle(track, Math.max(0, frameAt(track, video.duration) - (++times % 2)));
      if (times === LATE) this.#judge(why(video));
    }, AGAIN_MS);
    await last;
    clearInterval(look);
    if (!video.error) this.fault = "";
  }

  /** The sound as a track of its own: proxies carry none, so it is the original's, or what a report brings for it. */
  sound() {
    this.#sound ??= this.#fetch("original").then(
      (url) => ({ media: h("audio", { src: url, preload: "auto" }), fps: this.track.fps }),
      (error) => {
        this.#sound = null;
        throw error;
      },
    );
    return this.#sound;
  }

  /** Lay the same frame of the original over the proxy, to look at texture while nothing moves. */
  async sharpen(time, signal) {
    this.#original ??= this.#fetch("original").then((url) => {
      const video = silent("wan-c-original");
      video.src = url;
      this.video.after(video);
      return new Promise((done) => video.addEventListener("loadedmetadata", () => done(video), { once: true }));
    });
    const video = await this.#original;
    if (signal.aborted) return;
    const goal = middle(this.track, frameAt(this.track, time));
    video.addEventListener("seeked", () => video.classList.add("wan-c-sharp"), { once: true, signal });
    video.currentTime = goal;
  }

  dull() {
    this.screen.querySelector(".wan-c-sharp")?.classList.remove("wan-c-sharp");
  }

  #free() {
    for (const media of this.screen.querySelectorAll("video")) unload(media);
    this.#sound?.then(({ media }) => unload(media), () => {});
    for (const free of this.#frees) free();
    this.node.remove();
  }
}

function silent(name) {
  const video = h("video", { class: name, playsinline: true, preload: "auto", tabindex: -1 });
  video.muted = true; // the attribute of this name sets the default only
  return video;
}

/** Lets the decoder go at once instead of at the next collection. */
function unload(media) {
  media.pause();
  media.removeAttribute("src");
  media.load();
}
