#!/bin/sh
# HOME is not that of the user: KIND says whose it is. Needs an ordinary user, whose home in the user database is the case's.
# moved: https://github.com/actions/runner/issues/863 (HOME=/github/home); root: su without -, sudo -E; closed: a container with --user.
umask 077; h=$1 r=${R:-localhost:5050}
mkdir -p "$h/.docker" "$h/elsewhere"
[ "$KIND" = closed ] ||
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$r" "$(printf alice:wonderland | base64 -w0)" >"$h/.docker/config.json"
[ -n "$OWNER" ] && chown -R "$OWNER" "$h"
case $KIND in
moved) echo "ENV HOME=$h/elsewhere" ;;
root) echo "ENV HOME=/root" ;;
closed) echo "ENV HOME=/" ;;
esac
echo "REF $r/acme/app:1"
