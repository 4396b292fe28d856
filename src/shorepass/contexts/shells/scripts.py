"""The scripts for a context that has only a POSIX shell, and their answers.

They run in dash, bash, busybox and zsh, with the small tools of GNU, busybox or BSD. Each name that they define begins with
``sp_``, so that a credential helper gets the variables of the context unchanged.

``look`` answers for each path: ``look`` (the path), then ``stat MODE UID GID SIZE ID OWNER`` or ``error`` (the reason). For a
file it adds ``data`` (its first bytes). For a folder it adds ``names``, if it was asked for them, and one ``name`` for each.
``closed``: the file or folder may not be read.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from shorepass.client_table import programs
from shorepass.contexts.packages import MANAGERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PROGRAMS", "executable", "look", "placed", "probe", "run", "set_mode", "set_owner", "swap"]

PROGRAMS = (*programs(), "pass", "sudo", *MANAGERS)  # the first call looks for these and for all credential helpers

_LOOK = r"""
if stat -c %u / >/dev/null 2>&1; then sp_c=-c; sp_f='%f %u %g %s %d:%i %U'; else sp_c=-f; sp_f='%Xp %u %g %z %d:%i %Su'; fi
sp_look() {
    sp_say look; printf %s "$1"
    if ! sp_s=$(LC_ALL=C stat -L $sp_c "$sp_f" "$1" 2>&1); then sp_say error; printf %s "$sp_s"; return; fi
    sp_say stat "$sp_s"
    if [ -d "$1" ]; then
        [ "$3" = names ] || return
        sp_say names
        [ -r "$1" ] || { sp_say closed; return; }
        for sp_n in "$1"/* "$1"/.*; do
            case $sp_n in */.|*/..) continue;; esac
            if [ -e "$sp_n" ] || [ -L "$sp_n" ]; then sp_say name; printf %s "${sp_n##*/}"; fi
        done
    elif [ -f "$1" ]; then
        [ -r "$1" ] || { sp_say closed; return; }
        sp_say data; head -c "$2" <"$1" 2>/dev/null || sp_say closed
    fi
}
"""

# Also answers what the clients will ask for, so that it costs no second call. What is not in this list is only slower.
_PROBE = r"""
sp_say system "$(uname -s)" "$(uname -m)"
sp_uid=$(id -u)
sp_say uid "$sp_uid"
if env -0 >/dev/null 2>&1; then sp_say environ0; env -0; else sp_say environ; env; fi
sp_say account; getent passwd "$sp_uid" 2>/dev/null || grep "^[^:]*:[^:]*:$sp_uid:" /etc/passwd 2>/dev/null
sp_home=${HOME:-$(sp_a=$(getent passwd "$sp_uid" 2>/dev/null); sp_a=${sp_a%:*}; printf %s "${sp_a##*:}")}
sp_config=${XDG_CONFIG_HOME:-$sp_home/.config}
for sp_p in "${DOCKER_CONFIG:-$sp_home/.docker}" "${DOCKER_CONFIG:-$sp_home/.docker}/config.json" "$sp_home/.docker" \
    "$sp_home/.docker/config.json" "$REGISTRY_AUTH_FILE" "$XDG_RUNTIME_DIR" "$XDG_RUNTIME_DIR/containers/auth.json" \
    "/run/containers/$sp_uid/auth.json" "/run/user/$sp_uid" "/run/user/$sp_uid/containers/auth.json" \
    "${TMPDIR:-/tmp}/podman-run-$sp_uid" "${TMPDIR:-/tmp}/podman-run-$sp_uid/containers/auth.json" \
    "${TMPDIR:-/var/tmp}/containers-user-$sp_uid" \
    "${TMPDIR:-/var/tmp}/containers-user-$sp_uid/containers/containers/auth.json" "$sp_home/rundir/containers/auth.json" \
    "$sp_config/containers/auth.json" "$sp_home/.config/containers/auth.json" \
    "$sp_home/.dockercfg" "$sp_home/.config/containers/registries.conf" /etc/containers/registries.conf \
    "$sp_home/.config/containers/registries.conf.d" /etc/containers/registries.conf.d \
    "$sp_home/.config/containers/registries.conf.d"/*.conf /etc/containers/registries.conf.d/*.conf \
    /usr/share/containers /usr/share/containers/registries.conf.d /usr/share/containers/registries.conf.d/*.conf \
    /usr/share/containers/registries.rootful.conf.d /etc/containers/registries.rootful.conf.d \
    /usr/share/containers/registries.rootless.conf.d /etc/containers/registries.rootless.conf.d \
    /var/cache/containers/short-name-aliases.conf \
    "${XDG_CACHE_HOME:-$sp_home/.cache}/containers/short-name-aliases.conf" \
    "$sp_config" "$sp_config/containers" "$sp_home/.config" "$sp_home/.config/containers" /etc/containers /tmp /var/tmp \
    / /etc /usr /usr/share /run /run/user /run/containers "/run/containers/$sp_uid" "$XDG_RUNTIME_DIR/containers" \
    "${TMPDIR:-/tmp}/storage-run-$sp_uid" "${TMPDIR:-/tmp}/storage-run-$sp_uid/containers/auth.json" \
    "$sp_home" /etc/docker/certs.d /etc/containers/certs.d "$sp_home/.config/containers/certs.d"
do
    case $sp_p in /*.d) sp_look "$sp_p" LIMIT names;; /*) sp_look "$sp_p" LIMIT;; esac
done
IFS=:
for sp_d in $PATH; do
    case $sp_d in /*) ;; *) continue;; esac
    for sp_p in "$sp_d"/docker-credential-* PROGRAMS; do
        if [ -f "$sp_p" ] && [ -x "$sp_p" ]; then sp_say program; printf %s "$sp_p"; fi
    done
done
unset IFS
"""


def look(paths: Sequence[str], limit: int, *, names: bool = False) -> str:
    """Return the script that looks at each path.

    It reads ``limit`` bytes of a file, and the ``names`` in a folder.
    """
    words = f"{limit} names" if names else str(limit)
    return _LOOK + "".join(f"sp_look {_word(path)} {words}\n" for path in paths)


def probe(limit: int) -> str:
    """Return the script that describes a context.

    It answers ``system``, ``uid``, ``environ`` (``environ0``), ``account``, ``look`` and ``program``.
    """
    programs = " ".join(f'"$sp_d"/{name}' for name in PROGRAMS)
    return _LOOK + _PROBE.replace("LIMIT", str(limit)).replace("PROGRAMS", programs)


def executable(paths: Sequence[str]) -> str:
    """Return the script that finds the first path that is an executable file.

    It answers ``program`` for that path.
    """
    words = " ".join(map(_word, paths)) or "''"
    test = 'if [ -f "$sp_p" ] && [ -x "$sp_p" ]; then sp_say program; printf %s "$sp_p"; break; fi'
    return f"for sp_p in {words}; do {test}; done"


# Runs what the kernel would run: a shell would run a file of an unknown kind as a script. ``timeout``, if there is one that
# knows these words, ends a program in the other context too.
_RUN = r"""
sp_p=PROGRAM
if ! [ -f "$sp_p" ] || ! [ -x "$sp_p" ]; then sp_say unstarted no such file or directory
else case $(head -c 4 <"$sp_p" | od -An -tx1 | tr -d ' \n') in
2321*|7f454c46|4d5a*|cffaedfe|cefaedfe|cafebabe)
    sp_t=; if timeout -s KILL 9 true 2>/dev/null; then sp_t="timeout -s KILL SECONDS"; fi
    GO
    sp_say output; $sp_t COMMAND; sp_say status $?;;
*) sp_say unstarted exec format error: made for another architecture, or a script without '#!' in its first line;;
esac; fi
"""


def run(argv: Sequence[str], environ: Mapping[str, str], seconds: int, *, stay: bool = False) -> str:
    """Return the script that runs a program with the input that follows.

    It answers ``output``, then ``status N``; or ``unstarted`` and the reason. The program runs in ``/``, or with ``stay`` in
    the folder in which the shell starts.
    """
    exports = "".join(f"{name}={quote(value)}; export {name}\n" for name, value in environ.items())
    command = " ".join(map(quote, argv))
    go = ":" if stay else "cd /"
    script = _RUN.replace("GO", go).replace("SECONDS", str(seconds))
    return exports + script.replace("PROGRAM", quote(argv[0])).replace("COMMAND", command)


# The new content is on standard input. The file is replaced only if it has the same digest as when it was read.
_SWAP = r"""
sp_fail() { sp_say failed; printf %s "$1"; }
sp_digest() { { sha256sum || shasum -a 256; } 2>/dev/null <"$1" | cut -d ' ' -f 1; }
sp_make() {
    [ -d "$1" ] && return
    sp_make "$(dirname "$1")" && mkdir -m 700 "$1" || [ -d "$1" ] || return
    if [ -n "$sp_owner" ]; then chown "$sp_owner" "$1"; fi
}
sp_swap() {
    type sha256sum >/dev/null 2>&1 || type shasum >/dev/null 2>&1 || { sp_fail "there is no sha256sum"; return; }
    sp_n=0
    while [ -L "$sp_p" ] && [ $sp_n -lt 40 ]; do
        sp_l=$(readlink "$sp_p"); sp_n=$((sp_n + 1))
        case $sp_l in /*) sp_p=$sp_l;; *) sp_p=$(dirname "$sp_p")/$sp_l;; esac
    done
    sp_d=$(dirname "$sp_p")
    sp_e=$(sp_make "$sp_d" 2>&1) || { sp_fail "$sp_e"; return; }
    sp_t=$sp_d/.$(basename "$sp_p").shorepass-MARK
    trap 'rm -f "$sp_t"' EXIT
    trap 'exit 1' HUP INT TERM
    umask 077; set -C
    sp_e=$({ cat >"$sp_t"; } 2>&1) || { sp_fail "$sp_e"; return; }
    if [ -n "$sp_owner" ]; then chown "$sp_owner" "$sp_t" 2>/dev/null || sp_mode=$(printf %o $((0$sp_mode & ~070))); fi
    sp_e=$(chmod "$sp_mode" "$sp_t" 2>&1) || { sp_fail "$sp_e"; return; }
    sync "$sp_t" 2>/dev/null
    if [ -z "$sp_old" ]; then
        if [ -e "$sp_p" ] || [ -L "$sp_p" ]; then sp_say changed; return; fi
        if ln "$sp_t" "$sp_p" 2>/dev/null; then sp_say done; return; fi
        if [ -e "$sp_p" ]; then sp_say changed; return; fi
    elif [ "$(sp_digest "$sp_p")" != "$sp_old" ]; then sp_say changed; return
    fi
    sp_e=$(mv -f "$sp_t" "$sp_p" 2>&1) || { sp_fail "$sp_e"; return; }
    sp_say done
}
LC_ALL=C; export LC_ALL
"""


def swap(path: str, digest: str, mode: int, owner: tuple[int, int] | None, mark: str) -> str:
    """Return the script that replaces a file by the input that follows.

    It answers ``done``, ``failed``, or ``changed``: the file no longer has the SHA-256 ``digest``. An empty digest: the file
    must not exist. ``owner`` gets the file, and the folders that are created for it.
    """
    settings = {
        "p": _word(path),
        "old": digest,
        "mode": f"{mode:o}",
        "owner": f"{owner[0]}:{owner[1]}" if owner else "",
    }
    words = "".join(f"sp_{name}={value}\n" for name, value in settings.items())
    return _SWAP.replace("MARK", mark) + words + "sp_swap"


def set_mode(path: str, mode: int) -> str:
    """Return the script that sets permission bits: ``done`` or ``failed``."""
    return _attempt(f"chmod {mode:o} {_word(path)}")


def set_owner(path: str, uid: int, gid: int) -> str:
    """Return the script that changes the owner of a file, folder or symlink.

    It answers ``done`` or ``failed``.
    """
    return _attempt(f"chown -h {uid}:{gid} {_word(path)}")


def _attempt(command: str) -> str:
    return f'if sp_e=$(LC_ALL=C {command} 2>&1); then sp_say done; else sp_say failed; printf %s "$sp_e"; fi'


def placed(path: str) -> str:
    """Return a path that no program reads as an option."""
    return path if path.startswith(("/", "./")) else f"./{path}"


def _word(path: str) -> str:
    return quote(placed(path))
