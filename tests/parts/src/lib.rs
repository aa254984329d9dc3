//! The real parts that keyferry is tested, shown and measured with.
//!
//! * [`ControlPlane`]: a real etcd and kube-apiserver on loopback, with its [audit log](audit) to count requests.
//! * [`Moto`]: moto's server, an AWS emulator that other people wrote: the judge of behaviour.
//! * [`CountingProxy`]: sits between a client and moto, counts calls by operation and breaks them on request.
//! * [`FakeAws`]: a small fast AWS of our own for what moto cannot do: it checks who asks, refuses what AWS refuses, and
//!   answers wrongly when told to.
//!
//! Binaries are found in `KUBEBUILDER_ASSETS` or built once into the user's cache ([`binaries`]). Everything listens on
//! loopback only and ends with the process that started it, however that process ends ([`child`]).
//!
//! This crate is for development only and knows nothing of the operator, which is a black box to it.

pub mod audit;
pub mod aws_call;
pub mod aws_error;
pub mod binaries;
mod cache;
mod certificate;
pub mod child;
pub mod control_plane;
pub mod counting_proxy;
pub mod fake_aws;
pub mod fault;
mod loopback;
pub mod moto;
pub mod recorder;
mod server;

pub use audit::AuditLog;
pub use aws_call::AwsCall;
pub use aws_error::AwsError;
pub use binaries::Binary;
pub use child::{Child, Lifeline};
pub use control_plane::ControlPlane;
pub use counting_proxy::CountingProxy;
pub use fake_aws::FakeAws;
pub use fault::{Fault, When};
pub use loopback::free_ports;
pub use moto::Moto;
