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

    ``layout`` is (initial, separators, window, capacity, when), ``attention`` holds the attributes of
    cache_attention; ``types`` are those of queries and of what is appended, of keys, of values, and
    of length.
    """

    def __init__(self, name, layout, types=("f32", "f32", "f32", "i64"), **attention):
        self.name, self.layout, self.attention = name, layout, attention
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
        self.queries = [("q", tensor(4, self.new))]

    def __repr__(self):
        return self.name

    def options(self):
        """The attributes of the cache as the reference takes them."""
        return dict(zip(("initial", "separators", "window", "capacity", "when"), self.layout))

    def append(self):
        """``(state..., k, v, flags, lengths) -> state``."""
        arguments = self.state + self.tokens + self.lengths
        operands = f"ins({group(arguments, 'k', 'v', 'flags')}) {optional_group(arguments, 'lengths')}"
        return self.on_state("append", arguments, operands, self.options())

    def compact(self):
        """``(state...) -> state``."""
        return self.on_state("compact", self.state, "", self.options())

    def update(self, prefill="stepwise", queries=True):
        """``update_...`` or ``whole_...``: ``(state..., k, v, flags, q, lengths) -> (state..., out)``,
        or ``state_...`` without q and out."""
        arguments = self.state + self.tokens + self.queries * queries + self.lengths
        operands = f"""ins({group(arguments, "k", "v", "flags")}) {optional_group(arguments, "q")}
    {optional_group(arguments, "lengths")}"""
        options = {**self.options(), **self.attention, "prefill": prefill}
        name = "state" if not queries else "whole" if prefill == "whole" else "update"
        out = tensor(4, self.keys) if queries else None
        return self.on_state("update", arguments, operands, options, name, out)

    def attend(self):
        """``(q, state..., lengths) -> out``."""
        arguments = self.queries + self.state + self.lengths
        names = [name for name, _ in self.queries + self.state]
        body = f"""{out_of(self.new, self.values, self.new)}
  %0 = effattn.cache_attention ins({group(arguments, *names)}) {optional_group(arguments, "lengths")}
    outs(%out : {tensor(4, self.new)}) {{{attributes(self.attention)}}}
  return %0 : {tensor(4, self.new)}"""
        return function(f"attend_{self.name}", arguments, [tensor(4, self.new)], body)

    def step(self):
        """``(state..., k, v, flags, q) -> (state..., out)``: one token through append, attention and
        compaction, in the order that ``when`` says."""
        one = [(name, one_token(kind)) for name, kind in self.tokens + self.queries]
        names, kinds = zip(*self.state)
        out = tensor(4, self.new)

        def state(of):
            return f"{', '.join(f'%{of}#{number}' for number in range(5))} : {', '.join(kinds)}"

        def compact(of):
            return f"%next:5 = effattn.separator_cache_compact outs({state(of)}) {{{attributes(self.options())}}}"

        def attend(to):
            places, types = state(to).split(" : ")
            q = dict(one)["q"]
            return f"""%seen = effattn.cache_attention ins(%q, {places} : {q}, {types})
    outs(%out : {out}) {{{attributes(self.attention)}}}"""

        after = self.layout[4] == "after_attention"
        steps = [attend("new"), compact("new")] if after else [compact("new"), attend("next")]
        places, types = state("next").split(" : ")
        body = f"""{out_of(dict(one)["q"], self.values, self.new)}
  %new:5 = effattn.separator_cache_append ins({group(one, "k", "v", "flags")})
    outs({group(self.state, *names)}) {{{attributes(self.options())}}}
  {steps[0]}
  {steps[1]}
  return {places}, %seen : {types}, {out}"""
        return function(f"step_{self.name}", self.state + one, [*kinds, out], body)

    def on_state(self, op, arguments, operands, options, name=None, out=None):
        """A function of an op whose results are the state and, where it has a type, ``out``."""
        inits, prologue = list(self.state), ""
        if out:
            inits.append(("out", out))
            prologue = out_of(self.new, self.values, self.keys)
        results = [kind for _, kind in inits]
        outs = group(arguments + inits, *(init for init, _ in inits))
        values = ", ".join(f"%0#{number}" for number in range(len(results)))
        body = f"""{prologue}
  %0:{len(results)} = effattn.separator_cache_{op} {operands} outs({outs})
    {{{attributes(options)}}}
  return {values} : {", ".join(results)}"""
        return function(f"{name or op}_{self.name}", arguments, results, body)


def one_token(kind):
    """The type ``kind`` [B, H, T, ...] or [B, T] for T = 1."""
    dims = kind[len("tensor<") : -1].split("x")
    dims[2 if len(dims) == 5 else 1] = "1"
    return f"tensor<{'x'.join(dims)}>"


def out_of(queries, values, element):
    """%out, the destination of queries %q, of the type or element ``queries``, to a cache with
    %values."""
    queries = queries if queries.startswith("tensor") else tensor(4, queries)
    sizes = "".join(f"""
  %c{dim} = arith.constant {dim} : index
  %d{dim} = tensor.dim %{name}, %c{dim} : {kind}"""
        for dim, name, kind in [(0, "q", queries), (1, "q", queries), (2, "q", queries), (3, "values", tensor(4, values))]
    )
    return f"{sizes}\n  %out = tensor.empty(%d0, %d1, %d2, %d3) : {tensor(4, element)}"


def attributes(options):
    """``a = 1, b = #effattn.b<word>``."""
    texts = {
        name: f"#effattn.{name}<{value}>" if isinstance(value, str) else value
        for name, value in options.items()
    }
    return ", ".join(f"{name} = {text}" for name, text in texts.items())
