//! Java keystores: read them, add a trusted certificate, and take it out again, byte for byte.
