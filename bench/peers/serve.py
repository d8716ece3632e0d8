"""One JSON command per line in, one JSON answer per line out: the peers' side of bench/peers."""

import importlib.metadata
import json
import sys
import traceback


def versions(*names):
    return {name: importlib.metadata.version(name) for name in names}


def serve(commands):
    """`commands`: functions by name; a line {"do": name, ...} calls one with the rest as keyword arguments."""
    out, sys.stdout = sys.stdout, sys.stderr  # what libraries print must not mix with the answers
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = commands[command.pop("do")](**command)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(answer) + "\n")
        out.flush()
