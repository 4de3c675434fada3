"""Opens a URL in a real, headless Firefox and prints the page's text, or why there is none.

Usage: firefox.py PROFILE URL [stay]. With "stay" it goes on until standard input ends.
Speaks Marionette, the protocol under geckodriver:
https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time


def send(connection, number, command, parameters):
    text = json.dumps([0, number, command, parameters])
    connection.sendall(f"{len(text.encode())}:{text}".encode())
    return receive(connection)


def receive(connection):
    size = b""
    while not size.endswith(b":"):
        size += connection.recv(1) or sys.exit("Firefox ended early")
    text = b""
    while len(text) < int(size[:-1]):
        text += connection.recv(1 << 16) or sys.exit("Firefox ended early")
    return json.loads(text)


def connect(firefox, port_file):
    """Firefox chooses the port and writes it down once it listens."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if firefox.poll() is not None:
            sys.exit(f"Firefox ended with {firefox.returncode}")
        try:
            port = int(port_file.read_text())
            return socket.create_connection(("127.0.0.1", port), timeout=60)
        except (OSError, ValueError):
            time.sleep(0.05)
    sys.exit("Firefox did not listen within a minute")


def main(profile, url):
    port_file = profile / "MarionetteActivePort"
    port_file.unlink(missing_ok=True)
    (profile / "user.js").write_text('user_pref("marionette.port", 0);\n')
    argv = ["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", profile]
    with tempfile.TemporaryFile() as log:
        firefox = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            with connect(firefox, port_file) as connection:
                receive(connection)
                send(
                    connection,
                    1,
                    "WebDriver:NewSession",
                    {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": False}}},
                )
                _, _, error, _ = send(connection, 2, "WebDriver:Navigate", {"url": url})
                if error:
                    print(f"{error['error']}: {error['message']}")
                else:
                    _, _, error, result = send(connection, 3, "WebDriver:GetPageSource", {})
                    print(error or result["value"])
                if sys.argv[3:] == ["stay"]:
                    sys.stdout.flush()
                    sys.stdin.readline()
                try:
                    send(connection, 4, "Marionette:Quit", {"flags": ["eForceQuit"]})
                except SystemExit:
                    pass
            firefox.wait(timeout=30)
        finally:
            if firefox.poll() is None:
                os.killpg(firefox.pid, signal.SIGKILL)
                firefox.wait()


main(pathlib.Path(sys.argv[1]), sys.argv[2])
