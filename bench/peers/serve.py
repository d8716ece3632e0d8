"""One JSON command per line in, one JSON answer per line out: the peers' side of bench/peers."""

import importlib.metadata
import json
import sys
import time
import traceback

import numpy as np


def versions(*names):
    return {name: importlib.metadata.version(name) for name in names}


def timed(peers, dtype):
    """The command `run` over functions by name."""

    def run(peer, save=None, repeat=1):
        """Seconds of each of `repeat` calls; the result as `dtype` in the file `save`."""
        seconds = []
        for _ in range(repeat):
            start = time.perf_counter()
            result = peers[peer]()
            seconds.append(time.perf_counter() - start)
        if save:
            np.ascontiguousarray(result, dtype).tofile(save)
        return {"seconds": seconds}

    return run


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
