"""object_store's switch for the emulator, as in its manual, with an existing container."""

import obstore
from obstore.store import AzureStore

store = AzureStore("laws", use_emulator=True)
obstore.put(store, "by-obstore", b"a blob\n")
print(bytes(obstore.get(store, "by-obstore").bytes()).decode(), end="")
print(*sorted(each["path"] for batch in obstore.list(store) for each in batch))
