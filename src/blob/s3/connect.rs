//! Makes an S3 client of the settings: key, address, certificates, proxy, patience.
//! It asks no server; where a key must be fetched first, that is done with the first request.

use std::fs;
use std::path::Path;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Builder, Credentials, IdentityCache, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder as HttpBuilder, Connector};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::super::Class;
use crate::config::Blob;

/// Longest wait for a key that must be fetched.
const KEY_TIME: Duration = Duration::from_secs(5);
/// Longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Why there is no client: what kind of mistake, and what was seen.
type Refused = (Class, String);

/// See the module.
pub(super) async fn client(settings: &Blob) -> Result<Client, Refused> {
    let http = http(settings)?;
    let retries = RetryConfig::standard()
        .with_max_attempts(settings.retries.saturating_add(1))
        .with_initial_backoff(Duration::from_millis(500))
        .with_max_backoff(LONGEST_WAIT);
    let timeouts =
        TimeoutConfig::builder().connect_timeout(settings.connect_timeout).operation_attempt_timeout(settings.timeout).build();
    let mut builder = Builder::new()
        .behavior_version_latest()
        .http_client(http.clone())
        .region(Region::new(settings.region.clone()))
        .force_path_style(settings.path_style)
        .credentials_provider(credentials(settings, http).await)
        .identity_cache(IdentityCache::lazy().load_timeout(KEY_TIME).build())
        .retry_config(retries)
        .timeout_config(timeouts)
        // Bodies are given the time of one try by the reading side.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // Servers other than AWS refuse trailing checksums; a signature covers the SHA-256 of the body as it is.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    Ok(Client::from_conf(builder.build()))
}

async fn credentials(settings: &Blob, http: SharedHttpClient) -> SharedCredentialsProvider {
    if let Some(given) = &settings.credentials {
        let token = given.session_token.as_ref().map(|token| token.expose().to_owned());
        let (access, secret) = (given.access_key.expose(), given.secret_key.expose());
        return SharedCredentialsProvider::new(Credentials::new(access, secret, token, None, "tagdeck"));
    }
    let region = Region::new(settings.region.clone());
    let around = ProviderConfig::without_region().with_region(Some(region.clone())).with_http_client(http);
    let profile = settings.profile.as_deref();
    if settings.endpoint.is_none() {
        let chain = DefaultCredentialsChain::builder().configure(around).region(region);
        let chain = if let Some(name) = profile { chain.profile_name(name) } else { chain };
        return SharedCredentialsProvider::new(chain.build().await);
    }
    // A server of its own takes no key that an Amazon machine is lent, so no such machine is looked for.
    let file = ProfileFileCredentialsProvider::builder().configure(&around);
    let file = if let Some(name) = profile { file.profile_name(name) } else { file };
    SharedCredentialsProvider::new(file.build())
}

fn http(settings: &Blob) -> Result<SharedHttpClient, Refused> {
    let plain = settings.endpoint.as_ref().is_some_and(|address| address.starts_with("http://"));
    let needs_certificates = !plain || settings.proxy.is_some() || settings.credentials.is_none();
    let mut trusted = TrustStore::empty().with_native_roots(needs_certificates);
    if let Some(file) = &settings.ca_file {
        trusted.add_pem_certificate(certificates(file).map_err(|saw| (Class::Tls, saw))?);
    }
    let refused = |saw: String| (Class::Other, saw);
    let tls = TlsContext::builder().with_trust_store(trusted).build().map_err(|error| refused(error.to_string()))?;
    let proxy = match &settings.proxy {
        None => ProxyConfig::from_env(),
        // The error repeats the address, which may hold a password.
        Some(address) => ProxyConfig::all(address.expose())
            .map_err(|_| refused("blob.proxy is no address of a proxy".to_owned()))?
            .no_proxy(&settings.no_proxy),
    };
    Ok(HttpBuilder::new().build_with_connector_fn(move |timeouts, components| {
        let mut connector = Connector::builder();
        connector.set_connector_settings(timeouts.cloned());
        connector.set_proxy_config(Some(proxy.clone()));
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls.clone()).build()
    }))
}

/// The file's text, once it is sure that the library takes it: it would panic otherwise.
fn certificates(file: &Path) -> Result<Vec<u8>, String> {
    let shown = file.display();
    let pem = fs::read(file).map_err(|error| format!("blob.ca_file {shown} cannot be read: {error}"))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("blob.ca_file {shown} is no PEM file: {error:?}"))?;
    if certificates.is_empty() {
        return Err(format!("blob.ca_file {shown} holds no certificate"));
    }
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store.add(certificate).map_err(|error| format!("blob.ca_file {shown} holds no usable certificate: {error}"))?;
    }
    Ok(pem)
}
