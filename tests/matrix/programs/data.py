"""One Python library other than Azure's own: stores something in the container `data` (or a queue)
and reads it back. python data.py LIBRARY: told nothing but what `azup run` sets, except where a
function says so."""

import os
import sys
import time


def obstore():
    from obstore.store import from_url

    store = from_url("az://data")
    store.put("obstore.txt", b"stored")
    return bytes(store.get("obstore.txt").bytes()).decode()


def polars():
    import polars

    url = "az://data/polars.parquet"
    polars.DataFrame({"a": ["stored"]}).write_parquet(url)
    return polars.read_parquet(url)["a"][0]


def deltalake():
    import pyarrow
    from deltalake import DeltaTable, write_deltalake

    url = f"az://data/deltalake-{os.getpid()}"
    write_deltalake(url, pyarrow.table({"a": ["stored"]}))
    return DeltaTable(url).to_pyarrow_table()["a"][0].as_py()


def pyarrow():
    """It takes host and port in the URL of the file system."""
    from pyarrow.fs import FileSystem

    account = os.environ["AZURE_STORAGE_BLOB_ENDPOINT"].removeprefix("https://")
    host, name = account.split("/")
    files, path = FileSystem.from_uri(f"abfs://{name}@{host}/data/pyarrow.txt")
    with files.open_output_stream(path) as stream:
        stream.write(b"stored")
    return files.open_input_stream(path).read().decode()


def opendal():
    """It reads no variable for the endpoint."""
    from opendal import Operator

    files = Operator("azblob", container="data", endpoint=os.environ["AZURE_STORAGE_ENDPOINT"])
    files.write("opendal.txt", b"stored")
    return bytes(files.read("opendal.txt")).decode()


def adlfs():
    import pandas

    url = "abfs://data/adlfs.csv"
    pandas.DataFrame({"a": ["stored"]}).to_csv(url, index=False)
    return pandas.read_csv(url)["a"][0]


def kombu():
    """Its broker's URL has the queue service's in it."""
    from kombu import Connection

    url = os.environ["AZURE_STORAGE_QUEUE_ENDPOINT"]
    with Connection(f"azurestoragequeues://DefaultAzureCredential@{url}") as connection:
        queue = connection.SimpleQueue(f"kombu-{os.getpid()}")
        queue.put("stored")
        message = queue.get(timeout=20)
        message.ack()
        queue.close()
        return message.payload


def smart_open():
    """It takes a client, as for any account."""
    from azure.identity import DefaultAzureCredential
    from azure.storage.blob import BlobServiceClient
    from smart_open import open as smart

    client = BlobServiceClient(os.environ["AZURE_STORAGE_BLOB_ENDPOINT"], DefaultAzureCredential())
    words = {"transport_params": {"client": client}}
    with smart("azure://data/smart-open.txt", "w", **words) as file:
        file.write("stored")
    with smart("azure://data/smart-open.txt", **words) as file:
        return file.read()


started = time.monotonic()
print(globals()[sys.argv[1]](), flush=True)
print(f"{time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
# Without the interpreter's own end, in which deltalake's threads and pyarrow's now and then abort (exit 134, seen).
os._exit(0)
