//===- @TARGET@Ops.td - The dialect @DIALECT@ and its ops ---===//
@INCLUDES@

def @PREFIX@_Dialect : Dialect {
  let name = "@DIALECT@";
  let cppNamespace = "::@DIALECT@";
  let dependentDialects = ["::mlir::effattn::EffAttnDialect"];
}

@DEFINITION@
