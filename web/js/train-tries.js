// The lesson's trainings, to be tried: `#train?try=five` brings rendered boards and the settings, and leaves the
// pressing of *Learn* to the person, whose step it is. Other boards, with faults too, are there to check the model with.

import { $, counted, say } from "./dom.js";
import { render } from "./module/rendered.js";
import { go, on } from "./router.js";
import { said } from "./state.js";
import * as good from "./train-good.js";
import { offerUndo } from "./undo.js";

/** @typedef {import("./module/rendered.js").Part} Part */
/** @typedef {{ parts: Part[], amplify: boolean, words: string }} Try */

/** Good boards, each another one. @param {number} count @returns {Part[]} */
const boards = (count) => Array.from({ length: count }, (_, i) => ({ seed: i + 1 }));

/** A faulty board. */
const MISSING = { seed: 203, defect: "missing_part" };

/** @type {Record<string, Try>} */
const TRIES = {
  five: { parts: boards(5), amplify: true, words: "Five good boards: too few to show what may vary." },
  spoiled: {
    parts: [...boards(12), MISSING], amplify: true,
    words: "Twelve good boards, and one with a missing part among them.",
  },
  pretrained: { parts: boards(12), amplify: false, words: "Twelve good boards; stage 1 is switched off under More settings." },
};

/** To check with; no proper training has seen them. @type {Part[]} */
const CHECKED = [{ seed: 201 }, { seed: 202 }, MISSING, { seed: 204, defect: "solder_blob" }, { seed: 205, defect: "short" }];

/**
 * @param {() => void} changed hears that the good pictures are others
 * @param {(files: { name: string, file: Blob }[]) => void} check judges pictures
 */
export function wire(changed, check) {
  $("train-check-boards").onclick = async () => {
    try {
      check(named(await render("circuit", CHECKED), CHECKED));
    } catch (error) {
      say("train-error", unmade(error));
    }
  };
  on("train", ({ query }) => {
    const name = query.get("try") ?? "";
    if (!Object.hasOwn(TRIES, name)) return;
    // The same link, pressed again, is another address then.
    go("train", [], {}, { replace: true });
    prepare(TRIES[name], changed);
  });
}

/** @param {Try} wanted @param {() => void} changed */
async function prepare({ parts, amplify, words }, changed) {
  say("train-notice", "Rendering the lesson’s boards …");
  try {
    const files = await render("circuit", parts);
    const before = good.pictures();
    good.clear();
    await good.add(named(files, parts));
    if (before.length) offerUndo(`${counted(before.length, "good picture")} replaced by the lesson’s boards.`, async () => {
      good.clear();
      await good.add(before);
      say("train-notice", "");
      changed();
    });
    $("train-name").value = "circuit board";
    $("train-from").value = "";
    $("train-from").dispatchEvent(new Event("change"));
    $("train-size").value = "128";
    $("train-amplify").checked = amplify;
    $("train-more").open = !amplify;
    /** @type {HTMLInputElement} */ (document.querySelector("#train-minutes [value='2']")).checked = true;
    $("train-check-boards").hidden = false;
    say("train-notice", `${words} They are rendered, as in the lesson. Press Learn; afterwards other boards show what it finds.`);
  } catch (error) {
    say("train-notice", unmade(error));
  }
  changed();
}

/** @param {Blob[]} files @param {Part[]} parts */
const named = (files, parts) => files.map((file, i) => ({ name: `${parts[i].defect ?? "board"}-${String(parts[i].seed).padStart(2, "0")}.png`, file }));

/** @param {unknown} error */
const unmade = (error) => `The lesson’s boards could not be made: ${said(error)}`;
