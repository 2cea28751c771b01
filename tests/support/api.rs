//! The HTTP API of this process on a socket of its own, and a client that asks it over the wire.
//! It asserts nothing but that answers are JSON where JSON is read.
#![allow(dead_code, reason = "each test uses its own part of it")]

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tagdeck::api::{Front, Server};
use tagdeck::config::{Config, Secret};
use tagdeck::ops::Ops;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const TOKEN: &str = "a-token-of-these-tests";

/// A server that answers until it is dropped.
pub struct Api {
    pub address: SocketAddr,
    pub client: Client,
    pub front: Front,
    end: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    /// Sent with every request, if any.
    pub token: Option<&'static str>,
}

impl Api {
    /// On a port that the system chooses, with a token unless the settings have none.
    pub async fn start(ops: Ops, config: &Config) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), &config.api).await.unwrap();
        let (address, front) = (server.address(), server.front());
        front.show(ops, config).unwrap();
        let (end, ended) = oneshot::channel();
        let serving = tokio::spawn(server.serve(async {
            let _ = ended.await;
        }));
        let client = Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().unwrap();
        let token = (!config.api.tokens.is_empty()).then_some(TOKEN);
        Self { address, client, front, end: Some(end), serving, token }
    }

    /// Asks it to stop; the answer is the task to wait for.
    pub fn stop(&mut self) -> &mut JoinHandle<()> {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        &mut self.serving
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.url(path));
        match self.token {
            Some(token) => request.header("x-api-key", token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        json(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str) -> (u16, Value) {
        json(self.request(Method::POST, path).send().await.unwrap()).await
    }

    /// An image as a file of the form.
    pub async fn upload(&self, path: &str, name: &str, bytes: &[u8], content: bool) -> (u16, Value) {
        let form = Form::new()
            .part("file", Part::bytes(bytes.to_vec()).file_name(name.to_owned()))
            .text("return_content", content.to_string());
        self.send(path, form).await
    }

    pub async fn send(&self, path: &str, form: Form) -> (u16, Value) {
        json(self.request(Method::POST, path).multipart(form).send().await.unwrap()).await
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Status and body; a body that is no JSON fails the test.
pub async fn json(response: Response) -> (u16, Value) {
    let (status, url) = (response.status().as_u16(), response.url().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {status} without JSON ({error}): {text}"));
    (status, body)
}

/// The names of an object's keys, sorted.
pub fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Settings with a token and a data folder of their own.
pub fn with_token(mut config: Config, folder: &std::path::Path) -> Config {
    config.api.tokens = vec![Secret::new(TOKEN)];
    folder.clone_into(&mut config.data_dir);
    config.blob.folder = folder.join("outputs");
    config
}
