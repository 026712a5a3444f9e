"""The loop over epochs and batches as IR: gather the samples, run the batch's program, run the update's, judge the epoch.

It calls two functions, ``batch`` and ``update``, and returns how many epochs it has finished, or −1 − that number if the loss or a
weight is not finite. ``%s`` and ``%us`` are the shared numbers of the two: the constants, then what changes.
"""

from collections.abc import Sequence
from typing import final

from autograd.compiler.program import Program
from autograd.compiler.targets.llvm.text import COPY, Carried, Text, double, transposed

# Pointers, and whole numbers; after them comes the lowest loss so far.
ARGUMENTS = (
    ["s", "r", "lanes", "out", "kept", "tab", "us", "ur", "ends", "utab", "table", "order", "rates", "losses", "hits", "best"],
    ["padded", "pcount", "ppadded", "n", "size", "epochs", "moving", "stride"],
)
DECLARATIONS = (
    "declare i64 @llvm.smin.i64(i64, i64)",
    "declare double @llvm.vector.reduce.fadd.v8f64(double, <8 x double>)",
)
_BATCH = "call void @batch(ptr %s, ptr %r, ptr %lanes, ptr %out, ptr null, ptr %kept, ptr %tab, i64 {rounded}, i64 {real})"
_UPDATE = "call void @update(ptr %us, ptr %ur, ptr %ends, ptr null, ptr %ends, ptr null, ptr %utab, i64 %ppadded, i64 %pcount)"


def train_function(programs: Sequence[Program], width: int, *, draws: bool) -> str:
    """The function ``train``; a batch that ``draws`` random numbers is told the number of the step."""
    return _Epochs(programs, width, draws).function()


