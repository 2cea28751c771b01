//! Tells apart the ways in which an HTTP exchange fails below HTTP itself.
//! It knows the library's errors; nothing above this file does.

use std::error::Error;
use std::fmt;

use bytes::BytesMut;

use crate::domain::Outcome;
use crate::text::{Safe, causes};

/// How an exchange failed below HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportFailure {
    /// No connection, no such name, or closed before an answer began.
    Unreachable,
    /// The server's certificate was not accepted.
    Tls,
    /// The time for one call ran out.
    Timeout,
    /// The body went over the cap and was not read further.
    BodyTooLarge,
    /// The connection ended within the answer.
    Cut,
}

impl TransportFailure {
    /// The outcome it is.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Unreachable => Outcome::Unreachable,
            Self::Tls => Outcome::Tls,
            Self::Timeout => Outcome::Timeout,
            Self::BodyTooLarge => Outcome::BodyTooLarge,
            Self::Cut => Outcome::AnswerError,
        }
    }
}

impl fmt::Display for TransportFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "not reachable",
            Self::Tls => "TLS certificate not accepted",
            Self::Timeout => "timed out",
            Self::BodyTooLarge => "the answer is too large",
            Self::Cut => "the answer was cut off",
        })
    }
}

/// Failure of a request that got no status line.
pub(super) fn before_answer(error: &reqwest::Error) -> TransportFailure {
    if causes(error).any(is_certificate) {
        TransportFailure::Tls
    } else if error.is_timeout() && !error.is_connect() {
        TransportFailure::Timeout
    } else {
        TransportFailure::Unreachable
    }
}

/// Failure while the body was read.
pub(super) fn within_answer(error: &reqwest::Error) -> TransportFailure {
    if error.is_timeout() { TransportFailure::Timeout } else { TransportFailure::Cut }
}

/// The innermost cause in the system's words, at most 160 cells: the outer ones only say that something failed.
pub(super) fn words(error: &reqwest::Error) -> Safe {
    let innermost = causes(error).last().map(ToString::to_string).unwrap_or_default();
    Safe::line(&innermost).clipped(160)
}

/// Overwrites every occurrence of a secret with asterisks: some servers echo the key in their error.
pub(super) fn blot(body: &mut BytesMut, secret: &[u8]) {
    let Some(first) = secret.first() else { return };
    let mut at = 0;
    while let Some(step) = body[at..].iter().position(|byte| byte == first) {
        at += step;
        if body[at..].starts_with(secret) {
            body[at..at + secret.len()].fill(b'*');
            at += secret.len();
        } else {
            at += 1;
        }
    }
}

fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    use rustls::Error::{InvalidCertificate, NoCertificatesPresented, UnsupportedNameType};
    matches!(error.downcast_ref(), Some(InvalidCertificate(_) | NoCertificatesPresented | UnsupportedNameType))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_echoed_key_is_blotted_out() {
        let mut body = BytesMut::from(&b"{\"message\":\"Incorrect key ssk-1234, ssk-1234ssk-12\"}"[..]);
        blot(&mut body, b"sk-1234");
        assert_eq!(&body[..], b"{\"message\":\"Incorrect key s*******, s*******ssk-12\"}");
    }

    #[test]
    fn a_certificate_is_found_inside_an_io_error() {
        let inner = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let outer = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, inner));
        assert!(causes(&outer).any(is_certificate));
        assert!(!causes(&io::Error::other("connection refused")).any(is_certificate));
    }
}
