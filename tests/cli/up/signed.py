"""What to append to a container's URL, valid for an hour: python signed.py KEY CONTAINER
PROTOCOLS"""

import datetime
import sys

from azure.storage.blob import generate_container_sas

key, container, protocols = sys.argv[1:]
hour = datetime.timedelta(hours=1)
print(
    generate_container_sas(
        "devstoreaccount1", container, account_key=key, permission="rwl", protocol=protocols,
        expiry=datetime.datetime.now(datetime.timezone.utc) + hour,
    )
)
