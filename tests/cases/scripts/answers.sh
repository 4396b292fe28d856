#!/bin/sh
# A registry that says in its own WORDS why it refuses: KIND token is its token server, image is the registry itself, with 403.
# Public examples of the words are in registry/known_answers.py. Without WORDS it accepts alice.
umask 077; h=$1 p=${P:-5079}
tests=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$h/.docker"
[ "$KIND" = token ] && secret=old || secret=wonderland
printf '{"auths":{"localhost:%s":{"auth":"%s"}}}' "$p" "$(printf alice:$secret | base64 -w0)" >"$h/.docker/config.json"
cat >"$h/serve.py" <<X
import sys, threading
sys.path.insert(0, "$tests")
from cases.image import put_image
from shorepass.testing import Registry
from shorepass.testing.server import refusal

class Speaking(Registry):
    def _token(self, request):
        answer = super()._token(request)
        if answer.status == 200 or "$KIND" != "token":
            return answer
        return refusal(401, "UNAUTHORIZED", """$WORDS""")

    def _answer(self, request):
        if """$WORDS""" and "$KIND" == "image" and "/manifests/" in request.path and request.authorization:
            return refusal(403, "DENIED", """$WORDS""")
        return super()._answer(request)

with Speaking(users={"alice": "wonderland"}, auth="bearer", realm="http://localhost:$p/token", port=$p) as registry:
    put_image(registry, "acme/app")
    threading.Event().wait(3000)
X
echo "SERVE $h/serve.py"
echo "REF localhost:$p/acme/app:1"
