"""What the wheel does beside what the tools did. Arguments: the pack, a text, what
mamba-run generated and measured, mamba/runtime.h."""

import array
import ctypes
import gc
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import mamba_runtime
from mamba_runtime import _dlpack, _library, _tensor

try:
    import numpy
except ImportError:
    numpy = None
    print("skipped: numpy is not installed")
try:
    import torch
except ImportError:
    torch = None
    print("skipped: torch is not installed")

pack_path, text_path, generated_path, perplexity_path, header_path = sys.argv[1:]
header = open(header_path).read()


def raises(kind, pattern, function, *arguments, **options):
    try:
        function(*arguments, **options)
    except kind as error:
        assert re.search(pattern, str(error)), f"{error!r} does not say {pattern!r}"
    else:
        raise AssertionError(f"nothing was raised that says {pattern!r}")


def test_every_function_and_struct_of_the_header():
    declared = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    functions = {}
    for name, arguments in re.findall(r"MAMBA_API[^;(]*?\b(mamba_\w+)\(([^;]*)\);", declared):
        functions[name] = 0 if arguments.strip() == "void" else arguments.count(",") + 1
    assert len(functions) > 40
    bound = {name: len(arguments) for name, arguments in _library.STATUS_FUNCTIONS.items()}
    bound.update({name: len(arguments) for name, (_, arguments) in _library.PLAIN_FUNCTIONS.items()})
    missing = {name: count for name, count in functions.items() if bound.get(name) != count}
    assert not missing, f"bound otherwise than in the header: {missing}"
    for name, fields in re.findall(r"typedef struct (mamba_\w+) \{(.*?)\}", declared, re.DOTALL):
        names = [re.search(r"(\w+)\s*$", part).group(1) for line in fields.split(";") if line.strip()
                 for part in line.split(",")]
        assert names == [field for field, _ in _library.STRUCTS[name]._fields_], name


def test_text_is_that_of_mamba_run(model):
    pieces = list(model.generate("ROMEO:\n", max_tokens=60, temperature=0.8, top_k=40, seed=7))
    assert "".join(pieces) == open(generated_path).read()
    score = model.score(open(text_path).read())
    told = json.load(open(perplexity_path))
    assert score.tokens == told["tokens"] and score.nll_per_token == told["nll_per_token"]
    assert abs(score.perplexity / told["perplexity"] - 1) < 1e-12
    assert abs(score.bits_per_byte / told["bits_per_byte"] - 1) < 1e-12
    raises(ValueError, "no tokens", model.generate, "")
    raises(ValueError, "at least 1", model.generate, "x", max_tokens=0)
    raises(TypeError, "no option 'heat'", model.generate, "x", heat=1)
    raises(ValueError, "2 tokens", model.score, "")


def test_a_text_goes_on_where_its_session_is(model):
    whole = "".join(model.generate("JULIET:\n", max_tokens=30, temperature=0))
    session, sampler = model.session(), model.sampler(temperature=0)
    first = "".join(model.generate("JULIET:\n", max_tokens=12, session=session, sampler=sampler))
    saved = session.dumps(sampler=sampler)
    session.save("state", sampler=sampler)
    assert open("state", "rb").read() == saved
    rest = "".join(model.generate("", max_tokens=18, session=session, sampler=sampler))
    assert first + rest == whole
    again = model.session(2)
    again.loads(saved, slot=1)
    again.load("state", slot=0)
    assert again.position(0) == again.position(1) > 12
    assert again.logits(0).tolist() == again.logits(1).tolist()
    for other in (bytearray(saved), memoryview(saved), array.array("b", saved)):
        again.clear(1)
        again.loads(other, slot=1)
        assert again.logits(1).tolist() == again.logits(0).tolist()
    raises(mamba_runtime.InvalidData, "", again.loads, saved[:-1])
    raises(mamba_runtime.Error, "", again.loads, b"")
    raises(TypeError, "", again.loads, "text")
    raises(mamba_runtime.NotFound, "nowhere", again.load, "nowhere")


