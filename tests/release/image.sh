#!/usr/bin/env bash
# The image of the Dockerfile: its last stage is built from a binary that is there already, then run as an
# engine would run it: on its own root, which is read-only, as its own user, with a volume at /data.
#
#   tests/release/image.sh BINARY
#
# Needs buildah, neither an engine nor the network. Who is not root needs ranges in /etc/subuid and /etc/subgid.
set -euo pipefail
binary=$(realpath "$1")
if [ "$(id -u)" != 0 ]; then exec buildah unshare "$0" "$binary"; fi
cd "$(dirname "$0")/../.."
. tests/release/lib.sh

store() { buildah --storage-driver vfs --root "$work/store" --runroot "$work/run" "$@"; }

# The folder has what the last stage takes from the stage `build`.
stage=$work/build
built=$stage/source/target/x86_64-unknown-linux-musl/release
mkdir -p "$stage/empty" "$stage/etc/ssl/certs" "$built"
cp "$binary" "$built/chaupal"
cp /etc/ssl/certs/ca-certificates.crt "$stage/etc/ssl/certs/"
# Docker's format: the other one knows no HEALTHCHECK.
store build --quiet --isolation chroot --format docker --pull=never --build-context "build=$stage" --iidfile "$work/id" . >/dev/null

container=$(store from --pull-never "$(cat "$work/id")")
root=$(store mount "$container")
of() { store inspect --format "{{$1}}" "$container"; }
same() { # WHAT IS OUGHT
  [ "$2" = "$3" ] || fail "the image's $1 is $2, not $3"
}
user=$(of .OCIv1.Config.User)
same "user" "$user" 65532:65532
same "owner of /data" "$(stat -c %u:%g "$root/data")" "$user"
same "command" "$(of .OCIv1.Config.Entrypoint) $(of .OCIv1.Config.Cmd)" "[/chaupal] [serve]"
same "health check" "$(of .Docker.Config.Healthcheck.Test)" "[CMD /chaupal healthcheck]"
same "stop signal" "$(of .OCIv1.Config.StopSignal)" SIGTERM
same "version" "$(of 'index .OCIv1.Config.Labels "org.opencontainers.image.version"')" \
  "$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"
same "content" "$(cd "$root" && find . -type f | sort | xargs)" "./chaupal ./etc/ssl/cert.pem"

# What the image says of its environment, a port that is free on this machine, and a quick end.
mapfile -t environment < <(of 'range .OCIv1.Config.Env}}{{println .}}{{end' | grep .)
environment+=("CHAUPAL_PORT=$(free_port)" CHAUPAL_SHUTDOWN__DRAIN_SECONDS=0)
# An engine gives a new volume the owner that the folder has in the image.
volume=$work/volume
install -d -o "${user%:*}" -g "${user#*:}" "$volume"
in_image() { # COMMAND…
  exec env -i "${environment[@]}" unshare --mount --propagation private sh -ec '
    root=$1 volume=$2 user=$3
    shift 3
    mount --bind "$root" "$root"
    mount --bind "$volume" "$root/data"
    mount -o remount,bind,ro "$root"
    exec chroot --userspec="$user" "$root" "$@"
  ' sh "$root" "$volume" "$user" "$@"
}

start in_image /chaupal serve
look_at "$url"
(in_image /chaupal healthcheck) >/dev/null || fail "healthcheck does not find the server"
[ -e "$volume/chaupal.db" ] || fail "the data is not in the volume"
same "owner of the data" "$(stat -c %u:%g "$volume/chaupal.db")" "$user"
stop
if (in_image /chaupal healthcheck) >/dev/null 2>&1; then fail "healthcheck finds a server that has stopped"; fi
echo "the image serves from a read-only root as user $user; $(du -sh --apparent-size "$root" | cut -f 1) of files"
