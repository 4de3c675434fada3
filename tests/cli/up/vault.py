"""A token for a service that no emulator stands in for: python vault.py"""

from azure.identity import DefaultAzureCredential

print(DefaultAzureCredential().get_token("https://vault.azure.net/.default").token)
