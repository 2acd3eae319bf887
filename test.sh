#!/usr/bin/env bash
# Checks the whole project: style, lints, docs, dependencies, tests on SQLite and PostgreSQL, a
# browser, and the release build on its own.
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

work=$(mktemp -d)
postgres=
cleanup() {
  if [ -n "$postgres" ]; then as_postgres "$postgres/pg_ctl" -D "$work/pg" -m immediate stop >/dev/null 2>&1 || true; fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# --- what is needed ---------------------------------------------------------------------------

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"); else "$@"; fi
}
postgres_bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }

install_missing() {
  local missing=()
  command -v cc >/dev/null && command -v make >/dev/null && command -v perl >/dev/null || missing+=(build-essential perl)
  command -v python3 >/dev/null || missing+=(python3)
  if [ -z "$quick" ]; then
    [ -n "$(postgres_bin)" ] || missing+=(postgresql)
    [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || missing+=(chromium)
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
  fi
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@" >/dev/null' sh "${missing[@]}" </dev/null
}

# A server for this run alone: what it holds need not survive a power cut.
start_postgres() {
  postgres=$(postgres_bin)
  mkdir "$work/pg" "$work/socket"
  chmod 711 "$work"
  if [ "$(id -u)" = 0 ]; then chown postgres: "$work/pg" "$work/socket"; fi
  as_postgres "$postgres/initdb" -D "$work/pg" -A trust -U postgres -E UTF8 --locale=C -N >"$work/initdb.log" || { cat "$work/initdb.log"; return 1; }
  local port
  for port in $(shuf -i 20000-29999 -n 5); do
    if as_postgres "$postgres/pg_ctl" -D "$work/pg" -w -s -l "$work/socket/log" -o \
      "-p $port -k $work/socket -c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300" start; then
      export CHAUPAL_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres"
      return
    fi
  done
  cat "$work/socket/log" >&2
  return 1
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

tests() {
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --no-tests=fail || return
    cargo test --quiet --locked --doc
  else
    cargo test --locked --quiet
  fi
}

browser() { CHAUPAL_BIN=$target/debug/chaupal tests/browser/run.sh; }

# The release binary carries its pages, style and script within: from an empty folder it serves them.
release() {
  # The program refuses variables of its family that it does not know.
  unset CHAUPAL_TEST_POSTGRES
  cargo build --quiet --locked --release --bin chaupal || return
  local log=$work/serve.log folder=$work/empty url pid page
  mkdir "$folder"
  (cd "$folder" && exec "$target/release/chaupal" serve --demo :0) >"$log" 2>&1 &
  pid=$!
  for _ in $(seq 200); do
    url=$(grep -o 'http://[0-9.]*:[0-9]*' "$log" | head -n 1) && break
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  [ -n "$url" ] || { cat "$log"; return 1; }
  (cd "$folder" && "$target/release/chaupal" healthcheck "$url") || return
  page=$(fetch "$url/login") || return
  grep -q '<form' <<<"$page" || { echo "no page"; return 1; }
  local style
  style=$(grep -o '/static/css/app\.[0-9a-f]*\.css' <<<"$page" | head -n 1)
  fetch "$url$style" | grep -q . || { echo "no style at $style"; return 1; }
  fetch "$url/" | grep -q 'class="card room-card"' || { echo "no rooms on the home page"; return 1; }
  kill -TERM "$pid" || return
  wait "$pid"
}
# curl is not everywhere; bash is.
fetch() {
  local address=${1#http://}
  local host=${address%%/*} path=/${address#*/}
  exec 5<>"/dev/tcp/${host%:*}/${host#*:}"
  printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$path" "$host" >&5
  cat <&5
  exec 5<&-
}

step "packages" install_missing
step "style" cargo fmt --check
step "lints" cargo clippy --quiet --locked --all-targets -- -D warnings
step "docs" docs
step "bench" bench/run --check
if [ -n "$quick" ]; then
  export CHAUPAL_TEST_QUICK=1
  step "tests" tests
else
  step "dependencies" deny
  step "postgresql" start_postgres
  step "tests" tests
  [ ! -x tests/browser/run.sh ] || step "browser" browser
  step "release" release
fi
echo "== all passed in $((SECONDS - began))s: ${done_steps[*]}"
