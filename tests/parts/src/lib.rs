//! The real parts that keyferry is tested, shown and measured with.
