"""Golden trajectories of torch.optim and learning rates of torch.optim.lr_scheduler, for test/golden/optimisers.test.ts.

    pip install torch numpy
    python test/golden/optimisers.py      # writes optimisers.bin beside this file; seconds

100 steps of each rule over several small tensors for the same given gradients (those do not depend on the parameters, so
that errors cannot feed back); parameters are kept after steps 1, 10 and 100, norms of all steps where they are clipped.
"""

import pathlib

import numpy as np
import torch
from torch.optim import lr_scheduler

from golden_file import write_golden

torch.set_num_threads(1)
STEPS = 100
KEPT = (1, 10, 100)
shapes = {
    "conv.weight": (4, 3, 3, 3),
    "conv.bias": (4,),
    "norm.weight": (7,),
    "head.weight": (5, 8),
    "head.bias": (5,),
}
rng = np.random.default_rng(5)
initial = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
# Elements of very different sizes, drifting, larger in some steps: every branch of the clipping is met.
gradients = {
    name: (
        (rng.normal(size=(STEPS, *shape)) + rng.normal(size=shape))
        * 10 ** rng.uniform(-4, 0, size=shape)
        * 10 ** rng.uniform(-1, 0.5, size=(STEPS,) + (1,) * len(shape))
    ).astype(np.float32)
    for name, shape in shapes.items()
}
warm_cosine = {"kind": "cosine", "rate": 0.01, "steps": 80, "final": 1e-4, "warmUp": {"steps": 20, "from": 0.1}}
biases = ["*.bias", "norm.*"]
runs = {
    "SGD": {"rule": "sgd", "learningRate": 0.05},
    "SGD, decay": {"rule": "sgd", "learningRate": 0.05, "weightDecay": 0.01},
    "momentum, dampening": {"rule": "sgd", "learningRate": 0.01, "momentum": 0.9, "dampening": 0.2},
    "Nesterov, decay": {"rule": "sgd", "learningRate": 0.01, "momentum": 0.9, "nesterov": True, "weightDecay": 5e-4},
    "Adam": {"rule": "adam", "learningRate": 0.01},
    "Adam, beta1 0.93, decay": {"rule": "adam", "learningRate": 0.001, "beta1": 0.93, "weightDecay": 0.01},
    "AdamW": {"rule": "adamw", "learningRate": 0.01, "weightDecay": 0.05, "noDecay": biases},
    "AdamW, clipped by norm, warm-up and cosine": {
        **{"rule": "adamw", "learningRate": warm_cosine, "weightDecay": 0.05, "clipNorm": 1.0, "noDecay": biases},
    },
    "momentum, clipped by norm": {"rule": "sgd", "learningRate": 0.02, "momentum": 0.9, "clipNorm": 0.5},
    "momentum, clipped by value": {"rule": "sgd", "learningRate": 0.02, "momentum": 0.9, "clipValue": 0.1},
    "Adam, frozen, slower": {
        **{"rule": "adam", "learningRate": 0.01, "frozen": ["conv.*"]},
        "rateFactors": [{"pattern": "norm.*", "factor": 0.25}],
    },
}
schedules = [
    {"kind": "constant", "rate": 0.1, "warmUp": {"steps": 7, "from": 0.25}},
    {"kind": "cosine", "rate": 0.1, "steps": 100, "final": 0.001},
    warm_cosine,
    {"kind": "step", "rate": 0.1, "every": 30, "factor": 0.1},
    {"kind": "step", "rate": 0.1, "every": 8, "factor": 0.5, "warmUp": {"steps": 11, "from": 0.01}},
    {"kind": "exponential", "rate": 0.1, "factor": 0.97},
    {"kind": "one-cycle", "rate": 0.1, "steps": 100},
    {"kind": "one-cycle", "rate": 0.1, "steps": 100, "rising": 0.45, "startDivisor": 10, "endDivisor": 50},
]


