"""What differs between the clients, as data: no other room compares a client's name, each reads a fact."""

from typing import NamedTuple

__all__ = ["Facts", "Words"]


class Words(NamedTuple):
    """What the client's own ``login`` and ``logout`` print. ``{server}`` and ``{username}`` are filled in.

    ``trying`` and ``still_good``: a stored login is tried again, and is accepted.
    """

    success: str
    trying: str
    still_good: str
    removed: str
    not_logged_in: str


class Facts(NamedTuple):
    """One client as data.

    ``label`` is for people, and names the programs that share the rules.
    ``file_name`` and ``folders``: what its own file is called, and the folders of the files that it reads.

    Where its file is: ``variable`` names the file or its folder, ``variables`` are all that do, the first that is set counts.
    ``reads``: the families whose files it reads beside those of its own.

    Entries of its file: ``reads_user_name``, from ``username`` and ``password``, too, where there is no ``auth``.

    Keys of its file: ``repositories``, one may be for a single repository; ``namespaces``, or for all that begin alike.
    ``kept_keys``: those that it writes for itself, and takes for no image. ``variable_with_logins`` holds logins and
    overrides every file; empty where it reads none.

    Helpers: ``helper_repositories``, one may be named for a single repository; ``reads_creds_store``, a file can name one for
    all registries; ``chooses_store``, it names the platform's own there by itself; ``records``, the file keeps an empty entry
    for a login that a helper has.

    ``login`` and ``logout``: ``failure_code`` is the exit code of every failure; ``needs_server``, a registry must be named;
    ``requires_login``, a logout without a login fails; ``warns_of_plain_text``, its login prints a warning itself.

    What it does about a file, or a helper, that is ``broken``: sentences. ``past_missing_helper``: what it does where a helper
    is missing and the file has a login, empty where it stops.

    Certificates: ``stops_at_closed_folder``, it does not pass over a folder that it may not read; ``has_engine``: the engine
    connects to registries, so that its machine's folder counts. ``plain_http_advice``: what lets it talk plain http to
    ``{registry}``. ``snap``: the snap package that gives it a HOME of its own, empty for none.
    """

    label: str
    file_name: str
    folders: tuple[str, ...]
    variable: str
    variables: tuple[str, ...]
    words: Words
    failure_code: int
    broken_file: str
    broken_helper: str
    plain_http_advice: str
    reads: tuple[str, ...] = ()
    reads_user_name: bool = False
    repositories: bool = False
    namespaces: bool = False
    kept_keys: tuple[str, ...] = ()
    variable_with_logins: str = ""
    helper_repositories: bool = False
    reads_creds_store: bool = False
    chooses_store: bool = False
    records: bool = False
    needs_server: bool = True
    requires_login: bool = False
    warns_of_plain_text: bool = False
    past_missing_helper: str = ""
    stops_at_closed_folder: bool = False
    has_engine: bool = False
    snap: str = ""
