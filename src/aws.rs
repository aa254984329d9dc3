//! The one way to AWS: everything that talks to it sits here.
//!
//! ```text
//! store ──► claim ──► identity ──► session ─┐
//!  spec      pure     Kubernetes     STS    ├──► waiting room ──► call ──► answer
//! read ─────────────────────────────────────┘     equal reads     budget,
//!                                                 become one      bounds
//! ```
//!
//! [`Broker`] is the entry. It says as whom AWS is asked ([`Identity`]), shares credentials and answers only between equal
//! identities, bounds what is in flight, and gives each failure a [`Class`]. It keeps no value: an [`Answer`] lives as long as
//! somebody holds it.

mod accounts;
mod broker;
mod budget;
mod call;
mod claim;
mod clients;
mod desk;
mod ecr;
mod error;
mod find;
mod flow;
mod foreign;
mod identities;
mod identity;
mod lookup;
mod meter;
mod own_chain;
mod parameter_store;
mod permission;
mod read;
mod recoveries;
mod remembered;
mod room;
mod scope;
mod secrets_manager;
mod service;
mod sessions;
mod settings;
mod sts;
#[cfg(test)]
mod testing;
mod tokens;
mod waiting;

pub use broker::Broker;
pub use error::{Absence, Class, Error, Fault};
pub use find::{Found, NamePattern, Query};
pub use identity::Identity;
pub use read::{Answer, Aspect, CURRENT, Lane, OBJECT_LIMIT, Read, Retry, Version};
pub use scope::{StoreName, StoreScope, is_referent};
pub use settings::{Batch, Endpoints, Limits, Settings, Timeouts, WebIdentity};
pub use tokens::{Login, Registry, SessionRequest, SessionToken};
