// Which words turn one prompt into another.

// A word, one sign of a script that does not part its words, a gap, or a mark. `wan_nb.html.word_diff` splits by the same rule.
const WORDS = /[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff,.;:!?()"]+|\s+|[,.;:!?()"]/gu;
const MOST_CELLS = 2_000_000;

/**
 * What turns one text into the other, in runs of words.
 * @param {string} before @param {string} after
 * @returns {["same"|"gone"|"new", string][]}
 */
export function wordDiff(before, after) {
  const [left, right] = [before.match(WORDS) ?? [], after.match(WORDS) ?? []];
  let head = 0;
  while (head < left.length && head < right.length && left[head] === right[head]) head += 1;
  let tail = 0;
  const room = Math.min(left.length, right.length) - head;
  while (tail < room && left.at(-1 - tail) === right.at(-1 - tail)) tail += 1;
  const [a, b] = [left.slice(head, left.length - tail), right.slice(head, right.length - tail)];
  const steps = left.slice(0, head).map((word) => ["same", word]);
  steps.push(...middleSteps(a, b), ...left.slice(left.length - tail).map((word) => ["same", word]));
  return joinRuns(steps);
}

/** The longest common subsequence of two lists of words as steps; texts too long for the table are replaced whole. */
function middleSteps(a, b) {
  if (a.length * b.length > MOST_CELLS) return [...a.map((word) => ["gone", word]), ...b.map((word) => ["new", word])];
  const wide = b.length + 1;
  const length = new Uint16Array((a.length + 1) * wide);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const [down, across] = [length[(i + 1) * wide + j], length[i * wide + j + 1]];
      length[i * wide + j] = a[i] === b[j] ? length[(i + 1) * wide + j + 1] + 1 : Math.max(down, across);
    }
  }
  const steps = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      steps.push(["same", a[i]]);
      i += 1;
      j += 1;
    } else if (length[(i + 1) * wide + j] >= length[i * wide + j + 1]) {
      steps.push(["gone", a[i]]);
      i += 1;
    } else {
      steps.push(["new", b[j]]);
      j += 1;
    }
  }
  return [...steps, ...a.slice(i).map((word) => ["gone", word]), ...b.slice(j).map((word) => ["new", word])];
}

/** Between two unchanged words all that went stands before all that came; a gap alone does not part two changes. */
function joinRuns(steps) {
  const runs = [];
  let [gone, fresh, gap] = ["", "", ""];
  const flush = () => {
    const found = [["gone", gone], ["new", fresh], ["same", gap]].filter(([, text]) => text);
    for (const [kind, text] of found) {
      if (kind === "same" && runs.at(-1)?.[0] === "same") runs.at(-1)[1] += text;
      else runs.push([kind, text]);
    }
    [gone, fresh, gap] = ["", "", ""];
  };
  for (const [kind, word] of steps) {
    if (kind === "same" && (word.trim() || !(gone || fresh))) {
      flush();
      gap = word;
      flush();
    } else if (kind === "same") gap += word;
    else {
      [gone, fresh, gap] = [gone + gap, fresh + gap, ""];
      if (kind === "gone") gone += word;
      else fresh += word;
    }
  }
  flush();
  return runs;
}
