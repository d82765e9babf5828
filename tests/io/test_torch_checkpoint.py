"""PyTorch's checkpoints: what torch.save writes comes back; nothing that a file says is run or believed."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from file_bytes import zip_bytes

from convcli.core.errors import ConvcliError, Note
from convcli.io import weights_file
from convcli.io.torch_tensors import DTYPES

FOLDER = Path(__file__).parents[1] / "reference" / "checkpoints"  # make_checkpoints.py
REMEDY = "(torch.save(model.state_dict(), FILE))"
FLOAT_STORAGE = b"ctorch\nFloatStorage\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
FLOATS = np.arange(6, dtype="<f4").tobytes()


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def number(value: int) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(count: int, key: str = "0", kind: bytes = FLOAT_STORAGE) -> bytes:
    return b"(" + text("storage") + kind + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(count=6, offset=0, shape=(2, 3), strides=(3, 1), **options) -> bytes:
    return (
        REBUILD + b"(" + storage(count, **options) + number(offset) + numbers(*shape) + numbers(*strides) + b"\x89NtR"
    )


def checkpoint(value: bytes, record: bytes = FLOATS, **members: bytes) -> bytes:
    """Return a zip checkpoint whose pickle makes a mapping from `a` to the value that the opcodes push."""
    pickled = b"\x80\x02}" + text("a") + value + b"s."
    return zip_bytes(
        {"x/data.pkl": pickled, "x/data/0": record, **{f"x/{name}": each for name, each in members.items()}}
    )


def problem_of(content: bytes) -> str:
    with pytest.raises(ConvcliError) as caught:
        _ = [stored.read() for stored in weights_file.decode(content).values()]
    return str(caught.value)


# ---- what PyTorch writes ----


@pytest.mark.parametrize("name", ["zip.pth", "stream.pth", "protocol-5.pth"])
def test_tensors_of_every_dtype_and_view_come_back_as_pytorch_saved_them(name):
    expected, tensors = np.load(FOLDER / "expected.npz"), weights_file.load(str(FOLDER / name))
    assert list(tensors) == expected.files
    for key, stored in tensors.items():
        np.testing.assert_array_equal(stored.read(), expected[key], strict=True)
        assert stored.shape == expected[key].shape
    assert tensors["bfloat16"].dtype == "bfloat16"


def test_a_state_dict_inside_a_training_checkpoint_is_unwrapped_with_notes():
    with pytest.warns(Note) as notes:
        tensors = weights_file.load(str(FOLDER / "training.pth"))
    assert list(tensors) == np.load(FOLDER / "expected.npz").files
    assert [str(note.message) for note in notes] == [
        "the state dict under 'state_dict' is read",
        "'module.' is left out of the names",
    ]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("whole-module.pth", f"holds a torch.nn.modules.linear.Linear, whose code is not run {REMEDY}"),
        ("whole-module-stream.pth", f"holds a torch.nn.modules.linear.Linear, whose code is not run {REMEDY}"),
        ("torchscript.pt", f"is a TorchScript program, which is code {REMEDY}"),
        ("float8.pth", f"float8_e5m2 values (one of {', '.join(DTYPES)})"),
        ("complex.pth", f"complex64 values (one of {', '.join(DTYPES)})"),
        ("sparse.pth", "a sparse tensor (dense tensors of floats or integers)"),
        ("single.pth", f"holds a single tensor, not tensors by name {REMEDY}"),
        ("list.pth", f"holds a list, not tensors by name {REMEDY}"),
    ],
)
def test_other_files_of_pytorch_are_refused_by_name(name, problem):
    with pytest.raises(ConvcliError) as caught:
        weights_file.load(str(FOLDER / name))
    assert str(caught.value) == f"{FOLDER / name}: {problem}"


# ---- what an attacker writes ----


def test_the_opcodes_of_these_tests_make_a_tensor():
    ((name, stored),) = weights_file.decode(checkpoint(tensor())).items()
    assert name == "a"
    np.testing.assert_array_equal(stored.read(), np.arange(6, dtype="f4").reshape(2, 3), strict=True)


@pytest.mark.parametrize("call", [b"cos\nsystem\n", b"cposix\nsystem\n", b"cbuiltins\neval\n", b"cnumpy\nload\n"])
def test_no_code_runs(call, tmp_path):
    witness = tmp_path / "witness"
    content = checkpoint(call + b"(" + text(f"touch {witness}") + b"tR")
    assert "whose code is not run" in problem_of(content)
    assert not witness.exists()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (tensor(shape=(2, 4)), "a tensor that ends at value 7 of a storage of 6"),
        (tensor(offset=1), "a tensor that ends at value 7 of a storage of 6"),
        (tensor(strides=(1 << 62, 1)), f"a tensor that ends at value {(1 << 62) + 3:,} of a storage of 6"),
        (tensor(count=1 << 40, shape=(1 << 30,), strides=(1,)), "its storage has 24 bytes (4,398,046,511,104)"),
        (
            tensor(shape=(1 << 50,), strides=(0,)),
            "an array of 1,125,899,906,842,624 values (at most 1,099,511,627,776)",
        ),
        (tensor(strides=(-3, 1)), "a tensor whose shape, strides or offset are not whole numbers of at least 0"),
        (tensor(shape=(2, 3, 1)), "a tensor whose shape, strides or offset are not whole numbers of at least 0"),
        (tensor(shape=(1,) * 40, strides=(1,) * 40), "a tensor of 40 axes (at most 32)"),
        (tensor(key="1"), "no record 'x/data/1'"),
        (tensor(key="../../etc/passwd"), "no record 'x/data/../../etc/passwd'"),
        (tensor(kind=b"ctorch\nSize\n"), "a storage whose description is damaged"),
        (b"]" + text("b") + number(1) + b"s", "a pickle that fills a list as a dict"),
        (b"}" + b"]" + number(1) + b"s", "a pickle with a list as a key (a text)"),
        (b"}(" + b")\x85\x85\x85" + number(1) + b"u", "a pickle with a tuple as a key (a text)"),
        (number(1) + b")R", "a pickle that calls what is not a function"),
        (b"\x95", "broken pickle: "),
        (b"h\x07", "broken pickle: 7"),
        (b"r\xff\xff\xff\xff", "broken pickle: list index out of range"),
        (b"\x96" + (1 << 62).to_bytes(8, "little"), "broken pickle: expected 4611686018427387904 bytes"),
        (b"P0\n", "the pickle opcode PERSID, which no file of weights needs"),
        (b"\x82\x01", "the pickle opcode EXT1, which no file of weights needs"),
    ],
)
def test_what_a_file_claims_is_checked(value, problem):
    assert problem_of(checkpoint(value)).startswith(problem)


def test_a_record_that_is_cut_short_is_an_error():
    assert problem_of(checkpoint(tensor(), FLOATS[:-1])) == "its storage has 23 bytes (24)"
    content = (FOLDER / "stream.pth").read_bytes()
    assert "the whole file" in problem_of(content[:-1])


def test_lists_within_lists_stay_small():
    levels = b"".join(b"q%c](h%ch%ce" % (i, i, i) for i in range(100))  # 2**100 numbers
    doubled = b"(]" + number(1) + b"a" + levels + b"t"
    tracemalloc.start()
    problem = problem_of(checkpoint(doubled))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert problem == f"holds no tensors by name, but a {REMEDY}"
    assert peak < 10_000_000


def test_calls_copy_a_limited_number_of_values():
    pairs = b"(](" + (text("k") + number(1) + b"\x86") * 1000 + b"et"
    make = b"ccollections\nOrderedDict\nq\x00" + pairs + b"q\x01R"
    again = b"(" + b"h\x00h\x01R" * 10_000 + b"t"
    assert problem_of(checkpoint(make + again)) == "a pickle whose calls copy more than 4,194,304 values"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (pickle.dumps({"a": 1}), f"is a pickle that torch.save did not write; pickles may hold code {REMEDY}"),
        (bytes(257) + b"ustar", f"is a tar file of an early PyTorch, which may hold code {REMEDY}"),
        (checkpoint(tensor(), **{"constants.pkl": b""}), f"is a TorchScript program, which is code {REMEDY}"),
        (checkpoint(tensor(), byteorder=b"middle"), "byte order b'middle' (little or big)"),
    ],
)
def test_other_files_are_refused_by_name(content, problem):
    assert problem_of(content) == problem


def test_the_byte_order_of_the_file_holds():
    big = np.arange(6, dtype=">f4").tobytes()
    (stored,) = weights_file.decode(checkpoint(tensor(), big, byteorder=b"big")).values()
    np.testing.assert_array_equal(stored.read(), np.arange(6.0).reshape(2, 3))
