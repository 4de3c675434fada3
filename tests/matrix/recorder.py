"""What a client asked for: every name, from the only name server, and every address that a process
connected or sent to, from strace."""

import re
import socket
import threading


class Names:
    """A name server on loopback that knows no name and keeps the queried ones."""

    def __init__(self):
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            question, asker = self.socket.recvfrom(4096)
            labels, at = [], 12
            while question[at]:
                labels.append(question[at + 1 : at + 1 + question[at]].decode(errors="replace"))
                at += 1 + question[at]
            self.asked.append(".".join(labels).lower())
            # The question again, as an answer: no such name.
            counts = question[4:6] + bytes(6)
            self.socket.sendto(question[:2] + b"\x81\x83" + counts + question[12 : at + 5], asker)

    def take(self):
        """The names since the last time, each once."""
        taken, self.asked = self.asked, []
        return sorted(set(taken))


ADDRESS = re.compile(
    r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")'
)
CHILD = re.compile(r"^(\d+) +(?:<\.\.\. )?(?:clone3?|v?fork)\b.* = (\d+)$")
TRACED = "connect,sendto,sendmsg,sendmmsg,execve,clone,clone3,fork,vfork"


def is_loopback(address):
    return address.startswith("127.") or address in ("::1", "::ffff:127.0.0.1")


def addresses(log):
    """The (address, port) pairs in a trace: azup's own, and those of what it started."""
    parents, started, found = {}, set(), []
    for line in open(log, errors="replace"):
        number = line.split(" ", 1)[0]
        child = CHILD.match(line.rstrip())
        if child:
            parents[child[2]] = child[1]
        elif " execve(" in line and parents:
            started.add(number)
        for port, four, six in ADDRESS.findall(line):
            # A UDP socket that is connected to an unused port sends nothing: it only asks for a route.
            found.append((number, four or six, int(port)))

    def is_client(number):
        while number is not None and number not in started:
            number = parents.get(number)
        return number is not None

    own = {(address, port) for number, address, port in found if not is_client(number)}
    client = {(address, port) for number, address, port in found if is_client(number)}
    return own, client
