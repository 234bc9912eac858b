//===- Dot.cpp - Functions as graphs for Graphviz -------------------------===//
#include "effattn/Target/Dot.h"
#include "DataFlow.h"
#include "GraphText.h"
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Place.h"
#include "effattn/Dialect/State.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// The language of Graphviz
//===----------------------------------------------------------------------===//

/// In quotes. Graphviz reads backslashes and references to entities in labels;
/// bytes that are no text are shown as numbers.
static std::string quote(StringRef text) {
  std::string quoted = "\"";
  const auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.begin()),
             *end = reinterpret_cast<const llvm::UTF8 *>(text.end());
  bool isText = llvm::isLegalUTF8String(&begin, end);
  for (char c : text) {
    if (c == '"' || c == '\\')
      quoted += {'\\', c};
    else if (c == '&')
      quoted += "&amp;";
    else if (c == '\n')
      quoted += "\\n";
    else if (llvm::isPrint(c) || (isText && !llvm::isASCII(c)))
      quoted += c;
    else
      quoted += "\\\\x" + llvm::toHex(StringRef(&c, 1));
  }
  return quoted + "\"";
}

namespace {
struct Node {
  std::vector<std::string> lines;
  /// Attributes of Graphviz.
  std::string look;
  std::string place;
};

struct Edge {
  unsigned from, to;
  /// The result that it begins at and the operand that it ends at, where there
  /// are several.
  std::string result, operand;
  /// To the next step of a loop, or only to where a result is written.
  bool isWeak = false;
};

struct Group {
  std::string label, look;
  SmallVector<unsigned> nodes;
  std::vector<Group> groups;

  bool isEmpty() const {
    return nodes.empty() && llvm::all_of(groups, [](const Group &group) {
             return group.isEmpty();
           });
  }
};
} // namespace

static constexpr llvm::StringLiteral kInput = "shape=ellipse";
static constexpr llvm::StringLiteral kWeight =
    "shape=note, fillcolor=\"#e6e6e6\"";
static constexpr llvm::StringLiteral kState =
    "shape=cylinder, fillcolor=\"#f6e3d4\"";
static constexpr llvm::StringLiteral kOutput = "shape=ellipse, peripheries=2";
static constexpr llvm::StringLiteral kNextState =
    "shape=cylinder, fillcolor=\"#f6e3d4\", penwidth=2";
static constexpr llvm::StringLiteral kCarried =
    "shape=box, style=\"filled,dashed\"";
static constexpr llvm::StringLiteral kControl = "shape=diamond";
static constexpr llvm::StringLiteral kNote = "shape=plaintext, style=\"\"";

//===----------------------------------------------------------------------===//
// The graph of a function
//===----------------------------------------------------------------------===//

namespace {
class FunctionGraph {
public:
  explicit FunctionGraph(FunctionOpInterface function);
  /// Nodes are numbered from `firstNode` on, and groups from `firstGroup`.
  void write(llvm::raw_ostream &os, unsigned &firstNode, unsigned &firstGroup);

private:
  unsigned addNode(Group &group, std::vector<std::string> lines,
                   std::string look, Location loc);
  void addArguments(Group &group);
  void addExternalResults(Group &group);
  void addResults(Group &group);
  void addRegion(Group &group, Region &region);
  void addOp(Group &group, Operation *op);
  void addLoop(Group &group, Operation *op);
  void addControl(Group &group, Operation *op);

  void addEdges();
  void addEdges(Operation *op);
  SmallVector<Edge> collectEdges(Operation *op, unsigned to);
  void addEdgesFrom(SmallVectorImpl<Edge> &edges, Value value, unsigned to,
                    StringRef name, bool isWeak = false);
  void addCarriedEdges();
  std::string nameResultOf(Value source);

  void writeGroup(llvm::raw_ostream &os, const Group &group, unsigned firstNode,
                  unsigned &number, unsigned indent);
  bool isWanted(unsigned node) { return !hidden.contains(node); }

  FunctionOpInterface function;
  DataFlow flow;
  Group root;
  std::vector<Node> nodes;
  std::vector<Edge> edges;
  DenseMap<Value, unsigned> nodeOfValue;
  llvm::MapVector<Operation *, unsigned> nodeOfOp, controls;
  SmallVector<unsigned> results;
  /// What loops carry, until an edge begins there.
  DenseSet<unsigned> hidden;
  SmallVector<Value> carried;
};
} // namespace

