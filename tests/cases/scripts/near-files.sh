#!/bin/sh
# Files that users and scripts write by hand: KIND says what is in them. Public examples of each are in the rows.
umask 077; h=$1 r=${R:-localhost:5050}
login=$(printf alice:wonderland | base64 -w0)
file=$(printf '{"auths":{"%s":{"auth":"%s"}}}' "$r" "$login")
mkdir -p "$h/.docker" "$h/.config/containers"
case $KIND in
list) printf '{"auths":[{"%s":{"auth":"%s"}}]}' "$r" "$login" ;;
flat) printf '{"auths":{"%s":"%s"}}' "$r" "$login" ;;
store) printf '{"auths":{"%s":{"auth":"%s"}},"credsStore":["none"],"credHelpers":["other.example"]}' "$r" "$login" ;;
plain) printf '{"auths":{"%s":{"auth":"alice:wonderland"}}}' "$r" ;;
header) printf '{"auths":{"%s":{"auth":"Basic %s"}}}' "$r" "$login" ;;
twice) printf '{"auths":{"%s":{"auth":"%s"}}}' "$r" "$(printf %s "$login" | base64 -w0)" ;;
secret) printf '{"apiVersion":"v1","kind":"Secret","data":{".dockerconfigjson":"%s"}}' "$(printf %s "$file" | base64 -w0)" ;;
yaml) printf 'kind: Secret\ndata:\n  .dockerconfigjson: %s\n' "$(printf %s "$file" | base64 -w0)" ;;
base64) printf %s "$file" | base64 -w0 ;;
address) printf %s "$file" | sed s/localhost/127.0.0.1/ ;;
*) printf %s "$file" ;;
esac >"$h/.docker/config.json"
case $KIND in
fields)
    printf '{"auths":{"%s":{"username":"alice","password":"wonderland"}}}' "$r" >"$h/.config/containers/auth.json"
    rm "$h/.docker/config.json"; echo "CLIENT skopeo" ;;
blocked) printf '[[registry]]\nlocation = "%s"\nblocked = true\n' "$r" >"$h/.config/containers/registries.conf"; echo "CLIENT skopeo" ;;
toml) printf '[[registry]\nlocation = "%s"\n' "$r" >"$h/.config/containers/registries.conf"; echo "CLIENT skopeo" ;;
namespace)
    printf '{"auths":{"%s":{"auth":"%s"},"%s/acme":{"auth":"%s"}}}' "$r" "$login" "$r" "$(printf alice:old | base64 -w0)" \
        >"$h/.config/containers/auth.json"
    echo "CLIENT skopeo" ;;
mirror)
    printf '[[registry]]\nlocation = "127.0.0.1:1"\n[[registry.mirror]]\nlocation = "%s"\ninsecure = true\n' "$r" \
        >"$h/.config/containers/registries.conf"
    rm "$h/.docker/config.json"; r=127.0.0.1:1; echo "CLIENT skopeo" ;;
xdg)
    printf %s "$file" >"$h/.config/containers/auth.json"; rm "$h/.docker/config.json"
    echo "ENV XDG_CONFIG_HOME=$h/other"; echo "CLIENT skopeo" ;;
crlf)
    mkdir -p "$h/bin"; printf '{"credHelpers":{"%s":"team"}}' "$r" >"$h/.docker/config.json"
    printf '#!/bin/sh\r\n' >"$h/bin/docker-credential-team"
    printf 'echo %s\r\n' "'{\"Username\":\"alice\",\"Secret\":\"wonderland\"}'" >>"$h/bin/docker-credential-team"
    chmod 755 "$h/bin/docker-credential-team"; echo "ENV PATH=$h/bin:$PATH" ;;
file) echo "ENV DOCKER_CONFIG=$h/.docker/config.json" ;;
blank) echo "ENV DOCKER_CONFIG=$h/.docker " ;;
quotes) echo "ENV DOCKER_CONFIG=\"$h/.docker\"" ;;
relative) mkdir "$h/project"; echo "CWD $h/project"; echo "ENV DOCKER_CONFIG=.docker" ;;
literal) echo "ENV DOCKER_CONFIG=\${TOP}/.docker"; echo "ENV TOP=$h" ;;
text) echo "ENV DOCKER_CONFIG=$file"; rm "$h/.docker/config.json" ;;
copy) mv "$h/.docker/config.json" "$h/DOCKER_CONFIG"; echo "ENV DOCKER_CONFIG=$h/DOCKER_CONFIG" ;;
tilde) echo "ENV DOCKER_CONFIG=~/.docker" ;;
folder) echo "ENV REGISTRY_AUTH_FILE=$h/.docker"; echo "CLIENT skopeo" ;;
esac
echo "REF $r/acme/app:1"
