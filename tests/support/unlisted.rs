//! The demo's server in a runtime of its own, with its list of models hidden: `fault/NAME` is in no list, and only a provider
//! without a list lets a route name what it likes.
//! Faults and answers are the demo server's.

#![allow(dead_code, reason = "each test uses its own part of it")]

use std::net::SocketAddr;
use std::sync::Arc;

use tagdeck::demo::server::{Faults, Server, Setup};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

const KEY: &str = "sk-fake";

/// Ends when dropped.
pub struct Unlisted {
    _runtime: Runtime,
    server: Server,
    address: SocketAddr,
}

impl Unlisted {
    /// Every model that is no fault answers with these tags.
    pub fn start(tags: &'static [&'static str]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let answer = Arc::new(|_: &str| tags.iter().map(|tag| (*tag).to_owned()).collect());
        let setup = Setup { key: KEY.to_owned(), faults: Faults::none(), answer, count_file: None };
        let (server, listener) = runtime.block_on(async move {
            (Server::start(setup).await.unwrap(), TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.unwrap())
        });
        let (address, behind) = (listener.local_addr().unwrap(), server.address());
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, behind));
            }
        });
        Self { _runtime: runtime, server, address }
    }

    /// Settings whose route is these models of this server.
    pub fn settings(&self, models: &[&str]) -> String {
        let route: Vec<String> = models.iter().map(|model| format!("\"fake/{model}\"")).collect();
        let address = self.address;
        format!(
            "[tagging]\nroute = [{}]\nretry_delay = 0.1\n\n[[providers]]\nname = \"fake\"\nbase_url = \"http://{address}/api/v1\"\nkey = \"{KEY}\"\n",
            route.join(", ")
        )
    }

    /// Requests so far.
    pub fn asked(&self) -> u64 {
        self.server.asked()
    }
}

/// One connection: the list of models is not found, everything else goes to the server behind.
async fn pass_on(mut client: TcpStream, behind: SocketAddr) {
    let mut head = [0; 512];
    let Ok(read) = client.peek(&mut head).await else { return };
    if head[..read].starts_with(b"GET ") {
        let _ = client.write_all(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        return;
    }
    if let Ok(mut server) = TcpStream::connect(behind).await {
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}
