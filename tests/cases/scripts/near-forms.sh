#!/bin/sh
# Logins as scripts store them by mistake: SECRET is user:password as it arrived. Public examples: docker/for-mac issue 712,
# goharbor/harbor issue 7969, and env files, whose quotes docker keeps.
umask 077; h=$1 r=${R:-localhost:5050}
mkdir -p "$h/.docker"
printf '{"auths":{"%s":{"auth":"%s"}}}' "$r" "$(printf %s "$SECRET" | base64 -w0)" >"$h/.docker/config.json"
echo "REF $r/acme/app:1"
