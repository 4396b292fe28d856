"""What registries say and want: challenges, scopes, realm policy, tokens, the log-in check, permissions."""
