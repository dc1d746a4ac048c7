# A package index that keeps everything in Redis: redis_index.py BEHAVIOUR PORT REDIS_HOST:REDIS_PORT
#
# BEHAVIOUR decides what a client receives while Redis does not answer:
#   refuses   ERROR, then the end of the connection
#   lies      FAIL, whatever was asked
#   forgets   OK for each change, which is then lost
#   gives-up  the server ends
import os
import socket
import socketserver
import sys

behaviour, port, redis = sys.argv[1:]
host, redis_port = redis.rsplit(":", 1)
TIMEOUT_S = 1

# Each command takes effect at once: Redis executes one script at a time.
SCRIPT = """
local name, command = KEYS[1], ARGV[1]
local is_indexed = redis.call('EXISTS', 'package:' .. name) == 1
if command == 'QUERY' then return is_indexed and 'OK' or 'FAIL' end
local function forget()
  for _, dependency in ipairs(redis.call('LRANGE', 'package:' .. name, 1, -1)) do
    redis.call('SREM', 'users:' .. dependency, name)
  end
  redis.call('DEL', 'package:' .. name)
end
if command == 'REMOVE' then
  if redis.call('SCARD', 'users:' .. name) > redis.call('SISMEMBER', 'users:' .. name, name) then return 'FAIL' end
  forget()
  return 'OK'
end
for position = 2, #ARGV do
  if redis.call('EXISTS', 'package:' .. ARGV[position]) == 0 then return 'FAIL' end
end
forget()
redis.call('RPUSH', 'package:' .. name, '')
for position = 2, #ARGV do
  redis.call('RPUSH', 'package:' .. name, ARGV[position])
  redis.call('SADD', 'users:' .. ARGV[position], name)
end
return 'OK'
""".encode()


class Redis:
    """One connection to Redis, which is opened when it is needed."""

    def __init__(self):
        self.stream = None

    def call(self, *arguments):
        try:
            if self.stream is None:
                self.stream = socket.create_connection((host, int(redis_port)), TIMEOUT_S).makefile("rwb")
            request = b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in arguments)
            self.stream.write(request)
            self.stream.flush()
            header = self.stream.readline()
            if not header.startswith(b"$"):
                raise OSError("no reply of Redis")
            return self.stream.read(int(header[1:]) + 2)[:-2] + b"\n"
        except OSError:
            self.close()
            raise

    def close(self):
        stream, self.stream = self.stream, None
        if stream is not None:
            try:
                stream.close()
            except OSError:
                pass


class Client(socketserver.StreamRequestHandler):
    def handle(self):
        redis = Redis()
        try:
            for line in self.rfile:
                reply = self.reply(redis, line)
                if reply is None:
                    self.wfile.write(b"ERROR\n")
                    return
                self.wfile.write(reply)
        except OSError:
            pass
        finally:
            redis.close()

    def reply(self, redis, line):
        """Returns the reply, or nothing if it is not known."""
        if not line.endswith(b"\n"):
            return b""
        fields = line[:-1].split(b"|")
        if len(fields) != 3 or fields[0] not in (b"INDEX", b"REMOVE", b"QUERY") or not fields[1]:
            return b"ERROR\n"
        command, name, names = fields
        dependencies = [d.strip(b" \t") for d in names.split(b",")] if command == b"INDEX" else []
        try:
            return redis.call(b"EVAL", SCRIPT, b"1", name, command, *(d for d in dependencies if d))
        except OSError:
            if behaviour == "gives-up":
                os._exit(1)
            if behaviour == "lies":
                return b"FAIL\n"
            return b"OK\n" if behaviour == "forgets" and command != b"QUERY" else None


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


Server(("127.0.0.1", int(port)), Client).serve_forever()
