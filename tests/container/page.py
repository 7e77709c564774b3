"""Plays the page of an observer: opens a lab over its WebSocket, by the address with the token that the
observer printed, and stays until its stdin closes. Says "opened" once it was answered."""

import base64
import os
import socket
import struct
import sys
from urllib.parse import parse_qs, urlparse


def field(number, content):
    """A field of a protobuf message whose content is short bytes."""
    key = number << 3 | 2
    tag = bytes([key]) if key < 128 else bytes([key & 127 | 128, key >> 7])
    return tag + bytes([len(content)]) + content


def ask(ident, kind, content):
    return bytes([1 << 3, ident]) + field(kind, content)


def send(connection, message):
    mask = os.urandom(4)
    masked = bytes(b ^ mask[i % 4] for i, b in enumerate(message))
    connection.sendall(bytes([0x82, 0x80 | len(message)]) + mask + masked)


def exactly(connection, n):
    data = b""
    while len(data) < n:
        more = connection.recv(n - len(data))
        if not more:
            sys.exit("the connection was closed")
        data += more
    return data


def receive(connection):
    _, size = exactly(connection, 2)
    if size == 126:
        (size,) = struct.unpack(">H", exactly(connection, 2))
    elif size == 127:
        (size,) = struct.unpack(">Q", exactly(connection, 8))
    return exactly(connection, size)


def answer_to(connection, ident):
    """The kind of the answer: the number of the field behind the id."""
    while True:
        tell = receive(connection)
        if tell[:2] == bytes([1 << 3, ident]):
            kind = tell[2] & 127 | (tell[3] << 7 if tell[2] & 128 else 0)
            return kind >> 3


def main(address, lab):
    url = urlparse(address)
    token = parse_qs(url.fragment)["token"][0]
    connection = socket.create_connection((url.hostname, url.port), timeout=60)
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall((f"GET /ws HTTP/1.1\r\nHost: {url.netloc}\r\nOrigin: http://{url.netloc}\r\n"
                        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: orrery\r\n\r\n").encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += exactly(connection, 1)
    if b" 101 " not in head.split(b"\r\n")[0]:
        sys.exit(head.decode())
    send(connection, ask(1, 20, field(1, token.encode())))
    if answer_to(connection, 1) != 20:
        sys.exit("the token was refused")
    send(connection, ask(2, 22, field(2, lab.encode())))
    kind = answer_to(connection, 2)
    if kind != 22:
        sys.exit(f"the lab was not opened: answer {kind}")
    print("opened", flush=True)
    sys.stdin.read()


main(*sys.argv[1:])