def test_ragged_steps_and_states(model):
    session = model.session(slots=3)
    ids = model.tokenizer.encode("To be, or not to be")
    session.step({0: ids, 1: ids[:2]}, want=None)
    logits = session.step({1: array.array("i", ids[2:]), 2: ids}, want="last")
    vocab = model.pack.info.vocab_size
    assert logits.shape == (2, vocab) and logits.dtype == "F32" and len(logits) == 2
    assert session.logits(2).tolist() == logits.tolist()[1] == session.logits(0).tolist()
    every = model.session().step({0: ids}, want="all")
    assert every.shape == (len(ids), vocab)
    assert session.recent(1) == ids[-32:] and session.position(1) == len(ids)

    names = [state.state_id for state in model.states]
    assert "ssm_state.0" in names
    for name in names:
        session.write_state(name, session.read_state(name, slot=0), slot=1)
    raises(mamba_runtime.NotFound, "", session.logits, 1)
    session.copy(0, 2)
    session.clear(0)
    assert session.position(0) == 0
    assert session.step({1: [5]}).tolist() == session.step({2: [5]}).tolist()

    raises(mamba_runtime.InvalidArgument, "token 0 of sequence 0 is -1", session.step, {0: [-1]})
    raises(ValueError, "2\\^32", session.step, {-1: [1]})
    raises(ValueError, "32 bits", session.step, {0: [1 << 40]})
    raises(ValueError, "want must be", session.step, {0: [1]}, "some")
    raises(TypeError, "encode the text", session.step, {0: "text"})
    raises(mamba_runtime.NotFound, "ssm_state.0", session.read_state, "ssm_state.99")
    raises(ValueError, r"must be F32 \[\d+, 16\]", session.write_state, "ssm_state.0", [1.0, 2.0])
    raises(ValueError, "'out' must be|out must be", session.step, {0: [1]}, "last", bytearray(4))
    logits = array.array("f", bytes(4 * vocab))
    assert session.step({0: [1]}, out=logits) is logits and any(logits)
    assert session.logits(0).tolist() == logits.tolist()
    kept = bytes(4 * vocab)
    raises(ValueError, "writable", session.step, {0: [1]}, "last", memoryview(kept).cast("f"))
    for lists in ([0.0] * vocab, (0.0,) * vocab):
        raises(TypeError, "written to, got", session.step, {0: [1]}, "last", lists)
    assert not any(kept) and session.position(0) == 1


def test_numbers_that_do_not_fit(model):
    session, sampler = model.session(), model.sampler(temperature=0)
    session.step({0: [1]}, want=None)
    for wrong in (-1, 1 << 64):
        raises(ValueError, "max_tokens", session.generate, {0: sampler}, wrong, print)
        raises(ValueError, "seed", model.sampler, seed=wrong)
        raises(ValueError, "vocabulary", mamba_runtime.Sampler, wrong)
    with mamba_runtime.Decoder(model.tokenizer) as decoder:
        for wrong in (-1, (1 << 32) + 5):
            raises(ValueError, "a token", decoder.push, wrong)
    for wrong in (-1, (1 << 64) + 1):
        raises(ValueError, "a length", session.call, "logits", {}, [wrong])


def test_entries_by_name(model):
    assert "logits" in model.pack.entries
    entry = next(e for e in model.pack.entries.values() if any(t.rows == "tokens" for t in e.inputs))
    session = model.session(2)
    ids = array.array("i", [3, 1, 4, 1, 5])
    inputs = {entry.inputs[0].name: ids}
    outputs = session.call(entry.name, inputs, lengths=[3, 2])
    assert set(outputs) == {tensor.name for tensor in entry.outputs}
    assert (session.position(0), session.position(1)) == (3, 2)
    raises(mamba_runtime.NotFound, "logits", session.call, "nonsense", {}, [1])
    raises(ValueError, "missing", session.call, entry.name, {}, [1])
    raises(ValueError, "no input 'x'", session.call, entry.name, {"x": ids, **inputs}, [5])
    raises(ValueError, r"must be I32 \[4\], got I32 \[5\]", session.call, entry.name, inputs, [4])


