# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""MQAR: RAM-Net beside linear attention with a state of the same size, where pairs are to be recalled.

``python -m effattn.models.mqar train`` trains them, ``... measure`` measures them by compiled code, and
``... plot`` draws what was measured.
"""
