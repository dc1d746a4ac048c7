"""A defective package-index server: it never replies to a malformed line. Usage: half_deaf.py PORT."""

import asyncio
import sys


async def serve(reader, writer):
    while line := await reader.readline():
        command, _, rest = line.rstrip(b"\n").partition(b"|")
        if command in (b"INDEX", b"REMOVE", b"QUERY") and rest.count(b"|") == 1 and not rest.startswith(b"|"):
            writer.write(b"FAIL\n" if command == b"QUERY" and b"gt" in rest else b"OK\n")
            await writer.drain()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), limit=1 << 21)
    await server.serve_forever()


asyncio.run(main())
