import os


def pytest_unconfigure(config):
    # The last output of this process.
    print("\nafterwards:", os.environ.get("AZURE_STORAGE_BLOB_ENDPOINT"), os.environ.get("SSL_CERT_FILE"))
