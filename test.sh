#!/usr/bin/env bash
# Checks the whole project: style, lints, docs, dependencies, tests on SQLite and PostgreSQL, a browser, and the
# release in all its shapes: static binary, image, behind proxies, as a systemd service.
#
#   ./test.sh            everything; installs what is missing from Debian's and Rust's packages
#   ./test.sh --quick    style, lints and the tests on SQLite: for every few minutes
set -euo pipefail
cd "$(dirname "$0")"

quick=
case "${1:-}" in
  '') ;;
  --quick) quick=1 ;;
  *) echo "usage: ./test.sh [--quick]" >&2; exit 2 ;;
esac

began=$SECONDS
done_steps=()
# Cheap steps come first, and the first failure ends the run. Bash does not end a function at its first
# failing line when the function is asked for its result, as here: each says so itself by `|| return`.
step() { # NAME COMMAND…
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  if ! "$@"; then
    echo "== FAILED: $name (after: ${done_steps[*]:-nothing})" >&2
    exit 1
  fi
  done_steps+=("$name $((SECONDS - start))s;")
}

. tests/postgres.sh
. tests/mail.sh
. tests/s3.sh
work=$(mktemp -d)
cleanup() {
  stop_postgres "$work"
  stop_mail
  stop_s3
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# --- what is needed ---------------------------------------------------------------------------

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install_missing() {
  local missing=()
  command -v cc >/dev/null && command -v make >/dev/null && command -v perl >/dev/null || missing+=(build-essential perl)
  command -v python3 >/dev/null || missing+=(python3)
  if [ -z "$quick" ]; then
    [ -n "$(postgres_bin)" ] || missing+=(postgresql)
    [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || missing+=(chromium)
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    # For the release: build.sh's compiler, then what its shapes are tried with.
    command -v musl-gcc >/dev/null || missing+=(musl-tools)
    command -v file >/dev/null || missing+=(file)
    command -v openssl >/dev/null && [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(openssl ca-certificates)
    command -v buildah >/dev/null || missing+=(buildah)
    [ -x "$(PATH=$PATH:/usr/sbin command -v nginx)" ] || missing+=(nginx-light)
    command -v caddy >/dev/null || missing+=(caddy)
    command -v wrk >/dev/null || missing+=(wrk)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    command -v systemd-analyze >/dev/null || missing+=(systemd)
  fi
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@" >/dev/null' sh "${missing[@]}" </dev/null
}

# --- the steps --------------------------------------------------------------------------------

target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac

docs() { RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --quiet --locked --no-deps --document-private-items; }

# Built once, kept beside the other build products.
deny() {
  local tool
  if ! tool=$(command -v cargo-deny); then
    tool=$target/tools/bin/cargo-deny
    if [ ! -x "$tool" ]; then
      echo "building cargo-deny, once (some minutes)"
      CARGO_TARGET_DIR=$target/tools/build cargo install --quiet --debug --locked --root "$target/tools" cargo-deny || return
      rm -rf "$target/tools/build"
    fi
  fi
  "$tool" --log-level error check bans licenses sources || return
  # The list of advisories comes by git, from a host that not every machine reaches.
  if timeout 60 "$tool" --log-level off fetch db >/dev/null 2>&1; then
    "$tool" --log-level error check --disable-fetch advisories || return
  else
    echo "advisories: the list cannot be reached from here, so it was not asked"
  fi
}

# Every test process adds what it has drawn to a folder; see src/kit/templates/record.rs.
drawn=$work/templates
mkdir "$drawn"

tests() {
  if cargo nextest --version >/dev/null 2>&1; then
    # Half of a test is waiting. The servers take no hundreds of tests at once.
    local most=$((2 * $(nproc)))
    CHAUPAL_TEST_TEMPLATES=$drawn cargo nextest run --locked --no-tests=fail --test-threads $((most < 16 ? most : 16)) || return
    cargo test --quiet --locked --doc
  else
    CHAUPAL_TEST_TEMPLATES=$drawn cargo test --locked --quiet
  fi
}
# With CHAUPAL_TEST_TEMPLATES_WRITE=1 it writes templates/contexts.tsv anew, and the run ends here. The tests may fail
# before that: some of them need the list.
writes_contexts() { [ "${CHAUPAL_TEST_TEMPLATES_WRITE:-}" = 1 ]; }
tests_or_write() { tests || writes_contexts; }
template_branches() {
  CHAUPAL_TEST_TEMPLATES=$drawn cargo test --locked --quiet --test it -- --ignored templates::all_branches_are_drawn
}

browser() { CHAUPAL_BIN=$1 tests/browser/run.sh "${@:2}"; } # BINARY WORD…
# The rest waits for the static binary: what is badly broken is told before that is built.
browser_first() { # BINARY
  (
    unset CHAUPAL_TEST_POSTGRES CHAUPAL_TEST_S3
    browser "$1" conversation accounts developers
  )
}

# Every line of the measuring programs, with debug builds and little data; their figures are thrown away.
bench_smoke() (
  unset CHAUPAL_TEST_POSTGRES CHAUPAL_TEST_MAIL CHAUPAL_TEST_S3
  {
    bench/run --smoke &&
      bench/scale "$target/debug/chaupal" --smoke &&
      bench/media "$target/debug/chaupal" "$target/debug/examples/bare" --smoke
  } >"$work/bench.log" 2>&1 || { cat "$work/bench.log"; return 1; }
)

released=$target/x86_64-unknown-linux-musl/release/chaupal

postgresql() {
  start_postgres "$work" || return
  export CHAUPAL_TEST_POSTGRES="postgres://postgres@127.0.0.1:$postgres_port/postgres"
}
mail_server() {
  start_mail "$work/mail" || return
  export CHAUPAL_TEST_MAIL=$work/mail
}
s3_server() {
  start_s3 "$work/s3" "$target/tools" || return
  export CHAUPAL_TEST_S3="http://127.0.0.1:$s3_port"
}
# The program refuses variables of its family that it does not know.
of_release() { env -u CHAUPAL_TEST_POSTGRES -u CHAUPAL_TEST_MAIL -u CHAUPAL_TEST_S3 "tests/release/$1.sh" "$released"; } # SCRIPT

step "packages" install_missing
step "style" cargo fmt --check
step "lints" cargo clippy --quiet --locked --all-targets -- -D warnings
step "docs" docs
step "bench" bench/run --check
if [ -n "$quick" ]; then
  export CHAUPAL_TEST_QUICK=1
  step "tests" tests_or_write
  step "template branches" template_branches
  if writes_contexts; then exit; fi
else
  step "dependencies" deny
  step "postgresql" postgresql
  step "mail server" mail_server
  step "S3 server" s3_server
  step "tests" tests_or_write
  step "template branches" template_branches
  if writes_contexts; then exit; fi
  step "bench, a short round" bench_smoke
  step "browser, a first look" browser_first "$target/debug/chaupal"
  step "memory functions" tests/release/memory.sh
  step "release" ./build.sh
  step "static binary" of_release binary
  step "browser, static binary" browser "$released"
  step "image" of_release image
  step "proxies" of_release proxies
  step "systemd unit" of_release unit
fi
echo "== all passed in $((SECONDS - began))s: ${done_steps[*]}"
