"""IR of functions around one concept op each; every size is dynamic.

``options`` names the operands that a function has beyond the required ones.
"""

SIZES = """
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
"""


def probability_ir(name, element, pairing, options):
    """``options`` is a part of {resume, started, ids, lengths}."""
    arguments = [f"%q: tensor<?x?x?x{element}>", f"%k: tensor<?x?x?x{element}>"]
    groups = ""
    if "resume" in options:
        arguments.append(f"%last: tensor<?x?x{element}>")
    for option, group, kind in [
        ("started", "started", "tensor<?xi1>"),
        ("ids", "sequence_ids", "tensor<?x?xi64>"),
        ("lengths", "lengths", "tensor<?xi32>"),
    ]:
        if option in options:
            arguments.append(f"%{option}: {kind}")
            groups += f" {group}(%{option} : {kind})"
    fresh = "" if "resume" in options else f"%last = tensor.empty(%b, %c) : tensor<?x?x{element}>"
    return f"""
func.func @{name}({", ".join(arguments)}) -> (tensor<?x?xf32>, tensor<?x?x{element}>) {{
  {SIZES}
  %b = tensor.dim %q, %c0 : tensor<?x?x?x{element}>
  %t = tensor.dim %q, %c1 : tensor<?x?x?x{element}>
  %c = tensor.dim %q, %c2 : tensor<?x?x?x{element}>
  %p = tensor.empty(%b, %t) : tensor<?x?xf32>
  {fresh}
  %0:2 = effattn.boundary_probability {"resume" if "resume" in options else ""}
    ins(%q, %k : tensor<?x?x?x{element}>, tensor<?x?x?x{element}>){groups}
    outs(%p, %last : tensor<?x?xf32>, tensor<?x?x{element}>) {{pairing = #effattn.pairing<{pairing}>}}
  return %0#0, %0#1 : tensor<?x?xf32>, tensor<?x?x{element}>
}}"""


def mask_ir(name, options, attributes=""):
    uniforms = "uniforms" in options
    return f"""
func.func @{name}(%p: tensor<?x?xf32>{", %u: tensor<?x?xf32>" if uniforms else ""}) -> tensor<?x?xi1> {{
  {SIZES}
  %b = tensor.dim %p, %c0 : tensor<?x?xf32>
  %t = tensor.dim %p, %c1 : tensor<?x?xf32>
  %out = tensor.empty(%b, %t) : tensor<?x?xi1>
  %mask = effattn.boundary_mask ins(%p : tensor<?x?xf32>)
    {"uniforms(%u : tensor<?x?xf32>)" if uniforms else ""} outs(%out : tensor<?x?xi1>) {{{attributes}}}
  return %mask : tensor<?x?xi1>
}}"""


def lengths_of(options, kind="i32"):
    if "lengths" not in options:
        return "", ""
    return f", %lengths: tensor<?x{kind}>", f"lengths(%lengths : tensor<?x{kind}>)"


def count_ir(name, options):
    argument, group = lengths_of(options)
    return f"""
func.func @{name}(%mask: tensor<?x?xi1>{argument}) -> (tensor<?xi32>, tensor<i32>) {{
  {SIZES}
  %b = tensor.dim %mask, %c0 : tensor<?x?xi1>
  %counts = tensor.empty(%b) : tensor<?xi32>
  %largest = tensor.empty() : tensor<i32>
  %0:2 = effattn.boundary_count ins(%mask : tensor<?x?xi1>) {group}
    outs(%counts, %largest : tensor<?xi32>, tensor<i32>)
  return %0#0, %0#1 : tensor<?xi32>, tensor<i32>
}}"""


def chunk_ir(name, element, options, overflow):
    argument, group = lengths_of(options, "i64")
    return f"""
func.func @{name}(%h: tensor<?x?x?x{element}>, %mask: tensor<?x?xi1>, %n: index{argument})
    -> (tensor<?x?x?x{element}>, tensor<?xi32>) {{
  {SIZES}
  %b = tensor.dim %h, %c0 : tensor<?x?x?x{element}>
  %c = tensor.dim %h, %c2 : tensor<?x?x?x{element}>
  %concepts = tensor.empty(%b, %n, %c) : tensor<?x?x?x{element}>
  %counts = tensor.empty(%b) : tensor<?xi32>
  %0:2 = effattn.chunk ins(%h, %mask : tensor<?x?x?x{element}>, tensor<?x?xi1>) {group}
    outs(%concepts, %counts : tensor<?x?x?x{element}>, tensor<?xi32>) {{overflow = #effattn.overflow<{overflow}>}}
  return %0#0, %0#1 : tensor<?x?x?x{element}>, tensor<?xi32>
}}"""


def dechunk_ir(name, element, options, epsilon, residual=None, width="?"):
    residual, columns = residual or element, ", %c" if width == "?" else ""
    arguments = [f"%y: tensor<?x?x{width}x{element}>", "%p: tensor<?x?xf32>", "%mask: tensor<?x?xi1>"]
    groups = ""
    if "resume" in options:
        arguments.append(f"%state: tensor<?x{width}xf32>")
    for option, group, kind in [
        ("residual", "residual", f"tensor<?x?x{width}x{residual}>"),
        ("ids", "sequence_ids", "tensor<?x?xi32>"),
        ("lengths", "lengths", "tensor<?xi64>"),
    ]:
        if option in options:
            arguments.append(f"%{option}: {kind}")
            groups += f" {group}(%{option} : {kind})"
    fresh = "" if "resume" in options else f"%state = tensor.empty(%b{columns}) : tensor<?x{width}xf32>"
    return f"""
func.func @{name}({", ".join(arguments)}) -> (tensor<?x?x{width}x{element}>, tensor<?x{width}xf32>) {{
  {SIZES}
  %b = tensor.dim %y, %c0 : tensor<?x?x{width}x{element}>
  %t = tensor.dim %p, %c1 : tensor<?x?xf32>
  %c = tensor.dim %y, %c2 : tensor<?x?x{width}x{element}>
  %out = tensor.empty(%b, %t{columns}) : tensor<?x?x{width}x{element}>
  {fresh}
  %0:2 = effattn.dechunk {"resume" if "resume" in options else ""}
    ins(%y, %p, %mask : tensor<?x?x{width}x{element}>, tensor<?x?xf32>, tensor<?x?xi1>){groups}
    outs(%out, %state : tensor<?x?x{width}x{element}>, tensor<?x{width}xf32>) {{epsilon = {epsilon}}}
  return %0#0, %0#1 : tensor<?x?x{width}x{element}>, tensor<?x{width}xf32>
}}"""


def loss_ir(name, options, ratio):
    argument, group = lengths_of(options)
    return f"""
func.func @{name}(%p: tensor<?x?xf32>, %mask: tensor<?x?xi1>{argument}) -> tensor<f32> {{
  %out = tensor.empty() : tensor<f32>
  %loss = effattn.ratio_loss ins(%p, %mask : tensor<?x?xf32>, tensor<?x?xi1>) {group}
    outs(%out : tensor<f32>) {{ratio = {ratio}}}
  return %loss : tensor<f32>
}}"""
