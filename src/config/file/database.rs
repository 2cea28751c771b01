//! The address of the database, from whichever place names it.
//! It opens nothing.

use std::path::Path;

use toml::Spanned;

use super::{ConfigError, Overrides, Source, Variables};
use crate::text::Safe;

pub(super) fn database(
    flags: &Overrides,
    variables: &Variables<'_>,
    file: &Source<'_>,
    in_file: Option<&Spanned<String>>,
    data_dir: &Path,
) -> Result<String, ConfigError> {
    if let Some(url) = &flags.database {
        return database_url(url, false).map_err(|wanted| ConfigError::Variable {
            place: "flag",
            name: "--database",
            value: Safe::fixed("…"),
            wanted,
        });
    }
    if let Some((place, url)) = variables.get("TELEGRAM_DATABASE_URL") {
        return database_url(url, true).map_err(|wanted| ConfigError::Variable {
            place,
            name: "TELEGRAM_DATABASE_URL",
            value: Safe::fixed("…"),
            wanted,
        });
    }
    if let Some(url) = in_file.filter(|url| !url.get_ref().is_empty()) {
        return database_url(url.get_ref(), false)
            .map_err(|wanted| file.invalid(url.span().start, &format!("database is wrong: {wanted}")));
    }
    Ok(format!("sqlite://{}", data_dir.join("tagdeck.db").display()))
}

/// Our own form of an address; `sqlalchemy`: three slashes mean a relative path there, four an absolute one.
fn database_url(url: &str, sqlalchemy: bool) -> Result<String, String> {
    let wanted = || "sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME".to_owned();
    let (scheme, rest) = url.split_once("://").ok_or_else(wanted)?;
    let (dialect, driver) = scheme.split_once('+').map_or((scheme, None), |(dialect, driver)| (dialect, Some(driver)));
    match dialect {
        "sqlite" => {
            let path = if sqlalchemy || driver.is_some() { rest.strip_prefix('/').unwrap_or(rest) } else { rest };
            if path.is_empty() { Err(wanted()) } else { Ok(format!("sqlite://{path}")) }
        }
        "postgres" | "postgresql" => Ok(format!("postgres://{rest}")),
        _ => Err(wanted()),
    }
}
