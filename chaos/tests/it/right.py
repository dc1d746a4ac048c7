"""A correct package-index server: asyncio on one thread, standard library only.

Usage: right.py PORT [SECONDS] [REFUSED]. With SECONDS, each reply is delayed by that time; other clients do not wait for it.
With REFUSED, names with this character are answered ERROR, which is not correct.
"""

import asyncio
import sys

LINE_BYTES_MAX = 1 << 20

delay_seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0
refused = sys.argv[3].encode() if len(sys.argv) > 3 else None
index = {}


def answer(line):
    fields = line.split(b"|")
    if len(fields) != 3 or fields[0] not in (b"INDEX", b"REMOVE", b"QUERY") or not fields[1]:
        return b"ERROR\n"
    command, package, listed = fields
    if refused and refused in package:
        return b"ERROR\n"
    if command == b"QUERY":
        return b"OK\n" if package in index else b"FAIL\n"
    if command == b"INDEX":
        dependencies = {name.strip(b" \t") for name in listed.split(b",")} - {b""}
        if any(name not in index for name in dependencies):
            return b"FAIL\n"
        index[package] = dependencies
        return b"OK\n"
    if any(package in dependencies for other, dependencies in index.items() if other != package):
        return b"FAIL\n"
    index.pop(package, None)
    return b"OK\n"


async def serve(reader, writer):
    try:
        while (line := await reader.readline()).endswith(b"\n"):
            if delay_seconds:
                await asyncio.sleep(delay_seconds)
            writer.write(answer(line[:-1]))
            await writer.drain()
    except (ConnectionError, ValueError):
        pass  # the client disconnected, or its line is too long
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), limit=LINE_BYTES_MAX, backlog=128)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
