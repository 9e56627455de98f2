"""Inference without torch: the fine-tuned network as an ONNX graph, run by OpenVINO on every core.

An ONNX file is a graph of known operators and their constants: reading it runs no code. On a processor that multiplies
bfloat16, OpenVINO scores 1.8 times as many sentences in it as in float32, and about one in 500 changes a label, by a
hair. In 8 bits it scores half as many again, but one real sentence in 20 changes a label: hence a choice, not the default.
"""

import contextlib
import os
import queue
import tempfile
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.classifiers.tokens import Feed

if TYPE_CHECKING:
    from pipeline.classifiers.network import StanceNetwork

#: Smallest and largest value seen at the input of each matrix product, by the name of its node.
Ranges = dict[str, tuple[float, float]]


def export(network: "StanceNetwork", feed: Feed) -> bytes:
    """``network`` as an ONNX graph of free batch size and length; its inputs are those of the example ``feed``."""
    import torch

    class Logits(torch.nn.Module):  # inputs by name become inputs by position, and only the logits come out
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            return self.network(**dict(zip(feed, tensors, strict=True)))["logits"]  # type: ignore[no-any-return]

    network.eval()
    free = {name: {0: "sentences", 1: "tokens"} for name in feed} | {"logits": {0: "sentences"}}
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings(), torch.no_grad():
        graph = Path(scratch) / "model.onnx"
        warnings.simplefilter("ignore")  # of the tracer, about branches that hold for every encoder of this kind
        torch.onnx.export(Logits().eval(), tuple(torch.from_numpy(values) for values in feed.values()), graph,
                          input_names=list(feed), output_names=["logits"], dynamic_axes=free, opset_version=17,
                          dynamo=False)
        return graph.read_bytes()


class Session:
    """A graph, compiled for this processor. ``precision`` says in what it computes: bf16, f32, or int8 with either.

    One core works on one batch, so cores never wait for each other; whoever makes the batches (the tokeniser) runs
    beside them, a few batches ahead and no more.
    """

    def __init__(self, graph: bytes, ranges: Ranges | None = None, threads: int = 0) -> None:
        from openvino import Core

        cores = threads or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
        core = Core()
        floats = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        model = core.read_model(graph)
        _sharpen(model)
        if ranges is not None:
            _quantise(model, ranges)
        compiled = core.compile_model(model, "CPU", {
            "INFERENCE_PRECISION_HINT": floats, "NUM_STREAMS": cores, "INFERENCE_NUM_THREADS": cores})
        self.precision = floats if ranges is None else f"int8 and {floats}"
        self.inputs = [port.get_any_name() for port in compiled.inputs]
        self._cores = cores
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(cores):
            request = compiled.create_infer_request()
            # One run each before any thread starts: OpenVINO's Python types are set up on first use, which two threads
            # at once would deadlock on (a lock of C++ against the one of the interpreter).
            request.infer({name: np.ones((1, 1), dtype=np.int64) for name in self.inputs})
            self._idle.put(request)

    def run(self, batches: Iterable[tuple[Any, Feed]]) -> Iterator[tuple[Any, NDArray[np.float32]]]:
        """For each ``(key, feed)``, in order, ``(key, logits)``; logits have shape (n, all labels)."""
        waiting: deque[tuple[Any, Future[NDArray[np.float32]]]] = deque()
        with ThreadPoolExecutor(self._cores) as pool:
            for key, feed in batches:
                waiting.append((key, pool.submit(self._infer, feed)))
                if len(waiting) > 2 * self._cores:
                    first, future = waiting.popleft()
                    yield first, future.result()
            for first, future in waiting:
                yield first, future.result()

    def _infer(self, feed: Feed) -> NDArray[np.float32]:
        request = self._idle.get()
        try:
            logits = request.infer({name: feed[name] for name in self.inputs}, share_inputs=True)[0]
            return np.array(logits)
        finally:
            self._idle.put(request)


class TorchSession:
    """The network itself, in float32: what the exported graph is held against, and what answers where it is missing."""

    precision = "f32"

    def __init__(self, network: "StanceNetwork", threads: int = 0) -> None:
        self._network = network
        self._threads = threads

    def run(self, batches: Iterable[tuple[Any, Feed]]) -> Iterator[tuple[Any, NDArray[np.float32]]]:
        """As ``Session.run``."""
        import torch

        self._network.eval()
        with torch_threads(self._threads):
            for key, feed in batches:
                with torch.inference_mode():
                    yield key, self._network(**{name: torch.from_numpy(v) for name, v in feed.items()})["logits"].numpy()


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use ``count`` threads (0: as many as it sees fit) inside the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def calibrate(graph: bytes, feeds: Iterable[Feed]) -> Ranges:
    """What ``Session`` needs for int8: the range of values that ``feeds`` cause in the graph."""
    from openvino import Core

    core = Core()
    model = core.read_model(graph)
    inputs = [port.get_any_name() for port in model.inputs]
    products = {node.get_friendly_name(): node.input_value(0) for node in _products(model)[:-1]}
    sources = {port.get_node().get_friendly_name(): port for port in products.values()}
    model.add_outputs(list(sources.values()))
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    low, high = dict.fromkeys(sources, 0.0), dict.fromkeys(sources, 0.0)
    for feed in feeds:
        found = compiled({name: feed[name] for name in inputs})
        own = feed["attention_mask"].astype(bool)
        for i, name in enumerate(sources, start=1):
            values = found[i][own]
            low[name], high[name] = min(low[name], float(values.min())), max(high[name], float(values.max()))
    origin = {name: port.get_node().get_friendly_name() for name, port in products.items()}
    return {name: (low[source], high[source]) for name, source in origin.items()}


def _products(model: Any) -> list[Any]:
    """The matrix products with trained weights, from the first layer to the heads."""
    return [node for node in model.get_ordered_ops() if node.get_type_name() == "MatMul"
            and node.input_value(1).get_node().get_type_name() == "Constant"]


def _sharpen(model: Any) -> None:
    """Write the product of the heads as a sum, which OpenVINO leaves in float32: costs nothing, a third less drift."""
    from openvino import opset13 as ops

    heads = _products(model)[-1]
    weights = heads.input_value(1).get_node().data
    columns = weights.T if heads.get_attributes()["transpose_b"] else weights
    spread = ops.multiply(ops.unsqueeze(heads.input_value(0), 2), ops.constant(np.array(columns)))
    heads.output(0).replace(ops.reduce_sum(spread, 1).output(0))


def _quantise(model: Any, ranges: Ranges) -> None:
    """Put 8-bit weights (symmetric, a scale a column) and 8-bit inputs (one range a tensor) into ``model``."""
    from openvino import opset13 as ops

    for node in _products(model):
        low, high = ranges[node.get_friendly_name()]
        step = max((high - low) / 255, 1e-9)
        zero = round(-low / step)
        ends = [ops.constant(np.float32(end * step)) for end in (-zero, 255 - zero)]
        node.input(0).replace_source_output(ops.fake_quantize(node.input_value(0), *ends, *ends, 256).output(0))
        weights = node.input_value(1).get_node().data
        axis = 1 if node.get_attributes()["transpose_b"] else 0
        scale = np.maximum(np.abs(weights).max(axis=axis, keepdims=True) / 127, 1e-12).astype(np.float32)
        rounded = ops.constant(np.rint(weights / scale).astype(np.int8))
        product = ops.multiply(ops.convert(rounded, "f32"), ops.constant(scale))
        node.input(1).replace_source_output(product.output(0))
