//! Prints the settings in force as TOML, with every key and password left out.
//! It is not the example file: values are those of this run, comments only say where a secret is set.

use std::fmt::Write;
use std::time::Duration;

use super::{Api, Blob, Config, Log, Ocr, Provider, Secret, Ui};
use crate::text::Safe;

/// The settings in force; a secret shows only whether it is set.
pub fn show(config: &Config) -> Safe {
    let mut out = String::new();
    let source = config.file.as_ref().map_or_else(|| "no settings file was found".to_owned(), |f| f.display().to_string());
    let _ = writeln!(out, "# {source}");
    let _ = writeln!(out, "data_dir = {}", quoted(&config.data_dir.display().to_string()));
    let _ = writeln!(out, "database = {}", quoted(&without_password(&config.database)));
    let _ = writeln!(out, "log_level = {}", quoted(&config.log_level));
    show_log(&mut out, &config.log);
    let t = &config.tagging;
    let route: Vec<String> = t.route.iter().map(|entry| quoted(entry)).collect();
    let minutes: Vec<String> = t.pass_delays.iter().map(|d| format!("{:?}", d.as_secs_f64() / 60.0)).collect();
    let lines = [
        ("enabled", t.enabled.to_string()),
        ("route", format!("[{}]", route.join(", "))),
        ("max_retries", t.max_retries.to_string()),
        ("retries_before_fallback", t.retries_before_fallback.to_string()),
        ("retry_delay", seconds(t.retry_delay)),
        ("max_attempts", t.max_attempts.to_string()),
        ("pass_delays", format!("[{}]", minutes.join(", "))),
        ("batch_size", t.batch_size.to_string()),
        ("concurrency", t.concurrency.to_string()),
        ("timeout", seconds(t.timeout)),
        ("pass_calls", t.pass_calls.to_string()),
        ("pass_time", seconds(t.pass_time)),
        ("text_chars", t.text_chars.to_string()),
        ("min_chars", t.min_chars.to_string()),
        ("max_tokens", t.max_tokens.to_string()),
        ("temperature", format!("{:?}", t.temperature)),
        ("vocabulary", t.vocabulary.to_string()),
        ("wait_for_ocr", seconds(t.wait_for_ocr)),
    ];
    let _ = writeln!(out, "\n[tagging]");
    for (key, value) in lines {
        let _ = writeln!(out, "{key} = {value}");
    }
    show_ocr(&mut out, &config.ocr);
    show_ui(&mut out, &config.ui);
    show_api(&mut out, &config.api);
    show_blob(&mut out, &config.blob);
    for provider in &config.providers {
        show_provider(&mut out, provider);
    }
    Safe::block(&out)
}

fn show_ocr(out: &mut String, ocr: &Ocr) {
    let library = ocr.onnxruntime.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let _ = writeln!(out, "\n[ocr]");
    let _ = writeln!(out, "enabled = {}", ocr.enabled);
    let _ = writeln!(out, "engine = {}", quoted(ocr.engine.word()));
    let _ = writeln!(out, "workers = {}", ocr.workers);
    let _ = writeln!(out, "page_timeout = {}", seconds(ocr.page_timeout));
    let _ = writeln!(out, "max_pixels = {}", ocr.max_pixels);
    let _ = writeln!(out, "provider = {}", quoted(ocr.provider));
    let _ = writeln!(out, "gpu_memory_mb = {}", ocr.gpu_memory_mb);
    let _ = writeln!(out, "onnxruntime = {}", quoted(&library));
    let fallback = |local: bool| quoted(if local { "local" } else { "none" });
    let service = &ocr.service;
    let _ = writeln!(out, "\n[ocr.service]");
    let _ = writeln!(out, "url = {}", quoted(service.url.as_deref().unwrap_or_default()));
    let _ = writeln!(out, "# api_key: {}", if service.key.is_some() { "set" } else { "not set" });
    let _ = writeln!(out, "deadline = {}", seconds(service.deadline));
    let _ = writeln!(out, "poll = {}", seconds(service.poll));
    let _ = writeln!(out, "fallback = {}", fallback(service.fallback));
    let vlm = &ocr.vlm;
    let _ = writeln!(out, "\n[ocr.vlm]");
    let _ = writeln!(out, "provider = {}", quoted(&vlm.provider));
    let _ = writeln!(out, "model = {}", quoted(&vlm.model));
    let _ = writeln!(out, "max_tokens = {}", vlm.max_tokens);
    let _ = writeln!(out, "timeout = {}", seconds(vlm.timeout));
    let _ = writeln!(out, "max_side = {}", vlm.max_side);
    let _ = writeln!(out, "fallback = {}", fallback(vlm.fallback));
}

fn show_log(out: &mut String, log: &Log) {
    let folder = log.folder.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let _ = writeln!(out, "log_format = {}", quoted(log.format));
    let _ = writeln!(out, "log_dir = {}", quoted(&folder));
    let _ = writeln!(out, "log_files = {}", log.files);
}

