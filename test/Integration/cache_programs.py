"""IR of functions of one cache op each; arguments stand in the order of the reference."""


def tensor(rank, element):
    return f"tensor<{'?x' * rank}{element}>"


def function(name, arguments, results, body):
    """``arguments`` are pairs of name and type; ``body`` ends with the values it returns."""
    signature = ", ".join(f"%{argument}: {kind}" for argument, kind in arguments)
    return f"func.func @{name}({signature}) -> ({', '.join(results)}) {{\n{body}\n}}"


def group(arguments, *names):
    """``%a, %b : type of a, type of b``."""
    kinds = dict(arguments)
    return f"{', '.join('%' + name for name in names)} : {', '.join(kinds[name] for name in names)}"


def optional_group(arguments, name):
    return f" {name}({group(arguments, name)})" if name in dict(arguments) else ""


def kv_cache_append_ir(name, new="f32", cache="f32", counter="i64", lengths=True, ring=False):
    """``(keys, values, length, k, v, lengths?) -> (keys, values, length)``."""
    state = [("keys", tensor(4, cache)), ("values", tensor(4, cache)), ("length", tensor(1, counter))]
    arguments = state + [("k", tensor(4, new)), ("v", tensor(4, new))]
    if lengths:
        arguments.append(("lengths", tensor(1, "i32")))
    results = [kind for _, kind in state]
    body = f"""  %0:3 = effattn.kv_cache_append ins({group(arguments, "k", "v")})
    {optional_group(arguments, "lengths")} outs({group(arguments, "keys", "values", "length")})
    {{ring = {str(ring).lower()}}}
  return %0#0, %0#1, %0#2 : {", ".join(results)}"""
    return function(name, arguments, results, body)


class SeparatorProgram:
    """Functions of the ops of one separator cache, with arguments and results as in the reference.

    ``layout`` is (initial, separators, window, capacity, when); ``types`` are those of what is
    appended, of keys and of values, and of length; queries have the type of what is appended.
    """

    def __init__(self, name, layout, types=("f32", "f32", "f32", "i64")):
        self.name, self.layout = name, layout
        self.new, self.keys, self.values, self.counter = types
        self.state = [
            ("keys", tensor(4, self.keys)),
            ("values", tensor(4, self.values)),
            ("state_flags", tensor(2, "i1")),
            ("length", tensor(1, self.counter)),
            ("separator_end", tensor(1, self.counter)),
        ]
        self.tokens = [("k", tensor(4, self.new)), ("v", tensor(4, self.new)), ("flags", tensor(2, "i1"))]
        self.lengths = [("lengths", tensor(1, "i32"))]

    def options(self):
        """The attributes as the reference takes them."""
        return dict(zip(("initial", "separators", "window", "capacity", "when"), self.layout))

    def attributes(self, **more):
        counts = [f"{name} = {value}" for name, value in self.options().items() if name != "when"]
        return ", ".join(counts + [f"when = #effattn.when<{self.layout[4]}>"])

    def outs(self, arguments):
        return f"outs({group(arguments, *(name for name, _ in self.state))})"

    def append(self):
        """``(state..., k, v, flags, lengths) -> state``."""
        arguments = self.state + self.tokens + self.lengths
        return self.function("append", arguments, f"""ins({group(arguments, "k", "v", "flags")})
    {optional_group(arguments, "lengths")}""")

    def compact(self):
        """``(state...) -> state``."""
        return self.function("compact", self.state, "")

    def function(self, op, arguments, operands):
        results = [kind for _, kind in self.state]
        values = ", ".join(f"%0#{number}" for number in range(len(results)))
        body = f"""  %0:{len(results)} = effattn.separator_cache_{op} {operands} {self.outs(arguments)}
    {{{self.attributes()}}}
  return {values} : {", ".join(results)}"""
        return function(f"{op}_{self.name}", arguments, results, body)
