"""The rules of docker that came with a release, one row each. Read in docker/cli's history, up to 29.8."""

from __future__ import annotations

from shorepass.clients.release import Release, Rule

__all__ = [
    "CHECKS_FEATURES",
    "FORGETS_DOCKERCFG",
    "FORGETS_EXPERIMENTAL",
    "FORGETS_KUBERNETES",
    "FORGETS_ORCHESTRATOR",
    "KEEPS_WHITESPACE",
    "KNOWS_HUB_BY_HOST",
    "KNOWS_IPV6",
    "KNOWS_UPPER_CASE",
    "NEEDS_USER_NAME",
    "NEWEST",
    "PARSES_URLS",
    "READS_DASH",
    "READS_VARIABLE",
    "REPAIRS_URLS",
    "SAYS_PARSING",
    "STOPS_AT_HELPER",
    "STORES_BY_HOST",
    "TRIMS_PASSWORD",
]

NEWEST = Release(29, 8)  # the newest release whose rules were compared with the real program

NEEDS_USER_NAME = Rule(
    "an auth without a user name cannot be decoded", Release(23), "cli/config/configfile/file.go decodeAuth, c8bd8932a1"
)
FORGETS_DOCKERCFG = Rule(
    "~/.dockercfg is not read where there is no config.json",
    Release(23),
    "cli/config/config.go load, LegacyLoadFromReader",
)
KNOWS_IPV6 = Rule(
    "a registry can be named by its IPv6 address", Release(25), "distribution/reference regexp.go, vendored since 25.0"
)
KNOWS_UPPER_CASE = Rule(
    "a word with upper case letters before the first slash is a registry",
    Release(23),
    "distribution/reference normalize.go splitDockerDomain, vendored since 23.0",
)
FORGETS_KUBERNETES = Rule("kubernetes may have any value", Release(23), "cli/config/configfile/file.go, 7b9580df51")
FORGETS_ORCHESTRATOR = Rule(
    "stackOrchestrator may have any value", Release(24), "cli/config/configfile/file.go, 66a1c3bab9"
)
CHECKS_FEATURES = Rule("features must be texts by name", Release(26, 1), "cli/config/configfile/file.go, c5016c6d5b")
PARSES_URLS = Rule(
    "a key with any scheme means its host", Release(27), "cli/config/credentials/file_store.go ConvertToHostname"
)
STORES_BY_HOST = Rule(
    "a login is stored with the helper of its host, and not of the server as it was typed",
    Release(27, 2),
    "cli/command/registry/login.go storeCredentials",
)
READS_VARIABLE = Rule(
    "DOCKER_AUTH_CONFIG overrides every file and helper",
    Release(28, 3),
    "cli/config/configfile/file.go GetCredentialsStore, 9b83d5bbf9",
)
TRIMS_PASSWORD = Rule(
    "login takes the whitespace around a password off", Release(27, 4), "cli/command/registry.go, a21a5f4243"
)
KEEPS_WHITESPACE = Rule(
    "login keeps the whitespace around a password", Release(29, 3), "cli/command/registry/login.go, e2cafd657e"
)
READS_DASH = Rule(
    "the password - of a login means standard input", Release(29, 6), "cli/command/registry/login.go, 450df790a0"
)
SAYS_PARSING = Rule("the warning tells parsing from loading", Release(28), "cli/config/config.go load, d96f8b7f91")
STOPS_AT_HELPER = Rule(
    "docker pull stops when a helper fails", Release(29), "cli/command/registry.go RetrieveAuthTokenFromImage"
)
FORGETS_EXPERIMENTAL = Rule(
    "experimental, and email in an entry, may have any value",
    Release(29),
    "cli/config/configfile/file.go, a53e83a3d4; cli/config/types/authconfig.go, e9664b9f34",
)
KNOWS_HUB_BY_HOST = Rule(
    "docker.io and index.docker.io are looked up by the key of Docker Hub",
    Release(29, 5),
    "cli/config/configfile/file.go getAuthConfigKey, 55fcffe743",
)
REPAIRS_URLS = Rule(
    "a key that Go refuses as a URL still means its host",
    Release(29, 7),
    "cli/config/credentials/file_store.go hostFromURLFallback, 3cc61496db",
)
