#!/usr/bin/env bash
# Compares src/musl/memory.c with the plainest loops.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
names=(-Dmemmove=our_memmove -Dmemcpy=our_memcpy -Dmemcmp=our_memcmp -Dbcmp=our_bcmp)
# As build.rs has it compiled, but under other names.
cc -O2 -fno-tree-loop-distribute-patterns -Wall -Wextra -Werror -fno-builtin -c "${names[@]}" \
  src/musl/memory.c -o "$work/memory.o"
cc -O1 -fno-builtin tests/release/memory.c "$work/memory.o" -o "$work/test"
"$work/test"
