#!/bin/sh
# Runs the browser tests against the real server. Ends with "N passed, N failed".
#
#   tests/browser/run.sh [WORD…]       only the tests whose suite or name holds one of the words
#
# CHAUPAL_BIN             the binary (default: target/release/chaupal or target/debug/chaupal, the newer one)
# CHROMIUM                the browser (default: /usr/bin/chromium)
# CHAUPAL_TEST_POSTGRES   address of a PostgreSQL server on which databases may be made: what touches
#                         the database runs there once more
# CHAUPAL_TEST_S3        address of the S3 server of tests/s3.sh: pictures are tested there, too
# CHAUPAL_TEST_OUT        where pictures of what failed go (default: a folder under the temporary one)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

if [ -z "${CHAUPAL_BIN:-}" ]; then
    CHAUPAL_BIN=$(ls -t "$root/target/release/chaupal" "$root/target/debug/chaupal" 2>/dev/null | head -n 1)
fi
[ -x "${CHAUPAL_BIN:-}" ] || { echo "no binary: build with 'cargo build', or set CHAUPAL_BIN" >&2; exit 1; }
CHAUPAL_BIN=$(cd "$(dirname "$CHAUPAL_BIN")" && pwd)/$(basename "$CHAUPAL_BIN")
CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
[ -x "$CHROMIUM" ] || { echo "no browser at $CHROMIUM: install chromium, or set CHROMIUM" >&2; exit 1; }
command -v node >/dev/null || { echo "node is missing: install nodejs 20 or newer" >&2; exit 1; }
export CHAUPAL_BIN CHROMIUM

# The versions stand in package.json, exactly; a lock file would name a registry.
installed() {
    (cd "$here" && node --input-type=module -e '
        import { readFileSync } from "node:fs";
        const read = (path) => JSON.parse(readFileSync(path, "utf8"));
        for (const [name, version] of Object.entries(read("package.json").dependencies))
            if (read(`node_modules/${name}/package.json`).version !== version) process.exit(1);
    ') 2>/dev/null
}
if ! installed; then
    (cd "$here" && npm install --no-package-lock --no-audit --no-fund --silent) || { echo "npm install failed in $here" >&2; exit 1; }
fi
exec node "$here/run.mjs" "$@"
