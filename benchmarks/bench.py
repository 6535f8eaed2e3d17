"""How fast the networks and `profile` are, measured beside the libraries that do the same: `make bench`.

    python benchmarks/bench.py                     all tables
    python benchmarks/bench.py profile build       some of them: start, profile, build, ledger, full, peers, peak, mini, train
    python benchmarks/bench.py full --networks inception_v3 xception --batch 8 --repeats 5
    python benchmarks/bench.py train --batch 128 --side 299     on a GPU, where there is one
    python benchmarks/bench.py peers --side 128                 beside timm and torchvision, by batch and threads
    python benchmarks/bench.py peak --batch 8                   what share of the processor's peak each network reaches

Every ratio is of two medians from one run, in which the two took turns. Keras is compared where it is installed (it
comes with the tests' requirements), timm, torchvision and torchinfo where they import; a column without them stays empty. Peak memory is that of a process of its
own, above what it took with its libraries imported.
"""

import argparse
import importlib
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course import ledger
from lessons.xception.roofline import measure_limits
from networks import measure
from networks.base import Network
from networks.catalog import NETWORKS, create, entry
from networks.inference import frozen
from utils.cost.table import profile
from utils.cost.timing import in_turns, on_threads
from utils.data.dataset import Data, Split
from utils.train.loop import Recipe, fit

