"""Eight writers without retries, until standard input closes; then the name of each blob that was
stored, one a line: python writers.py CONNECTION-STRING CA PER-CONNECTION [stopping [FILE]]
The names of those that are whole: python writers.py CONNECTION-STRING CA list

Each client makes a new connection after PER-CONNECTION requests. With `stopping`, Azurite is being
stopped: a connection that is refused after the writers were told to stop is then no failure."""

import os
import sys
import threading

from azure.storage.blob import ContainerClient

string, ca, word = sys.argv[1:4]
may_fail = sys.argv[4:5] == ["stopping"]
# A file survives what ends this program, too. Nobody reads the output then.
kept = open(sys.argv[5], "w", buffering=1) if sys.argv[5:] else None
how = {"retry_total": 0, "connection_verify": ca}
if word == "list":
    with ContainerClient.from_connection_string(string, "writers", **how) as container:
        for name in container.list_blob_names():
            if container.download_blob(name).readall() == name.encode():
                print(name)
    sys.exit()
per_connection = int(word)
with ContainerClient.from_connection_string(string, "writers", **how) as first:
    first.exists() or first.create_container()
stop = threading.Event()
stored, failures = [], []


def write():
    while not stop.is_set():
        try:
            with ContainerClient.from_connection_string(string, "writers", **how) as container:
                for _ in range(per_connection):
                    if stop.is_set():
                        return
                    name = os.urandom(8).hex()
                    container.upload_blob(name, name.encode())
                    stored.append(name)
                    if kept:
                        kept.write(f"{name}\n")
        except Exception as error:
            if may_fail:
                return
            failures.append(repr(error))
            return


writers = [threading.Thread(target=write) for _ in range(8)]
for writer in writers:
    writer.start()
print("writing", flush=True)
sys.stdin.read()
stop.set()
for writer in writers:
    writer.join()
if not kept:
    print("\n".join(stored))
print("\n".join(failures), file=sys.stderr)
sys.exit(1 if failures else 0)
