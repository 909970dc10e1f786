"""CIPolicE's loop as its description says it, without its actions: for each message, the rule file is read, every condition
compiled and tried. `python cipolice.py FILE`, with rule-engine of PyPI; prints its address."""

import http.server
import json
import sys

import rule_engine


def conditions(path):
    with open(path) as file:
        lines = [line.rstrip("\r\n") for line in file]
    return [line for line in lines if line and not line.startswith(("\t", "#"))]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        for condition in conditions(sys.argv[1]):
            try:
                rule_engine.Rule(condition).matches(message)
            except rule_engine.errors.EngineError:
                pass
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