# The same network elsewhere: (library, its name, our variant), the first one first.
ELSEWHERE = {
    "googlenet": [("torchvision", "googlenet", "released")],
    "inception_v3": [
        ("keras", "InceptionV3", "paper"),
        ("torchvision", "inception_v3", "released"),
        ("timm", "inception_v3", "released"),
    ],
    "inception_v4": [("timm", "inception_v4", "released")],
    "inception_resnet_v1": [("facenet_pytorch", "InceptionResnetV1", "released")],
    "inception_resnet_v2": [
        ("keras", "InceptionResNetV2", "released"),
        ("timm", "inception_resnet_v2", "released"),
    ],
    "xception": [("keras", "Xception", "paper"), ("timm", "legacy_xception", "released")],
    "xception_65": [("timm", "xception65", "released")],
    "xception_71": [("timm", "xception71", "released")],
}
LAYOUTS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}
TABLES = ("start", "profile", "build", "ledger", "full", "peers", "peak", "mini", "train")
MODES = ("training", "inference")
WAYS = (*MODES, "frozen")  # of the table `peers`
LOOPS = ("fit", "plain", "keras")
NOT_HERE = "not installed"
THREADS, BATCHES = (1, 2), (1, 8, 32)  # of the table `peers`
STEPS = 6  # of an epoch of the table `train`
KINDS = {  # of the table `peak`: where the time goes, by words in the names of torch's operations; the first that fits
    "update": ("Optimizer",),
    "products": ("onvolution", "conv2d", "aten::mm", "addmm", "linear", "MmBackward"),
    "norms": ("batch_norm", "BatchNorm"),
    "pools": ("pool", "Pool"),
    "ReLUs": ("relu", "Relu", "clamp_min", "threshold"),
    "joins": ("aten::cat", "CatBackward"),
}
# Dense bfloat16 operations a second with sums in float32, from the makers' data sheets.
PEAKS = {
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H200": 989e12,
    "GH200": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("tables", nargs="*", help=f"which tables: {', '.join(TABLES)} (default: all)")
    parser.add_argument("--networks", nargs="+", default=[each.name for each in NETWORKS], metavar="NAME")
    parser.add_argument("--batch", type=int, default=4, help="images in a batch of the full networks")
    parser.add_argument(
        "--side", type=int, default=96, help="pixels along a side of an image of the tables peers and train"
    )
    parser.add_argument("--modes", nargs="+", choices=WAYS, default=WAYS, help="of the table peers", metavar="MODE")
    parser.add_argument("--repeats", type=int, default=3, help="how often each is timed, after one time that is not")
    parser.add_argument(
        "--memory", nargs=5, metavar=("LIBRARY", "NAME", "VARIANT", "LAYOUT", "MODE"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    unknown = sorted(set(options.tables) - set(TABLES))
    if unknown:
        parser.error(f"there is no table {unknown[0]!r}; the tables are {', '.join(TABLES)}")
    if options.memory:
        print(peak_memory(*options.memory, batch=options.batch))
        return
    print_machine()
    for table in options.tables or TABLES:
        globals()[f"table_{table}"](options)


# --- Tables -----------------------------------------------------------------------------------------------------------


def table_start(options: argparse.Namespace) -> None:
    """Python with `import networks` against `import torch`, each a process of its own. At most 1.2 is wanted."""

    def start(module: str) -> None:
        subprocess.run(
            [sys.executable, "-c", f"import {module}"], cwd=Path(__file__).resolve().parent.parent, check=True
        )

    took = take_turns(
        {module: partial(start, module) for module in ("networks", "torch")}, repeats=max(options.repeats, 9)
    )
    row = (milliseconds(took["networks"]), milliseconds(took["torch"]), f"{took['networks'] / took['torch']:.2f}")
    print_table("import networks against import torch", ("networks", "torch", "ratio"), [row])


def table_profile(options: argparse.Namespace) -> None:
    """`profile` against torchinfo on the same module. At most a tenth is wanted."""
    rows = []
    for name in options.networks:
        net = create(name).eval()
        shape = (3, entry(name).input_size, entry(name).input_size)
        runs = {"profile": partial(profile, net, shape)}
        if importable("torchinfo"):
            runs["torchinfo"] = partial(importlib.import_module("torchinfo").summary, net, (1, *shape), verbose=0)
        took = take_turns(runs, repeats=max(options.repeats, 7))
        theirs = took.get("torchinfo")
        ratio = NOT_HERE if theirs is None else f"{took['profile'] / theirs:.3f}"
        rows.append((name, milliseconds(took["profile"]), NOT_HERE if theirs is None else milliseconds(theirs), ratio))
    print_table("profile(net) against torchinfo.summary(net)", ("network", "profile", "torchinfo", "ratio"), rows)


def table_build(options: argparse.Namespace) -> None:
    """Building a network on `meta`, and on the CPU with its first weights."""

    def build(name: str, device: str) -> None:
        with torch.device(device):
            create(name)

    rows = []
    for name in options.networks:
        runs = {device: partial(build, name, device) for device in ("meta", "cpu")}
        took = take_turns(runs, repeats=options.repeats)
        rows.append((name, milliseconds(took["meta"]), milliseconds(took["cpu"])))
    print_table("create(name)", ("network", "on meta", "on the CPU"), rows)


def table_ledger(options: argparse.Namespace) -> None:
    """The ledger of each lesson, without the family's claims about time, against counting all networks anew."""

    def counted() -> None:
        measure.forget()
        for each in NETWORKS:
            measure.cost(each.name)

    def measured(slug: str) -> None:
        measure.forget()
        list(ledger.measured([slug]))

    slugs = [slug for slug in ledger.LESSONS if slug != "family"]
    runs = {"networks": counted} | {slug: partial(measured, slug) for slug in slugs}
    took = take_turns(runs, repeats=options.repeats)
    rows = [(slug, milliseconds(took[slug]), f"{took[slug] / took['networks']:.2f}") for slug in slugs]
    print_table("a lesson's ledger against counting all networks", ("lesson", "ledger", "ratio"), rows)


def table_full(options: argparse.Namespace) -> None:
    """A training step and an inference pass, against the same network elsewhere; each in its faster layout."""
    header = ("network", "against", "mode", "ours", "theirs", "ratio", "our peak", "their peak")
    rows = []
    for name in options.networks:
        others = [each for each in ELSEWHERE.get(name, ()) if importable(each[0])]
        for library, their_name, variant in others or [("", "", "paper")]:
            names = {"ours": name} | ({library: their_name} if library else {})
            for mode in MODES:
                runs = {
                    (whose, layout): runner(whose, each, variant, layout, mode, batch=options.batch)
                    for whose, each in names.items()
                    for layout in LAYOUTS
                }
                took = take_turns(runs, repeats=options.repeats)
                best = {whose: min((took[whose, layout], layout) for layout in LAYOUTS) for whose in names}
                peaks = [
                    memory_in_own_process(whose, each, variant, best[whose][1], mode, batch=options.batch)
                    for whose, each in names.items()
                ]
                times = [f"{milliseconds(seconds)} {layout}" for seconds, layout in best.values()]
                used = [f"{peak:.0f} MB" for peak in peaks]
                ratio = f"{best['ours'][0] / best[library][0]:.2f}" if library else NOT_HERE
                if not library:
                    times, used = [*times, NOT_HERE], [*used, NOT_HERE]
                rows.append((name, library or "nothing", mode, *times, ratio, *used))
                print("...", *rows[-1], sep="  ", file=sys.stderr, flush=True)  # it takes a while
    title = f"Full networks, batches of {options.batch}, each in the faster of the two layouts"
    print_table(title, header, rows)


def table_peers(options: argparse.Namespace) -> None:
    """Each network beside its twin in timm or torchvision, by threads and batch, channels-last, in processor time.

    Mode "frozen": `networks.inference.frozen` beside the other's evaluation as it is. Processor time does not grow while other
    work holds the processor. The last column is the middle half of the ratios
    within a round.
    """
    header = ("network", "against", "threads", "batch", "mode", "ours", "theirs", "ratio", "within a round")
    rows = []
    for name in options.networks:
        for library, their_name, variant in ELSEWHERE.get(name, ()):
            if library == "keras" or not importable(library):
                continue
            nets = {"ours": built("ours", name, variant)[0], library: built(library, their_name, variant)[0]}
            for threads, batch, mode in product(THREADS, BATCHES, options.modes):
                with on_threads(threads):
                    runs = {
                        whose: step_of(net, "NHWC", mode, batch=batch, side=options.side, classes=1000)
                        for whose, net in nets.items()
                    }
                    took = processor_time(runs, rounds=max(options.repeats, 9))
                ours, theirs = (statistics.median(seconds) for seconds in took.values())
                low, _, high = statistics.quantiles(
                    [mine / other for mine, other in zip(*took.values(), strict=True)], n=4
                )
                times = milliseconds(ours), milliseconds(theirs)
                ratio = f"{ours / theirs:.2f}", f"{low:.2f} to {high:.2f}"
                rows.append((name, library, f"{threads}", f"{batch}", mode, *times, *ratio))
                print("...", *rows[-1], sep="  ", file=sys.stderr, flush=True)  # it takes a while
    print_table(f"Beside peers, {options.side} x {options.side} pixels, channels-last, processor time", header, rows)


def table_peak(options: argparse.Namespace) -> None:
    """What share of the peak of a matrix product each network reaches, and what its time goes to: one thread, channels-last.

    Backward counts twice the multiply-adds of forward.
    """
    rows = []
    with on_threads(1):
        peak = measure_limits(threads=1).peak
        for name in options.networks:
            net, side = built("ours", name, "paper")
            macs = profile(net, (3, side, side)).macs * options.batch
            for mode, passes in (("training", 3), ("inference", 1)):
                run = step_of(net, "NHWC", mode, batch=options.batch, side=side, classes=1000)
                seconds = take_turns({name: run}, repeats=options.repeats)[name]
                spent = spent_on(run)
                rest = 1 - sum(spent.values())
                shares = (passes * macs / seconds / peak, *spent.values(), rest)
                rows.append((name, mode, milliseconds(seconds), *(f"{share:.0%}" for share in shares)))
                print("...", *rows[-1], sep="  ", file=sys.stderr, flush=True)  # it takes a while
    title = f"Batches of {options.batch}, channels-last, one thread, beside a product's {peak / 1e9:.0f} billion multiply-adds a second"
    print_table(title, ("network", "mode", "time", "of the peak", *KINDS, "rest"), rows)


def spent_on(run: Callable[[], None]) -> dict[str, float]:
    """The share of the processor's time that goes to each of `KINDS`, by torch's profiler."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        run()
    spent, together = dict.fromkeys(KINDS, 0.0), 0.0
    for event in profiler.events():
        together += event.self_cpu_time_total
        names, at = event.name, event
        while (at := at.cpu_parent) is not None:
            names += at.name
        kind = next((kind for kind, words in KINDS.items() if any(word in names for word in words)), None)
        if kind is not None:
            spent[kind] += event.self_cpu_time_total
    return {kind: took / together for kind, took in spent.items()}


def table_mini(options: argparse.Namespace) -> None:
    """Training images per second of the mini networks."""
    batch, rows = 64, []
    for name in options.networks:
        net = create(name, size="mini", num_classes=10)
        runs = {layout: step_of(net, layout, "training", batch=batch, side=32, classes=10) for layout in LAYOUTS}
        took = take_turns(runs, repeats=max(options.repeats, 5))
        layout = min(took, key=took.get)
        parameters = sum(parameter.numel() for parameter in net.parameters())
        rows.append((name, f"{parameters:,}", f"{batch / took[layout]:.0f} {layout}"))
    print_table(f"Mini networks, batches of {batch}", ("network", "parameters", "training images/s"), rows)


def table_train(options: argparse.Namespace) -> None:
    """Whole training loops: the course's `fit`, a plain loop over the same network, Keras's own `fit` of its network."""
    loops = ("fit, images/s", "plain loop", "Keras's fit")
    header = ("network", *loops, "fit / plain", "fit / Keras", "share of the peak")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rows = []
    for name, elsewhere in ELSEWHERE.items():
        keras_name = next((each for library, each, _ in elsewhere if library == "keras"), None)
        if name not in options.networks or keras_name is None:
            continue
        measured = [loop for loop in LOOPS if loop != "keras" or importable("keras")]
        epochs = {}
        for layout in LAYOUTS:
            epochs["fit", layout] = epoch_of_fit(name, layout, options, device)
            epochs["plain", layout] = epoch_of_plain_loop(name, layout, options, device)
            if "keras" in measured:
                epochs["keras", layout] = epoch_of_keras(keras_name, layout, options, device)
        rates = {key: [] for key in epochs}
        for turn in range(options.repeats + 1):
            for key, epoch in epochs.items():
                rate = epoch()
                if turn:  # the first round warms up
                    rates[key].append(rate)
        best = {loop: max((statistics.median(rates[loop, layout]), layout) for layout in LAYOUTS) for loop in measured}
        rates_by_loop = {loop: rate for loop, (rate, _) in best.items()}
        fit_rate, plain_rate, keras_rate = (rates_by_loop.get(loop) for loop in LOOPS)
        macs = profile(create(name, num_classes=10), (3, options.side, options.side)).macs
        rows.append(
            (
                name,
                *(f"{best[loop][0]:,.1f} {best[loop][1]}" if loop in best else NOT_HERE for loop in LOOPS),
                f"{fit_rate / plain_rate:.2f}",
                NOT_HERE if keras_rate is None else f"{fit_rate / keras_rate:.2f}",
                share_of_peak(device, macs, fit_rate),
            )
        )
    shape = f"{options.side} x {options.side} pixels, batches of {options.batch}, {precision_on(device)}"
    print_table(f"Training, {shape}, on {device.type}, each in the faster of the two layouts", header, rows)


# --- Training loops ---------------------------------------------------------------------------------------------------


def noise(options: argparse.Namespace) -> Data:
    """An epoch of images that show nothing."""
    images = torch.randint(0, 256, (STEPS * options.batch, 3, options.side, options.side), dtype=torch.uint8)
    labels = torch.arange(len(images)) % 10
    return Data(
        name="noise",
        train=Split(images, labels),
        test=Split(images[:2], labels[:2]),
        classes=tuple("0123456789"),
        source="Noise.",
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
    )


def precision_on(device: torch.device) -> str:
    return "bfloat16" if device.type == "cuda" else "float32"


def epoch_of_fit(name: str, layout: str, options: argparse.Namespace, device: torch.device) -> Callable[[], float]:
    """Images per second of an epoch of `fit`; images are drawn, normalised and counted as in any run."""
    net, data = create(name, num_classes=10), noise(options)
    recipe = Recipe(
        epochs=1,
        batch_size=options.batch,
        learning_rate=1e-6,
        precision=precision_on(device),
        channels_last=layout == "NHWC",
    )
    return lambda: fit(net, data, recipe, device=device, show=False).history[0].images_per_second


def epoch_of_plain_loop(
    name: str, layout: str, options: argparse.Namespace, device: torch.device
) -> Callable[[], float]:
    """Images per second of torch's loop as in its tutorials, without anything beside it."""
    data = noise(options).to(device)
    net = create(name, num_classes=10).to(device, memory_format=LAYOUTS[layout]).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-6, momentum=0.9)
    pictures = data.normalise(data.train.images).contiguous(memory_format=LAYOUTS[layout])

    def epoch() -> float:
        start = time.perf_counter()
        for images, labels in zip(pictures.split(options.batch), data.train.labels.split(options.batch), strict=True):
            optimizer.zero_grad()
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision_on(device) == "bfloat16"):
                loss = F.cross_entropy(net(images), labels)
            loss.backward()
            optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return len(pictures) / (time.perf_counter() - start)

    return epoch


def epoch_of_keras(name: str, layout: str, options: argparse.Namespace, device: torch.device) -> Callable[[], float]:
    """Images per second of an epoch of Keras's `fit`, from its first batch to its last."""
    import keras

    keras.config.set_image_data_format("channels_first" if layout == "NCHW" else "channels_last")
    keras.config.set_dtype_policy("mixed_bfloat16" if precision_on(device) == "bfloat16" else "float32")
    data, side = noise(options), options.side
    shape = (3, side, side) if layout == "NCHW" else (side, side, 3)
    build = getattr(keras.applications, name)
    net = build(weights=None, input_shape=shape, classes=10, classifier_activation=None)
    net.compile(
        optimizer=keras.optimizers.SGD(learning_rate=1e-6, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    pictures = data.normalise(data.train.images)
    pictures = (pictures if layout == "NCHW" else pictures.permute(0, 2, 3, 1)).numpy()
    labels = data.train.labels.numpy()

    class Clock(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 0:
                self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds = time.perf_counter() - self.start

    def epoch() -> float:
        clock = Clock()
        net.fit(pictures, labels, batch_size=options.batch, epochs=1, verbose=0, callbacks=[clock])
        return len(pictures) / clock.seconds

    return epoch


def share_of_peak(device: torch.device, macs: int, images_per_second: float) -> str:
    """How much of what the card could multiply goes into the network's own multiply-adds.

    Backward costs twice what forward does, and a multiply-add is two operations.
    """
    if device.type != "cuda":
        return "only on a GPU"
    name = torch.cuda.get_device_name(device)
    peak = peak_of(name)
    return f"{2 * 3 * macs * images_per_second / peak:.1%}" if peak else f"peak of {name} not known"


def peak_of(card: str) -> float | None:
    """Of a card by the name that its driver gives: bfloat16 operations a second, or None."""
    words = card.replace("-", " ").split()
    return next((peak for name, peak in PEAKS.items() if all(part in words for part in name.split())), None)


# --- What is timed ----------------------------------------------------------------------------------------------------


def runner(library: str, name: str, variant: str, layout: str, mode: str, *, batch: int) -> Callable[[], None]:
    """One training step or inference pass, with everything that it needs made beforehand."""
    if library == "keras":
        return keras_step(name, layout, mode, batch=batch)
    net, side = built(library, name, variant)
    return step_of(net, layout, mode, batch=batch, side=side, classes=1000)


def built(library: str, name: str, variant: str) -> tuple[nn.Module, int]:
    """A network of torch's kind, and the side of its images."""
    if library == "ours":
        return create(name, variant=variant), entry(name).input_size
    if library == "timm":
        return importlib.import_module("timm").create_model(name), 299
    if library == "facenet_pytorch":
        models = importlib.import_module("facenet_pytorch.models.inception_resnet_v1")
        return getattr(models, name)(classify=True, num_classes=1000), 160
    models = importlib.import_module("torchvision.models")
    net = getattr(models, name)(weights=None, aux_logits=False, init_weights=False)
    return net, 224 if name == "googlenet" else 299


def step_of(net: nn.Module, layout: str, mode: str, *, batch: int, side: int, classes: int) -> Callable[[], None]:
    net = net.to(memory_format=LAYOUTS[layout])
    images = torch.randn(batch, 3, side, side).contiguous(memory_format=LAYOUTS[layout])
    if mode == "frozen" and isinstance(net, Network):
        return inference(frozen(net.eval(), images), images)
    if mode != "training":
        return inference(net.eval(), images)
    return training(net.train(), net, images, classes=classes)


def keras_step(name: str, layout: str, mode: str, *, batch: int) -> Callable[[], None]:
    import keras

    keras.config.set_image_data_format("channels_first" if layout == "NCHW" else "channels_last")
    net = getattr(keras.applications, name)(weights=None, classifier_activation=None)
    images = torch.randn(batch, *net.inputs[0].shape[1:])
    if mode == "inference":
        return inference(lambda x: net(x, training=False), images)
    return training(lambda x: net(x, training=True), net, images, classes=1000)


def inference(forward: Callable[[Tensor], Tensor], images: Tensor) -> Callable[[], None]:
    def run() -> None:
        with torch.inference_mode():
            forward(images)

    return run


def training(
    forward: Callable[[Tensor], Tensor], net: nn.Module, images: Tensor, *, classes: int
) -> Callable[[], None]:
    """Forward, backward, update: the same loop for all."""
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-6, momentum=0.9)
    labels = torch.arange(len(images)) % classes

    def run() -> None:
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(forward(images), labels).backward()
        optimizer.step()

    return run


def take_turns(runs: dict, *, repeats: int) -> dict:
    """The median time of each, in seconds, when they run one after another, round after round."""
    return {key: timing.median for key, timing in in_turns(runs, rounds=repeats, warm_up=1).items()}


def processor_time(runs: dict, *, rounds: int) -> dict[str, list[float]]:
    """Seconds of processor time of each, round by round, when they take turns; a round before them is not counted."""
    took = {key: [] for key in runs}
    for number in range(rounds + 1):
        for key, run in runs.items():
            began = time.process_time()
            run()
            if number:
                took[key].append(time.process_time() - began)
    return took


# --- Memory -----------------------------------------------------------------------------------------------------------


def peak_memory(library: str, name: str, variant: str, layout: str, mode: str, *, batch: int) -> float:
    """Megabytes that a process takes at most for three turns, above what it took before it built the network."""
    if library != "ours":
        importlib.import_module(library)
    before = resident()
    run = runner(library, name, variant, layout, mode, batch=batch)
    for _ in range(3):
        run()
    return resident() - before


def resident() -> float:
    """The most megabytes that this process has taken so far."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux; getrusage there begins with what the parent took
        return (
            next(float(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1e3
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def memory_in_own_process(*what: str, batch: int) -> float:
    command = [sys.executable, __file__, "--batch", str(batch), "--memory", *what]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


# --- Words ------------------------------------------------------------------------------------------------------------


def importable(library: str) -> bool:
    try:
        importlib.import_module(library)
    except (ImportError, RuntimeError):
        return False
    return True


def print_machine() -> None:
    """Where and with what this was measured."""
    print(f"{processor()}, {os.cpu_count()} cores, torch uses {torch.get_num_threads()}; {platform.platform()}")
    versions = [f"Python {platform.python_version()}"]
    for library in ("torch", "torchinfo", "keras", "timm", "torchvision"):
        if importable(library):
            versions.append(f"{library} {importlib.import_module(library).__version__}")
    print(", ".join(versions))


def processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.1f} ms" if seconds < 0.1 else f"{1000 * seconds:,.0f} ms"


def print_table(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    print(f"\n{title}")
    for row in (header, tuple("-" * width for width in widths), *rows):
        cells = [
            cell.ljust(width) if not column else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells), flush=True)


if __name__ == "__main__":
    main()
