//! The broker against a fake AWS that tells callers apart and refuses what AWS refuses.

mod batches;
mod credentials;
mod environment;
mod leaks;
mod parameters;
mod reads;
mod tenants;
