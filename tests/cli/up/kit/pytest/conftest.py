import os


def pytest_unconfigure(config):
    # The last that this process says.
    print("\nafterwards:", os.environ.get("AZURE_STORAGE_BLOB_ENDPOINT"), os.environ.get("SSL_CERT_FILE"))
