// Look inside, fetched when it is first wanted, since most visitors come to check pictures.

import { say } from "./dom.js";
import { on } from "./router.js";
import { said } from "./state.js";

/** @typedef {import("./pictures.js").Item} Item */

/** @type {typeof import("./learn/play.js") | undefined} */
let there;
/** @type {Promise<typeof import("./learn/play.js")> | undefined} */
let coming;

function fetched() {
  coming ??= import("./learn/play.js").then((play) => {
    play.wire();
    return there = play;
  });
  // The connection may come back.
  coming.catch((error) => {
    coming = undefined;
    say("inside-error", `This part of the page could not be loaded: ${said(error)}`);
  });
  return coming;
}

export function wire() {
  on("inside", () => { fetched().catch(() => undefined); });
}

/** Shows the intermediate features of a picture. @param {Item} item */
export async function open(item) {
  await (await fetched()).open(item);
}

/** Another model or picture is chosen: the shown features are outdated. @param {Item | undefined} item */
export function keep(item) {
  there?.keep(item);
}
