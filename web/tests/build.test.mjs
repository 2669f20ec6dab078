// The scripts that build the page, with stand-ins for the programs that take long.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";

const WEB = join(dirname(fileURLToPath(import.meta.url)), "..");
let work;
before(() => { work = mkdtempSync(join(tmpdir(), "aand-build-")); });
after(() => rmSync(work, { recursive: true, force: true }));

/** A tree like the repository's, as far as the scripts see it, with programs of its own first on the path. */
function tree(name, programs = {}) {
  const root = join(work, name);
  mkdirSync(join(root, "web"), { recursive: true });
  mkdirSync(join(root, "bin"));
  mkdirSync(join(root, ".cargo"));
  mkdirSync(join(root, "src/teacher"), { recursive: true });
  writeFileSync(join(root, "src/teacher/embedded.safetensors"), "teacher");
  for (const file of ["build", "finish", "samples", "tools.sh", "training-module", "service-worker.js"]) cpSync(join(WEB, file), join(root, "web", file));
  for (const file of ["Cargo.toml", "Cargo.lock", ".cargo/config.toml"]) writeFileSync(join(root, file), `${file}\n`);
  for (const [program, text] of Object.entries(programs)) writeFileSync(join(root, "bin", program), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const run = (script, env = {}) => {
    const { SAMPLES: _, QUICK: __, ONLY: ___, AAND: ____, ...rest } = process.env;
    const all = { ...rest, PATH: `${join(root, "bin")}:${process.env.PATH}`, CARGO_TARGET_DIR: join(root, "target"), ...env };
    const { status, stderr, stdout } = spawnSync("bash", [join(root, "web", script)], { env: all, encoding: "utf8" });
    return { status, said: stderr + stdout };
  };
  return { root, run };
}

test("the training module is compiled again only when what it is made of has changed", () => {
  const { root, run } = tree("mod ule", {
    rustc: "echo rustc 1.0",
    "wasm-bindgen": `if [ "$1" = --version ]; then echo wasm-bindgen 0.2; else cp "$5" "$4/aand-train_bg.wasm"; echo 1 >"$4/aand-train.js"; fi`,
    // The list of what was read, as cargo leaves it: spaces escaped, other folders' files too.
    cargo: `echo built >>builds
      out=$CARGO_TARGET_DIR/wasm32-unknown-unknown/web; mkdir -p "$out"; echo wasm >"$out/aand-train.wasm"
      here=$(pwd | sed 's/ /\\\\ /g')
      printf '%s: %s/src/a.rs %s/src/b\\\\ c.rs /elsewhere/d.rs\\n' "$out" "$here" "$here" >"$out/aand-train.d"`,
  });
  const builds = () => readFileSync(join(root, "builds"), "utf8").trim().split("\n").length;
  for (const file of ["a.rs", "b c.rs", "not read.rs"]) writeFileSync(join(root, "src", file), file);
  const again = (count, why) => {
    const { status, said } = run("training-module");
    assert.equal(status, 0, said);
    assert.equal(builds(), count, why);
  };
  again(1, "the first time");
  const inputs = readFileSync(join(root, "target/aand-train-module/inputs"), "utf8");
  assert.deepEqual(inputs.trim().split("\n").map((line) => line.slice(66)).sort(),
    [".cargo/config.toml", "Cargo.lock", "Cargo.toml", "src/a.rs", "src/b c.rs"]);
  utimesSync(join(root, "src/a.rs"), new Date(), new Date());
  appendFileSync(join(root, "src/not read.rs"), "changed");
  again(1, "the same content, and a file it is not made of");
  appendFileSync(join(root, "src/b c.rs"), "changed");
  again(2, "a source");
  appendFileSync(join(root, "Cargo.lock"), "changed");
  again(3, "a version");
  writeFileSync(join(root, "bin/rustc"), "#!/bin/sh\necho rustc 2.0\n");
  again(4, "the compiler");
  again(4, "nothing");
});

/** Samples on disk: `found` of each line's 5 defects. */
function samples(folder, found) {
  mkdirSync(folder, { recursive: true });
  const lines = Object.entries(found).map(([name, count]) => {
    for (const file of [`${name}.aand`, `${name}-a.png`]) writeFileSync(join(folder, file), file);
    return `{"name": "${name}", "defects": 5, "found": ${count}, "model": {"file": "${name}.aand"}, "pictures": [{"file": "${name}-a.png"}]}`;
  });
  writeFileSync(join(folder, "samples.json"), `[${lines.join(",\n")}]\n`);
  writeFileSync(join(folder, "circuit.training.jsonl"), "stray");
}
/** What `trunk build` has done by then. */
function staged(root) {
  const to = join(root, "staging");
  rmSync(to, { recursive: true, force: true });
  mkdirSync(join(to, "wasm"), { recursive: true });
  writeFileSync(join(to, "index.html"), "page");
  mkdirSync(join(root, "target/aand-train-module"), { recursive: true });
  for (const file of ["aand-train.js", "aand-train_bg.wasm", "inputs"]) writeFileSync(join(root, "target/aand-train-module", file), file);
  return to;
}

test("the page gets what its list of samples names and nothing else, and knows its training module", () => {
  const { root, run } = tree("finish");
  samples(join(root, "web/made"), { circuit: 4, cloth: 1 });
  const to = staged(root);
  const { status, said } = run("finish", { TRUNK_STAGING_DIR: to });
  assert.equal(status, 0, said);
  assert.deepEqual(readdirSync(join(to, "samples")).sort(), ["circuit-a.png", "circuit.aand", "cloth-a.png", "cloth.aand", "samples.json"]);
  assert.deepEqual(readdirSync(join(to, "wasm")).sort(), ["aand-teacher.safetensors", "aand-train.js", "aand-train_bg.wasm"]);
  const worker = readFileSync(join(to, "service-worker.js"), "utf8");
  const sum = (text) => createHash("sha256").update(text).digest("hex");
  const { FILES, LATER, VERSION } = new Function(`${worker.split("\nconst CACHE")[0]}\nreturn { FILES, LATER, VERSION };`)();
  assert.deepEqual(LATER, { "./wasm/aand-teacher.safetensors": sum("teacher"), "./wasm/aand-train.js": sum("aand-train.js"), "./wasm/aand-train_bg.wasm": sum("aand-train_bg.wasm") });
  assert.deepEqual(FILES, ["./", "./index.html", "./samples/samples.json"]);
  assert.match(VERSION, /^\d+-\d+$/);
});

test("a sample that finds nothing is not built into the page", () => {
  const { root, run } = tree("nothing");
  samples(join(root, "web/made"), { circuit: 4, cloth: 0 });
  const { status, said } = run("finish", { TRUNK_STAGING_DIR: staged(root) });
  assert.notEqual(status, 0);
  assert.match(said, /finds none of its defects/);
  // Tests say where theirs are, and take them as they are.
  const to = staged(root);
  assert.equal(run("finish", { TRUNK_STAGING_DIR: to, SAMPLES: join(root, "web/made") }).status, 0);
  // Without any, the page says so.
  rmSync(join(root, "web/made"), { recursive: true });
  const bare = staged(root);
  assert.equal(run("finish", { TRUNK_STAGING_DIR: bare }).status, 0);
  assert.equal(readFileSync(join(bare, "samples/samples.json"), "utf8"), "[]\n");
});

/** A native program that calls `anomalous` pictures so. */
const native = (anomalous) => `case $1 in
  render)
    for kind in good dent missing_part; do mkdir -p "$4/$2/test/$kind"; echo "$kind" >"$4/$2/test/$kind/000.png"; done
    mkdir -p "$4/$2/ground_truth" "$4/$2/train/good"; for i in 1 2 3 4 5 6 7; do echo part >"$4/$2/train/good/00$i.png"; done ;;
  train)
    echo model >"$4"; echo notes >"\${4%.aand}.training.jsonl"
    parts=$(ls "$2/train/good" | wc -l | tr -d ' ')
    while [ $# -gt 1 ]; do if [ "$1" = --film ]; then echo "film of $parts" >"$2"; fi; shift; done ;;
  export) cp "$2" "$6" ;;
  detect) shift; while [ "$1" != --out ]; do shift; done; mkdir -p "$2"; echo '${anomalous.map((name) => `{"path":"/x/${name}","verdict":"anomalous"}`).join("\n")}' >"$2/results.jsonl" ;;
esac`;

test("samples whose model finds nothing are not made, and the earlier ones stay", () => {
  const { root, run } = tree("samples", { none: native(["circuit-good-0.png"]), some: native(["circuit-dent.png"]) });
  const made = join(root, "web/made");
  const make = (program, env = {}) => run("samples", { AAND: join(root, "bin", program), ONLY: "circuit", ...env });
  const first = make("some");
  assert.equal(first.status, 0, first.said);
  assert.match(first.said, /circuit finds 1 of 2 defects, and calls 0 good parts anomalous/);
  const films = ["advanced", "five", "pretrained", "random", "spoiled", "training"];
  assert.deepEqual(readdirSync(made).sort(), ["circuit-dent.png", "circuit-good-0.png", "circuit-missing_part.png", "circuit.aand", ...films.map((film) => `lesson-${film}.film`), "samples.json"]);
  const [sample] = JSON.parse(readFileSync(join(made, "samples.json"), "utf8"));
  assert.deepEqual([sample.defects, sample.found], [2, 1]);
  // The lesson's trainings: five parts only; a defective one among the good.
  assert.deepEqual(Object.keys(sample.lesson).sort(), films);
  const parts = Object.fromEntries(films.map((film) => [film, readFileSync(join(made, sample.lesson[film].file), "utf8").trim()]));
  assert.deepEqual(parts, { advanced: "film of 7", five: "film of 5", pretrained: "film of 7", random: "film of 7", spoiled: "film of 8", training: "film of 7" });
  const bare = join(root, "bare");
  assert.equal(make("some", { LESSON: "0", SAMPLES: bare }).status, 0);
  assert.deepEqual(readdirSync(bare).sort(), ["circuit-dent.png", "circuit-good-0.png", "circuit-missing_part.png", "circuit.aand", "samples.json"]);
  writeFileSync(join(made, "mark"), "");
  const { status, said } = make("none");
  assert.notEqual(status, 0);
  assert.match(said, /finds 0 of 2 defects, and calls 1 good parts anomalous/);
  assert.ok(existsSync(join(made, "mark")), "the earlier ones stay");
  // Quick ones are for tests, and never where a build takes them.
  const quick = make("none", { QUICK: "1" });
  assert.notEqual(quick.status, 0);
  assert.match(quick.said, /QUICK is for tests; say where/);
  assert.equal(make("none", { QUICK: "1", SAMPLES: join(root, "elsewhere") }).status, 0);
  // Nor over a folder of something else.
  mkdirSync(join(root, "mine"));
  writeFileSync(join(root, "mine/letter.txt"), "dear");
  assert.notEqual(make("some", { SAMPLES: join(root, "mine") }).status, 0);
  assert.ok(existsSync(join(root, "mine/letter.txt")));
});

test("one command makes everything, says how long each part took, and makes nothing twice", () => {
  const note = (what) => `echo "${what} $*" >>calls`;
  const { root, run } = tree("all", {
    rustc: `if [ "$1" = --print ]; then echo /; else echo rustc 1.0; fi`,
    "wasm-bindgen": `if [ "$1" = --version ]; then echo wasm-bindgen 0.2.130; else echo 1 >"$4/aand-train.js"; echo 1 >"$4/aand-train_bg.wasm"; fi`,
    // Trunk is not there yet: cargo installs it.
    cargo: `${note("cargo")}
      case $* in
        install*) cp bin/trunk-to-be bin/trunk ;;
        *aand-train*) mkdir -p target/wasm32-unknown-unknown/web; for file in wasm d; do echo "x: $PWD/Cargo.toml" >target/wasm32-unknown-unknown/web/aand-train.$file; done ;;
        *"--bin aand") mkdir -p target/release; cp bin/native target/release/aand ;;
      esac`,
    "trunk-to-be": `if [ "$1" = --version ]; then echo trunk 0.21.14; else ${note("trunk")}; mkdir -p dist; fi`,
    native: native(["circuit-dent.png", "washers-dent.png", "cloth-dent.png"]),
  });
  utimesSync(join(root, "src/teacher/embedded.safetensors"), new Date(0), new Date(0));
  const first = run("build", { PATH: `${join(root, "bin")}:/usr/bin:/bin` });
  assert.equal(first.status, 0, first.said);
  const parts = first.said.match(/^ *\d+ s  .*/gm);
  assert.equal(parts?.length, 5, first.said);
  for (const [i, words] of [/tools/, /native program.*compiled/, /samples/, /training module.*[Cc]ompiled/, /detection module and the page/].entries()) assert.match(parts[i], words);
  const calls = () => readFileSync(join(root, "calls"), "utf8").trim().split("\n");
  assert.equal(JSON.parse(readFileSync(join(root, "web/made/samples.json"), "utf8")).length, 3);
  assert.deepEqual(calls().filter((call) => /install|aand-train|trunk/.test(call)).map((call) => call.replace(/ --.*| -q.*/, "")),
    ["cargo install", "cargo build", "trunk build"], calls().join("\n"));
  const count = calls().length;
  const second = run("build", { PATH: `${join(root, "bin")}:/usr/bin:/bin` });
  assert.equal(second.status, 0, second.said);
  assert.match(second.said, /samples: there already/);
  assert.match(second.said, /training module: unchanged/);
  // Cargo, which goes by itself, and Trunk.
  assert.deepEqual(calls().slice(count).map((call) => call.split(" ").slice(0, 2).join(" ")), ["cargo build", "trunk build"]);
});

test("what can be done without is installed where it can be, and otherwise said", () => {
  const { root, run } = tree("wanted", { id: "echo 0", "apt-get": `echo "$*" >>"$(dirname "$0")/calls"; [ "$1" != install ]` });
  writeFileSync(join(root, "web/try"), `set -euo pipefail
    . "$(dirname "$0")/tools.sh"
    want sh of-the-system "not so"
    want no-such-browser its-package "its test is skipped"
    echo on`);
  const { status, said } = run("try");
  assert.deepEqual([status, said], [0, "try: no-such-browser is missing (Debian: its-package); its test is skipped\non\n"]);
  assert.equal(readFileSync(join(root, "bin/calls"), "utf8"), "update -q\ninstall -q -y --no-install-recommends its-package\n");
});

test("the scripts have no mistakes that a shell finds by reading", () => {
  for (const file of ["build", "compare", "finish", "samples", "test", "tools.sh", "training-module"]) execFileSync("bash", ["-n", join(WEB, file)]);
});

test("no place of the page styles another's class: what they share is in style.css", () => {
  const begins = (file) => new Set(readFileSync(join(WEB, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "").split("\n")
    .filter((line) => line.includes("{") && !/^\s*@/.test(line))
    .flatMap((line) => line.slice(0, line.indexOf("{")).split(","))
    .map((selector) => /^\.([a-z][\w-]*)/.exec(selector.trim())?.[1]).filter(Boolean));
  const [inspect, train, learn] = ["inspect.css", "train.css", "learn.css"].map(begins);
  assert.ok(Math.min(inspect.size, train.size, learn.size) > 5, "rules were found");
  for (const [one, other] of [[inspect, train], [inspect, learn], [train, learn]]) {
    assert.deepEqual([...one].filter((name) => other.has(name)), []);
  }
});
