//! Numbers in, numbers out: boosted trees, metrics, calibration, explanations, ONNX.
//!
//! Must never know: a platform, a table, a message, the clock. Randomness is a seed that is handed in.
