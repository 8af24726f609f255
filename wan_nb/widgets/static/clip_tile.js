// One clip on the stage: its screen, its strip with a playhead, its caption.

import { frameAt, middle } from "./transport.js";
import { h } from "./dom.js";

export class Tile {
  #source;
  #signal;
  #frees = [];
  #original = null;
  #sound = null;

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
    this.video.addEventListener("error", () => this.video.src && this.say("This clip cannot be played here."));
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

  get ready() {
    return Boolean(this.video.src) && !this.video.error;
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

  /** Ask for the proxy and put it on the screen. */
  async load() {
    if (!this.clip.playable) return this.say(this.clip.note || "No clip.");
    this.say("Preparing …");
    try {
      const url = await this.#fetch("proxy");
      if (this.#signal.aborted) return undefined;
      this.video.src = url;
      return this.say("");
    } catch (error) {
      return this.#signal.aborted ? undefined : this.say(error.message);
    }
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