unsigned FunctionGraph::addNode(Group &group, std::vector<std::string> lines,
                                std::string look, Location loc) {
  group.nodes.push_back(nodes.size());
  nodes.push_back({std::move(lines), std::move(look), describePlace(loc)});
  return nodes.size() - 1;
}

static std::string getName(DictionaryAttr attributes, StringRef prefix,
                           unsigned number) {
  auto name = attributes
                  ? attributes.getAs<StringAttr>(EffAttnDialect::kNameAttr)
                  : StringAttr();
  return name ? name.str() : (prefix + Twine(number)).str();
}

static StringRef getShape(DictionaryAttr attributes) {
  auto shape = attributes
                   ? attributes.getAs<StringAttr>(EffAttnDialect::kShapeAttr)
                   : StringAttr();
  return shape ? shape.getValue() : StringRef();
}

/// Modules around the function are part of its name.
static std::string getFullName(FunctionOpInterface function) {
  std::string name = function.getName().str();
  for (Operation *op = function->getParentOp(); op; op = op->getParentOp())
    if (auto module =
            op->getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName()))
      name.insert(0, module.str() + "::");
  return name;
}

FunctionGraph::FunctionGraph(FunctionOpInterface function)
    : function(function), flow(function.getFunctionBody()) {
  root.label = getFullName(function);
  root.look = "style=rounded; color=\"#909090\"";
  addArguments(root);
  if (function.isExternal()) {
    root.label += " (external)";
    root.look = "style=\"rounded,dashed\"; color=\"#909090\"";
    addExternalResults(root);
    return;
  }
  addRegion(root, function.getFunctionBody());
  addResults(root);
  addEdges();
}

/// The argument that result `number` is the next state of: of the same type,
/// and of every other result the state is another.
static std::optional<unsigned> findState(FunctionOpInterface function,
                                         unsigned number) {
  if (function.isExternal() || !function.getFunctionBody().hasOneBlock())
    return std::nullopt;
  Block &entry = function.getFunctionBody().front();
  Operation *end = entry.getTerminator();
  if (number >= end->getNumOperands() ||
      !isa<RankedTensorType>(end->getOperand(number).getType()))
    return std::nullopt;
  std::optional<unsigned> state =
      findStateArgument(entry, end->getOperand(number));
  // What comes back as it is, is no state.
  if (!state || entry.getArgument(*state) == end->getOperand(number) ||
      entry.getArgument(*state).getType() != end->getOperand(number).getType())
    return std::nullopt;
  return state;
}

void FunctionGraph::addArguments(Group &group) {
  DenseSet<unsigned> states;
  for (unsigned number = 0; number < function.getNumResults(); ++number)
    if (std::optional<unsigned> state = findState(function, number))
      states.insert(*state);
  for (auto [number, type] : llvm::enumerate(function.getArgumentTypes())) {
    DictionaryAttr attributes = function.getArgAttrDict(number);
    std::vector<std::string> lines{getName(attributes, "arg", number),
                                   describeType(type, getShape(attributes))};
    if (function.isExternal()) {
      addNode(group, lines, kInput.str(), function.getLoc());
      continue;
    }
    BlockArgument argument = function.getArgument(number);
    StringRef look = states.contains(number) ? StringRef(kState)
                     : isWeight(argument)    ? StringRef(kWeight)
                                             : StringRef(kInput);
    nodeOfValue[argument] =
        addNode(group, lines, look.str(), argument.getLoc());
  }
}

void FunctionGraph::addExternalResults(Group &group) {
  for (auto [number, type] : llvm::enumerate(function.getResultTypes())) {
    DictionaryAttr attributes = function.getResultAttrDict(number);
    addNode(group,
            {getName(attributes, "result", number),
             describeType(type, getShape(attributes))},
            kOutput.str(), function.getLoc());
  }
}

void FunctionGraph::addResults(Group &group) {
  Operation *end = function.getFunctionBody().back().getTerminator();
  for (auto [number, type] : llvm::enumerate(function.getResultTypes())) {
    DictionaryAttr attributes = function.getResultAttrDict(number);
    std::string typeText = describeType(type, getShape(attributes));
    if (getShape(attributes).empty() && number < end->getNumOperands() &&
        function.getFunctionBody().hasOneBlock())
      typeText = describeType(end->getOperand(number));
    std::vector<std::string> lines{getName(attributes, "result", number),
                                   typeText};
    std::optional<unsigned> state = findState(function, number);
    if (state)
      lines.push_back("next state of " +
                      getName(function.getArgAttrDict(*state), "arg", *state));
    results.push_back(addNode(
        group, lines, (state ? kNextState : kOutput).str(), function.getLoc()));
  }
}

