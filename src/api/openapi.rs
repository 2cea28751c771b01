//! `/openapi.json`: what every route takes and answers, the gate's own answers among them.
//! It describes; a route's own words stand beside the route.

use std::sync::OnceLock;

use axum::response::IntoResponse;
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder};

use super::reply::{Problem, json_text};

/// What the gate may answer in place of any route.
const GATE: [(&str, &str); 6] = [
    ("401", "A token is needed, or this one is unknown"),
    ("403", "Without tokens in the settings only programs on this machine are answered"),
    ("413", "The request is larger than the settings allow"),
    ("429", "More requests a minute than one client may send"),
    ("500", "Something that should not happen; the log says more"),
    ("503", "Too much is in work, or the database does not answer at the moment"),
];

/// The document without its routes.
pub fn base() -> OpenApi {
    let mut components = Components::new();
    components.add_security_scheme("bearer", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()));
    components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("x-api-key"))));
    let mut schemas = vec![(Problem::name().into_owned(), <Problem as utoipa::PartialSchema>::schema())];
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("tagdeck")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some("Tags posts with an LLM and reads images."))
                .build(),
        )
        .components(Some(components))
        .security(Some([SecurityRequirement::new("bearer", [""; 0]), SecurityRequirement::new("api_key", [""; 0])]))
        .build()
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "description", tag = "operation",
    responses((status = 200, description = "This document", body = Object))
)]
pub async fn described_here() -> impl IntoResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    json_text(TEXT.get_or_init(|| text(super::described().into_openapi())).clone())
}

/// The document as it is sent, with the gate's answers on every route.
fn text(mut document: OpenApi) -> String {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            complete(operation);
        }
    }
    document.to_json().unwrap_or_default()
}

fn complete(operation: &mut Operation) {
    let takes_something = operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty());
    let unreadable = takes_something.then_some(("422", "A part of the request cannot be read"));
    for (status, words) in GATE.into_iter().chain(unreadable) {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
            RefOr::T(ResponseBuilder::new().description(words).content("application/json", content).build())
        });
    }
}