def scheduler(optimizer, options):
    kind = options["kind"]
    if kind == "one-cycle":
        return lr_scheduler.OneCycleLR(
            optimizer,
            options["rate"],
            total_steps=options["steps"],
            pct_start=options.get("rising", 0.3),
            div_factor=options.get("startDivisor", 25),
            final_div_factor=options.get("endDivisor", 1e4),
            cycle_momentum=False,
        )
    main = {
        "constant": lambda: lr_scheduler.LambdaLR(optimizer, lambda _: 1.0),
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(optimizer, options["steps"], options.get("final", 0)),
        "step": lambda: lr_scheduler.StepLR(optimizer, options["every"], options["factor"]),
        "exponential": lambda: lr_scheduler.ExponentialLR(optimizer, options["factor"]),
    }[kind]
    if "warmUp" not in options:
        return main()
    warm = options["warmUp"]
    linear = lr_scheduler.LinearLR(optimizer, warm["from"], total_iters=warm["steps"])
    return lr_scheduler.SequentialLR(optimizer, [linear, main()], [warm["steps"]])


def rates(options):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=options["rate"])
    schedule = scheduler(optimizer, options)
    values = []
    for _ in range(STEPS):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step() if len(values) < STEPS else None
    return values


def fits(name, patterns):
    return any(pattern.strip("*") in name for pattern in patterns)


def trajectory(options):
    parameters = {name: torch.nn.Parameter(torch.from_numpy(value.copy())) for name, value in initial.items()}
    groups = []
    rate = options["learningRate"]
    base = rate["rate"] if isinstance(rate, dict) else rate
    for name, parameter in parameters.items():
        if fits(name, options.get("frozen", [])):
            parameter.requires_grad_(False)
            continue
        factor = next((f["factor"] for f in options.get("rateFactors", []) if fits(name, [f["pattern"]])), 1)
        decay = 0 if fits(name, options.get("noDecay", [])) else options.get("weightDecay", 0)
        groups.append({"params": [parameter], "weight_decay": decay, "lr": base * factor})
    if options["rule"] == "sgd":
        names = ("momentum", "dampening", "nesterov")
        settings = {name: options[name] for name in names if name in options}
        optimizer = torch.optim.SGD(groups, lr=base, **settings)
    else:
        rule = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options["rule"]]
        optimizer = rule(groups, lr=base, betas=(options.get("beta1", 0.9), 0.999))
    schedule = scheduler(optimizer, rate) if isinstance(rate, dict) else None
    trained = [p for p in parameters.values() if p.requires_grad]
    kept, norms = {}, []
    for step in range(STEPS):
        for name, parameter in parameters.items():
            if parameter.requires_grad:
                parameter.grad = torch.from_numpy(gradients[name][step].copy())
        if "clipNorm" in options:
            norms.append(float(torch.nn.utils.clip_grad_norm_(trained, options["clipNorm"])))
        if "clipValue" in options:
            torch.nn.utils.clip_grad_value_(trained, options["clipValue"])
        optimizer.step()
        if schedule and step + 1 < STEPS:
            schedule.step()
        if step + 1 in KEPT:
            kept[step + 1] = {name: p.detach().numpy().copy() for name, p in parameters.items()}
    return kept, norms


arrays = {f"initial/{name}": value for name, value in initial.items()}
arrays.update({f"gradients/{name}": value for name, value in gradients.items()})
header = {"torch": torch.__version__, "kept": KEPT, "runs": [], "schedules": []}
for title, options in runs.items():
    kept, norms = trajectory(options)
    header["runs"].append({"title": title, "options": options, "norms": norms})
    for step, values in kept.items():
        arrays.update({f"{title}/{step}/{name}": value for name, value in values.items()})
header["schedules"] = [{"options": options, "rates": rates(options)} for options in schedules]
write_golden(pathlib.Path(__file__).with_name("optimisers.bin"), header, arrays)