def test_callbacks(model):
    session = model.session(2)
    samplers = {0: model.sampler(temperature=0), 1: model.sampler(temperature=0)}
    ids = model.tokenizer.encode("HAMLET:\n")
    session.step({0: ids, 1: ids}, want=None)
    seen = []
    session.generate(samplers, 8, lambda tokens: seen.append((tokens, session.position(0))))
    assert len(seen) == 8 and all(a == b for (a, b), _ in seen)
    session.generate(samplers, 8, lambda tokens: bool(seen.append(tokens)))
    assert len(seen) == 9

    def fail(tokens):
        raise KeyError("mine")

    raises(KeyError, "mine", session.generate, samplers, 8, fail)
    # A sampler that is generating may be looked at, and not be changed.
    for change in (samplers[0].reset, lambda: samplers[1].accept([1]), lambda: samplers[0].set_options(top_k=5)):
        raises(mamba_runtime.InvalidArgument, "the sampler is generating", session.generate, samplers, 8,
               lambda tokens: change())
    session.generate(samplers, 2, lambda tokens: seen.append(samplers[0].options["temperature"]))
    assert seen[-2:] == [0, 0]
    samplers[0].reset()
    steps = []
    with mamba_runtime.Model(model.pack, device="cpu", progress=lambda *at: steps.append(at)) as other:
        other.self_test(lambda done, total: steps.append((done, total)))
    assert steps and steps[-1][0] == steps[-1][1]
    raises(KeyError, "mine", mamba_runtime.Model, model.pack, device="cpu", progress=lambda *_: fail(0))


def test_tokenizer(model):
    tokenizer = model.tokenizer
    text = "Thou — art“ ünïcode.\0\n"
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text and len(tokenizer) > max(ids)
    with mamba_runtime.Decoder(tokenizer) as decoder:
        assert "".join([decoder.push(token) for token in ids] + [decoder.flush()]) == text
        raises(mamba_runtime.InvalidArgument, "", decoder.push, 1 << 30)


def test_closing(pack_path):
    model = mamba_runtime.Model(pack_path, device="cpu")
    session = model.session()
    tokenizer = model.tokenizer
    model.pack.close()
    model.close()
    model.close()
    session.step({0: tokenizer.encode("still")})
    session.close()
    raises(ValueError, "Session is closed", session.step, {0: [1]})
    raises(ValueError, "Model is closed", model.session)
    with mamba_runtime.Model(pack_path, device="cpu", threads=2) as model:
        kept = model.session()
    child = os.fork()
    if child == 0:
        try:
            kept.step({0: [1]})
        except RuntimeError as error:
            os._exit(0 if "before a fork" in str(error) else 2)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    raises(mamba_runtime.NotFound, "'missing.mpk'", mamba_runtime.Pack, "missing.mpk")
    raises(mamba_runtime.InvalidData, "", mamba_runtime.Pack, text_path)
    raises(ValueError, "zero byte", mamba_runtime.Pack, "a\0b")
    raises(mamba_runtime.InvalidArgument, "tpu", mamba_runtime.Model, pack_path, device="tpu")


def test_closing_what_is_in_use(pack_path):
    box = []

    class Known(mamba_runtime.Model):
        def __setattr__(self, name, value):
            box[:] = [self]
            super().__setattr__(name, value)

    raises(ValueError, "Known cannot be closed", Known, pack_path, device="cpu",
           progress=lambda *_: box[0].close())
    model = mamba_runtime.Model(pack_path, device="cpu", threads=2)
    raises(ValueError, "Model cannot be closed", model.self_test, lambda *_: model.close())
    assert not model.closed
    session, sampler = model.session(), model.sampler(temperature=0)
    session.step({0: [1]}, want=None)
    for handle in (session, sampler):
        raises(ValueError, "cannot be closed", session.generate, {0: sampler}, 5, lambda _: handle.close())
        assert not handle.closed

    # Another thread waits for the call, and for the samplers that it uses.
    events, inside = [], threading.Event()

    def on_tokens(tokens):
        inside.set()
        time.sleep(0.1)
        events.append("token")

    def work():
        session.generate({0: sampler}, 3, on_tokens)

    def while_it_works(*functions):
        events.clear()
        inside.clear()
        threads = [threading.Thread(target=work)]
        threads[0].start()
        inside.wait()
        threads += [threading.Thread(target=lambda f=f: (f(), events.append("done"))) for f in functions]
        for thread in threads[1:]:
            thread.start()
        for thread in threads:
            thread.join()
        assert events[:3] == ["token"] * 3 and events.count("done") == len(functions), events

    saver = model.session()
    while_it_works(lambda: sampler.accept([1]), lambda: saver.dumps(sampler=sampler),
                   lambda: session.position(), lambda: session.save("state", sampler=sampler))

    # A child of a fork waits for nobody and closes nothing.
    def fork():
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            for use in (session.position, sampler.reset, lambda: saver.dumps(sampler=sampler)):
                try:
                    use()
                    os._exit(1)
                except RuntimeError as error:
                    if "before a fork" not in str(error):
                        os._exit(2)
            session.close()
            model.close()
            os._exit(0 if session.closed and model.closed else 3)
        assert os.waitpid(child, 0)[1] == 0
        while len(events) < 3:
            time.sleep(0.01)

    while_it_works(fork)
    assert not session.closed
    while_it_works(session.close, sampler.close)
    assert session.closed and sampler.closed
    raises(ValueError, "Sampler is closed", saver.dumps, sampler=sampler)
    checker = threading.Thread(target=model.self_test, args=(lambda *_: inside.set(),))
    inside.clear()
    checker.start()
    inside.wait()
    model.close()
    checker.join()

    # At the end of the process daemon threads are left alone.
    subprocess.run([sys.executable, "-I", "-c", """
import sys, threading, time
import mamba_runtime
model = mamba_runtime.Model(sys.argv[1], device="cpu")
session = model.session()
started = threading.Event()
def work():
    while True:
        session.step({0: [1] * 500}, want=None)
        started.set()
threading.Thread(target=work, daemon=True).start()
started.wait()
""", pack_path], check=True)


