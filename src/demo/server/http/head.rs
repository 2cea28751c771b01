//! Reads a request's head: the request line, the few headers that matter here, and how long the body says it is.
//! It sees bytes that are there already; waiting for them is done above.

use super::{BODY_MAX, LINES_MAX, Refusal, Request};

/// The framing a request head asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
}

/// A request without its body.
pub(super) struct Head {
    pub request: Request,
    pub framing: Framing,
    pub expects_continue: bool,
}

/// The head in `head`, blank line included.
pub(super) fn parse_head(head: &[u8]) -> Result<Head, Refusal> {
    let text = std::str::from_utf8(head).map_err(|_| Refusal::Bad(400, "the request head is not UTF-8"))?;
    let mut lines = text.trim_end_matches("\r\n").split("\r\n");
    let (method, target, version) = request_line(lines.next().unwrap_or_default())?;
    let mut head = Head {
        request: Request {
            method: method.to_owned(),
            path: target.split(['?', '#']).next().unwrap_or_default().to_owned(),
            keep_alive: version == "HTTP/1.1",
            ..Request::default()
        },
        framing: Framing::Length(0),
        expects_continue: false,
    };
    let mut length = None;
    let mut chunked = false;
    for (count, line) in lines.enumerate() {
        if count >= LINES_MAX {
            return Err(Refusal::Bad(431, "too many headers"));
        }
        let (name, value) = line.split_once(':').ok_or(Refusal::Bad(400, "a header without a colon"))?;
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(Refusal::Bad(400, "a header name that is no name"));
        }
        let value = value.trim();
        match name {
            n if n.eq_ignore_ascii_case("content-length") => {
                // Two lengths that disagree are how one request is smuggled inside another.
                let this = content_length(value)?;
                if length.replace(this).is_some_and(|before| before != this) {
                    return Err(Refusal::Bad(400, "two lengths that disagree"));
                }
            }
            n if n.eq_ignore_ascii_case("transfer-encoding") => {
                if !value.eq_ignore_ascii_case("chunked") || chunked {
                    return Err(Refusal::Bad(501, "a transfer encoding other than chunked"));
                }
                chunked = true;
            }
            n if n.eq_ignore_ascii_case("connection") => {
                let said = |word: &str| value.split(',').any(|token| token.trim().eq_ignore_ascii_case(word));
                head.request.keep_alive = !said("close") && (head.request.keep_alive || said("keep-alive"));
            }
            n if n.eq_ignore_ascii_case("expect") => head.expects_continue = value.eq_ignore_ascii_case("100-continue"),
            n if n.eq_ignore_ascii_case("authorization") => {
                head.request.bearer = value
                    .split_once(' ')
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                    .map(|(_, key)| key.trim().to_owned());
            }
            _ => {}
        }
    }
    head.framing = match (chunked, length) {
        (true, Some(_)) => return Err(Refusal::Bad(400, "both a length and chunks")),
        (true, None) => Framing::Chunked,
        (false, Some(length)) if length > BODY_MAX => return Err(Refusal::Bad(413, "the request body is too long")),
        (false, length) => Framing::Length(length.unwrap_or(0)),
    };
    Ok(head)
}

fn request_line(line: &str) -> Result<(&str, &str, &str), Refusal> {
    let mut words = line.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(target), Some(version @ ("HTTP/1.1" | "HTTP/1.0")), None)
            if !method.is_empty() && method.bytes().all(|b| b.is_ascii_alphabetic()) && target.starts_with('/') =>
        {
            Ok((method, target, version))
        }
        (Some(_), Some(_), Some(version), None) if version.starts_with("HTTP/") => {
            Err(Refusal::Bad(505, "an HTTP version this server does not speak"))
        }
        _ => Err(Refusal::Bad(400, "not an HTTP request")),
    }
}

fn content_length(value: &str) -> Result<usize, Refusal> {
    // `parse` alone would also take `+5`.
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refusal::Bad(400, "a Content-Length that is no number"));
    }
    value.parse().map_err(|_| Refusal::Bad(413, "the request body is too long"))
}

/// The size that a chunk's first line names, its extensions aside.
pub(super) fn chunk_size(line: &[u8]) -> Result<usize, Refusal> {
    let bad = || Refusal::Bad(400, "a chunk size that is no number");
    let digits = line.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(bad());
    }
    let digits = std::str::from_utf8(digits).map_err(|_| bad())?;
    usize::from_str_radix(digits, 16).map_err(|_| bad())
}
