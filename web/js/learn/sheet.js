// The teacher's sheet: aims, 45 minutes, answers. It prints on two pages.

import { make } from "../dom.js";

/** @type {[string, string, string][]} minutes, what, how */
const PLAN = [
  ["5", "A fault you have never seen", "Together, step 1 on the projector. Everyone points. How did you know, without a list of faults?"],
  ["10", "Teacher and student", "Steps 2 and 3 in pairs, one laptop each. One marks, the other says why. Then reveal."],
  ["10", "Angle and levels", "Steps 4 and 5. On paper: the cosine of (1, 0) and (1, 1); of (2, 0) and (5, 0). Which of them is a fault?"],
  ["10", "Training", "Steps 6 to 8. Before the slider of step 7 is moved everyone sketches the two curves."],
  ["7", "Break it", "Who paints over the most that it misses? Why does it miss that? Which card of “Trained badly” would you notice in a factory, and how?"],
  ["3", "To take along", "Each pair says one thing the method can do, one it cannot, and one it should not be used for."],
];

/** @type {[string, string][]} */
const ANSWERS = [
  ["1. What is wrong here?", "The missing part. Whoever compares with the good board needs no list of faults; it is the same for the method."],
  ["2. The teacher", "Another resistor, or anything that looks like one. Like patches have like lists of numbers: a cosine near 1."],
  ["3. The student", "On the solder blob. The student has only seen good boards and describes what would be there on one."],
  ["4. The angle", "The page tells the number. A few degrees on good patches, tens of degrees on the fault. On paper: 0.71, and 1 (the length does not count): only the first pair is apart."],
  ["5. The levels", "Depends on the fault; the page tells the shares. The three add up to the anomaly map, whose highest value is the score."],
  ["6. The gate", "On the made defect. The gate was trained on defects like it. With and without differ in the score; on a single picture it may go either way."],
  ["7. Learning", "It falls on good patches and stays higher on the fault: the student never sees a fault while it learns."],
  ["8. Two assumptions", "The page counts it. Plain faults may show even in random features, small ones do not; it depends on parts and faults."],
];

/** @type {[string, string][]} */
const TALK = [
  ["Why are there no pictures of faults in the training?", "Faults are rare and never complete: the next one is new. Good parts are many."],
  ["What if a faulty board is among the good ones?", "The student learns to describe it, as if it were normal; the same fault may then be missed (Break it)."],
  ["When does it raise a false alarm?", "When good parts vary in a way it has not seen: other light, another supplier, dust."],
  ["Is a high score a bad fault?", "No. The score tells how unusual the most unusual place is, not how serious."],
  ["Could it be used on people?", "“Unusual” is not “wrong”. What a method calls normal depends on who chose the pictures."],
];

/** @param {HTMLElement} root */
export function sheet(root) {
  const print = make("button", { type: "button", class: "primary", onclick: () => {
    document.documentElement.classList.add("print-sheet");
    addEventListener("afterprint", () => document.documentElement.classList.remove("print-sheet"), { once: true });
    window.print();
  } }, "Print (2 pages)");
  root.replaceChildren(make("article", { class: "sheet" },
    make("section", { class: "page" },
      make("div", { class: "bar" }, make("h3", {}, "For teachers: how a machine finds what it has never seen"), print),
      make("p", {}, "For ages 14 and up, in computer science, physics or maths. Needed: a laptop for each pair, a browser; no graphics card. The page loads once (about 12 MB) and then works offline: open the lesson on every laptop before the class. Nothing is uploaded, no one logs in. Address: this page, then ", make("em", {}, "Look inside"), "."),
      make("h4", {}, "Aims"),
      make("p", {}, "Afterwards the class can"),
      make("ul", {},
        make("li", {}, "explain why a method that knows only good parts can find faults it has never seen;"),
        make("li", {}, "say what features, teacher, student and discrepancy are, and read a heat map with its scale;"),
        make("li", {}, "turn an angle between two lists of numbers into a cosine, and 1 minus the cosine into a discrepancy;"),
        make("li", {}, "describe what happens during training, and name two ways to spoil it;"),
        make("li", {}, "tell a score from a verdict, and say where such a method should not be trusted.")),
      make("h4", {}, "45 minutes"),
      make("table", { class: "plan" }, make("thead", {}, make("tr", {}, ...["Minutes", "What", "How"].map((name) => make("th", { scope: "col" }, name)))),
        make("tbody", {}, ...PLAN.map(([minutes, what, how]) => make("tr", {}, make("td", {}, minutes), make("td", {}, what), make("td", {}, how))))),
      make("h4", {}, "Before you begin"),
      make("p", {}, "Each step has an address of its own (", make("code", {}, "#inside/lesson/3"), "); “Copy link to this view” keeps picture, level and place. Answers stay in each browser; “Begin again” after the last step forgets them. Panels can be saved as pictures for slides. Everything works with the keyboard: Tab to a picture, arrow keys, Enter.")),
    make("section", { class: "page" },
      make("h4", {}, "Answers"),
      make("dl", { class: "answers" }, ...ANSWERS.map(([step, answer]) => make("div", {}, make("dt", {}, step), make("dd", {}, answer)))),
      make("h4", {}, "To talk about"),
      make("dl", { class: "answers" }, ...TALK.map(([question, answer]) => make("div", {}, make("dt", {}, question), make("dd", {}, answer)))),
      make("p", { class: "quiet" }, "The method is AAND (Tang et al., Advancing Pre-trained Teacher: Towards Robust Feature Discrepancy for Anomaly Detection, IEEE TIP 2026). The boards are rendered. What the page shows is computed on the laptop, not recorded, except the training of step 7 and the small trainings of step 8 and of Break it."))));
}
