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
