#!/bin/sh
# A login for a registry with a company's own authority ($PORT 5443), or without TLS (5312). What the engine knows of
# that changes after it was started.
umask 077; h=$1 r=${HOST:-registry.example}:${PORT:-5443}
mkdir -p "$h/.docker"
printf '{"auths":{"%s":{"auth":"%s"}}}' "$r" "$(printf alice:wonderland | base64)" >"$h/.docker/config.json"
echo "REF $r/acme/app:1"