void FunctionGraph::addRegion(Group &group, Region &region) {
  for (Block &block : region) {
    bool isEntry = &block == &function.getFunctionBody().front();
    for (BlockArgument argument : block.getArguments())
      if (!isEntry && flow.isCarried(argument)) {
        unsigned node = addNode(group, {"carried", describeType(argument)},
                                kCarried.str(), argument.getLoc());
        nodeOfValue[argument] = node;
        hidden.insert(node);
      }
    for (Operation &op : block)
      addOp(group, &op);
  }
}

void FunctionGraph::addOp(Group &group, Operation *op) {
  if (DataFlow::isGroup(op))
    return addLoop(group, op);
  if (!DataFlow::isNode(op))
    return;
  std::vector<std::string> lines = describeOp(op);
  bool isUsed = !op->use_empty();
  for (OpResult result : op->getResults())
    if (!isUsed || !result.use_empty())
      lines.push_back(
          (op->getNumResults() > 1 ? nameResult(result) + ": " : "") +
          describeType(result));
  std::string look =
      isWeight(op) ? kWeight.str()
      : isa<memref::AllocOp, memref::AllocaOp>(op)
          ? "shape=cylinder"
          : ("shape=box, style=\"filled,rounded\", fillcolor=\"" +
             getColor(op) + "\"")
                .str();
  unsigned node = addNode(group, std::move(lines), look, op->getLoc());
  nodeOfOp[op] = node;
  for (Value result : op->getResults())
    nodeOfValue[result] = node;
}

void FunctionGraph::addLoop(Group &group, Operation *op) {
  Group inner;
  inner.label = op->getName().getStringRef().str();
  if (auto loop = dyn_cast<LoopLikeOpInterface>(op))
    if (std::optional<llvm::APInt> count = loop.getStaticTripCount())
      inner.label += ", " + llvm::toString(*count, 10, /*Signed=*/false) +
                     (count->isOne() ? " step" : " steps");
  inner.look = "style=\"rounded,filled\"; color=\"#b0b0b0\"; "
               "fillcolor=\"#f7f7f7\"";
  for (Region &region : op->getRegions())
    addRegion(inner, region);
  if (!inner.isEmpty())
    addControl(inner, op);
  group.groups.push_back(std::move(inner));
}

/// What data says about how often the ops in `op` run.
void FunctionGraph::addControl(Group &group, Operation *op) {
  auto loop = dyn_cast<LoopLikeOpInterface>(op);
  for (OpOperand &operand : op->getOpOperands()) {
    bool isInit = loop && llvm::is_contained(loop.getInits(), operand.get());
    if (isInit || isa<ShapedType>(operand.get().getType()) ||
        flow.findSources(operand.get()).empty())
      continue;
    controls[op] = addNode(group, {loop ? "bounds" : "condition"},
                           kControl.str(), op->getLoc());
    return;
  }
}

//===----------------------------------------------------------------------===//
// Edges
//===----------------------------------------------------------------------===//

/// Where a node has several results, an edge names the one that it takes.
std::string FunctionGraph::nameResultOf(Value source) {
  auto result = dyn_cast<OpResult>(source);
  return result && result.getOwner()->getNumResults() > 1 ? nameResult(result)
                                                          : "";
}

void FunctionGraph::addEdgesFrom(SmallVectorImpl<Edge> &list, Value value,
                                 unsigned to, StringRef name, bool isWeak) {
  for (Value source : flow.findSources(value)) {
    auto node = nodeOfValue.find(source);
    if (node == nodeOfValue.end())
      continue;
    if (hidden.erase(node->second))
      carried.push_back(source);
    list.push_back(
        {node->second, to, nameResultOf(source), name.str(), isWeak});
  }
}

SmallVector<Edge> FunctionGraph::collectEdges(Operation *op, unsigned to) {
  SmallVector<Edge> in, out;
  for (OpOperand &operand : op->getOpOperands()) {
    Access access = getAccess(operand);
    bool isMemory = isa<BaseMemRefType>(operand.get().getType());
    if (access.reads || !isMemory)
      addEdgesFrom(in, operand.get(), to, nameOperand(operand),
                   /*isWeak=*/!access.reads);
    if (access.writes && isMemory)
      addEdgesFrom(out, operand.get(), to, nameOperand(operand));
  }
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  bool hasMask = isa<MaskUserOpInterface>(op);
  for (Value value : captured)
    addEdgesFrom(in, value, to, hasMask ? "mask" : "");
  // Of one operand the name says nothing.
  if (in.size() == 1)
    in[0].operand.clear();
  for (Edge &edge : out) {
    std::swap(edge.from, edge.to);
    in.push_back(edge);
  }
  return in;
}

