//===- Translations.h - Text made from modules ----------------------------===//
#ifndef EFFATTN_TARGET_TRANSLATIONS_H
#define EFFATTN_TARGET_TRANSLATIONS_H

namespace mlir::effattn {

/// Registers `-effattn-to-header` and `-effattn-to-json`.
void registerEffAttnTranslations();

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_TRANSLATIONS_H
