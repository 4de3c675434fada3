"""Production code that needs a token for Storage and one for Key Vault: with one credential for
both, then with one for each. Prints "local" for azup's own tokens, the others unchanged."""

import sys

from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

kind = {"default": DefaultAzureCredential, "managed": ManagedIdentityCredential}[sys.argv[1]]
shared = kind()
for credential in (lambda: shared, kind):
    for name in ("storage.azure.com", "vault.azure.net"):
        try:
            token = credential().get_token(f"https://{name}/.default").token
            print("local" if token.endswith(".") else token)
        except ClientAuthenticationError as error:
            print("refused:", " ".join(str(error).split()))