@final
class _Epochs:
    """The function as it is written."""

    def __init__(self, programs: Sequence[Program], width: int, draws: bool) -> None:
        batch, update = programs
        self.inputs, self.width, self.draws = batch.n_lanes, width, draws
        self.first, self.ufirst = len(batch.constants), len(update.constants)
        self.t = Text()
        self.size_of_parameters = self._times("%pcount", "8")
        names = {
            "loss": "double",
            "hits": "double",
            "lowest": "double",
            "state": "i64",
            "taken": "i64",
        }
        self.slot = {name: self.t.variable(kind, name) for name, kind in names.items()}

    def function(self) -> str:
        self._put("double", "%best_loss", "lowest")
        self._put("i64", "0", "taken")
        self._put("i64", "1", "state")  # whether the lanes still have to be gathered
        whole = self.t.let("sitofp i64 %n to double")
        with self.t.loop(0, "%epochs") as epoch:
            self._put("double", double(0.0), "loss")
            self._put("double", double(0.0), "hits")
            with self.t.loop(0, "%n", "%size") as start:
                self._step(epoch, start, whole)
            self._judge(epoch)
        pointers, integers = ARGUMENTS
        arguments = [*[f"ptr %{name}" for name in pointers], *[f"i64 %{name}" for name in integers], "double %best_loss"]
        return f"define i64 @train({', '.join(arguments)}) {{\n{self.t.body('i64 %epochs')}\n}}\n"

    def _step(self, epoch: str, start: str, whole: str) -> None:
        """One batch: its share of the loss and its hits are added up, and the parameters move."""
        t = self.t
        left = t.let(f"sub i64 %n, {start}")
        real = t.let(f"call i64 @llvm.smin.i64(i64 {left}, i64 %size)")
        rounded = self._times(t.let(f"sdiv i64 {self._plus(real, str(self.width - 1))}, {self.width}"), str(self.width))
        self.t.branch(t.let(f"icmp ne i64 {self._got('i64', 'state')}, 0"), "gather", "gathered")
        self.t.begin("gather")
        self._gather(self._plus(self._times(epoch, "%stride"), start), real, rounded)
        self._put("i64", "%moving", "state")
        t.do("br label %gathered")
        self.t.begin("gathered")
        size = t.let(f"sitofp i64 {real} to double")
        self._store(t.let(f"fdiv double {double(1.0)}, {size}"), "%s", self._plus("%pcount", str(self.first)))
        following = t.let(f"fadd double {self._load('%us', str(self.ufirst))}, {double(1.0)}")
        if self.draws:
            self._store(following, "%s", self._plus("%pcount", str(self.first + 1)))
        t.do(_BATCH.format(rounded=rounded, real=real))
        self._tally(epoch, size, whole)
        self._update(following)

    def _gather(self, offset: str, real: str, rounded: str) -> None:
        """Copy the samples of a batch to the lanes, of 8 samples 8 inputs at a time."""
        t, inputs = self.t, self.inputs
        whole = inputs - inputs % 8 if self.width == 8 else 0
        with t.loop(0, rounded, self.width) as first:
            lanes = [self._plus(first, str(k)) for k in range(self.width)]
            lines = [self._line_of(offset, lane, real) for lane in lanes]
            if whole:
                with t.loop(0, whole, 8) as q:
                    places = [self._at("%table", self._plus(line, q)) for line in lines]
                    for i, column in enumerate(transposed(t, places)):
                        place = self._plus(self._times(self._plus(q, str(i)), rounded), first)
                        t.do(f"store <8 x double> {column}, ptr {self._at('%lanes', place)}, align 8")
            if whole < inputs:
                with t.loop(whole, inputs) as q:
                    for line, lane in zip(lines, lanes, strict=True):
                        number = self._load("%table", self._plus(line, q))
                        self._store(number, "%lanes", self._plus(self._times(q, rounded), lane))

    def _line_of(self, offset: str, lane: str, real: str) -> str:
        """Where the sample of a lane begins in the table; of one that is not real, the first sample's."""
        is_real = self.t.let(f"icmp slt i64 {lane}, {real}")
        place = self._plus(offset, self.t.let(f"select i1 {is_real}, i64 {lane}, i64 0"))
        sample = self.t.let(f"load i32, ptr {self.t.let(f'getelementptr inbounds i32, ptr %order, i64 {place}')}")
        return self._times(self.t.let(f"sext i32 {sample} to i64"), str(self.inputs))

    def _tally(self, epoch: str, size: str, whole: str) -> None:
        """What the batch has left behind its gradients, the loss and the hits, unless it is not finite."""
        t, error = self.t, self._load("%out", "%pcount")
        self._go_on_if_finite(error, epoch, "sound", "broken")
        before = self._got("double", "loss")
        weight = t.let(f"fdiv double {size}, {whole}")
        self._put("double", t.let(f"fadd double {before}, " + t.let(f"fmul double {error}, {weight}")), "loss")
        right = self._load("%out", self._plus("%pcount", "1"))
        found = self._got("double", "hits")
        self._put("double", t.let(f"fadd double {found}, {right}"), "hits")

    def _update(self, following: str) -> None:
        """The parameters' step of this number at its rate."""
        self._store(following, "%us", str(self.ufirst))
        here = self._got("i64", "taken")
        self._store(self._load("%rates", here), "%us", str(self.ufirst + 1))
        self._put("i64", self._plus(here, "1"), "taken")
        self.t.do(_UPDATE)

    def _judge(self, epoch: str) -> None:
        """The epoch's loss and hits; its weights are kept if they are the best."""
        mean = self._got("double", "loss")
        self._store(mean, "%losses", epoch)
        self._store(self._got("double", "hits"), "%hits", epoch)
        self._go_on_if_finite(self._zero_of_parameters(), epoch, "finite", "infinite")
        lowest = self._got("double", "lowest")
        self.t.branch(self.t.let(f"fcmp olt double {mean}, {lowest}"), "better", "judged")
        self.t.begin("better")
        self._put("double", mean, "lowest")
        self._store(mean, "%losses", "%epochs")
        parameters = self._at("%s", str(self.first))
        self.t.do(f"call void @{COPY}(ptr %best, ptr {parameters}, i64 {self.size_of_parameters}, i1 false)")
        self.t.do("br label %judged")
        self.t.begin("judged")

    def _zero_of_parameters(self) -> str:
        """The sum of x − x over the parameters: 0 if all are finite, else nan. What the update makes of the padding does not count."""
        t = self.t
        nothing = Carried("<8 x double>", ["zeroinitializer"])
        with t.loop(0, "%ppadded", 8, nothing) as i:
            x = t.let(f"load <8 x double>, ptr {self._at('%s', self._plus(i, str(self.first)))}, align 8")
            lanes = ", ".join(f"i64 {lane}" for lane in range(8))
            left_of_one = t.let(f"insertelement <8 x i64> poison, i64 {t.let(f'sub i64 %pcount, {i}')}, i64 0")
            left = t.let(f"shufflevector <8 x i64> {left_of_one}, <8 x i64> poison, <8 x i32> zeroinitializer")
            real = t.let(f"icmp slt <8 x i64> <{lanes}>, {left}")
            difference = t.let(f"fsub <8 x double> {x}, {x}")
            zeros = t.let(f"select <8 x i1> {real}, <8 x double> {difference}, <8 x double> zeroinitializer")
            nothing.now = [t.let(f"fadd <8 x double> {nothing.now[0]}, {zeros}")]
        return t.let(f"call double @llvm.vector.reduce.fadd.v8f64(double {double(0.0)}, <8 x double> {nothing.now[0]})")

    def _go_on_if_finite(self, x: str, epoch: str, yes: str, no: str) -> None:
        self.t.branch(self.t.let(f"fcmp oeq double {self.t.let(f'fsub double {x}, {x}')}, {double(0.0)}"), yes, no)
        self.t.begin(no)
        self.t.do(f"ret i64 {self.t.let(f'sub i64 -1, {epoch}')}")
        self.t.begin(yes)

    def _at(self, array: str, index: str) -> str:
        return self.t.let(f"getelementptr inbounds double, ptr {array}, i64 {index}")

    def _load(self, array: str, index: str) -> str:
        return self.t.let(f"load double, ptr {self._at(array, index)}")

    def _store(self, x: str, array: str, index: str) -> None:
        self.t.do(f"store double {x}, ptr {self._at(array, index)}")

    def _got(self, kind: str, name: str) -> str:
        return self.t.let(f"load {kind}, ptr {self.slot[name]}")

    def _put(self, kind: str, x: str, name: str) -> None:
        self.t.do(f"store {kind} {x}, ptr {self.slot[name]}")

    def _times(self, a: str, b: str) -> str:
        return self.t.let(f"mul i64 {a}, {b}")

    def _plus(self, a: str, b: str) -> str:
        return self.t.let(f"add i64 {a}, {b}")
