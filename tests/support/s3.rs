//! A real S3 server (s3s-fs) in this process, on a thread of its own: it can be stopped and started again on the same port and
//! folder, refuses operations by policy, and remembers what was asked of it.
//! Its traps: a PUT to a missing bucket makes the bucket, and a key of more than about 150 bytes is an error 500.

#![allow(dead_code, reason = "each test uses its own part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s::{S3Result, s3_error};
use s3s_fs::FileSystem;
use tagdeck::config::{Blob, Credentials, Secret};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub const BUCKET: &str = "documents";
pub const ACCESS_KEY: &str = "tenant-1:key-1";
pub const SECRET_KEY: &str = "secret-of-key-1";

/// What was asked, such as `("PutObject", "documents/a/b.md")`.
pub type Asked = (String, String);

#[derive(Clone, Default)]
struct Policy {
    refused: Arc<Mutex<Vec<&'static str>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl S3Access for Policy {
    // What `async_trait`, which s3s uses and this crate does not, makes of an `async fn`.
    fn check<'a, 'b, 'c, 'all>(
        &'a self,
        cx: &'b mut S3AccessContext<'c>,
    ) -> Pin<Box<dyn Future<Output = S3Result<()>> + Send + 'all>>
    where
        'a: 'all,
        'b: 'all,
        'c: 'all,
        Self: 'all,
    {
        let operation = cx.s3_op().name().to_owned();
        let path = cx.s3_path();
        let object = format!("{}/{}", path.get_bucket_name().unwrap_or_default(), path.get_object_key().unwrap_or_default());
        let signed = cx.credentials().is_some();
        let refused = !signed || self.refused.lock().unwrap().iter().any(|name| *name == operation);
        self.asked.lock().unwrap().push((operation, object));
        Box::pin(async move { if refused { Err(s3_error!(AccessDenied, "Access Denied")) } else { Ok(()) } })
    }
}

/// The server; it ends when dropped, and its folder with it.
pub struct S3Server {
    address: SocketAddr,
    folder: tempfile::TempDir,
    policy: Policy,
    running: Option<Runtime>,
}

impl S3Server {
    /// An empty bucket [`BUCKET`] on a free port.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut server = Self { address: any, folder, policy: Policy::default(), running: None };
        server.start_again();
        server
    }

    /// After [`Self::stop`]: the same port, the same objects.
    pub fn start_again(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on_elsewhere(TcpListener::bind(self.address)).unwrap();
        self.address = listener.local_addr().unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(self.folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        service.set_access(self.policy.clone());
        let service = service.build();
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    // The client may hang up at any moment; that ends the connection and is no failure of the test.
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        self.running = Some(runtime);
    }

    /// Cuts every connection and closes the port, as a server that dies.
    pub fn stop(&mut self) {
        let runtime = self.running.take().expect("it is stopped already");
        // A runtime may not be waited for inside another one.
        std::thread::spawn(move || drop(runtime)).join().unwrap();
    }

    /// From now on these operations (`HeadObject`, `PutObject`…) answer `AccessDenied`.
    pub fn refuse(&self, operations: &[&'static str]) {
        *self.policy.refused.lock().unwrap() = operations.to_vec();
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Settings that use it.
    pub fn settings(&self) -> Blob {
        Blob {
            bucket: Some(BUCKET.to_owned()),
            endpoint: Some(self.endpoint()),
            credentials: Some(Credentials {
                access_key: Secret::new(ACCESS_KEY),
                secret_key: Secret::new(SECRET_KEY),
                session_token: None,
            }),
            ..Blob::default()
        }
    }

    /// The same for a settings file.
    pub fn toml(&self) -> String {
        format!(
            "[blob]\nbucket = \"{BUCKET}\"\nendpoint = \"{}\"\naccess_key = \"{ACCESS_KEY}\"\nsecret_key = \"{SECRET_KEY}\"\n",
            self.endpoint()
        )
    }

    /// Everything asked so far, refused or not.
    pub fn asked(&self) -> Vec<Asked> {
        self.policy.asked.lock().unwrap().clone()
    }

    /// Keys that were put, one for each time.
    pub fn puts(&self) -> Vec<String> {
        let prefix = format!("{BUCKET}/");
        let puts = self.asked().into_iter().filter(|(operation, _)| operation == "PutObject");
        puts.map(|(_, object)| object.trim_start_matches(&prefix).to_owned()).collect()
    }

    /// Keys in the bucket, sorted.
    pub fn keys(&self) -> Vec<String> {
        let bucket = self.bucket();
        let mut keys: Vec<String> =
            files(&bucket).iter().map(|file| file.strip_prefix(&bucket).unwrap().to_str().unwrap().to_owned()).collect();
        keys.sort();
        keys
    }

    /// The file that holds an object.
    pub fn file(&self, key: &str) -> PathBuf {
        self.bucket().join(key)
    }

    fn bucket(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.stop();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

trait BlockOnElsewhere {
    /// Also inside another runtime, which forbids waiting on its own threads.
    fn block_on_elsewhere<T: Send>(&self, work: impl Future<Output = T> + Send) -> T;
}

impl BlockOnElsewhere for Runtime {
    fn block_on_elsewhere<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        std::thread::scope(|scope| scope.spawn(|| self.block_on(work)).join().unwrap())
    }
}
