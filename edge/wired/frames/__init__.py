"""Bytes of serial devices into frames and back: no ports, no clocks, no waiting.

Every parser takes bytes as they come, in any pieces, and never raises: what cannot be
understood is skipped and counted, and at most the damaged frame is lost. ``framing`` holds
what they share; ``amba``, ``kta``, ``lcus``, ``modbus`` and ``badges`` one grammar each, and
``wiegand`` the numbers that are printed on cards.
"""