void FunctionGraph::addEdges() {
  for (auto [op, node] : nodeOfOp)
    llvm::append_range(edges, collectEdges(op, node));
  SmallVector<Edge> more;
  for (auto [op, node] : controls)
    for (OpOperand &operand : op->getOpOperands())
      if (!isa<ShapedType>(operand.get().getType()))
        addEdgesFrom(more, operand.get(), node, "");
  for (Block &block : function.getFunctionBody())
    if (block.getNumSuccessors() == 0 && block.mightHaveTerminator())
      for (auto [value, node] :
           llvm::zip(block.getTerminator()->getOperands(), results))
        addEdgesFrom(more, value, node, "");
  llvm::append_range(edges, more);
  addCarriedEdges();
}

/// `carried` grows while a value that a loop carries comes from another.
void FunctionGraph::addCarriedEdges() {
  SmallVector<Edge> more;
  for (size_t next = 0; next < carried.size(); ++next) {
    Value value = carried[next];
    for (Value from : flow.getIncoming(value))
      if (from != value)
        addEdgesFrom(more, from, nodeOfValue[value], "",
                     DataFlow::isFedBack(value, from));
  }
  llvm::append_range(edges, more);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

void FunctionGraph::writeGroup(llvm::raw_ostream &os, const Group &group,
                               unsigned firstNode, unsigned &number,
                               unsigned indent) {
  os.indent(indent) << "subgraph cluster_" << number++ << " {\n";
  os.indent(indent + 2) << "label=" << quote(group.label) << "; "
                        << StringRef(group.look) << ";\n";
  for (unsigned node : group.nodes) {
    if (!isWanted(node))
      continue;
    const Node &content = nodes[node];
    os.indent(indent + 2) << "n" << firstNode + node << " [label="
                          << quote(llvm::join(content.lines, "\n")) << ", "
                          << content.look;
    if (!content.place.empty())
      os << ", tooltip=" << quote(content.place);
    os << "];\n";
  }
  for (const Group &inner : group.groups)
    if (!inner.isEmpty())
      writeGroup(os, inner, firstNode, number, indent + 2);
  os.indent(indent) << "}\n";
}

void FunctionGraph::write(llvm::raw_ostream &os, unsigned &firstNode,
                          unsigned &firstGroup) {
  if (root.isEmpty())
    addNode(root, {"nothing is computed"}, kNote.str(), function.getLoc());
  writeGroup(os, root, firstNode, firstGroup, /*indent=*/2);
  for (const Edge &edge : edges) {
    os << "  n" << firstNode + edge.from << " -> n" << firstNode + edge.to;
    SmallVector<std::string> look;
    std::string label = edge.result;
    if (!edge.operand.empty())
      label += (label.empty() ? "" : " as ") + edge.operand;
    if (!label.empty())
      look.push_back("label=" + quote(label));
    if (edge.isWeak)
      look.push_back("style=dashed");
    if (!look.empty())
      os << " [" << llvm::join(look, ", ") << "]";
    os << ";\n";
  }
  firstNode += nodes.size();
}

void effattn::writeDot(llvm::raw_ostream &os, ModuleOp module) {
  os << "digraph " << quote(module.getName().value_or("module")) << " {\n"
     << "  graph [fontname=\"Helvetica\", fontsize=13, nodesep=0.3, "
        "ranksep=0.4];\n"
     << "  node [fontname=\"Helvetica\", fontsize=11, style=filled, "
        "fillcolor=\"#ffffff\", color=\"#606060\", margin=\"0.12,0.06\"];\n"
     << "  edge [fontname=\"Helvetica\", fontsize=9, color=\"#606060\", "
        "fontcolor=\"#404040\"];\n";
  unsigned node = 0, group = 0;
  module.walk([&](FunctionOpInterface function) {
    FunctionGraph(function).write(os, node, group);
    return WalkResult::skip();
  });
  if (!group)
    os << "  label=\"the module has no function\";\n";
  os << "}\n";
}
