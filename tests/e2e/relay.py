"""Relays standard input and output to 127.0.0.1:PORT: what an editor runs in a container in order
to forward a port."""

import os
import socket
import sys
import threading

connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))


def there() -> None:
    while data := os.read(0, 65536):
        connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


threading.Thread(target=there, daemon=True).start()
while data := connection.recv(65536):
    os.write(1, data)
