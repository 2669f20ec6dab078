# What the scripts beside it need: programs that are found, installed or named. Sourced by them.

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

# A command, or Debian's package that has it.
need() {
  command -v "$1" >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update -q && apt-get install -q -y --no-install-recommends "$2"; } >&2 ||
      fail "$1 is missing and apt-get could not install $2; install it by hand"
  fi
  command -v "$1" >/dev/null || fail "$1 is missing; install it ($3)"
}

# The same for what can be done without.
want() {
  command -v "$1" >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update -q && apt-get install -q -y --no-install-recommends "$2"; } >&2 || true
  fi
  command -v "$1" >/dev/null || echo "$(basename "$0"): $1 is missing (Debian: $2); $3" >&2
}

# A program of cargo's, of this version.
tool() {
  [ "$("$1" --version 2>/dev/null | grep -o '[0-9]*\.[0-9]*\.[0-9]*' | head -n 1)" = "$3" ] && return
  echo "$(basename "$0"): installing $2 $3: it is compiled, about 10 minutes on two cores" >&2
  cargo install --quiet --locked "$2@$3" || cargo install --quiet "$2@$3" ||
    fail "$1 $3 is missing; cargo install $2@$3 could not install it (is this machine offline?)"
}

# What compiles the page: Rust's target, wasm-bindgen of the version in Cargo.lock, Trunk.
page_tools() {
  command -v cargo >/dev/null || fail "cargo is missing; install Rust (https://rustup.rs)"
  rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null | xargs test -d ||
    rustup target add wasm32-unknown-unknown ||
    fail "the target is missing; rustup target add wasm32-unknown-unknown could not add it (is this machine offline?)"
  tool wasm-bindgen wasm-bindgen-cli 0.2.130
  tool trunk trunk 0.21.14
}

# Where cargo puts what it builds.
target_folder() {
  if [ -n "${CARGO_TARGET_DIR:-}" ]; then echo "$CARGO_TARGET_DIR"; return; fi
  cargo metadata --format-version 1 --no-deps --offline | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

sha256() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
