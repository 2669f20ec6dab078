// The glossary.

import { make } from "../dom.js";

/** @type {[string, string][]} */
const TERMS = [
  ["Anomaly", "Anything on a part that good parts do not have: a scratch, a missing component, a blob of solder."],
  ["Patch", "A small square of the picture. At level 1 it is 4 × 4 pixels, at level 2 8 × 8, at level 3 16 × 16."],
  ["Network", "A program that has not been given rules but has learned them from examples: it turns a picture into numbers."],
  ["Features", "The list of numbers by which a network describes a patch. Patches that look alike get similar lists."],
  ["Teacher", "A network that has learned from many everyday pictures. It describes every patch. It is never changed here (frozen)."],
  ["Student", "A network that must say what the teacher says. It has only ever seen good parts, so it describes good parts well and others badly."],
  ["Bottleneck", "The narrow place all information must pass on its way to the student. What is unusual hardly fits through, and arrives as something usual."],
  ["Cosine", "How alike two lists of numbers are in direction: 1 is the same direction, 0 is a right angle. Their lengths do not count."],
  ["Discrepancy", "1 minus the cosine of teacher and student: 0 where they agree, up to 1 where they do not."],
  ["Level", "The teacher describes the picture three times: fine (level 1), middle (level 2) and coarse (level 3)."],
  ["Anomaly map", "The discrepancies of the three levels, enlarged to the picture’s size, added up and smoothed a little."],
  ["Score", "The highest value of the anomaly map: one number for the whole picture."],
  ["Threshold", "The score above which a picture is called anomalous. It is about the highest score of good pictures that the student has not learned from."],
  ["Stage 1", "The first half of training: made defects are painted into good pictures, and the residual module learns to make them stand out."],
  ["Stage 2", "The second half: the student learns, from good pictures alone, to say what the (advanced) teacher says."],
  ["Residual module", "What stage 1 trains: the gate and the generator (in the paper RAA, residual anomaly amplification)."],
  ["Gate", "A number from 0 to 1 for each patch: how much it resembles remembered anomalous patches rather than normal ones. 0 is shut."],
  ["Memory items", "Example lists that the gate has learned, half of them of normal patches and half of anomalous ones."],
  ["Generator", "A small network that has learned in which direction to push the features of anomalous patches away from normal ones."],
  ["Residual", "What is added to the teacher’s features: the generator’s push as far as the gate lets it through."],
  ["Advanced teacher", "The teacher plus the residual: hardly changed on normal patches, moved on anomalous ones. The student learns from it."],
  ["Synthetic anomaly", "A made defect: a texture blended into a good picture in the shape of random clouds (Perlin noise)."],
  ["Epoch", "One pass of the training over all its pictures."],
  ["Pre-trained, random", "A pre-trained teacher has learned from everyday pictures; a random one consists of random numbers and has learned nothing."],
];

/** @param {HTMLElement} root */
export function terms(root) {
  root.replaceChildren(
    make("h3", {}, "Words"),
    make("p", { class: "quiet" }, "Each word of the lesson in a sentence or two."),
    make("dl", { class: "terms" }, ...TERMS.map(([term, meaning]) => make("div", {}, make("dt", {}, term), make("dd", {}, meaning)))));
}