fn show_api(out: &mut String, api: &Api) {
    let _ = writeln!(out, "\n[api]");
    let _ = writeln!(out, "listen = {}", quoted(&api.listen.to_string()));
    let _ = writeln!(
        out,
        "# tokens: {}",
        if api.tokens.is_empty() { "not set".to_owned() } else { format!("{} set", api.tokens.len()) }
    );
    let _ = writeln!(out, "upload_mb = {}", api.upload_mb);
    let _ = writeln!(out, "uploads = {}", api.uploads);
    let _ = writeln!(out, "inbox_mb = {}", api.inbox_mb);
    let _ = writeln!(out, "timeout = {}", seconds(api.timeout));
    let _ = writeln!(out, "wait = {}", seconds(api.wait));
    let _ = writeln!(out, "concurrency = {}", api.concurrency);
    let _ = writeln!(out, "requests_per_minute = {}", api.requests_per_minute);
    let _ = writeln!(out, "image_url = {}", api.image_url);
}

fn show_blob(out: &mut String, blob: &Blob) {
    let text = |value: Option<&String>| quoted(value.map_or("", String::as_str));
    let ca_file = blob.ca_file.as_ref().map(|path| path.display().to_string());
    let proxy = blob.proxy.as_ref().map(without_password);
    let set = if blob.credentials.is_some() { "set" } else { "not set" };
    let _ = writeln!(out, "\n[blob]");
    let _ = writeln!(out, "folder = {}", quoted(&blob.folder.display().to_string()));
    let _ = writeln!(out, "bucket = {}", text(blob.bucket.as_ref()));
    let _ = writeln!(out, "endpoint = {}", text(blob.endpoint.as_ref()));
    let _ = writeln!(out, "region = {}", quoted(&blob.region));
    let _ = writeln!(out, "path_style = {}", blob.path_style);
    let _ = writeln!(out, "# access_key and secret_key: {set}");
    let _ = writeln!(out, "profile = {}", text(blob.profile.as_ref()));
    let _ = writeln!(out, "ca_file = {}", text(ca_file.as_ref()));
    let _ = writeln!(out, "proxy = {}", text(proxy.as_ref()));
    let _ = writeln!(out, "timeout = {}", seconds(blob.timeout));
    let _ = writeln!(out, "connect_timeout = {}", seconds(blob.connect_timeout));
    let _ = writeln!(out, "retries = {}", blob.retries);
    let _ = writeln!(out, "upload = {}", blob.upload);
    let _ = writeln!(out, "spool_mb = {}", blob.spool_mb);
}

fn show_ui(out: &mut String, ui: &Ui) {
    let _ = writeln!(out, "\n[ui]");
    for (key, value) in [("language", ui.language), ("theme", ui.theme), ("times", ui.times), ("emoji", ui.emoji)] {
        let _ = writeln!(out, "{key} = {}", quoted(value));
    }
    let _ = writeln!(out, "mouse = {}", ui.mouse);
    if !ui.keys.is_empty() {
        let _ = writeln!(out, "\n[keys]");
    }
    for setting in &ui.keys {
        let keys: Vec<String> = setting.keys.iter().map(|key| quoted(key)).collect();
        let _ = writeln!(out, "{}.{} = [{}]", quoted(&setting.section), quoted(&setting.action), keys.join(", "));
    }
}

fn show_provider(out: &mut String, provider: &Provider) {
    let headers: Vec<String> = provider.headers.keys().map(|name| format!("{} = \"…\"", quoted(name))).collect();
    let _ = writeln!(out, "\n[[providers]]");
    let _ = writeln!(out, "name = {}", quoted(&provider.name));
    let _ = writeln!(out, "base_url = {}", quoted(&provider.base_url));
    let _ = writeln!(out, "# key: {}", if provider.key.is_some() { "set" } else { "not set" });
    let _ = writeln!(out, "headers = {{{}}}", headers.join(", "));
    let _ = writeln!(out, "requests_per_minute = {}", provider.requests_per_minute.unwrap_or(0));
    let _ = writeln!(out, "requests_per_day = {}", provider.requests_per_day.unwrap_or(0));
    let _ = writeln!(out, "budget_per_day = {:?}", provider.budget_micros_per_day.unwrap_or(0) as f64 / 1e6);
}

fn quoted(value: &str) -> String {
    toml::Value::from(value).to_string()
}

fn seconds(duration: Duration) -> String {
    format!("{:?}", duration.as_secs_f64())
}

/// An address (of a database, a proxy) in which a password shows as `…`, in the authority and in the query alike.
pub fn without_password(address: &Secret) -> String {
    let Ok(mut parsed) = url::Url::parse(address.expose()) else { return address.expose().to_owned() };
    if parsed.scheme() == "sqlite" {
        return address.expose().to_owned();
    }
    if parsed.password().is_some() {
        // A scheme without an authority refuses a password; there is none to hide then.
        let _ = parsed.set_password(Some("…"));
    }
    let pairs: Vec<(String, String)> = parsed
        .query_pairs()
        .map(|(k, v)| (k.to_string(), if k.eq_ignore_ascii_case("password") { "…".to_owned() } else { v.to_string() }))
        .collect();
    if !pairs.is_empty() {
        parsed.query_pairs_mut().clear().extend_pairs(pairs);
    }
    parsed.to_string().replace("%E2%80%A6", "…")
}
