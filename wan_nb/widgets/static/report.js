// A report comes alive: the same player as in the notebook, fed from the page itself.

import { address, h } from "./dom.js";
import { mountCompare } from "./compare.js";

/** Bytes of a clip that is written into the page. */
function embedded(id) {
  const text = document.getElementById(id).textContent.trim();
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}

function reportPages({ pages, total, media }) {
  const strip = (id) => document.querySelector(`img[data-strip="${CSS.escape(id)}"]`)?.src ?? null;
  return {
    originals: false,
    async page(page) {
      const clips = pages[page].map((clip) => ({ ...clip, strip: strip(clip.id) }));
      return { clips, page, pages: pages.length, total, orders: ["as given"] };
    },
    async media(id, quality) {
      const { embed, sound, link } = media[id];
      if (link) return { url: link, free: () => {} };
      return quality === "proxy" ? address(embedded(embed), "video/mp4") : address(embedded(sound), "audio/mp4");
    },
  };
}

const place = document.getElementById("wan-compare");
if (place) {
  document.documentElement.classList.add("wan-live");
  const source = reportPages(JSON.parse(document.getElementById("wan-data").textContent));
  mountCompare(place.appendChild(h("div", {})), source, new AbortController().signal, true);
}
