//! The link between connector and Expert Advisor: frames that MQL5 can write, little-endian, checked by CRC-32C.
