#!/bin/sh
# A login for a name or port at which no registry is: KIND says what is there instead. docker reports "unauthorized" for some.
# https://github.com/jfrog/charts/issues/629 , https://github.com/L21s/nexus3-github-oauth-plugin/issues/22
umask 077; h=$1 p=${P:-5079}
mkdir -p "$h/.docker"
printf '{"auths":{"localhost:%s":{"auth":"%s"}}}' "$p" "$(printf alice:wonderland | base64 -w0)" >"$h/.docker/config.json"
case $KIND in
page) answer="Answer(404, b'<html>not found', (('Content-Type', 'text/html'),))" ;;
login) answer="Answer(404 if request.path == '/v2/' else 401, b'<html>log in', (('Content-Type', 'text/html'),))" ;;
json) answer="Answer(404, b'{}', (('Content-Type', 'application/json'),))" ;;
esac
cat >"$h/serve.py" <<X
import threading
from shorepass.testing.server import Answer, Server
Server(lambda request: $answer, None, $p)
threading.Event().wait(3000)
X
echo "SERVE $h/serve.py"
echo "REF localhost:$p/acme/app:1"
