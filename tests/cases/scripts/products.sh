#!/bin/sh
# A registry whose challenge has the realm of a product (REALM); the stored password is that of the website.
# https://github.com/goharbor/harbor/issues/18772 , https://github.com/jfrog/jfrog-cli/issues/1814
umask 077; h=$1 p=${P:-5079}
mkdir -p "$h/.docker"
printf '{"auths":{"localhost:%s":{"auth":"%s"}}}' "$p" "$(printf alice:website | base64 -w0)" >"$h/.docker/config.json"
cat >"$h/serve.py" <<E
import sys, threading
sys.path.insert(0, "$(cd "$(dirname "$0")/../.." && pwd)")
from cases.image import put_image
from shorepass.testing import Registry
with Registry(users={"alice": "wonderland"}, challenge=['Basic realm="$REALM"'], port=$p) as registry:
    put_image(registry, "acme/app")
    threading.Event().wait(3000)
E
echo "SERVE $h/serve.py"
echo "REF localhost:$p/acme/app:1"
