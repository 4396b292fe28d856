#!/bin/sh
# Programs that read docker's file, in a project of KIND; the login is podman's alone.
umask 077; h=$1 r=${R:-localhost:5050}
mkdir -p "$h/.config/containers" "$h/project/.devcontainer" "$h/.docker"
printf '{"auths":{"%s":{"auth":"%s"}}}' "$r" "$(printf alice:wonderland | base64 -w0)" >"$h/.config/containers/auth.json"
case $KIND in
skaffold) printf 'build:\n  artifacts:\n  - image: %s/acme/app\n' "$r" >"$h/project/skaffold.yaml" ;;
devcontainer) printf '{"image":"%s/acme/app:1"}' "$r" >"$h/project/.devcontainer/devcontainer.json" ;;
testcontainers) echo 'require github.com/testcontainers/testcontainers-go v0.40.0' >"$h/project/go.mod" ;;
esac
echo "CWD $h/project"
echo "REF $r/acme/app:1"