def test_threads(model):
    ids = model.tokenizer.encode("Once more unto the breach, dear friends")
    alone = model.session().step({0: ids}).tolist()
    results = []

    def work():
        with model.session() as session:
            results.append(session.step({0: ids}).tolist())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [alone] * 4


def lent():
    """How many tensors consumers hold."""
    gc.collect()
    _dlpack.sweep()
    return len(_dlpack._lent)


class Lender:
    """A tensor that only has DLPack, as torch's; counts what is lent."""

    def __init__(self, tensor, device=(1, 0)):
        self.tensor, self.device = tensor, device

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self):
        return self.tensor.__dlpack__()


class Copier(Lender):
    def __dlpack__(self):
        return self.tensor.__dlpack__(copy=True)


class Newer(Lender):
    """As libraries lend that know DLPack 1.0; `change` is done to what is lent."""

    def __init__(self, tensor, change=lambda managed: None):
        super().__init__(tensor)
        self.change = change

    def __dlpack__(self, *, max_version=None):
        assert max_version[0] == 1
        capsule = self.tensor.__dlpack__(max_version=max_version)
        self.change(managed_of(capsule))
        return capsule


def managed_of(capsule):
    return ctypes.cast(_dlpack._pointer(capsule, b"dltensor_versioned"),
                       ctypes.POINTER(_dlpack._ManagedVersioned)).contents


def test_dlpack(model):
    session = model.session()
    session.step({0: [1, 2, 3]})
    state = session.read_state("ssm_state.0")
    session.write_state("ssm_state.0", Lender(state))
    assert session.read_state("ssm_state.0").tolist() == state.tolist()
    raises(TypeError, "on the CPU is needed", session.write_state, "ssm_state.0", Lender(state, (2, 0)))
    # A capsule that nobody took.
    state.__dlpack__()
    assert not lent()
    for options in ({}, {"max_version": (0, 8)}, {"copy": False, "dl_device": (1, 0), "max_version": (1, 0)}):
        capsule = state.__dlpack__(**options)
        assert lent() == 1 and ("dltensor_versioned" in repr(capsule)) == ("copy" in options), capsule
        # As a consumer does it: that is found without the capsule.
        (_, _, managed, _, kept), = _dlpack._lent.values()
        assert kept is capsule
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(managed.deleter)(ctypes.addressof(managed))
        del kept, managed
        assert not lent()
        capsule = state.__dlpack__(**options)
        assert lent() == 1
        del capsule
        assert not lent()
    for copy in (False, True):
        managed = managed_of(capsule := state.__dlpack__(max_version=(2, 0), copy=copy))
        assert (managed.major, managed.minor, managed.flags) == (1, 0, 2 if copy else 0)
        assert (managed.tensor.data == state.address) is not copy
        del capsule, managed

    # What others lend, with flags.
    def make_read_only(managed):
        managed.flags |= 1

    def make_newer(managed):
        managed.major = 2

    session.write_state("ssm_state.0", Newer(state))
    session.write_state("ssm_state.0", Newer(state, make_read_only))
    assert session.read_state("ssm_state.0").tolist() == state.tolist()
    raises(TypeError, r"of DLPack 2\.0, 1\.x is read", session.write_state, "ssm_state.0", Newer(state, make_newer))
    out = mamba_runtime.Tensor((1, model.pack.info.vocab_size))
    raises(ValueError, "writable, got a read-only Newer", session.step, {0: [1]}, "last", Newer(out, make_read_only))
    assert session.position() == 3 and not any(out.tolist()[0])
    session.step({0: [1]}, out=Newer(out))
    assert session.logits().tolist() == out.tolist()[0]
    assert not lent()
    raises(BufferError, "device", state.__dlpack__, dl_device=(2, 0))
    raises(TypeError, "stream", state.__dlpack__, stream=1)
    copied = _dlpack.Borrowed(Copier(state))
    assert copied.address != state.address and ctypes.string_at(copied.address, copied.nbytes) == bytes(state.data)


