//! Free ports on 127.0.0.1 for programs that cannot choose one themselves.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// `N` different ports that were free a moment ago. Another process may take one before it is used, so the caller starts
/// again with new ones when its program ends early.
pub fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
