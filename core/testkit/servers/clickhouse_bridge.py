"""Speaks enough of ClickHouse's HTTP interface for tests, with the real engine (chdb) behind it.

Usage: python clickhouse_bridge.py SETTINGS.json

Settings: port, data, life (seconds), user and password (or null: everybody), certificate and key (or null: plain HTTP).
Not covered: roles and grants, the native protocol, replication, concurrency (one statement at a time).
"""

import email
import hmac
import json
import os
import re
import signal
import ssl
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import lz4.block
import zstandard
from chdb import session

AUTHENTICATION_FAILED = 516
BODY_MAX = 256 * 1024 * 1024
CHECKSUM_BYTES = 16
BLOCK_HEAD = struct.Struct("<BII")
NONE, LZ4, ZSTD = 0x02, 0x82, 0x90
INSERT = re.compile(r"^\s*INSERT\s+INTO\s+.*?\bFORMAT\s+(\w+)\s*$", re.IGNORECASE | re.DOTALL)
FORMAT_AT_END = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
FORMAT_WORD = re.compile(r"\bFORMAT\s*$", re.IGNORECASE)
ERROR_CODE = re.compile(r"Code: (\d+)")


def unwrapped(framed):
    """The content of ClickHouse's compressed blocks: checksum, method, two sizes, data."""
    content, at = [], 0
    while at < len(framed):
        method, packed, plain = BLOCK_HEAD.unpack_from(framed, at + CHECKSUM_BYTES)
        start = at + CHECKSUM_BYTES + BLOCK_HEAD.size
        end = at + CHECKSUM_BYTES + packed
        block = framed[start:end]
        if method == LZ4:
            block = lz4.block.decompress(block, uncompressed_size=plain)
        elif method == ZSTD:
            block = zstandard.ZstdDecompressor().decompress(block, max_output_size=plain)
        elif method != NONE:
            raise ValueError(f"unknown compression method {method:#x}")
        content.append(block)
        at = end
    return b"".join(content)


def form_fields(content_type, body):
    """The fields of a multipart form, where the client sends parameters that are too long for an address."""
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    for part in message.get_payload():
        yield part.get_param("name", header="content-disposition"), part.get_payload(decode=True).decode()


class Engine:
    """One session behind one lock: the engine in a process has no more."""

    def __init__(self, data):
        self.session = session.Session(data)
        self.lock = threading.Lock()

    def run(self, fields, body):
        """Answers (content, format, rows written or None)."""
        sql = fields.get("query", "")
        with self.lock:
            database = fields.get("database", "default").replace("`", "")
            self.session.query(f"USE `{database}`")
            insert = INSERT.match(sql)
            if insert:
                return self.insert(sql, insert, body)
            if body:
                sql = f"{sql}\n{body.decode()}" if sql else body.decode()
            named = FORMAT_AT_END.search(sql)
            form = named.group(1) if named else fields.get("default_format", "TabSeparated")
            parameters = {key[len("param_"):]: value for key, value in fields.items() if key.startswith("param_")}
            more = {"params": parameters} if parameters else {}
            return self.session.query(sql, form, **more).bytes() or b"", form, None

    def insert(self, sql, insert, body):
        form = insert.group(1)
        head = FORMAT_WORD.sub("", sql[: insert.start(1)])
        with self.session.send_insert(head, form) as stream:
            stream.append(body)
            result = stream.finish()
        return b"", form, result.rows_written

    def close(self):
        with self.lock:
            self.session.close()


def handler(engine, user, password):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body of an answer go out as one: two small packets would wait for each other.
        wbufsize = -1
        disable_nagle_algorithm = True

        def log_message(self, *_):
            pass

        def admitted(self, fields):
            if password is None:
                return True
            given_user = self.headers.get("X-ClickHouse-User") or fields.get("user", "")
            given = self.headers.get("X-ClickHouse-Key") or fields.get("password", "")
            return given_user == user and hmac.compare_digest(given.encode(), password.encode())

        def body(self):
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                length = int(self.headers.get("Content-Length") or 0)
                if length > BODY_MAX:
                    raise ValueError("body too large")
                return self.rfile.read(length)
            chunks, total = [], 0
            while True:
                length = int(self.rfile.readline().split(b";")[0], 16)
                total += length
                if total > BODY_MAX:
                    raise ValueError("body too large")
                chunk = self.rfile.read(length)
                self.rfile.readline()
                if length == 0:
                    return b"".join(chunks)
                chunks.append(chunk)

        def reply(self, status, content, form="TabSeparated", **headers):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-ClickHouse-Format", form)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        def refuse(self, status, code, text):
            self.reply(status, text.encode(), **({"X_ClickHouse_Exception_Code": code} if code else {}))

        def answer(self):
            address = urlsplit(self.path)
            fields = {key: values[-1] for key, values in parse_qs(address.query, keep_blank_values=True).items()}
            body = self.body()
            if address.path in ("/ping", "/") and not fields and not body:
                return self.reply(200, b"Ok.\n")
            if not self.admitted(fields):
                text = f"Code: {AUTHENTICATION_FAILED}. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)"
                return self.refuse(403, str(AUTHENTICATION_FAILED), text)
            try:
                if fields.get("decompress") == "1":
                    body = unwrapped(body)
                content_type = self.headers.get("Content-Type", "")
                if content_type.startswith("multipart/form-data"):
                    fields.update(form_fields(content_type, body))
                    body = b""
                content, form, written = engine.run(fields, body)
            except Exception as error:
                code = ERROR_CODE.search(str(error))
                return self.refuse(400 if code else 500, code.group(1) if code else None, str(error))
            summary = {} if written is None else {"X_ClickHouse_Summary": json.dumps({"written_rows": str(written)})}
            return self.reply(200, content, form, **summary)

        do_GET = do_POST = answer

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    context = None

    def finish_request(self, request, client_address):
        # The handshake runs on the connection's own thread, so that a silent peer holds up nobody else.
        if self.context is not None:
            request.settimeout(10)
            request = self.context.wrap_socket(request, server_side=True)
            request.settimeout(None)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        print(f"connection ended: {sys.exc_info()[1]}", file=sys.stderr, flush=True)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    watchdog = threading.Timer(settings["life"], lambda: os._exit(3))
    watchdog.daemon = True
    watchdog.start()
    engine = Engine(settings["data"])
    server = Server(("127.0.0.1", settings["port"]), handler(engine, settings["user"], settings["password"]))
    if settings["certificate"]:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(settings["certificate"], settings["key"])
    # shutdown() waits for serve_forever() to end, so it cannot be called from the thread that serves.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("bridge is ready", flush=True)
    server.serve_forever()
    engine.close()
    os._exit(0)


main()