def test_numpy(model):
    session = model.session()
    ids = numpy.array([1, 2, 3], dtype=numpy.int64)
    logits = session.step({0: ids})
    view, borrowed = numpy.asarray(logits), numpy.from_dlpack(logits)
    assert view.ctypes.data == borrowed.ctypes.data == logits.address and view.dtype == numpy.float32
    out = numpy.zeros_like(view)
    session.clear()
    assert session.step({0: ids.astype(numpy.int32)}, out=out) is out and (out == view).all()
    assert model.sampler(temperature=0).sample(out[0]) == int(out.argmax())

    state = numpy.asarray(session.read_state("conv_state.1")).copy()
    state.flags.writeable = False
    session.write_state("conv_state.1", state)
    assert (numpy.asarray(session.read_state("conv_state.1")) == state).all()
    session.write_state("conv_state.1", Lender(state.copy() * 2))
    assert (numpy.asarray(session.read_state("conv_state.1")) == state * 2).all()
    for lend in (lambda a: a, Lender):
        raises(TypeError, "contiguous", session.write_state, "conv_state.1", lend(numpy.asfortranarray(state.copy())))
    raises(ValueError, "got F64", session.write_state, "conv_state.1", state.astype(float))
    raises(ValueError, "row of I32 or I64", session.step, {0: ids[None]})
    # What was lent lives as long as it is used, and no longer.
    del logits, view
    assert borrowed.shape[0] == 1 and lent() == 1
    del borrowed
    assert not lent()

    # Given back while an exception is on its way.
    state = session.read_state("ssm_state.0")
    raises(ValueError, "reshape", lambda: numpy.from_dlpack(state).reshape(7))
    raises(IndexError, "out of bounds", lambda: numpy.from_dlpack(state)[1 << 40])

    def fail():
        kept = numpy.from_dlpack(state)
        raise KeyError(f"mine {kept.ndim}")

    raises(KeyError, "mine", fail)
    assert not lent()
    for _ in range(100):
        session.read_state("ssm_state.0").__dlpack__()
        numpy.from_dlpack(session.read_state("ssm_state.0"))
    assert len(_dlpack._lent) <= 2
    if numpy.lib.NumpyVersion(numpy.__version__) >= "2.1.0":
        fixed = numpy.ones(3, dtype=numpy.float32)
        assert not _dlpack.Borrowed(fixed).readonly
        fixed.flags.writeable = False
        assert _dlpack.Borrowed(fixed).readonly
        assert numpy.from_dlpack(state).flags.writeable
        copied = numpy.from_dlpack(state, copy=True)
        assert copied.ctypes.data != state.address and (copied == numpy.asarray(state)).all()
        assert numpy.from_dlpack(state, copy=False).ctypes.data == state.address
    # Arrays may live longer than the interpreter's modules.
    subprocess.run([sys.executable, "-I", "-c", """
import builtins, numpy
from mamba_runtime import Tensor
builtins.array, builtins.capsule = numpy.from_dlpack(Tensor((1 << 20,))), Tensor((5,)).__dlpack__()
"""], check=True)

    out = numpy.zeros(model.pack.info.vocab_size, dtype=numpy.float32)
    out.flags.writeable = False
    raises(ValueError, "writable", session.step, {0: ids}, "last", out)
    assert not out.any()


