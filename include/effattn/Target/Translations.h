//===- Translations.h - Text made from modules ----------------------------===//
#ifndef EFFATTN_TARGET_TRANSLATIONS_H
#define EFFATTN_TARGET_TRANSLATIONS_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::effattn {

/// Registers `-effattn-to-header`, `-effattn-to-json` and `-to-dot`, which
/// reads the ops of every dialect that `registerAll` registers.
void registerEffAttnTranslations(void (*registerAll)(DialectRegistry &));

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_TRANSLATIONS_H
