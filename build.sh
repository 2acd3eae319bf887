#!/usr/bin/env bash
# Makes the release: one static binary that needs nothing from the machine it runs on.
#
#   ./build.sh             builds; the last line names the file and its size
#   ./build.sh --verify    builds a second time, from a clone in another folder, and compares the bytes
#
# One commit and one Rust version give the same bytes, whatever the folder, the home or the day: no path
# of this machine and no time goes into the file.
set -euo pipefail
cd "$(dirname "$0")"

triple=x86_64-unknown-linux-musl
verify=
case "${1:-}" in
  '') ;;
  --verify) verify=1 ;;
  *) echo "usage: ./build.sh [--verify]" >&2; exit 2 ;;
esac

if [ -n "$verify" ] && [ -n "$(git status --porcelain)" ]; then
  echo "build.sh --verify builds what is committed, and here is more: commit it first" >&2
  exit 1
fi

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=()
command -v musl-gcc >/dev/null || missing+=(musl-tools)
command -v cc >/dev/null && command -v make >/dev/null && command -v perl >/dev/null || missing+=(build-essential perl)
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@" >/dev/null' sh "${missing[@]}" </dev/null
fi
if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$triple/lib" ]; then
  echo "installing: Rust's target $triple"
  rustup --quiet target add "$triple"
fi

target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
mkdir -p "$target"

# --- nothing of this machine in the file --------------------------------------------------------

cargo fetch --quiet --locked --target "$triple"
# What stands for a folder of this machine in messages of the program. A later one goes before an earlier one.
places=("$PWD=/chaupal" "$target=/target" "$(rustc --print sysroot)=/rust")
for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do places+=("$crates=/crates"); done

# The C compiler by a name of its own: OpenSSL writes the compiler's name and flags into the library, and the folders
# of its modules, which we do not have.
tools=$target/tools/musl
mkdir -p "$tools"
{
  echo '#!/bin/sh'
  printf 'exec musl-gcc "$@"'
  for place in "${places[@]}"; do printf " '-ffile-prefix-map=%s'" "$place"; done
  for folder in ENGINESDIR MODULESDIR; do printf " -U$folder '-D$folder=\"/nonexistent\"'"; done
} >"$tools/chaupal-musl-gcc"
chmod +x "$tools/chaupal-musl-gcc"

# Relocations packed: 2 MB less.
flags=(-Clink-arg=-Wl,--build-id=none -Clink-arg=-Wl,-z,pack-relative-relocs)
for place in "${places[@]}"; do flags+=("--remap-path-prefix=$place"); done

# A fixed time rather than the commit's: what is built already is not built again for a new one.
PATH=$tools:$PATH \
SOURCE_DATE_EPOCH=0 \
CC_x86_64_unknown_linux_musl=chaupal-musl-gcc \
OPENSSL_CONFIG_DIR=/etc/ssl \
CARGO_TARGET_DIR=$target \
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; echo "${flags[*]}") \
  cargo build --quiet --locked --release --target "$triple" --bin chaupal

binary=$target/$triple/release/chaupal
if [ -n "$verify" ]; then
  elsewhere=$(mktemp -d)
  trap 'rm -rf "$elsewhere"' EXIT
  git clone --quiet . "$elsewhere/clone of chaupal"
  (cd "$elsewhere/clone of chaupal" && env -u CARGO_TARGET_DIR ./build.sh)
  cmp "$binary" "$elsewhere/clone of chaupal/target/$triple/release/chaupal"
  echo "the same bytes from another folder"
fi
echo "$binary: $(stat -c %s "$binary") bytes"