def test_torch(model):
    session = model.session()
    vocab = model.pack.info.vocab_size
    # Tokens: int64 are copied, int32 not.
    for dtype in (torch.int64, torch.int32):
        logits = session.step({0: torch.tensor([1, 2, 3], dtype=dtype)})
    assert session.position() == 6
    session.step({0: torch.tensor([], dtype=torch.int64)}, want=None)
    assert session.position() == 6
    raises(ValueError, "row of I32 or I64, got F32", session.step, {0: torch.tensor([1.0])})
    raises(TypeError, "contiguous", session.step, {0: torch.tensor([1, 2, 3, 4])[::2]})

    # Out: every way that copies nothing, in every type.
    for look in (torch.from_dlpack, torch.asarray, torch.as_tensor):
        assert look(logits).data_ptr() == logits.address and tuple(look(logits).shape) == (1, vocab)
    if "copy" in (torch.from_dlpack.__kwdefaults__ or {}):
        copied = torch.from_dlpack(logits, copy=True)
        assert copied.data_ptr() != logits.address and copied.tolist() == logits.tolist()
        del copied
    types = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
             "I64": torch.int64, "I32": torch.int32, "I8": torch.int8, "U8": torch.uint8}
    for name, dtype in types.items():
        made = mamba_runtime.Tensor((2, 3), name)
        seen = torch.from_dlpack(made)
        assert seen.dtype == dtype and seen.data_ptr() == made.address and seen.tolist() == [[0] * 3] * 2
        again = _tensor.view_of(seen.fill_(1))
        assert (again.dtype, again.shape, again.address) == (name, (2, 3), made.address)
    del seen, again

    # In: its own memory, written to as well.
    out = torch.zeros(1, vocab)
    session.clear()
    assert session.step({0: torch.tensor([5])}, out=out) is out and out.any()
    assert out[0].tolist() == session.logits().tolist()
    assert model.sampler(temperature=0).sample(out[0]) == int(out.argmax())
    state = torch.from_dlpack(session.read_state("ssm_state.0")) * 2
    session.write_state("ssm_state.0", state)
    assert torch.equal(torch.from_dlpack(session.read_state("ssm_state.0")), state)
    session.write_state("ssm_state.0", state.reshape(-1))
    for wrong in (state.t().contiguous().t(), state.repeat(1, 2)[:, ::2]):
        raises(TypeError, "contiguous", session.write_state, "ssm_state.0", wrong)
    raises(ValueError, "must be F32 .*, got BF16", session.write_state, "ssm_state.0", state.bfloat16())
    for wrong in (state.clone().requires_grad_(), torch.nn.Parameter(state)):
        raises(BufferError, "gradient", session.write_state, "ssm_state.0", wrong)
        session.write_state("ssm_state.0", wrong.detach())
    raises(Exception, "meta", session.write_state, "ssm_state.0", state.to("meta"))

    # What is lent lives as long as torch looks at it, also on other threads and in graphs.
    gc.collect()
    assert not lent()
    look = torch.from_dlpack(mamba_runtime.Tensor((1 << 16,)))
    gc.collect()
    mamba_runtime.Tensor((1 << 16,))
    assert look.fill_(3).sum() == 3 << 16 and lent() == 1
    part = look[5:9]
    del look
    assert part.tolist() == [3] * 4 and lent() == 1
    del part
    threads = [threading.Thread(target=lambda: torch.from_dlpack(mamba_runtime.Tensor((100,))).add(1).sum())
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    leaf = torch.from_dlpack(mamba_runtime.Tensor((4,))).requires_grad_()
    (leaf * 2).sum().backward()
    assert leaf.grad.tolist() == [2] * 4
    del leaf
    assert not lent()


model = mamba_runtime.Model(pack_path, device="cpu")
assert mamba_runtime.build_info.startswith(f"mamba {mamba_runtime.__version__} (")
assert model.info.device == "cpu" and model.pack.config["vocab_size"] > 0
test_every_function_and_struct_of_the_header()
test_text_is_that_of_mamba_run(model)
test_a_text_goes_on_where_its_session_is(model)
test_ragged_steps_and_states(model)

test_numbers_that_do_not_fit(model)
test_entries_by_name(model)
test_callbacks(model)
test_tokenizer(model)
test_closing(pack_path)
test_closing_what_is_in_use(pack_path)
test_threads(model)
test_dlpack(model)
if numpy:
    test_numpy(model)
if torch:
    test_torch(model)
